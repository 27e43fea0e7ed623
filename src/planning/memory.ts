/**
 * What a decode needs in memory, in bytes, known before it runs.
 *
 * c copies of an image in a pass (2 when both branches run joined, else 1), N grid tokens, T positions that run (N+1
 * in a full pass, else the active ones), S = N+1 positions attended to, M masked ones, D width, L layers, H heads, F
 * hidden units, V codebook size, p downscale factor. Activations and caches are float32.
 *
 * What is alive together in one pass of an image, in numbers. Of the parts below, which follow one another, the largest
 * counts:
 *
 *   projections   2 T D (the residual, and normalised) + 4 T D/p (queries, also scaled, keys, values)
 *   attention     T D + (2 T + 3 S) D/p (turned to heads, with one of them before and after)
 *                 + 2 (H/p) T S (the table of scores, and its softmax)
 *   MLP           2 T D + 2 T F/p (before and after the activation)
 *   head          c M D, and per masked token so many times V as {@link logitRows} says
 *
 * and with it the keys and values of all layers, 2 L T D/p, if the next step reads them: made layer by layer, all of
 * them are there at the head. All but the head's V come once per copy.
 *
 * Each compiled graph keeps its memory between runs. A decode has one for full and one for partial passes (with
 * branches of two sizes, two of each), each as large as its largest pass. Beside them is the stored cache, 2 L S D/p
 * per copy, and without joining the unconditional branch's logits.
 */

import type { DecodePlan } from "../decoding/plan.ts";
import { type ModelFacts, type ResolvedStep, resolvePlan } from "../decoding/resolve-plan.ts";
import type { TransformerSizes } from "./cost.ts";

/** What the estimate depends on. */
export type MemorySizes = TransformerSizes & ModelFacts & { readonly heads: number };

export interface DecodeMemory {
  /** What every image of a batch adds. */
  readonly bytesPerImage: number;
  /** What a decode takes besides, whatever the batch. */
  readonly bytesFixed: number;
}

const bytesPerNumber = 4;

/**
 * A graph's memory grows by doubling and serves steps of many sizes, so it holds more than is alive at once. Measured
 * peaks are up to twice that; `npm run bench -- scaling` checks that they stay below.
 */
export const arenaSlack = 2;

/**
 * The runtime's code and threads when they first run, and arrays that wait for the garbage collector, which comes when
 * 64 MiB of them have gathered. Measured.
 */
const bytesOfRuntime = 72 * 2 ** 20;

/** A compiled graph without any activations, for each layer. Measured. */
const bytesPerGraphLayer = 2 * 2 ** 20;

/**
 * The peak memory of decoding with a plan, beyond the loaded weights: bytesFixed + B bytesPerImage for a batch of B.
 * A bound that is not far off: peaks measured in fresh processes stay below it.
 *
 * @param maskedTokens  N0; all tokens unless editing
 * @throws InputError as {@link resolvePlan}
 */
export function decodeMemory(
  model: MemorySizes,
  plan: DecodePlan,
  maskedTokens = model.gridTokens,
): DecodeMemory {
  const isFiltered = plan.topK !== null || plan.topP !== null;
  const graphs = new Map<string, number>();
  const stored = new Map<string, number>();
  const raise = (largest: Map<string, number>, name: string, numbers: number) =>
    largest.set(name, Math.max(largest.get(name) ?? 0, numbers));
  const { steps } = resolvePlan(plan, model, maskedTokens);
  for (const step of plan.unmask
    ? steps.flatMap((each) => possiblePasses(plan, each, maskedTokens))
    : steps) {
    const { factor, unconditionalFactor, isFull, isCacheRead, maskedBefore } = step;
    const run = (branch: string, pass: PassShape) => {
      raise(graphs, `${branch}, ${isFull ? "full" : "partial"}`, passNumbers(model, step, pass));
      const cache = cacheNumbers(model, pass.factor, model.gridTokens + 1);
      if (isCacheRead) raise(stored, branch, pass.copies * cache);
    };
    const isGuided = unconditionalFactor !== null;
    const isApart = isGuided && unconditionalFactor !== factor;
    run("conditional", {
      factor,
      copies: isGuided && !isApart ? 2 : 1,
      logitRows: logitRows(isGuided, isFiltered) + (plan.unmask ? 1 : 0) + (plan.minP === null ? 0 : 1),
    });
    if (!isApart) continue;
    run("unconditional", { factor: unconditionalFactor, copies: 1, logitRows: logitRows(false, false) });
    raise(stored, "logits", maskedBefore * model.codebookSize);
  }
  const sum = (numbers: Map<string, number>) => [...numbers.values()].reduce((a, b) => a + b, 0);
  return {
    bytesPerImage: bytesPerNumber * (arenaSlack * sum(graphs) + sum(stored)),
    bytesFixed: bytesOfRuntime + bytesPerGraphLayer * model.depth * graphs.size,
  };
}

/** With an entropy rule: a step may follow on from any before it, which may have had every token masked. */
function possiblePasses(plan: DecodePlan, step: ResolvedStep, maskedTokens: number): ResolvedStep[] {
  const whole = { ...step, maskedBefore: maskedTokens };
  const partial = { ...whole, isFull: false, active: maskedTokens };
  return plan.cache.enabled ? [{ ...whole, isFull: true }, partial] : [whole];
}

/**
 * How many rows of V are alive for each masked token while it is sampled: logits and their powers, and what running
 * sums take of a block; joined branches' logits, both before and after the bias; with top-k or top-p, which sort, also
 * the sorted values, their places (two numbers each), and running sums over all. Entropies and min-p take one row more
 * each.
 */
function logitRows(isGuided: boolean, isFiltered: boolean): number {
  if (isFiltered) return 8;
  return isGuided ? 4 : 3;
}

interface PassShape {
  readonly factor: number;
  /** c. */
  readonly copies: number;
  readonly logitRows: number;
}

/** The numbers alive at once in one pass of an image: the formula of this file's head. */
function passNumbers(
  model: MemorySizes,
  { isFull, isCacheRead, active, maskedBefore }: Omit<ResolvedStep, "factor">,
  { factor, copies, logitRows }: PassShape,
): number {
  const { width, codebookSize } = model;
  const keys = model.gridTokens + 1;
  const queries = isFull ? keys : active;
  const [inner, hidden, heads] = [width / factor, model.hidden / factor, model.heads / factor];
  const projections = 2 * queries * width + 4 * queries * inner;
  const attention = queries * width + (2 * queries + 3 * keys) * inner + 2 * heads * queries * keys;
  const mlp = 2 * queries * (width + hidden);
  const head = maskedBefore * (copies * width + logitRows * codebookSize);
  const kept = isCacheRead ? cacheNumbers(model, factor, queries) : 0;
  return copies * kept + Math.max(copies * Math.max(projections, attention, mlp), head);
}

/** Keys and values of some positions in all layers. */
const cacheNumbers = ({ width, depth }: MemorySizes, factor: number, positions: number): number =>
  (2 * depth * positions * width) / factor;
