/**
 * AdamW (Loshchilov & Hutter 2019) and Muon (Jordan et al. 2024) as graph nodes, with clipping by the global gradient
 * norm and an exponential moving average of the weights. One run of the graph reads the old state and writes the new.
 *
 * State tensors are named by what they are: `weight/NAME`, `first/NAME` and `second/NAME` (the gradient's moments),
 * `average/NAME` (the moving average).
 */
import type { HostTensor } from "../core/tensor.ts";
import { scalar, sizeOf, tensor } from "../core/tensor.ts";
import {
  add,
  divide,
  type Graph,
  gradients as gradientsOf,
  minimum,
  multiply,
  reshape,
  sqrt,
  square,
  subtract,
  sum,
  type Value,
} from "../graph/index.ts";
import type { ParameterSpec } from "../models/parameters.ts";
import type { Feed, Sink } from "../runtime/runner.ts";
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

/** Muon's decay of the first moment. */
const momentum = 0.95;

const kinds = ["weight", "first", "second", "average"] as const;

/** Names and shapes of all state tensors of `specs`. */
export function stateSpecs(
  specs: readonly ParameterSpec[],
): { readonly name: string; readonly shape: readonly number[] }[] {
  return kinds.flatMap((kind) => specs.map(({ name, shape }) => ({ name: `${kind}/${name}`, shape })));
}

/** The names of all state tensors of `specs`. */
export function stateNames(specs: readonly ParameterSpec[]): string[] {
  return stateSpecs(specs).map(({ name }) => name);
}

/** Feeds that read the state from the runner's store. */
export function stateFeeds(specs: readonly ParameterSpec[]): Record<string, Feed> {
  return Object.fromEntries(stateNames(specs).map((name) => [name, { stored: name }]));
}

/** Sinks that put the new state where the old one stood. */
export function stateSinks(specs: readonly ParameterSpec[]): Record<string, Sink> {
  return Object.fromEntries(stateNames(specs).map((name) => [`next/${name}`, { store: name }]));
}

/** Fresh state: moments at zero, the average at the weights. */
export function initialState(
  weights: Readonly<Record<string, HostTensor<"float32">>>,
): Record<string, HostTensor> {
  const state: Record<string, HostTensor> = {};
  for (const [name, weight] of Object.entries(weights)) {
    const zeros = (): HostTensor => tensor("float32", weight.dims, new Float32Array(weight.data.length));
    state[`weight/${name}`] = weight;
    state[`first/${name}`] = zeros();
    state[`second/${name}`] = zeros();
    state[`average/${name}`] = tensor("float32", weight.dims, weight.data.slice());
  }
  return state;
}

/** The state tensor that holds a parameter's moving average. */
export const averageName = (name: string): string => `average/${name}`;

/** The moving averages out of a full state, under the parameters' own names: what is sampled and shipped. */
export function averagedWeights(
  state: Readonly<Record<string, HostTensor>>,
): Record<string, HostTensor<"float32">> {
  const prefix = "average/";
  const entries = Object.entries(state).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(
    entries.map(([name, value]) => [name.slice(prefix.length), value as HostTensor<"float32">]),
  );
}

/** Declares the state as graph inputs; returns the weights under the parameters' own names. */
export function stateInputs(graph: Graph, specs: readonly ParameterSpec[]): Record<string, Value> {
  const weights: Record<string, Value> = {};
  for (const kind of kinds) {
    for (const { name, shape } of specs) {
      const input = graph.input(`${kind}/${name}`, "float32", shape);
      if (kind === "weight") weights[name] = input;
    }
  }
  return weights;
}

/**
 * Adds one step to the graph: declares the scalars of {@link optimiserFeeds} as inputs and the new state as
 * outputs `next/STATE` (a graph's names are unique, inputs and outputs together); {@link stateSinks} sends them home.
 *
 * @param gradients  one per spec, in order
 * @returns the global gradient norm before clipping, a scalar
 */
export function addOptimiser(
  graph: Graph,
  specs: readonly ParameterSpec[],
  gradients: readonly Value[],
  options: OptimiserOptions,
): Value {
  const rate = graph.input("learningRate", "float32", []);
  const firstCorrection = graph.input("firstCorrection", "float32", []);
  const secondCorrection = graph.input("secondCorrection", "float32", []);
  const averaging = graph.input("averaging", "float32", []);
  const [beta1, beta2] = options.betas;
  const squares = gradients.map((gradient) => sum(square(gradient)));
  const norm = sqrt(squares.reduce((total, part) => add(total, part)));
  const scale =
    options.clipNorm === null
      ? null
      : minimum(divide(graph.scalar("float32", options.clipNorm), add(norm, 1e-12)), 1);
  const input = (kind: (typeof kinds)[number], name: string): Value => graph.inputs.get(`${kind}/${name}`)!;
  const adamStep = ({
    gradient,
    ...moments
  }: Moments & { gradient: Value }): Moments & { direction: Value } => {
    const first = add(multiply(moments.first, beta1), multiply(gradient, 1 - beta1));
    const second = add(multiply(moments.second, beta2), multiply(square(gradient), 1 - beta2));
    const spread = add(sqrt(multiply(second, secondCorrection)), 1e-8);
    return { direction: divide(multiply(first, firstCorrection), spread), first, second };
  };
  specs.forEach(({ name, shape, hasWeightDecay, isHidden }, i) => {
    const weight = input("weight", name);
    const gradient = scale ? multiply(gradients[i]!, scale) : gradients[i]!;
    const state = { gradient, first: input("first", name), second: input("second", name) };
    const { direction, first, second } =
      isHidden && options.optimiser === "muon" ? muonStep(state, shape) : adamStep(state);
    const decayed =
      hasWeightDecay && options.weightDecay > 0
        ? add(direction, multiply(weight, options.weightDecay))
        : direction;
    const updated = subtract(weight, multiply(decayed, rate));
    const average = input("average", name);
    graph.output(`next/weight/${name}`, updated);
    graph.output(`next/first/${name}`, first);
    graph.output(`next/second/${name}`, second);
    graph.output(`next/average/${name}`, add(average, multiply(subtract(updated, average), averaging)));
  });
  return norm;
}

interface Moments {
  readonly first: Value;
  readonly second: Value;
}

/**
 * Muon with Nesterov's momentum. Its directions are scaled to the root mean square of AdamW's, about 0.2, so that one
 * learning rate and one weight decay serve all parameters (Liu et al. 2025). The second moment stays as it is: 0.
 */
function muonStep(
  { gradient, ...moments }: Moments & { readonly gradient: Value },
  shape: readonly number[],
): Moments & { direction: Value } {
  const move = (from: Value): Value => add(multiply(from, momentum), multiply(gradient, 1 - momentum));
  const first = move(moments.first);
  // A kernel [O, C, ...extent] is a matrix of all that one output channel sees.
  const matrix = [shape[0]!, sizeOf(shape.slice(1))];
  const orthogonal = reshape(orthogonalise(reshape(move(first), matrix)), shape);
  const direction = multiply(orthogonal, 0.2 * Math.sqrt(Math.max(...matrix)));
  return { direction, first, second: moments.second };
}

/**
 * The end of every step graph: the gradients of `loss`, one step of {@link addOptimiser}, and the outputs
 * `gradientNorm` (before clipping) and `loss`. The weights are those of {@link stateInputs}.
 *
 * @param loss  a scalar
 */
export function addTraining(
  graph: Graph,
  specs: readonly ParameterSpec[],
  loss: Value,
  options: OptimiserOptions,
): void {
  const weights = specs.map(({ name }) => graph.inputs.get(`weight/${name}`)!);
  graph.output("gradientNorm", addOptimiser(graph, specs, gradientsOf(loss, weights), options));
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
): Record<string, HostTensor> {
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
