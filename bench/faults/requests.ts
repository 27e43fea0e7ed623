/**
 * `npm run faults:server`: thousands of strange requests to a server, by a seed. Every one must be answered by 2xx or 4xx, in
 * form and in time, and the server must make the same image before and after. Exit status 1 where one is not.
 */
import { Command } from "commander";
import { wholeNumber } from "../../cli/options/parse.ts";
import { startServer } from "../../server/index.ts";
import { sendStrangeRequests } from "./strange-requests.ts";

interface RequestOptions {
  readonly seed: number;
  readonly count: number;
  readonly together: number;
  readonly threads: number;
}

const program = new Command("npm run faults:server --")
  .option("--seed <n>", "which requests", wholeNumber(0), 1)
  .option("--count <n>", "requests in all", wholeNumber(1), 10_000)
  .option("--together <n>", "requests under way at a time", wholeNumber(1), 8)
  .option("--threads <n>", "CPU threads", wholeNumber(1), 1)
  .parse();
const { seed, count, together, threads } = program.opts<RequestOptions>();

const failures: string[] = [];
const server = await startServer({
  ...{ models: ["models/sprites"], port: 0, threads },
  log: (line) => {
    const { event, reason } = JSON.parse(line) as { event: string; reason?: string };
    if (event === "failure" || event === "batch failed") failures.push(`${event}: ${reason}`);
  },
});
const image = async (): Promise<string> => {
  const answer = await fetch(`${server.url}/v1/images/generations`, {
    ...{ method: "POST", headers: { "content-type": "application/json" } },
    body: JSON.stringify({ prompt: "cat", seed: 1 }),
  });
  return ((await answer.json()) as { data: { b64_json: string }[] }).data[0]!.b64_json;
};
const before = await image();
const { statuses, wrong, slowestMs } = await sendStrangeRequests({
  ...{ port: server.port, seed, count, together },
  onAnswer: (done) => {
    if (done % 500 === 0) console.error(`${done} of ${count}`);
  },
});
const complaints = [...wrong];
if ((await image()) !== before) complaints.push("the server makes another image than before");
const mebibytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
await server.stop();
console.log(
  `${count} requests of seed ${seed}: ${Object.entries(statuses)
    .map(([status, times]) => `${status} ${times} times`)
    .join(", ")}; the slowest ${(slowestMs / 1000).toFixed(1)} s; ${mebibytes} MiB`,
);
for (const line of [...complaints, ...failures.slice(0, 20)]) console.log(line);
process.exitCode = complaints.length + failures.length > 0 ? 1 : 0;
