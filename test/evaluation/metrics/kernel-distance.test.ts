import { afterAll, beforeAll, expect, it } from "vitest";
import { keyFromSeed, normals } from "../../../src/core/random.ts";
import { tensor } from "../../../src/core/tensor.ts";
import { type Estimate, estimate, mean } from "../../../src/evaluation/metrics/estimate.ts";
import { kernelDistance } from "../../../src/evaluation/metrics/kernel-distance.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { featureSet, golden, rowsOf } from "./golden-sets.ts";

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

it("is NumPy's estimate of whole sets", async () => {
  expect((await kernelDistance(runner, a, b)).mean).toBeCloseTo(golden.kernel.mmd2, 10);
});

it("errs as estimates without a group each do, pair by pair", async () => {
  const [rows, others] = [rowsOf(a), rowsOf(b).slice(0, 21)]; // of both sets a twentieth is left out in turn
  const group = (set: number[][], g: number) => [
    Math.ceil((g * set.length) / 20),
    Math.ceil(((g + 1) * set.length) / 20),
  ];
  const without = (set: number[][], g: number) => {
    const [from, to] = group(set, g);
    return set.filter((_, i) => i < from! || i >= to!);
  };
  const parts = Array.from({ length: 20 }, (_, g) => byPairs(without(rows, g), without(others, g)));
  const middle = parts.reduce((sum, part) => sum + part, 0) / 20;
  const squares = parts.reduce((sum, part) => sum + (part - middle) ** 2, 0);
  const found = await kernelDistance(runner, a, featureSet(others.flat(), width));
  expect(found.mean).toBeCloseTo(byPairs(rows, others), 10);
  expect(found.standardError).toBeCloseTo(Math.sqrt((19 / 20) * squares), 10);
});

it.each([
  ["apart", 0.3, 0.75, 1.35],
  ["alike", 0, 1, 1.9], // where the jackknife is known to say too much, by up to the root of 2
])("of sets %s errs by about what it varies between sets drawn anew", async (_, shift, least, most) => {
  const drawn = (seed: number, count: number, shift: number) =>
    tensor(
      "float32",
      [count, 4],
      normals(keyFromSeed(seed), count * 4).map((value) => value + shift),
    );
  const found: Estimate[] = [];
  for (let seed = 0; seed < 60; seed++) {
    found.push(await kernelDistance(runner, drawn(2 * seed, 60, shift), drawn(2 * seed + 1, 100, 0)));
  }
  const varies = estimate(found.map(({ mean }) => mean)).standardError * Math.sqrt(found.length);
  const said = mean(found.map(({ standardError }) => standardError));
  expect(said / varies).toBeGreaterThan(least); // 60 draws tell a deviation to a tenth
  expect(said / varies).toBeLessThan(most);
});

it("goes over sets of several blocks", async () => {
  // One number each: the sums over pairs are sums of powers, (xy + 1)³ = x³y³ + 3x²y² + 3xy + 1.
  const [count, others] = [20 * 1100, 50];
  const [x, y] = [normals([1, 2], count), normals([3, 4], others).map((value) => value + 0.5)];
  const power = (values: Float32Array, p: number) => values.reduce((sum, value) => sum + value ** p, 0);
  const pairs = (u: Float32Array, v: Float32Array) =>
    power(u, 3) * power(v, 3) +
    3 * power(u, 2) * power(v, 2) +
    3 * power(u, 1) * power(v, 1) +
    u.length * v.length;
  const own = (u: Float32Array) => u.reduce((sum, value) => sum + (value * value + 1) ** 3, 0);
  const within = (u: Float32Array) => (pairs(u, u) - own(u)) / (u.length * (u.length - 1));
  const found = await kernelDistance(
    runner,
    tensor("float32", [count, 1], x),
    tensor("float32", [others, 1], y),
  );
  expect(found.mean).toBeCloseTo(within(x) + within(y) - (2 * pairs(x, y)) / (count * others), 6);
});

it("refuses sets too small, numbers that are none, and two widths", async () => {
  const few = featureSet([1, 2, 3, 4], 2);
  await expect(kernelDistance(runner, few, few)).rejects.toThrow(
    "needs sets of 3 vectors at least, got one of 2",
  );
  const broken = featureSet([1, 2, Number.NaN, 4], 2);
  await expect(kernelDistance(runner, broken, broken)).rejects.toThrow("feature 0 of vector 1 is NaN");
  await expect(kernelDistance(runner, a, broken)).rejects.toThrow("[N, F] of one F, got [24,5] and [2,2]");
  expect((await runner.stats()).programs).toBe(0);
});

it("stops when told", async () => {
  const controller = new AbortController();
  const half = {
    ...runner,
    run(...args: Parameters<Runner["run"]>) {
      controller.abort();
      return runner.run(...args);
    },
  };
  await expect(kernelDistance(half, a, b, { signal: controller.signal })).rejects.toThrow("aborted");
  expect((await runner.stats()).programs).toBe(0);
});
