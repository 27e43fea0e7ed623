import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { resultName } from "../../fleet/job.ts";
import { openStore } from "../../fleet/open-store.ts";
import { hasResult, readResult, removeResult, samplesOf } from "../../fleet/result.ts";
import { doSample, memoryStore, sampleJob, samplesFor } from "./memory-store.ts";

const job = sampleJob(4, 3);

it("comes back as it was made, with who made it", async () => {
  const store = memoryStore();
  expect(await readResult(store, job)).toBeNull();
  await doSample(store, job);
  const result = (await readResult(store, job))!;
  expect(samplesOf(result, job)).toEqual(samplesFor(job));
  expect([result.worker, result.seconds]).toEqual(["me:1", 0.5]);
  await removeResult(store, job);
  expect([await hasResult(store, job), store.files.size]).toEqual([false, 0]);
});

it("of videos has their frames", async () => {
  const { samplesToTensors } = await import("../../fleet/result.ts");
  const { encodeSafetensors } = await import("../../src/index.ts");
  const pixels = Uint8Array.from({ length: 2 * 3 * 4 * 3 }, (_, i) => i);
  const video = { frames: 2, height: 3, width: 4, pixels, classId: 1 };
  const made = { ...samplesFor(job), images: [video], tokens: [Int32Array.of(1)] };
  const { tensors, metadata } = samplesToTensors(made);
  const bytes = Buffer.concat([...encodeSafetensors(tensors, { metadata })]);
  expect(samplesOf({ bytes, worker: "", seconds: 0 }, job)).toEqual(made);
});

it("that is damaged, or half there, is as good as none", async () => {
  const store = memoryStore();
  await doSample(store, job);
  const [made, effort] = [`${resultName(job)}.safetensors`, `${resultName(job)}.json`];
  const whole = new Map(store.files);
  const cases: [string, Uint8Array | null][] = [
    [made, whole.get(made)!.subarray(0, 40)],
    [made, null],
    [effort, null],
    [effort, Buffer.from("{")],
    [effort, Buffer.from('{"worker":"me:1"}')],
  ];
  for (const [name, bytes] of cases) {
    if (bytes) store.files.set(name, bytes);
    else store.files.delete(name);
    expect(await readResult(store, job)).toBeNull();
    store.files.set(name, whole.get(name)!);
  }
  expect(await readResult(store, job)).not.toBeNull();
});

it("that is made twice in a folder is one file, and nothing else is left", async () => {
  const folder = await mkdtemp(join(tmpdir(), "magnets-store-"));
  const store = await openStore(join(folder, "results"));
  await Promise.all([doSample(store, job), doSample(store, job)]);
  expect((await readdir(store.place)).sort()).toEqual([
    `${resultName(job)}.json`,
    `${resultName(job)}.safetensors`,
  ]);
  expect(samplesOf((await readResult(store, job))!, job)).toEqual(samplesFor(job));
  await rm(folder, { recursive: true });
});

it("goes to a folder or an S3 bucket; other places are refused in a sentence", async () => {
  await expect(openStore("http://host/x")).rejects.toThrow(
    '--store must be a folder or s3://bucket/prefix, got "http://host/x"',
  );
  await expect(openStore("s3://")).rejects.toThrow('--store must be s3://bucket/prefix, got "s3://"');
  const folder = await mkdtemp(join(tmpdir(), "magnets-store-"));
  await writeFile(join(folder, "file"), "");
  await expect(openStore(join(folder, "file"))).rejects.toThrow(/file/);
  await rm(folder, { recursive: true });
});
