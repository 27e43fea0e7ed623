/** What the classifier brings to the training loop: its step graph and its batches. */
import { foldIn, type Key, normals, uniforms } from "../../core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../../core/tensor.ts";
import { classOf, type ImageSource } from "../../data/source.ts";
import { randomBatch } from "../../data/views.ts";
import {
  add,
  argMax,
  averagePool,
  cast,
  countMultiplyAdds,
  crossEntropy,
  equal,
  Graph,
  mean,
  multiply,
  oneHot,
  reshape,
  subtract,
  upsample,
  type Value,
} from "../../graph/index.ts";
import { initialise } from "../../models/parameters.ts";
import { pixelSpace } from "../../models/tokenizer/config.ts";
import type { Schedule, TrainingJob } from "../../training/loop.ts";
import { addTraining, type OptimiserOptions } from "../../training/optimiser.ts";
import { stateInputs } from "../../training/optimiser-state.ts";
import { type ClassifierConfig, classifierParameters, classify } from "./classifier.ts";

/** How much of each target is spread evenly over the classes. */
const smoothing = 0.05;

/**
 * How far an image is degraded: each loses a random share of what blocks of 4 pixels (and 2 frames) do not tell, at
 * most `detail`, and blocks of 8 are lighter or darker in each colour, by a normal number times at most `spread`.
 */
const degradation = { detail: { block: 4, most: 0.7 }, shade: { block: 8, spread: 0.08 } };

/** Extents of blocks of so many pixels, and of two frames, as far as they divide the axes. */
function blockExtent(config: ClassifierConfig, pixels: number): number[] {
  const divisor = (extent: number, most: number): number =>
    extent % most === 0 ? most : divisor(extent, most / 2);
  return pixelSpace(config).map((extent, axis, { length }) =>
    divisor(extent, axis === length - 3 ? 2 : pixels),
  );
}

/** Pixels as a generator with few codes might have made them; inputs `lost` [B] and `shades` [B, 3, ...blocks]. */
export function degraded(graph: Graph, pixels: Value, config: ClassifierConfig): Value {
  const batch = pixels.dim(0);
  const [small, large] = [degradation.detail.block, degradation.shade.block].map((side) =>
    blockExtent(config, side),
  ) as [number[], number[]];
  const blocks = pixelSpace(config).map((extent, axis) => extent / large[axis]!);
  const lost = reshape(graph.input("lost", "float32", [batch]), [batch, 1, ...blocks.map(() => 1)]);
  const shades = graph.input("shades", "float32", [batch, 3, ...blocks]);
  const coarse = upsample(averagePool(pixels, small), small);
  return add(add(pixels, multiply(subtract(coarse, pixels), lost)), upsample(shades, large));
}

/** What {@link degraded} takes, drawn for each of B images. */
export function drawDegradation(
  config: ClassifierConfig,
  batch: number,
  key: Key,
): Record<string, HostTensor> {
  const { detail, shade } = degradation;
  const large = blockExtent(config, shade.block);
  const dims = [batch, 3, ...pixelSpace(config).map((extent, axis) => extent / large[axis]!)];
  const draws = uniforms(foldIn(key, 0), 2 * batch);
  const shades = normals(foldIn(key, 1), sizeOf(dims));
  const perImage = shades.length / batch;
  return {
    lost: tensor(
      "float32",
      [batch],
      Float32Array.from({ length: batch }, (_, i) => draws[i]! * detail.most),
    ),
    shades: tensor(
      "float32",
      dims,
      shades.map((value, i) => value * shade.spread * draws[batch + Math.floor(i / perImage)]!),
    ),
  };
}

/**
 * Inputs: the optimiser's state and scalars, `pixels` [B, 3, ...space], `classIds` [B] int32, and where images are
 * degraded what {@link degraded} takes. Outputs: the new state, `loss` (smoothed cross-entropy), `gradientNorm`, and
 * `accuracy`, the share of the batch that is right.
 */
export function classifierStepGraph(
  config: ClassifierConfig,
  batchSize: number,
  optimiser: OptimiserOptions,
  isDegraded = false,
): Graph {
  const graph = new Graph("classifier.step");
  const specs = classifierParameters(config);
  const weights = stateInputs(graph, specs);
  const pixels = graph.input("pixels", "float32", [batchSize, 3, ...pixelSpace(config)]);
  const classIds = graph.input("classIds", "int32", [batchSize]);
  const seen = isDegraded ? degraded(graph, pixels, config) : pixels;
  const { logits } = classify(seen, weights, config, "unfolded");
  const targets = add(multiply(oneHot(classIds, config.classes), 1 - smoothing), smoothing / config.classes);
  const loss = mean(crossEntropy(logits, targets));
  addTraining(graph, specs, loss, optimiser);
  graph.output("accuracy", mean(cast(equal(argMax(logits, 1), classIds), "float32")));
  return graph;
}

export interface ClassifierJobOptions {
  readonly config: ClassifierConfig;
  readonly schedule: Schedule;
  readonly source: ImageSource;
  /** Images 0..count-1 of the source train. */
  readonly count: number;
  /** Whether half of the images of every batch are turned left to right. */
  readonly randomFlip: boolean;
  /** Whole pixels by which images are moved at most. */
  readonly shift: number;
  /** Whether images lose detail and get blocks of other shades, so that the classifier learns to look past such. */
  readonly isDegraded: boolean;
  readonly key: Key;
}

/** Every batch is drawn at random. */
export function classifierJob(options: ClassifierJobOptions): TrainingJob {
  const { config, schedule, source, count, randomFlip, shift, isDegraded, key } = options;
  const specs = classifierParameters(config);
  const graph = classifierStepGraph(config, schedule.batchSize, schedule, isDegraded);
  const multiplyAdds = countMultiplyAdds(graph);
  const [weightsKey, batchKey, degradationKey] = [foldIn(key, 0), foldIn(key, 1), foldIn(key, 2)];
  return {
    name: "classifier",
    schedule,
    specs,
    graphAt: () => graph,
    outputs: ["accuracy"],
    initialise: async () => initialise(specs, weightsKey),
    async batch(step) {
      const { pixels, images } = await randomBatch(source, {
        count,
        size: schedule.batchSize,
        randomFlip,
        shift,
        key: foldIn(batchKey, step),
      });
      const classIds = tensor("int32", [images.length], Int32Array.from(images, classOf));
      const draws = isDegraded
        ? drawDegradation(config, schedule.batchSize, foldIn(degradationKey, step))
        : {};
      return { feeds: { pixels, classIds, ...draws }, multiplyAdds };
    },
    metrics: (outputs) => ({ accuracy: Number(outputs.accuracy!.data[0]) }),
  };
}
