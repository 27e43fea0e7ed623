import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tensor } from "../../../src/core/tensor.ts";
import { precisionRecall } from "../../../src/evaluation/metrics/precision-recall.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { featureSet, golden } from "./golden-sets.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

const squared = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + (value - y[i]!) ** 2, 0);

/** The share of points in a ball of some centre, by sorting all distances. */
function coverage(centres: number[][], points: number[][], k: number): number {
  const radii = centres.map((x) => centres.map((y) => squared(x, y)).sort((a, b) => a - b)[k]!);
  const isInside = (point: number[]) => centres.some((centre, i) => squared(centre, point) <= radii[i]!);
  return points.filter(isInside).length / points.length;
}

const { width } = golden.neighbours;
const real = featureSet(golden.neighbours.real, width);
const made = featureSet(golden.neighbours.made, width);

describe("precision and recall", () => {
  it.each([1, 3, 5])("with %i neighbours are those of SciPy's k-d tree", async (neighbours) => {
    const { precision, recall } = await precisionRecall(runner, real, made, { neighbours });
    expect(precision).toBeCloseTo(golden.neighbours.precision[neighbours]!, 12);
    expect(recall).toBeCloseTo(golden.neighbours.recall[neighbours]!, 12);
  });

  it("are both 1 for a set and itself, both 0 for sets far apart", async () => {
    expect(await precisionRecall(runner, real, real)).toEqual({ precision: 1, recall: 1 });
    const far = featureSet(
      golden.neighbours.made.map((value) => value + 1000),
      width,
    );
    expect(await precisionRecall(runner, real, far)).toEqual({ precision: 0, recall: 0 });
  });

  it("are those of plain loops, repeated vectors and ties included", async () => {
    const sets = fc.integer({ min: 1, max: 4 }).chain((columns) =>
      fc.tuple(
        ...[0, 1].map(() =>
          fc.array(fc.array(fc.integer({ min: -2, max: 2 }), { minLength: columns, maxLength: columns }), {
            minLength: 4,
            maxLength: 12,
          }),
        ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(sets, fc.integer({ min: 1, max: 3 }), async ([a, b], neighbours) => {
        const columns = a![0]!.length;
        const result = await precisionRecall(
          runner,
          featureSet(a!.flat(), columns),
          featureSet(b!.flat(), columns),
          { neighbours },
        );
        expect(result.precision).toBeCloseTo(coverage(a!, b!, neighbours), 12);
        expect(result.recall).toBeCloseTo(coverage(b!, a!, neighbours), 12);
      }),
      { numRuns: 25 },
    );
  });

  it("know copies of vectors far from zero", async () => {
    // A third: the norms' rounding would leave distances of 1e-10 between copies, and their balls have no extent.
    const copies = featureSet(new Array(20).fill(1e3 / 3), 4);
    expect(await precisionRecall(runner, copies, copies)).toEqual({ precision: 1, recall: 1 });
  });

  it("go over sets of several blocks", async () => {
    const line = (count: number, start: number) =>
      tensor(
        "float32",
        [count, 1],
        Float32Array.from({ length: count }, (_, i) => start + i),
      );
    // Integers on a line: balls of the inner ones reach 2 to either side, those of the two ends 3.
    const result = await precisionRecall(runner, line(1100, 0), line(1060, 600));
    expect(result.precision).toBeCloseTo(503 / 1060, 12); // 600..1102
    expect(result.recall).toBeCloseTo(503 / 1100, 12); // 597..1099
  });

  it("refuse sets without enough neighbours", async () => {
    await expect(precisionRecall(runner, real, featureSet([1, 2, 3, 4, 5, 6, 7, 8, 9], 3))).rejects.toThrow(
      "less than the vectors of a set, 3, got 3",
    );
  });
});
