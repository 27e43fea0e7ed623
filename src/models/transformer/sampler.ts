/**
 * From logits to sampled ids, inside the graph of a pass, so that logits stay where they were computed: guidance,
 * temperature, top-k, top-p and min-p, and the inverse of the cumulative distribution at one uniform number per row.
 *
 * R rows (masked positions of all samples), V codebook size.
 */
import { tensor } from "../../core/tensor.ts";
import {
  add,
  cast,
  concat,
  cumulativeSum,
  type Dim,
  divide,
  exp,
  expandTo,
  type Graph,
  gatherLast,
  greater,
  topK as largest,
  lessOrEqual,
  log,
  maxOver,
  minimum,
  multiply,
  multiplyDims,
  reshape,
  scatterAddLast,
  slice,
  subtract,
  sum,
  type Value,
} from "../../graph/index.ts";

export interface Sampling {
  /** `joined`: the pass runs both branches, conditional rows first. `apart`: the other branch's logits are an input. */
  readonly guidance: "none" | "joined" | "apart";
  /** Whether top-k and top-p apply, which costs a sort of every row. */
  readonly isFiltered: boolean;
  /** Whether min-p applies. */
  readonly hasMinP?: boolean;
  /** Whether entropies are made too, which costs a pass over every row. */
  readonly hasEntropies?: boolean;
}

/** What to feed as `topP` when only top-k is wanted; for `topK`, feed V. */
export const noTopP = 2;

/** How many rows of logits a pass makes to sample R ids. */
export const logitRows = ({ guidance }: Sampling): Dim =>
  guidance === "joined" ? multiplyDims(2, "R") : "R";

/**
 * Adds sampling to a graph.
 *
 * Inputs added: uniforms [R] in [0, 1), temperature []; under guidance guidanceScale [], the s of
 * cond + s (cond - uncond), and if `apart` unconditional [R, V]; filtered also topK [] (float32, at least 1) and
 * topP []; with min-p also logMinP [], at most 0. Outputs added: sampledIds [R], logProbs [R] and if wanted entropies
 * [R]: see {@link sample}.
 *
 * @param logits  [R, V], or [2R, V] if `joined`
 */
export function addSampling(graph: Graph, logits: Value, sampling: Sampling): void {
  const { guidance, isFiltered, hasMinP = false, hasEntropies = false } = sampling;
  const number = (name: string): Value => graph.input(name, "float32", []);
  const uniforms = graph.input("uniforms", "float32", ["R"]);
  const by: SamplingSettings = {
    temperature: number("temperature"),
    ...(guidance === "apart" && {
      unconditional: graph.input("unconditional", "float32", ["R", logits.dim(1)]),
    }),
    ...(guidance !== "none" && { guidanceScale: number("guidanceScale") }),
    ...(isFiltered && { topK: number("topK"), topP: number("topP") }),
    ...(hasMinP && { logMinP: number("logMinP") }),
  };
  const { ids, logProbs, entropies } = sample(logits, uniforms, by);
  graph.output("sampledIds", ids);
  graph.output("logProbs", logProbs);
  if (hasEntropies) graph.output("entropies", entropies());
}

/** What ids are drawn by: scalars, but for the other branch's logits. What is left out does not apply. */
export interface SamplingSettings {
  readonly temperature: Value;
  /** s of cond + s (cond - uncond). */
  readonly guidanceScale?: Value;
  /** [R, V] under guidance, unless both branches' logits come joined. */
  readonly unconditional?: Value;
  /** float32, at least 1; together with `topP`. */
  readonly topK?: Value;
  readonly topP?: Value;
  /** At most 0. */
  readonly logMinP?: Value;
}

export interface Sampled {
  /** [R] int32. */
  readonly ids: Value;
  /** [R] log probability of each id under the distribution it was drawn from. */
  readonly logProbs: Value;
  /** Makes [R] that distribution's entropy in nats, never below 0. */
  readonly entropies: () => Value;
}

/**
 * Draws an id for each row of logits by a uniform number.
 *
 * Top-k keeps the k likeliest ids (of equal ones, the lower), top-p the fewest of these whose probabilities reach p,
 * and min-p those at least so likely as that fraction of the likeliest (Nguyen et al. 2024, "Turning up the heat");
 * what all of them keep is scaled to a sum of 1. Min-p takes one comparison, not a sort, and cuts off what label
 * smoothing taught: a little probability for every id.
 *
 * @param logits    [R, V]; under guidance without `unconditional` [2R, V], the conditional rows first
 * @param uniforms  [R] in [0, 1)
 */
export function sample(logits: Value, uniforms: Value, by: SamplingSettings): Sampled {
  const rows = uniforms.dim(0);
  const scaled = divide(guided(logits, rows, by), by.temperature);
  const x = subtract(scaled, maxOver(scaled, [-1], true)); // [R, V], 0 at the likeliest id
  let powers = exp(x);
  if (by.topK && by.topP) powers = multiply(powers, kept(x, by.topK, by.topP));
  if (by.logMinP) powers = multiply(powers, cast(lessOrEqual(by.logMinP, x), "float32"));
  const { ids, total } = drawn(powers, reshape(uniforms, [rows, 1]));
  const logProbs = subtract(gatherLast(x, ids), log(total));
  return {
    ids: reshape(ids, [rows]),
    logProbs: reshape(logProbs, [rows]),
    entropies: () => {
      // -sum p log p with p = powers / total. Both terms are at least 0, since x is at most 0 and total at least 1.
      const meanX = divide(sum(multiply(powers, x), [-1], true), total);
      return reshape(subtract(log(total), meanX), [rows]);
    },
  };
}

/**
 * The inverse of the cumulative distribution of powers [R, V] at uniforms [R, 1]: ids [R, 1], and the powers' total.
 *
 * Gumbel noise in float32 draws unlikely ids too seldom, as at a lower temperature (Zheng et al. 2024, arXiv
 * 2409.02908). The inverse does not: over 262,144 draws from 1024 ids, down to a probability of 1e-5, frequencies are
 * those of float64.
 *
 * Running sums over whole rows are slow, so it goes in two levels: the block of ids that holds the wanted sum, then
 * the id within that block.
 */
function drawn(powers: Value, uniforms: Value): { ids: Value; total: Value } {
  const width = powers.dim(-1) as number;
  const inBlock = largestDivisor(width);
  const blocks = width / inBlock;
  const upTo = cumulativeSum(sum(reshape(powers, [powers.dim(0), blocks, inBlock]), [-1]), -1); // [R, blocks]
  const total = slice(upTo, 1, blocks - 1, blocks); // [R, 1]
  // Strictly below what is left, whatever rounding does, so that an id of probability 0 is never drawn.
  const justBelow1 = 1 - 2 ** -23;
  const wanted = multiply(minimum(uniforms, justBelow1), total);
  const block = countAtMost(upTo, wanted);
  const before = gatherLast(concat([multiply(total, 0), upTo], 1), block);
  const first = multiply(cast(block, "float32"), inBlock);
  const offsets = Float32Array.from({ length: inBlock }, (_, i) => i);
  const row = powers.graph.constant(tensor("float32", [1, inBlock], offsets));
  const within = cumulativeSum(gatherLast(powers, cast(add(first, row), "int32")), -1); // [R, inBlock]
  const all = slice(within, 1, inBlock - 1, inBlock);
  const place = countAtMost(within, minimum(subtract(wanted, before), multiply(all, justBelow1)));
  return { ids: cast(add(first, cast(place, "float32")), "int32"), total };
}

/** How many of a row's ascending numbers are at most a bound: [R, n], [R, 1] -> [R, 1] int32. */
function countAtMost(ascending: Value, bound: Value): Value {
  return cast(sum(cast(lessOrEqual(ascending, bound), "float32"), [-1], true), "int32");
}

/** The largest divisor that is at most the square root. */
function largestDivisor(n: number): number {
  let divisor = Math.floor(Math.sqrt(n));
  while (n % divisor !== 0) divisor--;
  return divisor;
}

/** logits = cond + s (cond - uncond), [R, V]. */
function guided(logits: Value, rows: Dim, { guidanceScale, unconditional }: SamplingSettings): Value {
  if (!guidanceScale) return logits;
  const width = logits.dim(1);
  const halves = unconditional ? null : reshape(logits, [2, rows, width]);
  const half = (i: number): Value => reshape(slice(halves!, 0, i, i + 1), [rows, width]);
  const conditional = halves ? half(0) : logits;
  return add(conditional, multiply(subtract(conditional, unconditional ?? half(1)), guidanceScale));
}

/** 1 for the ids that top-k and top-p keep, 0 for the others: [R, V]. */
function kept(x: Value, topK: Value, topP: Value): Value {
  const width = x.dim(-1) as number;
  const { values: sorted, indices } = largest(x, width);
  const rank = x.graph.constant({
    dtype: "float32",
    dims: [1, width],
    data: Float32Array.from({ length: width }, (_, i) => i),
  });
  const isAmongK = cast(greater(topK, rank), "float32"); // [1, V]
  const powers = multiply(exp(sorted), isAmongK);
  const cumulative = cumulativeSum(powers, -1);
  const total = slice(cumulative, 1, width - 1, width);
  const before = subtract(cumulative, powers); // probability of what is likelier
  const isNeeded = cast(greater(multiply(topP, total), before), "float32");
  return scatterAddLast(
    expandTo(x.graph.scalar("float32", 0), x.shape),
    indices,
    multiply(isNeeded, isAmongK),
  );
}
