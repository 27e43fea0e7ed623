/** The standard S3 client against a store of its protocol in this process. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { openStore } from "../../fleet/open-store.ts";
import { readResult, samplesOf } from "../../fleet/result.ts";
import { doSample, sampleJob, samplesFor } from "./memory-store.ts";

const objects = new Map<string, Buffer>();
/** Answered in the place of everything else, where set. */
let refusal: { status: number; code: string } | null = null;
let server: Server;

beforeAll(async () => {
  vi.stubEnv("AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED", "true");
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "me");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  server = createServer(async (request, response) => {
    const key = new URL(request.url!, "http://host").pathname;
    const body = Buffer.concat(await request.toArray());
    const answer = (status: number, content: Buffer | string = "") => response.writeHead(status).end(content);
    const error = (status: number, code: string) =>
      answer(
        status,
        request.method === "HEAD" ? "" : `<Error><Code>${code}</Code><Message>no</Message></Error>`,
      );
    if (refusal) return error(refusal.status, refusal.code);
    if (!key.startsWith("/bucket/")) return error(404, "NoSuchBucket");
    if (request.method === "PUT") {
      objects.set(key, body);
      return answer(200);
    }
    if (request.method === "DELETE") {
      objects.delete(key);
      return answer(204);
    }
    const found = objects.get(key);
    return found ? answer(200, request.method === "HEAD" ? "" : found) : error(404, "NoSuchKey");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  vi.stubEnv("AWS_ENDPOINT_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(() => {
  server.close();
  vi.unstubAllEnvs();
});

it("keeps results under its prefix", async () => {
  const store = await openStore("s3://bucket/some/results/");
  const job = sampleJob(0);
  expect(await readResult(store, job)).toBeNull();
  expect(await store.has("x")).toBe(false);
  await doSample(store, job);
  expect(samplesOf((await readResult(store, job))!, job)).toEqual(samplesFor(job));
  expect([...objects.keys()].every((key) => key.startsWith("/bucket/some/results/"))).toBe(true);
  await store.write("x", [Uint8Array.of(1), Uint8Array.of(2, 3)]);
  expect([await store.has("x"), Buffer.from((await store.read("x"))!)]).toEqual([true, Buffer.of(1, 2, 3)]);
  await store.remove("x");
  expect(await store.read("x")).toBeNull();
});

it("says in a sentence what is wrong with a bucket, when it is opened", async () => {
  await expect(openStore("s3://other/results")).rejects.toThrow(
    /^--store s3:\/\/other\/results: cannot write .writable: NoSuchBucket/,
  );
  refusal = { status: 403, code: "AccessDenied" };
  await expect(openStore("s3://bucket/results")).rejects.toThrow(/AccessDenied; it needs s3:GetObject/);
  refusal = null;
});
