/**
 * A stand-in for the transformer with the same dependencies: the logits of a position depend on the token ids with
 * which every position was last encoded, on the branch and on the factor. It keeps those ids per branch, as a model
 * keeps keys and values, so that decoding with a wrong cache decodes other tokens.
 *
 * N grid tokens, V codes; the mask id is V. Plain float64.
 */
import type { Predict, PredictRequest } from "../../src/decoding/predict.ts";

/** A fixed, scrambled number in [-1, 1) for each tuple of integers. */
function scrambled(...parts: number[]): number {
  let hash = 0x9e3779b9;
  for (const part of parts) {
    hash = Math.imul(hash ^ (part + 0x7f4a7c15), 0x85ebca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 16;
  }
  return (hash >>> 0) / 2 ** 31 - 1;
}

/** [V] the logits of `position`, from the ids [N] with which all positions were encoded. `branch`: 0 cond, 1 uncond. */
export function plantedLogits(
  encoded: readonly number[],
  position: number,
  codes: number,
  factor: number,
  branch: number,
): number[] {
  return Array.from({ length: codes }, (_, v) =>
    encoded.reduce((sum, id, j) => sum + 0.6 * scrambled(v, position, j, id, factor, branch), 0),
  );
}

/**
 * logits / temperature -> the id that the inverse CDF gives for `uniform`, its log probability, and the distribution's
 * entropy in nats.
 */
export function sampleId(logits: readonly number[], temperature: number, uniform: number) {
  const top = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp((logit - top) / temperature));
  const total = weights.reduce((a, b) => a + b);
  let id = 0;
  for (let running = weights[0]; running <= uniform * total && id < logits.length - 1; )
    running += weights[++id];
  const entropy = weights.reduce((sum, weight) => sum - (weight / total) * Math.log(weight / total), 0);
  return { id, logProb: Math.log(weights[id] / total), entropy };
}

/** The planted model as a {@link Predict}; `seen` collects the requests. */
export function plantedPredict(gridTokens: number, codes: number, seen: PredictRequest[] = []): Predict {
  /** Per branch: the factor that filled it and [B][N] ids. */
  const caches: { factor: number; step: number; ids: (number | null)[][] }[] = [];
  let previousStep = -1;
  let isKept = false;

  return async (request) => {
    seen.push(request);
    const { batch, step, isFull, uniforms, tokenTemperature } = request;
    const active = request.tokens.length / batch;
    const rows = request.predicted.length / batch;
    const branches = [request.factor, request.unconditionalFactor].flatMap((factor, branch) => {
      if (factor === null) return [];
      if (isFull) {
        caches[branch] = {
          factor,
          step,
          ids: Array.from({ length: batch }, () => Array(gridTokens).fill(null)),
        };
      }
      const cache = caches[branch];
      if (cache?.factor !== factor)
        throw new Error(`step ${step}: branch ${branch} has no cache of p = ${factor}`);
      if (!isFull && !isKept) throw new Error(`step ${step}: reads a cache that nobody asked to keep`);
      if (!isFull && cache.step !== previousStep) throw new Error(`step ${step}: branch ${branch} is behind`);
      cache.step = step;
      for (let i = 0; i < batch * active; i++) {
        cache.ids[Math.floor(i / active)][request.positions[i]] = request.tokens[i];
      }
      return [cache];
    });
    previousStep = step;
    isKept = request.isCacheRead;
    const ids = new Int32Array(batch * rows);
    const logProbs = new Float32Array(batch * rows);
    const entropies = new Float32Array(batch * rows);
    for (let i = 0; i < batch * rows; i++) {
      const b = Math.floor(i / rows);
      const position = request.positions[b * active + request.predicted[i]];
      const [cond, uncond] = branches.map((cache, branch) => {
        if (cache.ids[b].includes(null)) throw new Error(`step ${step}: the cache has holes`);
        return plantedLogits(cache.ids[b] as number[], position, codes, cache.factor, branch);
      });
      const logits = uncond ? cond.map((c, v) => c + request.guidanceScale * (c - uncond[v])) : cond;
      const sampled = sampleId(logits, tokenTemperature, uniforms[i]);
      ids[i] = sampled.id;
      logProbs[i] = sampled.logProb;
      entropies[i] = sampled.entropy;
    }
    return { ids, logProbs, ...(request.wantsEntropies && { entropies }) };
  };
}
