import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { normals } from "../../../src/core/random.ts";
import {
  addFeatures,
  emptyStatistics,
  type FeatureStatistics,
  frechetDistance,
  frechetDistanceOn,
  momentsOf,
  statisticsOf,
} from "../../../src/evaluation/metrics/frechet.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";

interface Golden {
  width: number;
  a: number[];
  b: number[];
  meanA: number[];
  covarianceA: number[];
  distance: number;
}
const golden = JSON.parse(
  readFileSync(new URL("../../golden/frechet.json", import.meta.url), "utf8"),
) as Golden;

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

/** Statistics with the given mean and diagonal covariance, as if of very many vectors. */
function diagonal(mean: readonly number[], variances: readonly number[]): FeatureStatistics {
  const statistics = emptyStatistics(mean.length);
  statistics.count = 1001;
  statistics.mean.set(mean);
  for (const [i, variance] of variances.entries()) {
    statistics.scatter[i * mean.length + i] = variance * (statistics.count - 1);
  }
  return statistics;
}

/** Vectors [n, F] with correlated features. */
function vectors(seed: number, n: number, width: number): Float64Array {
  const noise = normals([seed, 1], n * width);
  const mixing = normals([seed, 2], width * width);
  const rows = new Float64Array(n * width);
  for (let r = 0; r < n; r++) {
    for (let j = 0; j < width; j++) {
      rows[r * width + j] = j * 0.5;
      for (let i = 0; i < width; i++) {
        rows[r * width + j]! += noise[r * width + i]! * mixing[i * width + j]!;
      }
    }
  }
  return rows;
}

/** Turns features i and j of every row by an angle. */
function rotated(rows: Float64Array, width: number, i: number, j: number, angle: number): Float64Array {
  const turned = rows.slice();
  for (let start = 0; start < rows.length; start += width) {
    const [x, y] = [rows[start + i]!, rows[start + j]!];
    turned[start + i] = Math.cos(angle) * x - Math.sin(angle) * y;
    turned[start + j] = Math.sin(angle) * x + Math.cos(angle) * y;
  }
  return turned;
}

describe("statistics", () => {
  it("are NumPy's mean and covariance", () => {
    const { width, count, mean, scatter } = statisticsOf(golden.a, golden.width);
    expect(count).toBe(40);
    golden.meanA.forEach((value, i) => {
      expect(mean[i]).toBeCloseTo(value, 12);
    });
    golden.covarianceA.forEach((value, i) => {
      expect(scatter[i]! / (count - 1)).toBeCloseTo(value, 11);
    });
    expect(width).toBe(6);
  });

  it("do not depend on how the vectors come in pieces", () => {
    const pieces = emptyStatistics(6);
    addFeatures(pieces, golden.a.slice(0, 6));
    addFeatures(pieces, []);
    addFeatures(pieces, golden.a.slice(6));
    expect(pieces).toEqual(statisticsOf(golden.a, 6));
  });

  it("keep their digits far from zero", () => {
    const near = statisticsOf([1, 2, 3, 4], 1);
    const far = statisticsOf([1e9 + 1, 1e9 + 2, 1e9 + 3, 1e9 + 4], 1);
    // A sum of squares would be lost among 4e18.
    expect(far.scatter[0]).toBe(near.scatter[0]);
    expect(near.scatter[0]).toBe(5); // 1.5² + 0.5² + 0.5² + 1.5²
  });

  it("refuse half a vector and what is not a number", () => {
    expect(() => addFeatures(emptyStatistics(2), [1, 2, 3])).toThrow("rows of 2 numbers, got 3");
    expect(() => addFeatures(emptyStatistics(2), [1, Number.NaN])).toThrow("feature 1 of a row is NaN");
  });
});

describe("Fréchet distance", () => {
  it("of diagonal Gaussians is the sum of (m1 - m2)² + (s1 - s2)² over the features", () => {
    const { distance, ofMeans } = frechetDistance(
      diagonal([1, -2, 0], [4, 9, 1]),
      diagonal([0, 1, 0], [1, 25, 0]),
    );
    // (1 + 1) + (9 + 4) + (0 + 1)
    expect(distance).toBeCloseTo(16, 10);
    expect(ofMeans).toBeCloseTo(10, 12);
  });

  it("agrees with SciPy's general matrix square root", () => {
    const a = statisticsOf(golden.a, golden.width);
    const b = statisticsOf(golden.b, golden.width);
    expect(Math.abs(frechetDistance(a, b).distance / golden.distance - 1)).toBeLessThan(1e-8);
  });

  it("of a set to itself is 0, to a shifted copy the squared shift", () => {
    const rows = vectors(3, 50, 4);
    const shifted = rows.map((value, i) => value + [1, 0, -2, 0.5][i % 4]!);
    const own = statisticsOf(rows, 4);
    expect(frechetDistance(own, own).distance).toBeCloseTo(0, 8);
    expect(frechetDistance(own, statisticsOf(shifted, 4)).distance).toBeCloseTo(5.25, 8);
  });

  it("is symmetric and does not see a rotation of both sets", () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 2, max: 6 }),
        fc.double({ min: -3, max: 3, noNaN: true }),
        (seed, width, angle) => {
          const [a, b] = [vectors(seed, 30, width), vectors(seed + 1, 20, width)];
          const there = frechetDistance(statisticsOf(a, width), statisticsOf(b, width)).distance;
          const back = frechetDistance(statisticsOf(b, width), statisticsOf(a, width)).distance;
          const turn = (rows: Float64Array) => statisticsOf(rotated(rows, width, 0, width - 1, angle), width);
          const turned = frechetDistance(turn(a), turn(b)).distance;
          // The root of a small eigenvalue has half its digits.
          expect(back).toBeCloseTo(there, 4);
          expect(turned).toBeCloseTo(there, 4);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("with products by the runner is the same, also of sets without full rank", async () => {
    for (const [n, m] of [
      [40, 55],
      [4, 55],
      [40, 4],
      [3, 5],
    ] as const) {
      const a = statisticsOf(golden.a.slice(0, n * 6), 6);
      const b = statisticsOf(golden.b.slice(0, m * 6), 6);
      const { distance, ...others } = frechetDistance(a, b);
      const byRunner = await frechetDistanceOn(runner, a, b);
      expect(byRunner).toEqual({ distance: expect.closeTo(distance, 5), ...others });
      // Either may be the factored one.
      expect(frechetDistance(b, a).distance).toBeCloseTo(distance, 5);
    }
    expect((await runner.stats()).programs).toBe(0);
  });

  it("takes moments without a count, of which it cannot tell that they are too few", () => {
    const few = momentsOf(statisticsOf(golden.a.slice(0, 30), 6));
    const many = momentsOf(statisticsOf(golden.b, 6));
    expect(frechetDistance(few, many).isUnderSampled).toBe(true);
    expect(frechetDistance({ ...few, count: null }, many)).toEqual({
      ...frechetDistance(few, many),
      isUnderSampled: false,
    });
  });

  it("tells when a set is too small for its width, and refuses what cannot be compared", () => {
    const many = statisticsOf(vectors(1, 30, 3), 3);
    const few = statisticsOf(vectors(2, 3, 3), 3);
    expect(frechetDistance(many, many).isUnderSampled).toBe(false);
    expect(frechetDistance(many, few).isUnderSampled).toBe(true);
    expect(() => frechetDistance(many, emptyStatistics(4))).toThrow("one width, got 3 and 4");
    expect(() => frechetDistance(many, emptyStatistics(3))).toThrow("at least 2 vectors, got 0");
  });
});
