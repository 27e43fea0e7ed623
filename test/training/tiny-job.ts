/** A job of the training loop that takes no time: a linear map fitted to noisy pairs. */
import { foldIn, type Key, normals } from "../../src/core/random.ts";
import { type HostTensor, tensor } from "../../src/core/tensor.ts";
import { add, Graph, linear, mean, multiply, square, subtract } from "../../src/graph/index.ts";
import { initialise, type ParameterSpec } from "../../src/models/parameters.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import type { HeldOut, Schedule, TrainingJob } from "../../src/training/loop.ts";
import { addTraining } from "../../src/training/optimiser.ts";
import { averageInputs, getState, putState, stateInputs } from "../../src/training/optimiser-state.ts";

export const tinySchedule: Schedule = {
  steps: 40,
  batchSize: 8,
  learningRate: 0.05,
  warmupSteps: 3,
  schedule: { kind: "cosine", finalFraction: 0 },
  betas: [0.9, 0.96],
  weightDecay: 0.01,
  clipNorm: 1,
  emaDecay: 0.9,
  checkpointEvery: 10,
  sampleEvery: 1000,
  logEvery: 4,
};

export interface TinyOptions extends Partial<Schedule> {
  /** Width of the outputs. */
  readonly width?: number;
  /** The step (from 1) whose batch holds a NaN. */
  readonly brokenStep?: number;
  /** Steps (from 0) after which the bias is moved by 1. */
  readonly changes?: (step: number) => boolean;
  /** After so many steps a second graph takes over, after as many the first again: twice the loss, told as `second`. */
  readonly turn?: number;
  /** The runner that holds it; where it is moved. */
  readonly runner?: Runner;
  /** Looks at data that it does not train on, so often and with so much patience. */
  readonly heldOut?: { readonly every: number; readonly patience: number };
  /** Called when the batch of a step is made. */
  readonly onBatch?: (step: number) => void;
}

const key: Key = [5, 6];
const inputs = 5;

/** Carries one number beside the weights, the sum of all losses, as a real job carries its codebook use. */
export function tinyJob({
  width = 3,
  brokenStep,
  changes,
  turn,
  runner,
  onBatch,
  heldOut,
  ...schedule
}: TinyOptions = {}): TrainingJob {
  const options = { ...tinySchedule, ...schedule };
  const specs: ParameterSpec[] = [
    { name: "map", shape: [width, inputs], init: { kind: "normal", std: 0.5 }, hasWeightDecay: true },
    { name: "bias", shape: [width], init: { kind: "constant", value: 0 }, hasWeightDecay: false },
  ];
  const [graph, second] = [1, 2].map((weight) => {
    const graph = new Graph("tiny.step");
    const weights = stateInputs(graph, specs);
    const x = graph.input("x", "float32", [options.batchSize, inputs]);
    const y = graph.input("y", "float32", [options.batchSize, width]);
    const error = mean(square(subtract(add(linear(x, weights.map!), weights.bias!), y)));
    const loss = weight === 1 ? error : multiply(error, weight);
    addTraining(graph, specs, loss, options);
    if (weight === 2) graph.output("second", error);
    return graph;
  }) as [Graph, Graph];
  let total = 0;
  return {
    name: "tiny",
    schedule: options,
    specs,
    graphAt: (step) => (turn !== undefined && Math.floor(step / turn) % 2 === 1 ? second : graph),
    outputs: ["second"],
    ...(heldOut && { heldOut: { ...heldOut, ...tinyHeldOut(specs) } }),
    initialise: async () => initialise(specs, foldIn(key, 0)),
    async batch(step) {
      onBatch?.(step);
      const own = foldIn(foldIn(key, 1), step);
      const data = normals(own, options.batchSize * inputs);
      if (step + 1 === brokenStep) data[0] = Number.NaN;
      const targets = normals(own, options.batchSize * width, 1000);
      const feeds: Record<string, HostTensor> = {
        x: tensor("float32", [options.batchSize, inputs], data),
        y: tensor("float32", [options.batchSize, width], targets),
      };
      return { feeds, multiplyAdds: 1000 };
    },
    changesState: (step) => changes?.(step) ?? false,
    async afterStep(step, outputs) {
      total += Number(outputs.loss!.data[0]);
      if (!changes?.(step)) return;
      const state = await getState(runner!, specs);
      (state["weight/bias"]!.data as Float32Array)[0]! += 1;
      await putState(runner!, specs, state);
    },
    // An infinity, as a PSNR can be: it must survive a stop between two logged lines.
    metrics: ({ second }) => ({
      total,
      endless: Number.POSITIVE_INFINITY,
      ...(second && { second: Number(second.data[0]) }),
    }),
    extra: {
      save: () => ({ total: tensor("float64", [1], Float64Array.of(total)) }),
      load(tensors) {
        total = Number(tensors.total!.data[0]);
      },
    },
  };
}

/** Pairs of inputs and targets, two batches of them, the second of three times the weight. */
export const heldOutPairs = [1, 3].map((weight) => ({
  weight,
  x: normals(foldIn(key, 2), inputs, 100 * weight),
  y: normals(foldIn(key, 3), 3, 100 * weight),
}));

/** The squared error of the heldOutPairs, by the weights that are looked at. */
function tinyHeldOut(specs: readonly ParameterSpec[]): Pick<HeldOut, "graph" | "batches"> {
  const graph = new Graph("tiny.heldOut");
  const weights = averageInputs(graph, specs);
  const x = graph.input("x", "float32", [1, inputs]);
  const y = graph.input("y", "float32", [1, 3]);
  graph.output("loss", mean(square(subtract(add(linear(x, weights.map!), weights.bias!), y))));
  const batches = heldOutPairs.map((pair) => ({
    weight: pair.weight,
    feeds: { x: tensor("float32", [1, inputs], pair.x), y: tensor("float32", [1, 3], pair.y) },
  }));
  return { graph, batches };
}
