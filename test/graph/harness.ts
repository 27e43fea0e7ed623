/** Runs small graphs for the tests of the graph room, and compares gradients with central differences. */
import { type ArrayOf, type HostTensor, sizeOf, tensor } from "../../src/core/tensor.ts";
import { evaluateDim } from "../../src/graph/dim.ts";
import {
  encode,
  Graph,
  type GraphDType,
  gradients,
  multiply,
  type Shape,
  sum,
  type Value,
} from "../../src/graph/index.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Program, Runner } from "../../src/runtime/runner.ts";

let opening: Promise<Runner> | undefined;

async function load(graph: Graph): Promise<{ runner: Runner; program: Program }> {
  opening ??= createNodeRunner({ inProcess: true, threads: 2, allowSpinning: false });
  const runner = await opening;
  return { runner, program: await runner.load(encode(graph)) };
}

/** Every output of the graph, on the host. */
export async function evaluate(
  graph: Graph,
  feeds: Readonly<Record<string, HostTensor>> = {},
): Promise<Record<string, HostTensor>> {
  const { runner, program } = await load(graph);
  const wanted = Object.fromEntries([...graph.outputs.keys()].map((name) => [name, "host" as const]));
  const results = await runner.run(program, feeds, wanted);
  await runner.unload(program);
  return results;
}

/** Numbers in (-1, 1) that look random, the same for the same seed. */
export function noise(size: number, seed = 1): number[] {
  return Array.from({ length: size }, (_, i) => {
    const x = Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (x - Math.floor(x)) - 1;
  });
}

export const float64 = (dims: readonly number[], values: readonly number[]) =>
  tensor("float64", dims, Float64Array.from(values));
export const float32 = (dims: readonly number[], values: readonly number[]) =>
  tensor("float32", dims, Float32Array.from(values));
export const int32 = (dims: readonly number[], values: readonly number[]) =>
  tensor("int32", dims, Int32Array.from(values));
export const int64 = (dims: readonly number[], values: readonly number[]) =>
  tensor(
    "int64",
    dims,
    BigInt64Array.from(values, (value) => BigInt(value)),
  );

/** The numbers of a tensor as a plain array. */
export function numbers(given: HostTensor | undefined): number[] {
  return Array.from(given!.data as ArrayOf["float32"], Number);
}

/** One operation on float64 inputs. */
export interface Case {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Shape>>;
  readonly build: (inputs: Record<string, Value>, graph: Graph) => Value;
  /** Values of the symbols in the inputs' shapes. */
  readonly bindings?: Readonly<Record<string, number>>;
  /** Numbers to take instead of noise in (-1.5, 1.5). */
  readonly values?: Readonly<Record<string, readonly number[]>>;
  /** Inputs of another type, with what they are fed; they have no gradient. */
  readonly indices?: Readonly<Record<string, { dtype: GraphDType; shape: Shape; data: HostTensor }>>;
  /** The gradient is zero by definition. */
  readonly isZero?: boolean;
}

/**
 * The gradient of a weighted sum of the operation's result by each input, as the graph computes it and by central
 * differences: the largest difference relative to 1 + |difference quotient|. Throws when an input has no influence
 * on the result (the comparison would say nothing) unless `isZero`.
 */
export async function gradientError(given: Case): Promise<number> {
  const { bindings = {}, indices = {} } = given;
  const graph = new Graph(given.name);
  const inputs: Record<string, Value> = {};
  const feeds: Record<string, HostTensor> = {};
  const dimsOf = (shape: Shape): number[] => shape.map((dim) => evaluateDim(dim, bindings));
  for (const [name, shape] of Object.entries(given.inputs)) {
    inputs[name] = graph.input(name, "float64", shape);
    const dims = dimsOf(shape);
    const values =
      given.values?.[name] ?? noise(sizeOf(dims), name.length + name.charCodeAt(0)).map((x) => 1.5 * x);
    feeds[name] = float64(dims, values);
  }
  const variables = Object.values(inputs);
  for (const [name, { dtype, shape, data }] of Object.entries(indices)) {
    inputs[name] = graph.input(name, dtype, shape);
    feeds[name] = data;
  }
  const y = given.build(inputs, graph);
  const weights = graph.input("weights", y.dtype, y.shape);
  feeds.weights = float64(dimsOf(y.shape), noise(sizeOf(dimsOf(y.shape)), 99));
  const loss = sum(multiply(y, weights));
  graph.output("loss", loss);
  gradients(loss, variables).forEach((gradient, i) => {
    graph.output(`gradient of ${variables[i]!.name}`, gradient);
  });

  const { runner, program } = await load(graph);
  const lossNow = async (): Promise<number> =>
    numbers((await runner.run(program, feeds, { loss: "host" })).loss)[0]!;
  let worst = 0;
  for (const { name } of variables) {
    const output = `gradient of ${name}`;
    const found = (await runner.run(program, feeds, { [output]: "host" }))[output]!;
    const fed = feeds[name]!.data as Float64Array;
    if (String(found.dims) !== String(feeds[name]!.dims)) throw new Error(`${output} is [${found.dims}]`);
    let largest = 0;
    for (let i = 0; i < fed.length; i++) {
      const at = fed[i]!;
      const h = 1e-5;
      fed[i] = at + h;
      const above = await lossNow();
      fed[i] = at - h;
      const below = await lossNow();
      fed[i] = at;
      const slope = (above - below) / (2 * h);
      largest = Math.max(largest, Math.abs(slope));
      const error = Math.abs(slope - (found.data[i] as number)) / (1 + Math.abs(slope));
      worst = Number.isNaN(error) ? Number.NaN : Math.max(worst, error);
    }
    if (largest < 1e-3 && !given.isZero) throw new Error(`${given.name}: "${name}" has no influence`);
  }
  await runner.unload(program);
  return worst;
}
