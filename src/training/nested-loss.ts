/**
 * The loss that trains all sub-models of a nested transformer at once, on the same masked batch:
 *
 *   CE(largest, truth) + sum over the others of [ lambda CE(sub_p, truth) + (1 - lambda) CE(sub_p, teacher_p) ],
 *
 * where truth is the true tokens, smoothed, and the teacher's distribution is taken as given: it learns nothing from its students. Cross-entropy is linear in
 * its target, so each sub-model has one, against the mixture lambda truth + (1 - lambda) teacher. All are means over
 * the tokens in the loss, those of the whole batch at once: every row of the lists of tokens says its share of them, 0
 * where it only fills the list up to a fixed length. MaskGIT's configuration takes the mean over those of each
 * sample first; in small batches samples with few masked tokens are then most of the gradient's noise (docs/log/2026-11-26.md).
 *
 * B samples, N grid tokens, R tokens of the batch in the loss, V codebook size, p downscale factor.
 */
import {
  add,
  crossEntropy,
  expandTo,
  type Graph,
  gatherLast,
  gatherRows,
  logSumExp,
  multiply,
  reshape,
  scatterAddLast,
  softmax,
  stopGradient,
  subtract,
  sum,
  type Value,
} from "../graph/index.ts";
import type { TransformerConfig } from "../models/transformer/config.ts";
import { embedAll, logitsOf, type Weights } from "../models/transformer/layers.ts";
import { nestedLayers } from "../models/transformer/nested-layers.ts";

export interface NestedLossInputs {
  /** [B, N] int32 token ids, V where masked; or [B, S], of S tokens of each sample. */
  readonly ids: Value;
  /** [B, S+1] int32, where not all N tokens are there: the positions of the sequence, the class token's 0 first. */
  readonly places?: Value;
  /** [B] int32 class ids; the number of classes where the class was dropped. */
  readonly classes: Value;
  /** [R] int32 rows of the hidden states whose tokens are wanted: b (N+1) + 1 + n, or b (S+1) + 1 + s. */
  readonly rows: Value;
  /** [R] int32 true ids of those tokens. */
  readonly labels: Value;
  /** [R] how much of the mean each of them is; all add up to 1. */
  readonly shares: Value;
  /** [] lambda in 0..1: how much of a sub-model's target is the truth. */
  readonly lambda: Value;
  /** [] lambda of single sub-models by factor, where they have one of their own. */
  readonly lambdaOf?: Readonly<Record<number, Value>>;
}

export interface NestedLossOptions {
  /** Which sub-models train, ascending; the first learns from the truth alone. Default: the model's. */
  readonly factors?: readonly number[];
  /** Whom a sub-model learns from: the next larger one that trains, or the largest. */
  readonly teacher?: "next-larger" | "largest";
  /** s of the smoothed truth: 1 - s + s/V at the true id, s/V elsewhere. */
  readonly labelSmoothing?: number;
}

export interface NestedLoss {
  /** [] what training minimises. */
  readonly loss: Value;
  /** [] by factor: cross-entropy against the plain truth, without smoothing, in nats per token. */
  readonly perFactor: Readonly<Record<number, Value>>;
}

/**
 * Builds the joint loss of the sub-models that the head of this file describes, and its parts.
 *
 * @param weights  every parameter by the name of its stack (`parameterStacks`), or its own where it is in none; their type
 *   (float32, or float64 in tests) is that of the computation
 */
export function nestedLoss(
  graph: Graph,
  config: TransformerConfig,
  weights: Weights,
  inputs: NestedLossInputs,
  options: NestedLossOptions = {},
): NestedLoss {
  const { factors = config.factors, teacher = "next-larger", labelSmoothing = 0.1 } = options;
  const { rows, labels, shares, lambda } = inputs;
  const batch = inputs.ids.dim(0);
  const label = reshape(labels, [labels.dim(0), 1]);
  const overRows = (losses: Value): Value => sum(multiply(losses, shares));

  const truth = smoothedTruth(graph, config, label, lambda.dtype, labelSmoothing);
  const sharesBy = (own: Value) => ({ ofTruth: multiply(truth, own), ofTeacher: subtract(1, own) });
  const common = sharesBy(lambda);

  // The same for every sub-model.
  const embedding = embedAll(config, weights, inputs.ids, inputs.classes, inputs.places);
  const hidden = nestedLayers(config, weights, factors, embedding, batch);
  const perFactor: Record<number, Value> = {};
  let loss: Value | null = null;
  let taught: Value | null = null;
  for (const [i, factor] of factors.entries()) {
    const logits = logitsOf(config, weights, gatherRows(hidden[i]!, rows)); // [R, V]

    const own = inputs.lambdaOf?.[factor];
    const { ofTruth, ofTeacher } = own ? sharesBy(own) : common;
    const target: Value = taught ? add(ofTruth, multiply(taught, ofTeacher)) : truth;
    const term = overRows(crossEntropy(logits, target));
    loss = loss ? add(loss, term) : term;

    if (!taught || teacher === "next-larger") taught = stopGradient(softmax(logits));
    const plain = subtract(logSumExp(logits), gatherLast(logits, label)); // [R, 1]
    perFactor[factor] = overRows(reshape(plain, shares.shape));
  }
  if (!loss) throw new Error("nestedLoss: at least one factor must train");
  return { loss, perFactor };
}

/** The smoothed one-hot targets [R, V] of labels [R, 1]. */
function smoothedTruth(
  graph: Graph,
  config: TransformerConfig,
  label: Value,
  dtype: Value["dtype"],
  smoothing: number,
): Value {
  const { codebookSize } = config;
  const elsewhere = expandTo(graph.scalar(dtype, smoothing / codebookSize), [label.dim(0), codebookSize]);
  return scatterAddLast(elsewhere, label, expandTo(graph.scalar(dtype, 1 - smoothing), label.shape));
}
