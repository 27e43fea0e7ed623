import { afterAll, beforeAll, expect, it } from "vitest";
import { foldIn, keyFromSeed, normals, permutation } from "../../src/core/random.ts";
import { tensor } from "../../src/core/tensor.ts";
import { kernelDistance } from "../../src/evaluation/kernel-distance.ts";
import { createNodeRunner } from "../../src/runtime/node.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { featureSet, golden, rowsOf } from "./set-metrics.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

/** The unbiased estimate, pair by pair. */
function byPairs(a: number[][], b: number[][]): number {
  const kernel = (x: number[], y: number[]) =>
    (x.reduce((sum, value, i) => sum + value * y[i]!, 0) / x.length + 1) ** 3;
  const mean = (first: number[][], second: number[][]) => {
    const pairs = first.flatMap((x) => second.filter((y) => y !== x).map((y) => kernel(x, y)));
    return pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
  };
  return mean(a, a) + mean(b, b) - 2 * mean(a, b);
}

const { width } = golden.kernel;
const a = featureSet(golden.kernel.a, width);
const b = featureSet(golden.kernel.b, width);

it("of whole sets is NumPy's, whatever the order", async () => {
  const { mean, standardDeviation } = await kernelDistance(runner, a, b, { subsets: 3, subsetSize: 24 });
  expect(mean).toBeCloseTo(golden.kernel.mmd2, 10);
  expect(standardDeviation).toBeCloseTo(0, 10);
});

it("is the mean over the subsets that the key draws, with its deviation and error", async () => {
  const key = keyFromSeed(5);
  const found = [0, 1, 2, 3].map((i) => {
    const drawn = (set: typeof a, which: number) => {
      const order = permutation(foldIn(key, 2 * i + which), 24);
      return Array.from(order.subarray(0, 7), (at) => rowsOf(set)[at]!);
    };
    return byPairs(drawn(a, 0), drawn(b, 1));
  });
  const mean = found.reduce((sum, value) => sum + value, 0) / 4;
  const squares = found.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const progress: number[] = [];
  const result = await kernelDistance(runner, a, b, {
    subsets: 4,
    subsetSize: 7,
    key,
    onProgress: (done) => progress.push(done),
  });
  expect(result.mean).toBeCloseTo(mean, 10);
  expect(result.standardDeviation).toBeCloseTo(Math.sqrt(squares / 4), 10);
  expect(result.standardError).toBeCloseTo(Math.sqrt(squares / 3 / 4), 10);
  expect(progress).toEqual([1, 2, 3, 4]);
});

it("goes over sets of several blocks", async () => {
  // One number each: the sums over pairs are sums of powers, (xy + 1)³ = x³y³ + 3x²y² + 3xy + 1.
  const count = 1100;
  const [x, y] = [normals([1, 2], count), normals([3, 4], count).map((value) => value + 0.5)];
  const power = (values: Float32Array, p: number) => values.reduce((sum, value) => sum + value ** p, 0);
  const pairs = (u: Float32Array, v: Float32Array) =>
    power(u, 3) * power(v, 3) +
    3 * power(u, 2) * power(v, 2) +
    3 * power(u, 1) * power(v, 1) +
    u.length * v.length;
  const own = (u: Float32Array) => u.reduce((sum, value) => sum + (value * value + 1) ** 3, 0);
  const within = (u: Float32Array) => (pairs(u, u) - own(u)) / (count * (count - 1));
  const { mean, standardError } = await kernelDistance(
    runner,
    tensor("float32", [count, 1], x),
    tensor("float32", [count, 1], y),
    { subsets: 1, subsetSize: count },
  );
  expect(mean).toBeCloseTo(within(x) + within(y) - (2 * pairs(x, y)) / count ** 2, 8);
  expect(standardError).toBe(Infinity);
});

it("refuses subsets larger than a set, numbers that are none, and two widths", async () => {
  await expect(kernelDistance(runner, a, b)).rejects.toThrow(
    "kernel distance: subsets of 1000 vectors need sets as large, got one of 24",
  );
  await expect(kernelDistance(runner, a, b, { subsets: 0 })).rejects.toThrow("at least 1 subset");
  await expect(kernelDistance(runner, a, b, { subsetSize: 1 })).rejects.toThrow("at least 2 vectors");
  const broken = featureSet([1, 2, Number.NaN, 4], 2);
  await expect(kernelDistance(runner, broken, broken)).rejects.toThrow("feature 0 of vector 1 is NaN");
  await expect(kernelDistance(runner, a, broken)).rejects.toThrow("[N, F] of one F, got [24,5] and [2,2]");
  expect((await runner.stats()).programs).toBe(0);
});

it("stops when told", async () => {
  const controller = new AbortController();
  const options = { subsets: 50, subsetSize: 4, signal: controller.signal };
  const call = kernelDistance(runner, a, b, { ...options, onProgress: () => controller.abort() });
  await expect(call).rejects.toThrow("aborted");
  expect((await runner.stats()).programs).toBe(0);
});
