/**
 * The Inception score (Salimans et al., NeurIPS 2016): how surely a classifier names each sample, and how many classes
 * it names over all of them,
 *
 *   IS = exp(mean of KL(p(y|x) || p(y))),   1 <= IS <= C,   p(y) the mean of p(y|x)
 *
 * taken over each of several splits. N samples, C classes.
 */
import { requireInput } from "../../core/errors.ts";
import { type Key, keyFromSeed, permutation } from "../../core/random.ts";
import { checkFeatures, type FeatureSet } from "./feature-set.ts";

export interface InceptionScore {
  /** Over the splits. */
  readonly mean: number;
  /** Of the splits' scores, as the field gives it. */
  readonly standardDeviation: number;
}

export interface InceptionScoreOptions {
  /** Parts that are scored by themselves, 10 unless told. */
  readonly splits?: number;
  /**
   * Draws the order in which samples go into the splits, of seed 0 unless told: samples made class by class would
   * else leave a split few classes. null: as they come.
   */
  readonly key?: Key | null;
}

/** The score from the classifier's outputs before the softmax, [N, C]. See {@link inceptionScoreOfProbabilities}. */
export function inceptionScoreOfLogits(
  logits: FeatureSet,
  options: InceptionScoreOptions = {},
): InceptionScore {
  checkFeatures("inceptionScoreOfLogits", logits);
  const [count, classes] = logits.dims as [number, number];
  const logs = Float64Array.from(logits.data);
  for (let start = 0; start < count * classes; start += classes) {
    const row = logs.subarray(start, start + classes);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const shift = largest + Math.log(row.reduce((total, value) => total + Math.exp(value - largest), 0));
    for (let c = 0; c < classes; c++) row[c] = row[c]! - shift;
  }
  return scoreOf(logs, count, classes, options);
}

/** How far the sum of a sample's probabilities may lie from 1. */
const slack = 1e-3;

/**
 * The score from class probabilities.
 *
 * @param probabilities  [N, C], each row's sum 1
 * @throws InputError for numbers that are no probabilities, and when there are fewer samples than splits
 */
export function inceptionScoreOfProbabilities(
  probabilities: FeatureSet,
  options: InceptionScoreOptions = {},
): InceptionScore {
  checkFeatures("inceptionScoreOfProbabilities", probabilities);
  const [count, classes] = probabilities.dims as [number, number];
  const shares = Float64Array.from(probabilities.data);
  for (let n = 0; n < count; n++) {
    const row = shares.subarray(n * classes, (n + 1) * classes);
    const total = row.reduce((a, b) => a + b, 0);
    requireInput(
      Math.abs(total - 1) <= slack && row.every((value) => value >= 0),
      `inception score: the probabilities of a sample must be at least 0 and sum to 1, those of sample ${n} sum to ` +
        `${total}; give logits as such`,
    );
  }
  return scoreOf(shares.map(Math.log), count, classes, options);
}

/** @param logs  [N, C], log p(y|x), -Infinity for 0 */
function scoreOf(
  logs: Float64Array,
  count: number,
  classes: number,
  { splits = 10, key = keyFromSeed(0) }: InceptionScoreOptions,
): InceptionScore {
  requireInput(
    Number.isInteger(splits) && splits >= 1 && splits <= count,
    `inception score: splits must be an integer in 1..${count}, the number of samples, got ${splits}`,
  );
  const order = key ? permutation(key, count) : Int32Array.from({ length: count }, (_, n) => n);
  const scores = Array.from({ length: splits }, (_, i) => {
    const from = Math.floor((i * count) / splits);
    const part = order.subarray(from, Math.floor(((i + 1) * count) / splits));
    return Math.exp(meanDivergence(logs, classes, part));
  });
  const mean = scores.reduce((a, b) => a + b, 0) / splits;
  const variance = scores.reduce((total, score) => total + (score - mean) ** 2, 0) / splits;
  return { mean, standardDeviation: Math.sqrt(variance) };
}

/** The mean of KL(p(y|x) || p(y)) over some samples, in nats. */
function meanDivergence(logs: Float64Array, classes: number, samples: Int32Array): number {
  const marginal = new Float64Array(classes);
  let negativeEntropy = 0;
  for (const n of samples) {
    for (let c = 0; c < classes; c++) {
      const log = logs[n * classes + c]!;
      if (log === -Infinity) continue; // 0 log 0 = 0
      marginal[c]! += Math.exp(log) / samples.length;
      negativeEntropy += (Math.exp(log) * log) / samples.length;
    }
  }
  // The mean over x of sum p(y|x) log p(y) is sum p(y) log p(y).
  return marginal.reduce((total, p) => total - (p > 0 ? p * Math.log(p) : 0), negativeEntropy);
}
