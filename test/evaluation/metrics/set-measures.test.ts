import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyFromSeed, normals } from "../../../src/core/random.ts";
import { tensor } from "../../../src/core/tensor.ts";
import { kernelDistance } from "../../../src/evaluation/metrics/kernel-distance.ts";
import { precisionRecall } from "../../../src/evaluation/metrics/precision-recall.ts";
import {
  keptVectors,
  measureSet,
  openSetFeatures,
  setFeaturesOf,
} from "../../../src/evaluation/metrics/set-measures.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { plainFrechetDistance, plainStatistics } from "./plain-frechet.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

const width = 3;
const vectors = (seed: number, count: number, shift = 0) =>
  tensor(
    "float32",
    [count, width],
    normals(keyFromSeed(seed), count * width).map((value) => value + shift),
  );

describe("a set as a network sees it", () => {
  it("is measured by every measure, by each as that measure says alone", async () => {
    const before = await runner.stats();
    const [reference, made] = [vectors(1, 60), vectors(2, 20, 0.5)];
    const found = await measureSet(
      runner,
      await setFeaturesOf(runner, reference),
      await setFeaturesOf(runner, made),
    );
    const statistics = (rows: typeof reference) => plainStatistics(rows.data, width);
    const distance = plainFrechetDistance(statistics(made), statistics(reference));
    expect(found.frechet / distance).toBeCloseTo(1, 9);
    expect(found.kernel).toEqual(await kernelDistance(runner, made, reference));
    const first = tensor("float32", [20, width], reference.data.subarray(0, 20 * width)); // as many as were made
    const near = await precisionRecall(runner, first, made);
    expect(found).toMatchObject({ ...near, isUnderSampled: false });
    expect(near.precision).toBeLessThan(1);
    expect((await runner.stats()).stored).toBe(before.stored);
  });

  it("is known by its statistics alone to the Fréchet distance only", async () => {
    const made = await setFeaturesOf(runner, vectors(2, 20, 0.5));
    const reference = { ...(await setFeaturesOf(runner, vectors(1, 60))), features: null };
    const { frechet, ...others } = await measureSet(runner, reference, made);
    expect(frechet).toBeGreaterThan(0);
    expect(others).toEqual({ kernel: null, precision: null, recall: null, isUnderSampled: false });
  });

  it("that is large keeps the first vectors only, and the statistics of all", async () => {
    const gatherer = await openSetFeatures(runner, 1);
    const part = (from: number, count: number) =>
      tensor(
        "float32",
        [count, 1],
        Float32Array.from({ length: count }, (_, i) => from + i),
      );
    for (let from = 0; from < keptVectors + 4000; from += 4000) await gatherer.add(part(from, 4000));
    const { features, statistics } = await gatherer.read();
    await gatherer.dispose();
    expect(features!.dims).toEqual([keptVectors, 1]);
    expect(features!.data.every((value, i) => value === i)).toBe(true);
    expect(statistics).toMatchObject({ count: 16_000, width: 1 });
    expect(statistics.mean[0]).toBeCloseTo(15_999 / 2, 6);
  });
});
