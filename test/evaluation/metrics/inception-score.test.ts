import fc from "fast-check";
import { expect, it } from "vitest";
import { keyFromSeed } from "../../../src/core/random.ts";
import {
  inceptionScoreOfLogits,
  inceptionScoreOfProbabilities,
} from "../../../src/evaluation/metrics/inception-score.ts";
import { featureSet, golden } from "./golden-sets.ts";

it("is SciPy's, split by split", () => {
  const { logits, classes, splits, mean, deviation } = golden.inception;
  const score = inceptionScoreOfLogits(featureSet(logits, classes), { splits, key: null });
  expect(score.mean).toBeCloseTo(mean, 10);
  expect(score.standardDeviation).toBeCloseTo(deviation, 10);
});

it("is C where every class is named surely and as often, 1 where all samples look alike", () => {
  const sure = Array.from({ length: 60 }, (_, i) => [0, 1, 2].map((c) => (c === i % 3 ? 1 : 0))).flat();
  const alike = Array.from({ length: 60 }, () => [0.2, 0.5, 0.3]).flat();
  const of = (values: number[]) =>
    inceptionScoreOfProbabilities(featureSet(values, 3), { splits: 2, key: null });
  expect(of(sure)).toEqual({ mean: expect.closeTo(3, 12), standardDeviation: expect.closeTo(0, 12) });
  expect(of(alike)).toEqual({ mean: expect.closeTo(1, 12), standardDeviation: expect.closeTo(0, 12) });
});

it("mixes samples that come class by class, and mixes them alike every time", () => {
  const byClass = featureSet(
    Array.from({ length: 400 }, (_, i) =>
      [0, 1, 2, 3].map((c) => (c === Math.floor(i / 100) ? 1 : 0)),
    ).flat(),
    4,
  );
  expect(inceptionScoreOfProbabilities(byClass, { splits: 4, key: null }).mean).toBeCloseTo(1, 12);
  const mixed = inceptionScoreOfProbabilities(byClass, { splits: 4 });
  expect(mixed.mean).toBeGreaterThan(3.8);
  expect(inceptionScoreOfProbabilities(byClass, { splits: 4 })).toEqual(mixed);
  expect(inceptionScoreOfProbabilities(byClass, { splits: 4, key: keyFromSeed(1) })).not.toEqual(mixed);
});

it("lies in 1..C, does not see a shift of the logits, and is the same from probabilities", () => {
  const logits = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(logits, fc.double({ min: -500, max: 500, noNaN: true }), (values, shift) => {
      const options = { splits: 1 };
      const { mean } = inceptionScoreOfLogits(featureSet(values, 3), options);
      expect(mean).toBeGreaterThan(1 - 1e-9);
      expect(mean).toBeLessThan(3 + 1e-9);
      const shifted = featureSet(
        values.map((value) => value + shift),
        3,
      );
      expect(inceptionScoreOfLogits(shifted, options).mean).toBeCloseTo(mean, 9);
      const softmax = [0, 3, 6, 9].flatMap((start) => {
        const powers = values.slice(start, start + 3).map(Math.exp);
        const total = powers.reduce((a, b) => a + b, 0);
        return powers.map((value) => value / total);
      });
      expect(inceptionScoreOfProbabilities(featureSet(softmax, 3), options).mean).toBeCloseTo(mean, 9);
    }),
    { numRuns: 50 },
  );
});

it("refuses logits in the place of probabilities, and more splits than samples", () => {
  expect(() => inceptionScoreOfProbabilities(featureSet([0.5, 0.5, 2, -1], 2))).toThrow(
    "those of sample 1 sum to 1; give logits as such",
  );
  expect(() => inceptionScoreOfProbabilities(featureSet([0.5, 0.6], 2))).toThrow(
    "those of sample 0 sum to 1.1",
  );
  expect(() => inceptionScoreOfLogits(featureSet([1, 2, 3, 4], 2))).toThrow(
    "splits must be an integer in 1..2, the number of samples, got 10",
  );
});
