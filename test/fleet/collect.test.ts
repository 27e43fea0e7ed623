import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { collect } from "../../fleet/collect.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import { type Job, resultName, type SampleJob } from "../../fleet/job.ts";
import { samplesOf } from "../../fleet/result.ts";
import { integerAt, keyFromSeed } from "../../src/core/random.ts";
import { doSample, memoryStore, sampleJob, samplesFor } from "./memory-store.ts";

const jobs = Array.from({ length: 40 }, (_, i) => sampleJob(2 * i));

/** Does jobs in any order; `fail` may throw instead. */
function anyOrder(fail: (job: SampleJob) => void = () => {}) {
  const store = memoryStore();
  const done: Job[] = [];
  const takenBack: Job[] = [];
  const fleet: Fleet = {
    store,
    async run(job, signal) {
      const { firstIndex } = job as SampleJob;
      await setTimeout(integerAt(keyFromSeed(1), firstIndex, 30), undefined, { signal }).catch((error) => {
        takenBack.push(job);
        throw error;
      });
      fail(job as SampleJob);
      await doSample(store, job as SampleJob);
      done.push(job);
    },
    countWorkers: async () => 1,
    close: async () => {},
  };
  return { fleet, store, done, takenBack };
}

async function collected(fleet: Fleet, signal?: AbortSignal) {
  const found = [];
  for await (const result of collect(fleet, jobs, { signal }))
    found.push(samplesOf(result, jobs[found.length]!));
  return found;
}

describe("results", () => {
  it("come in the order of the jobs, whatever order they are made in", async () => {
    const { fleet, done } = anyOrder();
    expect(await collected(fleet)).toEqual(jobs.map(samplesFor));
    expect(done).not.toEqual(jobs); // or this shows nothing
    expect(done.length).toBe(jobs.length);
  });

  it("that are there are not made again; one that is damaged is", async () => {
    const { fleet, store, done } = anyOrder();
    await collected(fleet);
    done.length = 0;
    const name = `${resultName(jobs[3]!)}.safetensors`;
    store.files.set(name, store.files.get(name)!.subarray(0, 30));
    expect(await collected(fleet)).toEqual(jobs.map(samplesFor));
    expect(done).toEqual([jobs[3]]);
  });

  it("that a worker wrote elsewhere are missed with a remedy", async () => {
    const fleet: Fleet = {
      store: memoryStore(),
      run: async () => {},
      countWorkers: async () => 1,
      close: async () => {},
    };
    await expect(collect(fleet, [jobs[0]!], { seenWithinMs: 200 }).next()).rejects.toThrow(
      "--store memory: holds no whole result of samples 0 to 1 of seed 0 by model, though a worker wrote it 3 times; " +
        "start all workers with the same store",
    );
  });
});

describe("a job that fails for good", () => {
  it("ends the whole at once, and the others are taken back", async () => {
    const { fleet, done, takenBack } = anyOrder(({ firstIndex }) => {
      if (firstIndex === 78) throw new Error("no");
    });
    await expect(collected(fleet)).rejects.toThrow("no");
    expect(done.length + takenBack.length).toBe(jobs.length - 1);
  });
});

it("an abort takes back what is not done", async () => {
  const { fleet, done, takenBack } = anyOrder();
  const stop = new AbortController();
  const collecting = collected(fleet, stop.signal);
  await setTimeout(8);
  stop.abort();
  await expect(collecting).rejects.toThrow(/abort/i);
  expect(takenBack.length).toBeGreaterThan(0);
  expect(done.length + takenBack.length).toBe(jobs.length);
});
