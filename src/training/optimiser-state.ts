/**
 * The optimiser's state. Its tensors are named by what they are: `weight/NAME`, `first/NAME` and `second/NAME` (the
 * gradient's moments), `average/NAME` (the moving average).
 *
 * In files NAME is a parameter. In the runner it is a table: all parameters of a stack (`ParameterSpec.stack`), all
 * vectors, or a parameter that is in neither. A table is one tensor, so that a step is a few large operations instead
 * of many small ones.
 */
import { type HostTensor, scalar, sizeOf, tensor } from "../core/tensor.ts";
import { type Graph, reshape, split, type Value } from "../graph/index.ts";
import { type ParameterSpec, type ParameterStack, parameterStacks } from "../models/parameters.ts";
import type { Feed, Runner, Sink } from "../runtime/runner.ts";

const kinds = ["weight", "first", "second", "average"] as const;
export type StateKind = (typeof kinds)[number];

/** Beside the tables: 1, and from a step on whose loss or gradient was not finite, which changed nothing, 0. */
export const soundName = "sound";

/** Parameters that the optimiser steps as one tensor. */
export interface StateTable {
  readonly name: string;
  readonly shape: readonly number[];
  readonly hasWeightDecay: boolean;
  /** [n, M, N]: the table as hidden matrices, if that is what it holds. A kernel [O, C, ...extent] is one of O rows. */
  readonly matrices: readonly [number, number, number] | null;
  /** What it holds, one after the other. */
  readonly stacks: readonly ParameterStack[];
}

/** The tables of `specs`: one for all vectors, one for each other stack or lone parameter. */
export function stateTables(specs: readonly ParameterSpec[]): StateTable[] {
  const isVector = ({ members: [first] }: ParameterStack): boolean =>
    first!.shape.length === 1 && !first!.hasWeightDecay;
  const stacks = parameterStacks(specs);
  const vectors = stacks.filter(isVector);
  const joined: StateTable = {
    name: "vectors",
    shape: [vectors.reduce((total, { shape }) => total + sizeOf(shape), 0)],
    hasWeightDecay: false,
    matrices: null,
    stacks: vectors,
  };
  const others = stacks
    .filter((stack) => !isVector(stack))
    .map((stack): StateTable => {
      const { name, shape, members } = stack;
      const { hasWeightDecay, isHidden, shape: own } = members[0]!;
      return {
        ...{ name, shape, hasWeightDecay, stacks: [stack] },
        matrices: isHidden ? [members.length, own[0]!, sizeOf(own.slice(1))] : null,
      };
    });
  return vectors.length > 0 ? [...others, joined] : others;
}

/** Names and shapes of all tensors of the state of `specs`, as files hold them. */
export function stateSpecs(
  specs: readonly ParameterSpec[],
): { readonly name: string; readonly shape: readonly number[] }[] {
  return kinds.flatMap((kind) => specs.map(({ name, shape }) => ({ name: `${kind}/${name}`, shape })));
}

/** The names of all tensors of the state of `specs`, as a runner stores them. */
export function stateNames(specs: readonly ParameterSpec[]): string[] {
  return kinds.flatMap((kind) => stateTables(specs).map(({ name }) => `${kind}/${name}`));
}

/** Feeds that read the state from the runner's store; it is sound. */
export function stateFeeds(specs: readonly ParameterSpec[]): Record<string, Feed> {
  const stored = stateNames(specs).map((name) => [name, { stored: name }] as const);
  return { ...Object.fromEntries(stored), [soundName]: scalar(1) };
}

/** Sinks that put the new state where the old one stood. */
export function stateSinks(specs: readonly ParameterSpec[]): Record<string, Sink> {
  return Object.fromEntries(stateNames(specs).map((name) => [`next/${name}`, { store: name }]));
}

/** Fresh state for a runner: moments at zero, the average at the weights. */
export function initialState(
  specs: readonly ParameterSpec[],
  weights: Readonly<Record<string, HostTensor>>,
): Record<string, HostTensor> {
  return Object.fromEntries(
    stateTables(specs).flatMap((table) => {
      const zeros = (): HostTensor => tensor("float32", table.shape, new Float32Array(sizeOf(table.shape)));
      return [
        [`weight/${table.name}`, joined(table, (name) => weights[name]!)],
        [`first/${table.name}`, zeros()],
        [`second/${table.name}`, zeros()],
        [`average/${table.name}`, joined(table, (name) => weights[name]!)],
      ];
    }),
  );
}

/** Puts a state as files hold it into the runner. */
export async function putState(
  runner: Runner,
  specs: readonly ParameterSpec[],
  state: Readonly<Record<string, HostTensor>>,
): Promise<void> {
  const tables = stateTables(specs);
  for (const kind of kinds) {
    for (const table of tables) {
      await runner.put({ [`${kind}/${table.name}`]: joined(table, (name) => state[`${kind}/${name}`]!) });
    }
  }
}

/** The state out of the runner, as files hold it; all of it, or some kinds. */
export async function getState(
  runner: Runner,
  specs: readonly ParameterSpec[],
  wanted: readonly StateKind[] = kinds,
): Promise<Record<string, HostTensor<"float32">>> {
  const tables = stateTables(specs);
  const stored = await runner.get(wanted.flatMap((kind) => tables.map(({ name }) => `${kind}/${name}`)));
  const found: Record<string, HostTensor<"float32">> = {};
  for (const kind of wanted) {
    for (const { name: table, stacks } of tables) {
      const all = stored[`${kind}/${table}`]!.data as Float32Array;
      let at = 0;
      for (const { name, shape } of stacks.flatMap(({ members }) => members)) {
        found[`${kind}/${name}`] = tensor("float32", shape, all.subarray(at, at + sizeOf(shape)));
        at += sizeOf(shape);
      }
    }
  }
  const names = wanted.flatMap((kind) => specs.map(({ name }) => `${kind}/${name}`)); // in the list's order
  return Object.fromEntries(names.map((name) => [name, found[name]!]));
}

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

/** What a step graph carries from step to step: inputs, with the outputs that give them anew. */
export function carriedState(specs: readonly ParameterSpec[]): ReadonlyMap<string, string> {
  return new Map([...stateNames(specs), soundName].map((name) => [name, `next/${name}`]));
}

/** Declares the state as graph inputs; returns the weights by the names of their stacks. */
export function stateInputs(graph: Graph, specs: readonly ParameterSpec[]): Record<string, Value> {
  graph.input(soundName, "float32", []);
  const [weights] = kinds.map((kind) => kindInputs(graph, specs, kind));
  return weights!;
}

/** Declares the moving averages as graph inputs ({@link averageFeeds}); returns them by the names of their stacks. */
export function averageInputs(graph: Graph, specs: readonly ParameterSpec[]): Record<string, Value> {
  return kindInputs(graph, specs, "average");
}

/** Feeds that read the moving averages from the runner's store. */
export function averageFeeds(specs: readonly ParameterSpec[]): Record<string, Feed> {
  const names = stateTables(specs).map(({ name }) => `average/${name}`);
  return Object.fromEntries(names.map((name) => [name, { stored: name }]));
}

function kindInputs(graph: Graph, specs: readonly ParameterSpec[], kind: StateKind): Record<string, Value> {
  const found: Record<string, Value> = {};
  for (const { name, shape, stacks } of stateTables(specs)) {
    const input = graph.input(`${kind}/${name}`, "float32", shape);
    const sizes = stacks.map((stack) => sizeOf(stack.shape));
    const parts = stacks.length === 1 ? [input] : split(input, 0, sizes);
    stacks.forEach((stack, i) => {
      found[stack.name] = reshape(parts[i]!, stack.shape);
    });
  }
  return found;
}

/** A table's tensor, of what its parameters have. */
function joined({ shape, stacks }: StateTable, of: (parameter: string) => HostTensor): HostTensor<"float32"> {
  const data = new Float32Array(sizeOf(shape));
  let at = 0;
  for (const { name } of stacks.flatMap(({ members }) => members)) {
    const own = of(name).data as Float32Array;
    data.set(own, at);
    at += own.length;
  }
  return tensor("float32", shape, data);
}
