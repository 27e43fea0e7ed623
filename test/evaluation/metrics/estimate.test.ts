import { describe, expect, it } from "vitest";
import { estimate, estimated, isEstimate } from "../../../src/evaluation/metrics/estimate.ts";

describe("estimates", () => {
  it("are the mean with the standard error of the mean", () => {
    // 1, 2, 6: mean 3, squares 4 + 1 + 9 = 14, variance 7, error sqrt(7 / 3)
    const { mean, standardError } = estimate([1, 2, 6]);
    expect(mean).toBe(3);
    expect(standardError).toBeCloseTo(Math.sqrt(7 / 3), 12);
  });

  it("know nothing of the error of one value", () => {
    expect(estimate([4])).toEqual({ mean: 4, standardError: Infinity });
  });

  it("are taken of records figure by figure, at any depth", () => {
    const record = (value: number) => ({
      name: "plan",
      isGood: true,
      none: null,
      value,
      list: [value, 2 * value],
      inner: { deep: -value },
      own: { mean: 10 * value, standardError: 30 * value },
    });
    const of = (factor: number) => ({ mean: 3 * factor, standardError: Math.abs(factor) * Math.sqrt(7 / 3) });
    const close = ({ mean, standardError }: ReturnType<typeof of>) => ({
      mean: expect.closeTo(mean, 12),
      standardError: expect.closeTo(standardError, 12),
    });
    expect(estimated([1, 2, 6].map(record))).toEqual({
      name: "plan",
      isGood: true,
      none: null,
      value: close(of(1)),
      list: [close(of(1)), close(of(2))],
      inner: { deep: close(of(-1)) },
      own: { mean: 30, standardError: 90 }, // the mean of the errors that they came with
    });
  });

  it("keep the error of a figure that comes with one", () => {
    const own = { mean: 1, standardError: 0.5 };
    expect(estimated([{ own }])).toEqual({ own });
    expect([own, { mean: 1 }, null, 3].map(isEstimate)).toEqual([true, false, false, false]);
  });
});
