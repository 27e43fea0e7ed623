/** What the nested masked transformer brings to the training loop. */
import { foldIn, integerAt, type Key, permutation, uniformAt } from "../core/random.ts";
import { type HostTensor, scalar, tensor } from "../core/tensor.ts";
import { type TokenDataset, tokensOf } from "../data/tokens.ts";
import { maskRatio } from "../decoding/mask-schedule.ts";
import { countMultiplyAdds, Graph } from "../graph/index.ts";
import { initialise } from "../models/parameters.ts";
import {
  gridTokens,
  maskId,
  nullClass,
  type TransformerConfig,
  taskClass,
} from "../models/transformer/config.ts";
import { transformerParameters } from "../models/transformer/parameters.ts";
import type { TrainConfig } from "./config.ts";
import type { TrainingJob } from "./loop.ts";
import { nestedLoss } from "./nested-loss.ts";
import { addTraining } from "./optimiser.ts";
import { stateInputs } from "./optimiser-state.ts";
import { trainedAt, trainedTogether } from "./sub-models.ts";

export type TransformerTraining = TrainConfig["transformer"]["training"];

export interface TransformerJobOptions {
  readonly config: TransformerConfig;
  readonly training: TransformerTraining;
  readonly dataset: TokenDataset;
  readonly key: Key;
  /** A sheet of samples of the state in the runner's store, after `step` steps. */
  readonly sample?: (step: number) => Promise<Uint8Array>;
  /** What it is looked at with. */
  readonly heldOut?: TrainingJob["heldOut"];
}

/**
 * One joint step of sub-models: nested loss, gradients, optimiser. Every shape is fixed: lists of tokens in the loss
 * are filled up to R = {@link mostTokens}. Outputs beside the optimiser's: `loss`, `gradientNorm`, and `loss.pP` per factor (cross-entropy with the truth).
 *
 * @param factors  the sub-models, ascending; default: all that train
 */
export function transformerStepGraph(
  config: TransformerConfig,
  training: TransformerTraining,
  factors: readonly number[] = training.factors ?? config.factors,
): Graph {
  const graph = new Graph("transformer.step");
  const specs = transformerParameters(config);
  const weights = stateInputs(graph, specs);
  const { batchSize: B } = training;
  const R = mostTokens(config, training);
  const inputs = {
    ids: graph.input("ids", "int32", [B, gridTokens(config)]),
    classes: graph.input("classes", "int32", [B]),
    rows: graph.input("rows", "int32", [R]),
    labels: graph.input("labels", "int32", [R]),
    shares: graph.input("shares", "float32", [R]),
    lambda: graph.input("lambda", "float32", []),
  };
  const { loss, perFactor } = nestedLoss(graph, config, weights, inputs, {
    factors,
    teacher: training.teacher === "full" ? "largest" : "next-larger",
    labelSmoothing: training.labelSmoothing,
  });
  addTraining(graph, specs, loss, training);
  for (const [factor, value] of Object.entries(perFactor)) graph.output(`loss.p${factor}`, value);
  return graph;
}

/** The job: random masked batches of the dataset, lambda falling linearly, one joint step each of the sub-models that train then. */
export function transformerJob({
  config,
  training,
  dataset,
  key,
  sample,
  heldOut,
}: TransformerJobOptions): TrainingJob {
  const specs = transformerParameters(config);
  const length = mostTokens(config, training);
  const factors = training.factors ?? config.factors;
  const losses = factors.map((factor) => `loss.p${factor}`);
  const [weightsKey, batchKey, subModelsKey] = [foldIn(key, 0), foldIn(key, 1), foldIn(key, 2)];
  const kinds = trainedTogether(factors, training).map((together) => {
    const graph = transformerStepGraph(config, training, together);
    return { graph, multiplyAdds: countMultiplyAdds(graph) };
  });
  const kindAt = (step: number) => kinds[trainedAt(step, kinds.length, training, subModelsKey)]!;
  return {
    name: "transformer",
    schedule: training,
    specs,
    graphAt: (step) => kindAt(step).graph,
    outputs: losses,
    initialise: async () => initialise(specs, weightsKey),
    async batch(step) {
      const batch = maskedBatch(config, training, dataset, foldIn(batchKey, step));
      const { start, end } = training.lambda;
      const lambda = scalar(start + ((end - start) * step) / Math.max(1, training.steps - 1));
      return { feeds: { ...filled(batch, length), lambda }, multiplyAdds: kindAt(step).multiplyAdds };
    },
    metrics(outputs) {
      const told = losses.filter((name) => outputs[name]);
      return Object.fromEntries(told.map((name) => [name, Number(outputs[name]!.data[0])]));
    },
    ...(sample && { sample }),
    ...(heldOut && { heldOut }),
  };
}

/**
 * The most tokens that a batch can have in the loss: the b-th of B images masks at most what the mask schedule says at
 * b / B, and two complementary masks all N; one that trains a task has all of its tokens there.
 */
export function mostTokens(
  config: TransformerConfig,
  { batchSize: B, maskSchedule, masks }: Pick<TransformerTraining, "batchSize" | "maskSchedule" | "masks">,
): number {
  const N = gridTokens(config);
  if (config.tasks.length > 0) return B * N;
  if (masks === "complementary") return (B / 2) * N;
  const most = (b: number): number => maskedCount(N, maskRatio({ kind: maskSchedule }, b / B, N));
  return Array.from({ length: B }, (_, b) => most(b)).reduce((total, count) => total + count, 0);
}

/** How many of N tokens a mask of this ratio hides: at least one. */
const maskedCount = (N: number, ratio: number): number => Math.min(N, Math.max(1, Math.ceil(N * ratio)));

/** A batch with its lists of tokens filled up to `length`, and the share of each token in the mean, 0 for filling ones. */
export function filled(
  { rows, labels, ...rest }: ReturnType<typeof maskedBatch>,
  length: number,
): Record<"ids" | "classes" | "rows" | "labels" | "shares", HostTensor> {
  const count = rows.dims[0]!;
  if (count > length)
    throw new Error(`transformer: a batch has ${count} tokens in the loss, more than ${length}`);
  const longer = ({ data }: HostTensor): HostTensor => {
    const all = new Int32Array(length);
    all.set(data as Int32Array);
    return tensor("int32", [length], all);
  };
  const shares = tensor("float32", [length], new Float32Array(length).fill(1 / count, 0, count));
  return { ...rest, rows: longer(rows), labels: longer(labels), shares };
}

/**
 * A batch, a pure function of its key: images at random, a mask ratio gamma(u) for each, that many positions at random
 * (at least one), and the class dropped now and then (masks as in MaskGIT, Chang et al. 2022). u is uniform, the b-th
 * of B within [b, b + 1) / B: every batch then has its share of nearly full and of nearly empty masks.
 *
 * With complementary masks there are B/2 images, each twice in a row: its second mask hides exactly the positions that
 * the first one shows (none, if the first hides all), and everything else is the same.
 *
 * A share of the images trains a task instead, by COMMIT (Yu et al. 2023, MAGVIT, section 3.2): the task stands in
 * the class's place, at a masked position stands what is known there, and the loss covers every token: masked ones,
 * known ones to refine, and the others to reproduce.
 *
 * Besides ids [B, N] and classes [B]: rows [R], the row b (N+1) + 1 + n of each token in the loss; labels [R], its
 * real id.
 */
export function maskedBatch(
  config: TransformerConfig,
  {
    batchSize: B,
    classDropout,
    maskSchedule,
    masks,
    taskShare,
  }: Pick<TransformerTraining, "batchSize" | "classDropout" | "maskSchedule" | "masks" | "taskShare">,
  dataset: TokenDataset,
  key: Key,
): Record<"ids" | "classes" | "rows" | "labels", HostTensor> {
  const N = gridTokens(config);
  const ids = new Int32Array(B * N);
  const classes = new Int32Array(B);
  const rows: number[] = [];
  const labels: number[] = [];
  const copies = masks === "complementary" ? 2 : 1;
  for (let b = 0; b < B; b++) {
    const image = Math.floor(b / copies);
    const sampleKey = foldIn(key, image);
    const index = integerAt(sampleKey, 0, dataset.count);
    const trueIds = tokensOf(dataset, index);
    ids.set(trueIds, b * N);
    const task = config.tasks[Math.floor((uniformAt(sampleKey, 4) / taskShare) * config.tasks.length)];
    const isDropped = config.classes === 0 || uniformAt(sampleKey, 1) < classDropout;
    classes[b] = task ? taskClass(config, task) : isDropped ? nullClass(config) : dataset.classIds[index]!;
    const known = task && tokensOf(dataset, index, task);
    const ratio = maskRatio({ kind: maskSchedule }, (image + uniformAt(sampleKey, 2)) / (B / copies), N);
    const order = permutation(foldIn(sampleKey, 3), N);
    const count = maskedCount(N, ratio);
    const masked = (b % copies === 0 ? order.subarray(0, count) : order.subarray(count)).sort();
    for (const position of masked) ids[b * N + position] = known ? known[position]! : maskId(config);
    const inLoss = task ? trueIds.keys() : masked;
    for (const position of inLoss) {
      rows.push(b * (N + 1) + 1 + position);
      labels.push(trueIds[position]!);
    }
  }
  const vector = (data: Int32Array): HostTensor => tensor("int32", [data.length], data);
  return {
    ids: tensor("int32", [B, N], ids),
    classes: vector(classes),
    rows: vector(Int32Array.from(rows)),
    labels: vector(Int32Array.from(labels)),
  };
}
