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

/** The input of a step in which the smallest sub-model has a lambda of its own. */
const lambdaSmallest = "lambdaSmallest";

/**
 * One joint step of sub-models: nested loss, gradients, optimiser. Every shape is fixed: lists of tokens in the loss
 * are filled up to R = {@link mostTokens}. Outputs beside the optimiser's: `loss`, `gradientNorm`, and `loss.pP` per
 * factor (cross-entropy with the truth).
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
  const S = sequenceTokens(config, training);
  const R = mostTokens(config, training);
  const smallest = (training.factors ?? config.factors).at(-1)!;
  const inputs = {
    ids: graph.input("ids", "int32", [B, S]),
    classes: graph.input("classes", "int32", [B]),
    ...(S < gridTokens(config) && { places: graph.input("places", "int32", [B, S + 1]) }),
    rows: graph.input("rows", "int32", [R]),
    labels: graph.input("labels", "int32", [R]),
    shares: graph.input("shares", "float32", [R]),
    lambda: graph.input("lambda", "float32", []),
    ...(training.lambda.endSmallest !== undefined &&
      factors.includes(smallest) && { lambdaOf: { [smallest]: graph.input(lambdaSmallest, "float32", []) } }),
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

/** The job: random masked batches of the dataset, lambda falling linearly, joint steps of the sub-models that train. */
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
  const [weightsKey, batchKey] = [foldIn(key, 0), foldIn(key, 1)];
  const kinds = trainedTogether(factors, training).map((together) => {
    const graph = transformerStepGraph(config, training, together);
    return { graph, multiplyAdds: countMultiplyAdds(graph) };
  });
  const kindAt = (step: number) => kinds[trainedAt(step, kinds.length, training)]!;
  return {
    name: "transformer",
    schedule: training,
    specs,
    graphAt: (step) => kindAt(step).graph,
    outputs: losses,
    initialise: async () => initialise(specs, weightsKey),
    async batch(step) {
      const batch = maskedBatch(config, training, dataset, foldIn(batchKey, step));
      const { graph, multiplyAdds } = kindAt(step);
      const { start, end, endSmallest = end } = training.lambda;
      const falling = (to: number) => scalar(start + ((to - start) * step) / Math.max(1, training.steps - 1));
      const lambdas = {
        lambda: falling(end),
        ...(graph.inputs.has(lambdaSmallest) && { [lambdaSmallest]: falling(endSmallest) }),
      };
      return { feeds: { ...filled(batch, length), ...lambdas }, multiplyAdds };
    },
    metrics(outputs) {
      const told = losses.filter((name) => outputs[name]);
      return Object.fromEntries(told.map((name) => [name, Number(outputs[name]!.data[0])]));
    },
    ...(sample && { sample }),
    ...(heldOut && { heldOut }),
  };
}

/** S: how many of an image's N tokens its sequence has in training. */
const sequenceTokens = (
  config: TransformerConfig,
  { sequenceShare }: Pick<TransformerTraining, "sequenceShare">,
): number => Math.ceil(sequenceShare * gridTokens(config));

/**
 * The most tokens that a batch can have in the loss: the b-th of B images masks at most what the mask schedule says at
 * b / B, and two complementary masks all S; one that trains a task has all of its tokens there.
 */
export function mostTokens(
  config: TransformerConfig,
  training: Pick<TransformerTraining, "batchSize" | "maskSchedule" | "masks" | "sequenceShare">,
): number {
  const { batchSize: B, maskSchedule, masks } = training;
  const S = sequenceTokens(config, training);
  if (config.tasks.length > 0) return B * S;
  if (masks === "complementary") return (B / 2) * S;
  const most = (b: number): number => maskedCount(S, maskRatio({ kind: maskSchedule }, b / B, S));
  return Array.from({ length: B }, (_, b) => most(b)).reduce((total, count) => total + count, 0);
}

/** How many of so many tokens a mask of this ratio hides: at least one. */
const maskedCount = (of: number, ratio: number): number => Math.min(of, Math.max(1, Math.ceil(of * ratio)));

/** A batch as {@link maskedBatch} makes it. */
type MaskedBatch = Record<"ids" | "classes" | "rows" | "labels", HostTensor> & {
  readonly places?: HostTensor;
};

/** A batch with its lists of tokens filled up to `length`, and the share of each token in the mean, 0 for filling ones. */
export function filled(
  { rows, labels, ...rest }: MaskedBatch,
  length: number,
): MaskedBatch & Record<"shares", HostTensor> {
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
 * Where a sequence has S < N of the image's tokens, a random S of its positions are there, and masks are drawn among
 * them. Two images with complementary masks have the same ones.
 *
 * Besides ids [B, S] and classes [B]: rows [R], the row b (S+1) + 1 + s of each token in the loss; labels [R], its
 * real id; where S < N places [B, S+1], ascending: 0 for the class token, then 1 + n for the token of position n.
 */
export function maskedBatch(
  config: TransformerConfig,
  training: Pick<
    TransformerTraining,
    "batchSize" | "classDropout" | "maskSchedule" | "masks" | "sequenceShare" | "taskShare"
  >,
  dataset: TokenDataset,
  key: Key,
): MaskedBatch {
  const { batchSize: B, classDropout, maskSchedule, masks, taskShare } = training;
  const N = gridTokens(config);
  const S = sequenceTokens(config, training);
  const whole = Int32Array.from({ length: N }, (_, n) => n);
  const ids = new Int32Array(B * S);
  const places = new Int32Array(B * (S + 1));
  const classes = new Int32Array(B);
  const rows: number[] = [];
  const labels: number[] = [];
  const copies = masks === "complementary" ? 2 : 1;
  for (let b = 0; b < B; b++) {
    const image = Math.floor(b / copies);
    const sampleKey = foldIn(key, image);
    const index = integerAt(sampleKey, 0, dataset.count);
    const trueIds = tokensOf(dataset, index);
    const positions = S < N ? permutation(foldIn(sampleKey, 5), N).subarray(0, S).sort() : whole;
    positions.forEach((position, s) => {
      ids[b * S + s] = trueIds[position]!;
      places[b * (S + 1) + 1 + s] = 1 + position;
    });
    const task = config.tasks[Math.floor((uniformAt(sampleKey, 4) / taskShare) * config.tasks.length)];
    const isDropped = config.classes === 0 || uniformAt(sampleKey, 1) < classDropout;
    classes[b] = task ? taskClass(config, task) : isDropped ? nullClass(config) : dataset.classIds[index]!;
    const known = task && tokensOf(dataset, index, task);
    const ratio = maskRatio({ kind: maskSchedule }, (image + uniformAt(sampleKey, 2)) / (B / copies), S);
    const order = permutation(foldIn(sampleKey, 3), S);
    const count = maskedCount(S, ratio);
    const masked = (b % copies === 0 ? order.subarray(0, count) : order.subarray(count)).sort();
    for (const s of masked) ids[b * S + s] = known ? known[positions[s]!]! : maskId(config);
    const inLoss = task ? positions.keys() : masked;
    for (const s of inLoss) {
      rows.push(b * (S + 1) + 1 + s);
      labels.push(trueIds[positions[s]!]!);
    }
  }
  const vector = (data: Int32Array): HostTensor => tensor("int32", [data.length], data);
  return {
    ids: tensor("int32", [B, S], ids),
    classes: vector(classes),
    rows: vector(Int32Array.from(rows)),
    labels: vector(Int32Array.from(labels)),
    ...(S < N && { places: tensor("int32", [B, S + 1], places) }),
  };
}
