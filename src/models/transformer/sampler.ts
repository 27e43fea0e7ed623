/**
 * From logits to sampled ids, as a graph, so that logits stay where they were computed: guidance, temperature,
 * top-k and top-p, and the inverse of the cumulative distribution at one uniform number per row.
 *
 * R rows (masked positions of all samples), V codebook size.
 */
import {
  add,
  cast,
  cumulativeSum,
  divide,
  exp,
  expandTo,
  Graph,
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

export interface SamplerVariant {
  /**
   * `none`: input logits [R, V]. `joined`: input logits [2R, V], conditional rows first. `apart`: inputs logits and
   * unconditional, [R, V] each.
   */
  readonly guidance: "none" | "joined" | "apart";
  /** Whether top-k and top-p apply, which costs a sort of every row. */
  readonly isFiltered: boolean;
}

/** What to feed as `topP` when only top-k is wanted; for `topK`, feed V. */
export const noTopP = 2;

/**
 * The sampling graph.
 *
 * Inputs: logits (see {@link SamplerVariant}), uniforms [R] in [0, 1), temperature []; under guidance also
 * guidanceScale [], the s of cond + s (cond - uncond); filtered also topK [] (float32, at least 1) and topP [].
 * Outputs: ids [R] int32, logProbs [R]: log probability of each id under the distribution it was drawn from.
 *
 * Top-k keeps the k likeliest ids (of equal ones, the lower), and top-p the fewest of these whose probabilities
 * reach p; what is kept is scaled to a sum of 1.
 */
export function sampler({ guidance, isFiltered }: SamplerVariant, codebookSize: number): Graph {
  const graph = new Graph(`sampler ${guidance}${isFiltered ? " filtered" : ""}`);
  const number = (name: string): Value => graph.input(name, "float32", []);
  const uniforms = graph.input("uniforms", "float32", ["R"]);
  const scaled = divide(guided(graph, guidance, codebookSize), number("temperature"));
  const x = subtract(scaled, maxOver(scaled, [-1], true)); // [R, V], 0 at the likeliest id
  const powers = isFiltered ? multiply(exp(x), kept(x, number("topK"), number("topP"))) : exp(x);

  const cumulative = cumulativeSum(powers, -1);
  const total = slice(cumulative, 1, codebookSize - 1, codebookSize); // [R, 1]
  // Strictly below the total, whatever rounding does, so that an id of probability 0 is never drawn.
  const below = minimum(reshape(uniforms, ["R", 1]), 1 - 2 ** -23);
  const isPassed = lessOrEqual(cumulative, multiply(below, total));
  const ids = cast(sum(cast(isPassed, "float32"), [-1], true), "int32"); // [R, 1]
  const logProbs = subtract(gatherLast(x, ids), log(total));

  graph.output("ids", reshape(ids, ["R"]));
  graph.output("logProbs", reshape(logProbs, ["R"]));
  return graph;
}

/** logits = cond + s (cond - uncond), [R, V]. */
function guided(graph: Graph, guidance: SamplerVariant["guidance"], codebookSize: number): Value {
  const both = (conditional: Value, unconditional: Value): Value => {
    const scale = graph.input("guidanceScale", "float32", []);
    return add(conditional, multiply(subtract(conditional, unconditional), scale));
  };
  switch (guidance) {
    case "none":
      return graph.input("logits", "float32", ["R", codebookSize]);
    case "apart":
      return both(
        graph.input("logits", "float32", ["R", codebookSize]),
        graph.input("unconditional", "float32", ["R", codebookSize]),
      );
    case "joined": {
      const rows = graph.input("logits", "float32", [multiplyDims(2, "R"), codebookSize]);
      const halves = reshape(rows, [2, "R", codebookSize]);
      const half = (i: number): Value => reshape(slice(halves, 0, i, i + 1), ["R", codebookSize]);
      return both(half(0), half(1));
    }
  }
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
