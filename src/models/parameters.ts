/**
 * Named parameters of a model: what they are called in files, their shapes, how they start, and how the optimiser
 * treats them. Architectures list them; everything else (initialising, checking files, feeding graphs) reads the list.
 */
import { foldIn, type Key, normals } from "../core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";
import type { Graph, GraphDType, Value } from "../graph/index.ts";

/**
 * How a parameter starts: constants, a normal distribution cut off at two standard deviations, or sinusoids over the
 * places of a grid (see {@link sinusoids}).
 */
export type Initialiser =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "sinusoidal"; readonly std: number; readonly grid: readonly number[] };

export interface ParameterSpec {
  /** Dotted lower-case name, as safetensors files carry it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Initialiser;
  /** Whether weight decay applies: matrices and kernels only. */
  readonly hasWeightDecay: boolean;
  /** A matrix from one hidden layer to the next: what Muon steps by directions, not by elements. Default false. */
  readonly isHidden?: boolean;
  /**
   * Parameters of one stack have one shape and are treated alike: training holds and steps them as one tensor
   * [members, ...shape], in the order of the list. Files know nothing of it.
   */
  readonly stack?: string;
}

/** A parameter by itself, or all those of one stack: what a training graph has as one value. */
export interface ParameterStack {
  /** The stack's name, or the lone parameter's. */
  readonly name: string;
  /** [members, ...shape] of a stack, the shape of a lone parameter. */
  readonly shape: readonly number[];
  readonly members: readonly ParameterSpec[];
}

/** Parameters by stacks, each where its first member stands in the list. */
export function parameterStacks(specs: readonly ParameterSpec[]): ParameterStack[] {
  const members = new Map<string, ParameterSpec[]>();
  for (const spec of specs) {
    const name = spec.stack ?? spec.name;
    members.set(name, [...(members.get(name) ?? []), spec]);
  }
  return [...members].map(([name, list]) => {
    const { shape, stack } = list[0]!;
    return { name, members: list, shape: stack === undefined ? shape : [list.length, ...shape] };
  });
}

/** Starting values of every parameter, a pure function of the key. */
export function initialise(specs: readonly ParameterSpec[], key: Key): Record<string, HostTensor<"float32">> {
  return Object.fromEntries(
    specs.map(({ name, shape, init }, i) => {
      const size = sizeOf(shape);
      if (init.kind === "constant") {
        return [name, tensor("float32", shape, new Float32Array(size).fill(init.value))];
      }
      if (init.kind === "sinusoidal") return [name, tensor("float32", shape, sinusoids(shape, init))];
      const values = normals(foldIn(key, i), size);
      for (let j = 0; j < size; j++) values[j] = Math.max(-2, Math.min(2, values[j]!)) * init.std;
      return [name, tensor("float32", shape, values)];
    }),
  );
}

/**
 * A table [1 + places, width] that tells each place of a grid by sines and cosines along every axis (Vaswani et al.
 * 2017), so that neighbours are alike before anything is learned: from half a period over the axis to one that turns from
 * place to place. Each axis has as many columns; the first row, which is no place, and columns left over are 0.
 */
function sinusoids(
  [rows, width]: readonly number[],
  { std, grid }: Extract<Initialiser, { kind: "sinusoidal" }>,
): Float32Array {
  const values = new Float32Array(rows! * width!);
  const pairs = Math.floor(width! / grid.length / 2);
  for (let place = 0; place < sizeOf(grid); place++) {
    for (const [axis, extent] of grid.entries()) {
      const at = Math.floor(place / sizeOf(grid.slice(axis + 1))) % extent;
      for (let pair = 0; pair < pairs; pair++) {
        const angle = at * Math.PI * extent ** (-pair / Math.max(1, pairs - 1));
        const column = (1 + place) * width! + 2 * (axis * pairs + pair);
        values[column] = std * Math.SQRT2 * Math.sin(angle);
        values[column + 1] = std * Math.SQRT2 * Math.cos(angle);
      }
    }
  }
  return values;
}

/** Declares every parameter as a graph input of its own name. Models compute in float32; float64 is for tests. */
export function parameterInputs(
  graph: Graph,
  specs: readonly ParameterSpec[],
  dtype: GraphDType = "float32",
): Record<string, Value> {
  return Object.fromEntries(specs.map(({ name, shape }) => [name, graph.input(name, dtype, shape)]));
}

/** The number of parameters. */
export function countParameters(specs: readonly ParameterSpec[]): number {
  return specs.reduce((total, { shape }) => total + sizeOf(shape), 0);
}
