import fc from "fast-check";
import { expect, it } from "vitest";
import { keyFromSeed } from "../../../src/core/random.ts";
import { inceptionScore } from "../../../src/evaluation/metrics/inception-score.ts";
import { featureSet, golden } from "./golden-sets.ts";

/** Logits whose softmax are these probabilities; 0 becomes what rounds to it. */
const logitsOf = (probabilities: readonly number[], classes: number) =>
  featureSet(
    probabilities.map((p) => Math.log(Math.max(p, 1e-300))),
    classes,
  );

it("is SciPy's, split by split", () => {
  const { logits, classes, splits, mean, deviation } = golden.inception;
  const score = inceptionScore(featureSet(logits, classes), { splits, key: null });
  expect(score.mean).toBeCloseTo(mean, 10);
  expect(score.standardDeviation).toBeCloseTo(deviation, 10);
});

it("is C where every class is named surely and as often, 1 where all samples look alike", () => {
  const sure = Array.from({ length: 60 }, (_, i) => [0, 1, 2].map((c) => (c === i % 3 ? 1 : 0))).flat();
  const alike = Array.from({ length: 60 }, () => [0.2, 0.5, 0.3]).flat();
  const of = (values: number[]) => inceptionScore(logitsOf(values, 3), { splits: 2, key: null });
  expect(of(sure)).toEqual({ mean: expect.closeTo(3, 12), standardDeviation: expect.closeTo(0, 12) });
  expect(of(alike)).toEqual({ mean: expect.closeTo(1, 12), standardDeviation: expect.closeTo(0, 12) });
});

it("mixes samples that come class by class, and mixes them alike every time", () => {
  const byClass = logitsOf(
    Array.from({ length: 400 }, (_, i) =>
      [0, 1, 2, 3].map((c) => (c === Math.floor(i / 100) ? 1 : 0)),
    ).flat(),
    4,
  );
  expect(inceptionScore(byClass, { splits: 4, key: null }).mean).toBeCloseTo(1, 12);
  const mixed = inceptionScore(byClass, { splits: 4 });
  expect(mixed.mean).toBeGreaterThan(3.8);
  expect(inceptionScore(byClass, { splits: 4 })).toEqual(mixed);
  expect(inceptionScore(byClass, { splits: 4, key: keyFromSeed(1) })).not.toEqual(mixed);
});

it("lies in 1..C, does not see a shift of the logits, and is the definition's over their softmax", () => {
  const logits = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(logits, fc.double({ min: -500, max: 500, noNaN: true }), (values, shift) => {
      const options = { splits: 1 };
      const { mean } = inceptionScore(featureSet(values, 3), options);
      expect(mean).toBeGreaterThan(1 - 1e-9);
      expect(mean).toBeLessThan(3 + 1e-9);
      const shifted = featureSet(
        values.map((value) => value + shift),
        3,
      );
      expect(inceptionScore(shifted, options).mean).toBeCloseTo(mean, 9);
      // exp of the mean over samples of sum over classes of p log (p / marginal)
      const rows = [0, 3, 6, 9].map((start) => {
        const powers = values.slice(start, start + 3).map(Math.exp);
        const total = powers.reduce((a, b) => a + b, 0);
        return powers.map((value) => value / total);
      });
      const marginal = [0, 1, 2].map((c) => rows.reduce((sum, row) => sum + row[c]! / 4, 0));
      const divergences = rows.map((row) =>
        row.reduce((sum, p, c) => (p > 0 ? sum + p * Math.log(p / marginal[c]!) : sum), 0),
      );
      const wanted = Math.exp(divergences.reduce((sum, value) => sum + value / 4, 0));
      expect(mean).toBeCloseTo(wanted, 9);
    }),
    { numRuns: 50 },
  );
});

it("refuses more splits than samples", () => {
  expect(() => inceptionScore(featureSet([1, 2, 3, 4], 2))).toThrow(
    "splits must be an integer in 1..2, the number of samples, got 10",
  );
});
