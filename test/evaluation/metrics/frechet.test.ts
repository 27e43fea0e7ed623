import { readFileSync } from "node:fs";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { normals } from "../../../src/core/random.ts";
import {
  type FeatureStatistics,
  frechetDistance as frechetDistanceOn,
  type Moments,
  momentsOf,
} from "../../../src/evaluation/metrics/frechet.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { plainFrechetDistance, plainStatistics } from "./plain-frechet.ts";

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

const frechetDistance = (a: FeatureStatistics | Moments, b: FeatureStatistics | Moments) =>
  frechetDistanceOn(runner, a, b);

/** Statistics with the given mean and diagonal covariance, as if of very many vectors. */
function diagonal(mean: readonly number[], variances: readonly number[]): FeatureStatistics {
  const width = mean.length;
  const scatter = new Float64Array(width * width);
  for (const [i, variance] of variances.entries()) scatter[i * width + i] = variance * 1000;
  return { width, count: 1001, mean: Float64Array.from(mean), scatter };
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

describe("the plain statistics that tests compare with", () => {
  it("are NumPy's mean and covariance", () => {
    const { width, count, mean, scatter } = plainStatistics(golden.a, golden.width);
    expect([width, count]).toEqual([6, 40]);
    golden.meanA.forEach((value, i) => {
      expect(mean[i]).toBeCloseTo(value, 12);
    });
    golden.covarianceA.forEach((value, i) => {
      expect(scatter[i]! / (count - 1)).toBeCloseTo(value, 11);
    });
  });
});

describe("Fréchet distance", () => {
  it("of diagonal Gaussians is the sum of (m1 - m2)² + (s1 - s2)² over the features", async () => {
    const { distance, ofMeans } = await frechetDistance(
      diagonal([1, -2, 0], [4, 9, 1]),
      diagonal([0, 1, 0], [1, 25, 0]),
    );
    // (1 + 1) + (9 + 4) + (0 + 1)
    expect(distance).toBeCloseTo(16, 10);
    expect(ofMeans).toBeCloseTo(10, 12);
  });

  it("agrees with SciPy's general matrix square root", async () => {
    const a = plainStatistics(golden.a, golden.width);
    const b = plainStatistics(golden.b, golden.width);
    expect(Math.abs((await frechetDistance(a, b)).distance / golden.distance - 1)).toBeLessThan(1e-8);
    expect(plainFrechetDistance(a, b) / golden.distance).toBeCloseTo(1, 8);
  });

  it("of a set to itself is 0, to a shifted copy the squared shift", async () => {
    const rows = vectors(3, 50, 4);
    const shifted = rows.map((value, i) => value + [1, 0, -2, 0.5][i % 4]!);
    const own = plainStatistics(rows, 4);
    expect((await frechetDistance(own, own)).distance).toBeCloseTo(0, 8);
    expect((await frechetDistance(own, plainStatistics(shifted, 4))).distance).toBeCloseTo(5.25, 8);
  });

  it("is symmetric and does not see a rotation of both sets", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.integer({ min: 2, max: 6 }),
        fc.double({ min: -3, max: 3, noNaN: true }),
        async (seed, width, angle) => {
          const [a, b] = [vectors(seed, 30, width), vectors(seed + 1, 20, width)];
          const [ofA, ofB] = [plainStatistics(a, width), plainStatistics(b, width)];
          const { distance: there } = await frechetDistance(ofA, ofB);
          const { distance: back } = await frechetDistance(ofB, ofA);
          const turn = (rows: Float64Array) =>
            plainStatistics(rotated(rows, width, 0, width - 1, angle), width);
          const { distance: turned } = await frechetDistance(turn(a), turn(b));
          // The root of a small eigenvalue has half its digits.
          expect(back).toBeCloseTo(there, 4);
          expect(turned).toBeCloseTo(there, 4);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("is the plain one, also of sets without full rank, and leaves no program behind", async () => {
    for (const [n, m] of [
      [40, 55],
      [4, 55],
      [40, 4],
      [3, 5],
    ] as const) {
      const a = plainStatistics(golden.a.slice(0, n * 6), 6);
      const b = plainStatistics(golden.b.slice(0, m * 6), 6);
      const wanted = plainFrechetDistance(a, b);
      // Either may be the factored one.
      expect((await frechetDistance(a, b)).distance).toBeCloseTo(wanted, 5);
      expect((await frechetDistance(b, a)).distance).toBeCloseTo(wanted, 5);
    }
    expect((await runner.stats()).programs).toBe(0);
  });

  it("takes moments without a count, of which it cannot tell that they are too few", async () => {
    const few = momentsOf(plainStatistics(golden.a.slice(0, 30), 6));
    const many = momentsOf(plainStatistics(golden.b, 6));
    const counted = await frechetDistance(few, many);
    expect(counted.isUnderSampled).toBe(true);
    expect(await frechetDistance({ ...few, count: null }, many)).toEqual({
      ...counted,
      isUnderSampled: false,
    });
  });

  it("tells when a set is too small for its width, and refuses what cannot be compared", async () => {
    const many = plainStatistics(vectors(1, 30, 3), 3);
    const few = plainStatistics(vectors(2, 3, 3), 3);
    expect((await frechetDistance(many, many)).isUnderSampled).toBe(false);
    expect((await frechetDistance(many, few)).isUnderSampled).toBe(true);
    await expect(frechetDistance(many, plainStatistics([], 4))).rejects.toThrow("one width, got 3 and 4");
    await expect(frechetDistance(many, plainStatistics([], 3))).rejects.toThrow("at least 2 vectors, got 0");
  });
});
