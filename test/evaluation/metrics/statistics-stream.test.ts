import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { normals } from "../../../src/core/random.ts";
import { tensor } from "../../../src/core/tensor.ts";
import { openStatisticsStream } from "../../../src/evaluation/metrics/statistics-stream.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { plainStatistics } from "./plain-frechet.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

const vectors = (count: number, width: number, seed = 1) =>
  tensor("float32", [count, width], normals([seed, count], count * width));

it("agrees with Welford's update, over many blocks and pieces of any size, read in between", async () => {
  const width = 3;
  const all = vectors(2600, width).data;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 1500 }), { minLength: 1, maxLength: 6 }),
      fc.nat(5),
      async (modelSchedule, readAfter) => {
        const stream = await openStatisticsStream(runner, width);
        let at = 0;
        for (const [i, size] of modelSchedule.entries()) {
          const part = all.subarray(at * width, Math.min(at + size, 2600) * width);
          await stream.add(tensor("float32", [part.length / width, width], part));
          at = Math.min(at + size, 2600);
          if (i === readAfter) await stream.read();
        }
        const { count, mean, scatter } = await stream.read();
        await stream.dispose();
        const expected = plainStatistics(all.subarray(0, at * width), width);
        expect(count).toBe(expected.count);
        for (let i = 0; i < width; i++) expect(mean[i]).toBeCloseTo(expected.mean[i]!, 12);
        for (let i = 0; i < width ** 2; i++) expect(scatter[i]).toBeCloseTo(expected.scatter[i]!, 8);
      },
    ),
    { numRuns: 15 },
  );
});

it("keeps its digits far from zero", async () => {
  const far = Float64Array.from({ length: 3000 }, (_, i) => 1e9 + (i % 3));
  const stream = await openStatisticsStream(runner, 1);
  await stream.add(tensor("float64", [3000, 1], far));
  const { mean, scatter } = await stream.read();
  expect(mean[0]).toBeCloseTo(1e9 + 1, 5);
  // A thousand each of -1, 0 and 1. A sum of squares would be lost among 3e21.
  expect(scatter[0]).toBeCloseTo(2000, 3);
  await stream.dispose();
});

it("refuses other widths and what is not a number, and leaves nothing behind", async () => {
  const stream = await openStatisticsStream(runner, 2);
  await expect(stream.add(vectors(4, 3))).rejects.toThrow("needs vectors of 2 features, got 3");
  const broken = tensor("float32", [1, 2], Float32Array.of(1, Infinity));
  await expect(stream.add(broken)).rejects.toThrow("feature 1 of vector 0 is Infinity");
  expect((await stream.read()).count).toBe(0);
  await stream.dispose();
  expect(await runner.stats()).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
});
