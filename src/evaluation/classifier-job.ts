/** What the classifier brings to the training loop: its step graph and its batches. */
import { foldIn, integerAt, type Key } from "../core/random.ts";
import { tensor } from "../core/tensor.ts";
import { mirror, type PictureSource, toPlanes } from "../data/source.ts";
import {
  add,
  argMax,
  cast,
  countMultiplyAdds,
  crossEntropy,
  equal,
  Graph,
  mean,
  multiply,
  oneHot,
} from "../graph/index.ts";
import { initialise } from "../models/parameters.ts";
import { pixelSpace } from "../models/tokenizer/config.ts";
import type { Schedule, TrainingJob } from "../training/loop.ts";
import { addTraining, type OptimiserOptions, stateInputs } from "../training/optimiser.ts";
import { type ClassifierConfig, classifierParameters, classify } from "./classifier.ts";

/** How much of each target is spread evenly over the classes. */
const smoothing = 0.05;

/**
 * Inputs: the optimiser's state and scalars, `pixels` [B, 3, ...space], `labels` [B] int32. Outputs: the new state,
 * `loss` (smoothed cross-entropy), `gradientNorm`, and `accuracy`, the share of the batch that is right.
 */
export function classifierStepGraph(
  config: ClassifierConfig,
  batchSize: number,
  optimiser: OptimiserOptions,
): Graph {
  const graph = new Graph("classifier.step");
  const specs = classifierParameters(config);
  const weights = stateInputs(graph, specs);
  const pixels = graph.input("pixels", "float32", [batchSize, 3, ...pixelSpace(config)]);
  const labels = graph.input("labels", "int32", [batchSize]);
  const { logits } = classify(pixels, weights, config, "unfolded");
  const targets = add(multiply(oneHot(labels, config.classes), 1 - smoothing), smoothing / config.classes);
  const loss = mean(crossEntropy(logits, targets));
  addTraining(graph, specs, loss, optimiser);
  graph.output("accuracy", mean(cast(equal(argMax(logits, 1), labels), "float32")));
  return graph;
}

export interface ClassifierJobOptions {
  readonly config: ClassifierConfig;
  readonly schedule: Schedule;
  readonly source: PictureSource;
  /** Pictures 0..count-1 of the source train. */
  readonly count: number;
  /** Whether half of the pictures of every batch are turned left to right. */
  readonly isMirrored: boolean;
  readonly key: Key;
}

/** Every batch is drawn at random. */
export function classifierJob(options: ClassifierJobOptions): TrainingJob {
  const { config, schedule, source, count, isMirrored, key } = options;
  const specs = classifierParameters(config);
  const graph = classifierStepGraph(config, schedule.batchSize, schedule);
  const multiplyAdds = countMultiplyAdds(graph);
  const [weightsKey, batchKey] = [foldIn(key, 0), foldIn(key, 1)];
  return {
    name: "classifier",
    schedule,
    specs,
    graph,
    outputs: ["accuracy"],
    initialise: async () => initialise(specs, weightsKey),
    async batch(step) {
      const stepKey = foldIn(batchKey, step);
      const places = Array.from({ length: schedule.batchSize }, (_, i) => i);
      const pictures = await Promise.all(places.map((i) => source.read(integerAt(stepKey, 2 * i, count))));
      const pixels = toPlanes(pictures);
      const turned = isMirrored ? places.filter((i) => integerAt(stepKey, 2 * i + 1, 2) === 1) : [];
      for (const i of turned) mirror(pixels, i);
      const labels = tensor(
        "int32",
        [pictures.length],
        Int32Array.from(pictures, ({ label }) => label),
      );
      return { feeds: { pixels, labels }, multiplyAdds };
    },
    metrics: (outputs) => ({ accuracy: Number(outputs.accuracy!.data[0]) }),
  };
}
