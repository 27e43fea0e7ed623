/** A few of the strange requests that `npm run faults:server` sends by the thousand, and what the campaign itself sees. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { sendStrangeRequests } from "../../bench/faults/strange-requests.ts";
import { serve } from "./served.ts";

it("are answered by 2xx or 4xx, in one sentence, and fail nothing", async () => {
  const { server, log } = await serve();
  const { statuses, wrong } = await sendStrangeRequests({
    port: server.port,
    seed: 7,
    count: 300,
    together: 8,
  });
  expect(wrong).toEqual([]);
  expect(Object.keys(statuses)).toEqual(expect.arrayContaining(["200", "400", "404", "405", "415"]));
  expect(log.filter(({ event }) => event === "failure" || event === "batch failed")).toEqual([]);
  await server.stop();
});

it("would tell of a server that answers otherwise", async () => {
  const answers = [
    { status: 500, body: '{"error":{"message":"x"}}' },
    { status: 400, body: "no JSON" },
    { status: 400, body: '{"error":{"message":"two\\nlines"}}' },
    { status: 404, body: "{}" },
  ];
  let next = 0;
  const bad = createServer((_, response) => {
    const { status, body } = answers[next++ % answers.length]!;
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((resolve) => bad.listen(0, "127.0.0.1", resolve));
  const { port } = bad.address() as AddressInfo;
  const { wrong } = await sendStrangeRequests({ port, seed: 7, count: 16, together: 1 });
  // A HEAD has no body to look at.
  expect(wrong.length).toBeGreaterThanOrEqual(12);
  bad.close();
});
