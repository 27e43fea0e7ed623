import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeJob, type Job, jobSize, rangesOf, resultName, type SampleJob } from "../../fleet/job.ts";
import { basePlan } from "../../src/decoding/plan.ts";

const job: SampleJob = {
  kind: "sample",
  version: "0.1.0",
  device: "cpu",
  model: { folder: "models/sprites", digest: "0123456789abcdef" },
  precision: "fp32",
  plan: basePlan([1, 2]),
  classes: ["cat"],
  seed: "7",
  firstIndex: 16,
  count: 16,
  batchSize: 16,
};

describe("the name of a result", () => {
  it("does not tell where the model lies, nor in which order things were written down", () => {
    const elsewhere: Job = { ...job, model: { ...job.model, folder: "/mnt/models/sprites" } };
    const { plan, kind, ...rest } = job;
    const turned = Object.fromEntries(Object.entries({ ...rest, plan, kind }).reverse()) as unknown as Job;
    expect(resultName(elsewhere)).toBe(resultName(job));
    expect(resultName(turned)).toBe(resultName(job));
    expect(resultName(job)).toMatch(/^[0-9a-f]{32}$/);
  });

  it("tells everything else", () => {
    const others: Partial<SampleJob>[] = [
      { version: "0.1.1" },
      { device: "webgpu" },
      { model: { ...job.model, digest: "fedcba9876543210" } },
      { precision: "int8" },
      { plan: { ...job.plan, choiceTemperature: job.plan.choiceTemperature + 1 } },
      { classes: ["dog"] },
      { classes: null },
      { seed: "8" },
      { firstIndex: 32 },
      { count: 15 },
      { batchSize: 8 },
    ];
    const names = [job, ...others.map((other) => ({ ...job, ...other }))].map(resultName);
    expect(new Set(names).size).toBe(others.length + 1);
  });
});

describe("a series in jobs", () => {
  it("is covered once, in order, by whole batches", () => {
    const count = fc.integer({ min: 1, max: 5000 });
    const batch = fc.integer({ min: 1, max: 100 });
    fc.assert(
      fc.property(count, batch, (count, batch) => {
        const size = jobSize(batch);
        const ranges = rangesOf(count, size);
        let next = 0;
        for (const range of ranges) {
          expect(range.firstIndex).toBe(next);
          expect(range.firstIndex % batch).toBe(0);
          expect(range.count).toBeGreaterThan(0);
          next += range.count;
        }
        expect(next).toBe(count);
        expect(size % batch).toBe(0);
        expect(size).toBeGreaterThanOrEqual(16);
      }),
    );
  });

  it("is told in words", () => {
    expect(describeJob(job)).toBe("samples 16 to 31 of seed 7 by models/sprites");
    expect(describeJob({ ...job, count: 1 })).toBe("sample 16 of seed 7 by models/sprites");
  });
});
