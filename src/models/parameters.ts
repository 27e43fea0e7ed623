/**
 * Named parameters of a model: what they are called in files, their shapes, how they start, and how the optimiser
 * treats them. Architectures list them; everything else (initialising, checking files, feeding graphs) reads the list.
 */
import { foldIn, type Key, normals } from "../core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";
import type { Graph, GraphDType, Value } from "../graph/index.ts";

/** How a parameter starts: constants, or a normal distribution cut off at two standard deviations. */
export type Initialiser =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number };

export interface ParameterSpec {
  /** Dotted lower-case name, as safetensors files carry it. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Initialiser;
  /** Whether weight decay applies: matrices and kernels only. */
  readonly isDecayed: boolean;
}

/** Starting values of every parameter, a pure function of the key. */
export function initialise(specs: readonly ParameterSpec[], key: Key): Record<string, HostTensor<"float32">> {
  return Object.fromEntries(
    specs.map(({ name, shape, init }, i) => {
      const size = sizeOf(shape);
      if (init.kind === "constant") {
        return [name, tensor("float32", shape, new Float32Array(size).fill(init.value))];
      }
      const values = normals(foldIn(key, i), size);
      for (let j = 0; j < size; j++) values[j] = Math.max(-2, Math.min(2, values[j]!)) * init.std;
      return [name, tensor("float32", shape, values)];
    }),
  );
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
