/** Which sub-models a step trains. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { trainedAt, trainedTogether } from "../../src/training/sub-models.ts";

describe("trainedTogether", () => {
  it("is all at once, or the largest with each smaller one", () => {
    expect(trainedTogether([1, 2, 4, 8], { subModels: "all" })).toEqual([[1, 2, 4, 8]]);
    for (const subModels of ["in-turn", "random"] as const) {
      expect(trainedTogether([1, 2, 4, 8], { subModels })).toEqual([
        [1, 2],
        [1, 4],
        [1, 8],
      ]);
      expect(trainedTogether([2, 8], { subModels })).toEqual([[2, 8]]);
      expect(trainedTogether([4], { subModels })).toEqual([[4]]);
    }
  });
});

describe("trainedAt", () => {
  const key = [4, 5] as const;

  it("takes turns, each of so many steps", () => {
    const turns = (stepsPerSubModel: number) =>
      Array.from({ length: 8 }, (_, step) =>
        trainedAt(step, 3, { subModels: "in-turn", stepsPerSubModel }, key),
      );
    expect(turns(1)).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    expect(turns(3)).toEqual([0, 0, 0, 1, 1, 1, 2, 2]);
  });

  it("draws by seed and step, each as often, and holds the choice for so many steps", () => {
    const drawn = (n: number, own: readonly [number, number] = key) =>
      Array.from({ length: 3000 }, (_, step) =>
        trainedAt(step, 3, { subModels: "random", stepsPerSubModel: n }, own),
      );
    const each = drawn(1);
    // Four standard errors of a share of a third are 4 sqrt(2/9 / 3000) = 0.034.
    for (const index of [0, 1, 2]) {
      expect(Math.abs(each.filter((i) => i === index).length / 3000 - 1 / 3)).toBeLessThan(0.034);
    }
    expect(drawn(1)).toEqual(each);
    expect(drawn(1, [4, 6])).not.toEqual(each);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.nat({ max: 2999 }), (n, step) => {
        expect(drawn(n)[step]).toBe(each[Math.floor(step / n)]);
      }),
      { numRuns: 20 },
    );
  });
});
