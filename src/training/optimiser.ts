/**
 * AdamW (Loshchilov & Hutter 2019) and Muon (Jordan et al. 2024) as graph nodes, with clipping by the global gradient
 * norm and an exponential moving average of the weights. One run of the graph reads the old state and writes the new
 * (optimiser-state.ts).
 */
import { type HostTensor, scalar } from "../core/tensor.ts";
import {
  absolute,
  add,
  divide,
  type Graph,
  gradients as gradientsOf,
  greater,
  minimum,
  multiply,
  reshape,
  sqrt,
  square,
  subtract,
  sumOfSquares,
  type Value,
  where,
} from "../graph/index.ts";
import type { ParameterSpec } from "../models/parameters.ts";
import { type StateKind, soundName, stateTables } from "./optimiser-state.ts";
import { orthogonalise } from "./orthogonalise.ts";

export interface OptimiserOptions {
  /** Decay rates of the first and second moment. */
  readonly betas: readonly [number, number];
  /** Decoupled weight decay, multiplied by the learning rate; for parameters whose spec says so. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global norm; null = never. */
  readonly clipNorm: number | null;
  /** Decay of the moving average of the weights. */
  readonly emaDecay: number;
  /** Muon moves hidden matrices by orthogonal directions (Jordan et al. 2024), and all else as AdamW does. */
  readonly optimiser?: "adamw" | "muon";
}

/** The optimiser's inputs that change from step to step. */
const optimiserScalars = ["learningRate", "firstCorrection", "secondCorrection", "averaging"] as const;

/** Muon's decay of the first moment. */
const momentum = 0.95;

/** What a loss and a gradient norm together stay below, unless something is or will be infinite. */
const largest = 1e38;

/** Whether a step of this loss and gradient norm changed the state: whether both were finite. */
export const isSoundStep = (loss: number, norm: number): boolean => Math.abs(loss) + norm < largest;

/**
 * Adds one step to the graph: declares the scalars of {@link optimiserFeeds} as inputs and the new state as
 * outputs `next/STATE` (a graph's names are unique, inputs and outputs together); `stateSinks` sends them home.
 *
 * A step whose loss or gradient is not finite changes nothing, and nor does any after it in the same run: the state
 * carries a number that says so (`soundName`).
 *
 * @param loss       a scalar
 * @param gradients  one per table of `stateTables`, in order
 * @returns the global gradient norm before clipping, a scalar
 */
export function addOptimiser(
  graph: Graph,
  specs: readonly ParameterSpec[],
  { loss, gradients }: { readonly loss: Value; readonly gradients: readonly Value[] },
  options: OptimiserOptions,
): Value {
  const [rate, firstCorrection, secondCorrection, averaging] = optimiserScalars.map((name) =>
    graph.input(name, "float32", []),
  ) as [Value, Value, Value, Value];
  const norm = sqrt(gradients.map(sumOfSquares).reduce(add));
  const clip =
    options.clipNorm === null
      ? graph.scalar("float32", 1)
      : minimum(divide(graph.scalar("float32", options.clipNorm), add(norm, 1e-12)), 1);

  // A NaN is not below anything; nor is anything below the bound after an unsound step, since it is 0.
  const isSound = greater(multiply(graph.inputs.get(soundName)!, largest), add(absolute(loss), norm));
  const ifSound = (value: Value | number, otherwise: number): Value =>
    where(isSound, typeof value === "number" ? graph.scalar("float32", value) : value, otherwise);
  graph.output(`next/${soundName}`, ifSound(1, 0));

  // What scales whole tensors is multiplied together first, as scalars. AdamW's direction is
  // (m / c1) / (sqrt(v / c2) + 1e-8), its corrections fed as 1/c1 and 1/c2; it is computed as m / (sqrt(v) + 1e-8
  // sqrt(c2)), times sqrt(c2) / c1, which goes into the rate.
  const [beta1, beta2] = options.betas;
  const spreadCorrection = sqrt(secondCorrection);
  const adam = {
    beta1: ifSound(beta1, 1),
    beta2: ifSound(beta2, 1),
    first: ifSound(multiply(clip, 1 - beta1), 0),
    second: ifSound(multiply(square(clip), 1 - beta2), 0),
    epsilon: divide(1e-8, spreadCorrection),
    rate: ifSound(multiply(rate, divide(firstCorrection, spreadCorrection)), 0),
  };
  const adamStep = ({ gradient, ...moments }: Moments & { readonly gradient: Value }): Step => {
    const first = add(multiply(moments.first, adam.beta1), multiply(gradient, adam.first));
    const second = add(multiply(moments.second, adam.beta2), multiply(square(gradient), adam.second));
    return { move: multiply(divide(first, add(sqrt(second), adam.epsilon)), adam.rate), first, second };
  };
  const muon = {
    momentum: ifSound(momentum, 1),
    news: ifSound(multiply(clip, 1 - momentum), 0),
    rate: ifSound(rate, 0),
  };
  const kept = ifSound(subtract(1, multiply(rate, options.weightDecay)), 1);
  const share = ifSound(averaging, 0);

  stateTables(specs).forEach((table, i) => {
    const input = (kind: StateKind): Value => graph.inputs.get(`${kind}/${table.name}`)!;
    const gradient = where(isSound, gradients[i]!, 0);
    const moments = { gradient, first: input("first"), second: input("second") };
    const isMuon = table.matrices !== null && options.optimiser === "muon";
    const { move, first, second } = isMuon ? muonStep(moments, muon, table.matrices) : adamStep(moments);
    const decays = table.hasWeightDecay && options.weightDecay > 0;
    const weight = decays ? multiply(input("weight"), kept) : input("weight");
    const updated = subtract(weight, move);
    const average = input("average");
    graph.output(`next/weight/${table.name}`, updated);
    graph.output(`next/first/${table.name}`, first);
    graph.output(`next/second/${table.name}`, second);
    graph.output(`next/average/${table.name}`, add(average, multiply(subtract(updated, average), share)));
  });
  return norm;
}

interface Moments {
  readonly first: Value;
  readonly second: Value;
}

/** The new moments, and what is taken from the weights. */
interface Step extends Moments {
  readonly move: Value;
}

/**
 * Muon with Nesterov's momentum. Its directions are scaled to the root mean square of AdamW's, about 0.2, so that one
 * learning rate and one weight decay serve all parameters (Liu et al. 2025). The second moment stays as it is: 0.
 *
 * @param by        the momentum, what a gradient is scaled by before it is added, and the learning rate
 * @param matrices  [n, M, N]: the table as matrices
 */
function muonStep(
  { gradient, ...moments }: Moments & { readonly gradient: Value },
  by: { readonly momentum: Value; readonly news: Value; readonly rate: Value },
  matrices: readonly [number, number, number],
): Step {
  const news = multiply(gradient, by.news);
  const first = add(multiply(moments.first, by.momentum), news);
  const ahead = add(multiply(first, by.momentum), news);
  const orthogonal = reshape(orthogonalise(reshape(ahead, matrices)), gradient.shape);
  const scale = 0.2 * Math.sqrt(Math.max(matrices[1], matrices[2]));
  return { move: multiply(orthogonal, multiply(by.rate, scale)), first, second: moments.second };
}

/**
 * The end of every step graph: the gradients of `loss`, one step of {@link addOptimiser}, and the outputs
 * `gradientNorm` (before clipping) and `loss`. The weights are those of `stateInputs`.
 *
 * @param loss  a scalar
 */
export function addTraining(
  graph: Graph,
  specs: readonly ParameterSpec[],
  loss: Value,
  options: OptimiserOptions,
): void {
  const weights = stateTables(specs).map(({ name }) => graph.inputs.get(`weight/${name}`)!);
  const gradients = gradientsOf(loss, weights);
  graph.output("gradientNorm", addOptimiser(graph, specs, { loss, gradients }, options));
  graph.output("loss", loss);
}

/**
 * The optimiser's scalars of one step.
 *
 * @param step  0-based
 */
export function optimiserFeeds(
  step: number,
  learningRate: number,
  options: OptimiserOptions,
): Record<(typeof optimiserScalars)[number], HostTensor> {
  const [beta1, beta2] = options.betas;
  // A young average forgets its start sooner: the usual ramp (1 + t) / (10 + t).
  const decay = Math.min(options.emaDecay, (1 + step) / (10 + step));
  return {
    learningRate: scalar(learningRate),
    firstCorrection: scalar(1 / (1 - beta1 ** (step + 1))),
    secondCorrection: scalar(1 / (1 - beta2 ** (step + 1))),
    averaging: scalar(1 - decay),
  };
}

/**
 * Linear warm-up, the full rate at its last step, then a cosine that would reach `finalFraction` of the full rate one
 * step after the last.
 *
 * @param step  0-based, below `total`
 */
export function learningRateAt(
  step: number,
  total: number,
  options: { readonly learningRate: number; readonly warmupSteps: number; readonly finalFraction: number },
): number {
  const { learningRate, warmupSteps, finalFraction } = options;
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  const progress = (step - warmupSteps) / Math.max(1, total - warmupSteps);
  return learningRate * (finalFraction + (1 - finalFraction) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
