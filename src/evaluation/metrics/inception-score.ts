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

/** An Inception score: exp of the mean KL divergence between a split's class probabilities and their mean. */
export interface InceptionScore {
  /** Over the splits. */
  readonly mean: number;
  /** Of the splits' scores, as the field gives it. */
  readonly standardDeviation: number;
}

/** How samples go into the splits of an Inception score. */
export interface InceptionScoreOptions {
  /** Parts that are scored by themselves, default 10. */
  readonly splits?: number;
  /**
   * Draws the order in which samples go into the splits, default of seed 0: samples made class by class would
   * else leave a split few classes. null: as they come.
   */
  readonly key?: Key | null;
}

/**
 * The score from a classifier's outputs.
 *
 * @param logits  [N, C], before the softmax
 * @throws Error for a logit that is not finite; InputError when there are fewer samples than splits
 */
export function inceptionScore(logits: FeatureSet, options: InceptionScoreOptions = {}): InceptionScore {
  checkFeatures("inceptionScore", logits);
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

/** @param logs  [N, C], log p(y|x); -Infinity where p has no digits left */
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
