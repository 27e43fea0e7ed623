/**
 * What a decode needs in memory, in bytes, known before it runs.
 *
 * c copies of an image in a pass (2 when both branches run joined, else 1), N grid tokens, T positions that run (N+1
 * in a full pass, else the active ones), S = N+1 positions attended to, M predicted ones, D width, L layers, H heads, F
 * hidden units, V codebook size, p downscale factor. Activations and caches are float32.
 *
 * What is alive together in one pass of an image, in numbers. Of the parts below, which follow one another, the largest
 * counts:
 *
 *   projections   2 T D (the residual, and normalised) + 4 T D/p (queries, also scaled, keys, values)
 *   attention     T D + (2 T + 3 S) D/p (turned to heads, with one of them before and after)
 *                 + 2 (H/p) T S (the table of scores, and its softmax)
 *   MLP           2 T D + 2 T F/p (before and after the activation)
 *   head          c M D, and per predicted token so many times V as {@link logitRows} says
 *
 * and with it the keys and values of all layers, 2 L T D/p, if the next step reads them: made layer by layer, all of
 * them are there at the head. All but the head's V come once per copy.
 *
 * Each compiled graph keeps its memory between runs. A decode has one for full and one for partial passes (with
 * branches of two sizes, two of each), each as large as its largest pass. Beside them is the stored cache, 2 L S D/p
 * per copy, and without joining the unconditional branch's logits.
 *
 * Later batches of a plan run as one graph, beside those. It is as large as its largest step: a pass, and the caches that
 * are read again or were: where a pass replaces a part of one, that of one layer is there twice. Without joining, the
 * other branch's cache and logits are there as well.
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

/** The same of a pass in a stretch, whose layers are many and the graph one. Measured: 0.16 MiB. */
const bytesPerStretchedLayer = 0.2 * 2 ** 20;

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
  const stepped = steppedMemory(model, plan, maskedTokens);
  if (plan.unmask) return stepped; // its steps always run one by one
  const { steps } = resolvePlan(plan, model, maskedTokens);
  const chance = 4 * steps.length * model.gridTokens; // random numbers, ids and their probabilities
  const largest = Math.max(...steps.map((step) => stretchedNumbers(model, plan, step)));
  const passes = steps.flatMap((step) => branchesOf(plan, step)).length;
  return {
    bytesPerImage: stepped.bytesPerImage + bytesPerNumber * arenaSlack * (chance + largest),
    bytesFixed: stepped.bytesFixed + bytesPerStretchedLayer * model.depth * passes,
  };
}

/** {@link decodeMemory} of a decode whose steps run one by one. */
export function steppedMemory(
  model: MemorySizes,
  plan: DecodePlan,
  maskedTokens = model.gridTokens,
): DecodeMemory {
  const graphs = new Map<string, number>();
  const stored = new Map<string, number>();
  const raise = (largest: Map<string, number>, name: string, numbers: number) =>
    largest.set(name, Math.max(largest.get(name) ?? 0, numbers));
  const { steps } = resolvePlan(plan, model, maskedTokens);
  for (const step of plan.unmask
    ? steps.flatMap((each) => possiblePasses(plan, each, maskedTokens))
    : steps) {
    for (const pass of branchesOf(plan, step)) {
      const { branch, factor, copies } = pass;
      raise(graphs, `${branch}, ${step.isFull ? "full" : "partial"}`, passNumbers(model, step, pass));
      if (step.isCacheRead) {
        raise(stored, branch, copies * cacheNumbers(model, factor, model.gridTokens + 1));
      }
      if (branch === "unconditional") raise(stored, "logits", step.predicted * model.codebookSize);
    }
  }
  const sum = (numbers: Map<string, number>) => [...numbers.values()].reduce((a, b) => a + b, 0);
  return {
    bytesPerImage: bytesPerNumber * (arenaSlack * sum(graphs) + sum(stored)),
    bytesFixed: bytesOfRuntime + bytesPerGraphLayer * model.depth * graphs.size,
  };
}

/** The passes of a step: of both branches joined, or one after the other. */
function branchesOf(
  plan: DecodePlan,
  { factor, unconditionalFactor }: ResolvedStep,
): (PassShape & { readonly branch: "conditional" | "unconditional" })[] {
  const isFiltered = plan.topK !== null || plan.topP !== null;
  const isGuided = unconditionalFactor !== null;
  const isApart = isGuided && unconditionalFactor !== factor;
  const extra = (plan.unmask ? 1 : 0) + (plan.minP === null ? 0 : 1);
  return [
    {
      branch: "conditional",
      factor,
      copies: isGuided && !isApart ? 2 : 1,
      logitRows: logitRows(isGuided, isFiltered) + extra,
    },
    ...(isApart
      ? [
          {
            branch: "unconditional" as const,
            factor: unconditionalFactor,
            copies: 1,
            logitRows: logitRows(false, false),
          },
        ]
      : []),
  ];
}

/** The numbers alive at once in a step of an image within a stretch. */
function stretchedNumbers(model: MemorySizes, plan: DecodePlan, step: ResolvedStep): number {
  const passes = branchesOf(plan, step);
  const cacheOf = ({ copies, factor }: PassShape) =>
    copies * cacheNumbers(model, factor, model.gridTokens + 1);
  const waiting = passes.length > 1 ? step.predicted * model.codebookSize : 0; // the first pass's logits
  const each = passes.map((pass) => {
    const others = passes.filter((other) => other !== pass).reduce((sum, other) => sum + cacheOf(other), 0);
    if (step.isFull) return others + passNumbers(model, step, pass);
    const own = cacheOf(pass) * (1 + 1 / model.depth);
    return others + own + passNumbers(model, { ...step, isCacheRead: false }, pass);
  });
  return waiting + Math.max(...each);
}

/** With an entropy rule: a step may follow on from any before it, which may have had every token masked. */
function possiblePasses(plan: DecodePlan, step: ResolvedStep, maskedTokens: number): ResolvedStep[] {
  const whole = { ...step, maskedBefore: maskedTokens, predicted: maskedTokens };
  const partial = { ...whole, isFull: false, active: maskedTokens };
  return plan.cache.enabled ? [{ ...whole, isFull: true }, partial] : [whole];
}

/**
 * How many rows of V are alive for each predicted token while it is sampled: logits and their powers, and what running
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
  { isFull, isCacheRead, active, predicted }: Omit<ResolvedStep, "factor">,
  { factor, copies, logitRows }: PassShape,
): number {
  const { width, codebookSize } = model;
  const keys = model.gridTokens + 1;
  const queries = isFull ? keys : active;
  const [inner, hidden, heads] = [width / factor, model.hidden / factor, model.heads / factor];
  const projections = 2 * queries * width + 4 * queries * inner;
  const attention = queries * width + (2 * queries + 3 * keys) * inner + 2 * heads * queries * keys;
  const mlp = 2 * queries * (width + hidden);
  const head = predicted * (copies * width + logitRows * codebookSize);
  const kept = isCacheRead ? cacheNumbers(model, factor, queries) : 0;
  return copies * kept + Math.max(copies * Math.max(projections, attention, mlp), head);
}

/** Keys and values of some positions in all layers. */
const cacheNumbers = ({ width, depth }: MemorySizes, factor: number, positions: number): number =>
  (2 * depth * positions * width) / factor;
