/** Which sub-models a step trains. */
import { describe, expect, it } from "vitest";
import { trainedAt, trainedTogether } from "../../src/training/sub-models.ts";

describe("trainedTogether", () => {
  it("is all at once, or the largest with each smaller one", () => {
    expect(trainedTogether([1, 2, 4, 8], { subModels: "all" })).toEqual([[1, 2, 4, 8]]);
    const subModels = "in-turn";
    expect(trainedTogether([1, 2, 4, 8], { subModels })).toEqual([
      [1, 2],
      [1, 4],
      [1, 8],
    ]);
    expect(trainedTogether([2, 8], { subModels })).toEqual([[2, 8]]);
    expect(trainedTogether([4], { subModels })).toEqual([[4]]);
  });
});

describe("trainedAt", () => {
  it("takes turns, each of so many steps", () => {
    const turns = (stepsPerSubModel: number) =>
      Array.from({ length: 8 }, (_, step) => trainedAt(step, 3, { stepsPerSubModel }));
    expect(turns(1)).toEqual([0, 1, 2, 0, 1, 2, 0, 1]);
    expect(turns(3)).toEqual([0, 0, 0, 1, 1, 1, 2, 2]);
  });
});
