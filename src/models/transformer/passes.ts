/**
 * What one step of a decode computes, and the two graphs of decoding step by step. Their dims are symbols, inner widths too, so that one session of each serves every
 * sub-model, batch and number of active positions; the weights are fed as views of the leading rows.
 *
 * B samples, N grid tokens, A active positions, R rows that get logits, V codebook size, D width, h heads of width dh.
 * A cache is, per layer, the keys and the values of all N+1 positions as rows, [B*(N+1), h*dh]: the leading B' samples
 * of a cache are its leading rows, and the entries of a position are one row.
 */
import { Graph, gatherRows, multiplyDims, placeRows, type Shape, type Value } from "../../graph/index.ts";
import type { StoredFeed } from "../../runtime/runner.ts";
import { gridTokens, headWidth, type TransformerConfig } from "./config.ts";
import {
  type Attended,
  embedAll,
  embedSome,
  type KeysValues,
  layers,
  logitsOf,
  type Weights,
} from "./layers.ts";
import { nestedLayer, rowsUsed, transformerParameters } from "./parameters.ts";
import { type LayerPart, layoutOf, levelsOf, partOf, scalesOf } from "./precision.ts";
import { addSampling, logitRows, type Sampling } from "./sampler.ts";

/**
 * Every position at once. `isFused`: see {@link layers}.
 *
 * Inputs: ids [B, N], classes [B], rows [R] rows b (N+1) + 1 + n whose logits are wanted, and the weights.
 * Outputs: logits [R, V], or with `sampling` what {@link addSampling} makes of them, and the cache: new.keys.0,
 * new.values.0, new.keys.1, ... (fetch them only where they are needed).
 */
export function fullPass(
  config: TransformerConfig,
  sampling?: Sampling,
  quantised: readonly LayerPart[] = [],
  isFused = false,
): Graph {
  const graph = new Graph("transformer full pass");
  const ids = graph.input("ids", "int32", ["B", gridTokens(config)]);
  const classes = graph.input("classes", "int32", ["B"]);
  const rows = graph.input("rows", "int32", [sampling ? logitRows(sampling) : "R"]);
  const weights = weightInputs(graph, config, "full", quantised);
  return withOutputs(graph, runEvery(config, weights, { ids, classes, rows }, isFused), sampling);
}

/**
 * Some positions, which attend to all through the cache after writing their own keys and values into it.
 *
 * Inputs: ids [B, A], places [B, A] of the N+1 positions (1 + n), cells [B*A] rows b (N+1) + 1 + n of the cache, rows
 * [R] rows b A + a whose logits are wanted, the cache keys.0, values.0, ..., and the weights.
 * Outputs: as of {@link fullPass}, but of the cache only what the cells hold from now on, [B*A, h*dh].
 */
export function partialPass(
  config: TransformerConfig,
  sampling?: Sampling,
  quantised: readonly LayerPart[] = [],
  isFused = false,
): Graph {
  const graph = new Graph("transformer partial pass");
  const ids = graph.input("ids", "int32", ["B", "A"]);
  const places = graph.input("places", "int32", ["B", "A"]);
  const cells = graph.input("cells", "int32", [multiplyDims("A", "B")]);
  const rows = graph.input("rows", "int32", [sampling ? logitRows(sampling) : "R"]);
  const weights = weightInputs(graph, config, "partial", quantised);
  const cache = (layer: number, { keys: { shape } }: KeysValues): KeysValues => {
    const whole = [multiplyDims("B", gridTokens(config) + 1), shape[1]!];
    const stored = (name: string): Value => graph.input(`${name}.${layer}`, "float32", whole);
    return { keys: stored("keys"), values: stored("values") };
  };
  const pass = runSome(config, weights, { ids, places, cells, rows }, cache, isFused);
  return withOutputs(graph, pass, sampling);
}

/** What a pass of some sub-model makes. */
export interface Pass {
  /** [R, V], of the rows asked for. */
  readonly logits: Value;
  /** By layer, of the positions that ran: rows of h*dh. */
  readonly made: readonly KeysValues[];
  /** By layer, of all N+1 positions, after the pass. */
  readonly cache: readonly KeysValues[];
}

/** Every position: ids [B, N], classes [B], rows [R] of B*(N+1) whose logits are wanted. */
export function runEvery(
  config: TransformerConfig,
  weights: Weights,
  { ids, classes, rows }: { readonly ids: Value; readonly classes: Value; readonly rows: Value },
  isFused: boolean,
): Pass {
  const made: KeysValues[] = [];
  const attended: Attended = (layer, own) => {
    made[layer] = own;
    return own;
  };
  const embedded = embedAll(config, weights, ids, classes);
  const hidden = layers(config, weights, embedded, ids.dim(0), attended, isFused);
  return { logits: logitsOf(config, weights, gatherRows(hidden, rows)), made, cache: made };
}

interface SomePositions {
  /** [B, A] */
  readonly ids: Value;
  /** [B, A] of the N+1 positions: 1 + n. */
  readonly places: Value;
  /** [B*A] rows of the cache. */
  readonly cells: Value;
  /** [R] of B*A whose logits are wanted. */
  readonly rows: Value;
}

/**
 * Some positions, which write their keys and values into the cache and attend to all of it.
 *
 * @param before  the cache of a layer, given what the layer makes of these positions
 */
export function runSome(
  config: TransformerConfig,
  weights: Weights,
  { ids, places, cells, rows }: SomePositions,
  before: (layer: number, made: KeysValues) => KeysValues,
  isFused: boolean,
): Pass {
  const made: KeysValues[] = [];
  const cache: KeysValues[] = [];
  const attended: Attended = (layer, own) => {
    made[layer] = own;
    const { keys, values } = before(layer, own);
    const all = { keys: placeRows(keys, cells, own.keys), values: placeRows(values, cells, own.values) };
    cache[layer] = all;
    return all;
  };
  const embedded = embedSome(config, weights, ids, places);
  const hidden = layers(config, weights, embedded, ids.dim(0), attended, isFused);
  return { logits: logitsOf(config, weights, gatherRows(hidden, rows)), made, cache };
}

function withOutputs(graph: Graph, { logits, made }: Pass, sampling: Sampling | undefined): Graph {
  if (sampling) addSampling(graph, logits, sampling);
  else graph.output("logits", logits);
  for (const [layer, { keys, values }] of made.entries()) {
    graph.output(`new.keys.${layer}`, keys);
    graph.output(`new.values.${layer}`, values);
  }
  return graph;
}

/** The names of a cache's tensors: keys.0, values.0, keys.1, ... */
export function cacheNames(config: TransformerConfig): string[] {
  return Array.from({ length: config.depth }, (_, layer) => [`keys.${layer}`, `values.${layer}`]).flat();
}

export type PassKind = "full" | "partial";

/** A pass's weight inputs: where each is stored, its shape in the graph, and the rows that a sub-model feeds. */
export interface WeightPort {
  /** The parameter that it is, or belongs to. */
  readonly parameter: string;
  readonly input: string;
  readonly stored: string;
  readonly dtype: "float32" | "int8";
  readonly shape: Shape;
  readonly rows: (factor: number) => number;
}

/** The weight inputs of a pass; `quantised` says which parts of the layers are integers. */
export function weightPorts(
  config: TransformerConfig,
  kind: PassKind,
  quantised: readonly LayerPart[],
): WeightPort[] {
  const ports = transformerParameters(config)
    .filter(({ name }) => kind === "full" || name !== "classes.weight") // the class token is in the cache
    .flatMap((spec): WeightPort[] => {
      const { name, shape } = spec;
      const layer = nestedLayer(name);
      const inner = name.includes(".mlp.") ? `f${layer}` : multiplyDims(headWidth(config), `h${layer}`);
      const port: WeightPort = {
        parameter: name,
        input: name,
        stored: name,
        dtype: "float32",
        shape: layer === null ? shape : [inner, ...shape.slice(1)],
        rows: (factor) => rowsUsed(spec, factor),
      };
      const part = partOf(name);
      if (part === null || !quantised.includes(part)) return [port];
      // Outputs are the leading axis, of which a sub-model uses a part, or the last, which it shares.
      const outputs =
        layoutOf(name) === "out-in" ? { shape: [inner] } : { shape: [shape[1]!], rows: () => shape[1]! };
      const scales = scalesOf(name);
      return [
        { ...port, stored: levelsOf(name), dtype: "int8" },
        { ...port, ...outputs, input: scales, stored: scales },
      ];
    });
  if (config.tieEmbeddings) {
    const { codebookSize, width } = config;
    ports.push({
      parameter: "tokens.weight",
      input: "head.weight",
      stored: "tokens.weight",
      dtype: "float32",
      shape: [codebookSize, width],
      rows: () => codebookSize,
    });
  }
  return ports;
}

function weightInputs(
  graph: Graph,
  config: TransformerConfig,
  kind: PassKind,
  quantised: readonly LayerPart[],
): Weights {
  return Object.fromEntries(
    weightPorts(config, kind, quantised).map(({ input, dtype, shape }) => [
      input,
      graph.input(input, dtype, shape),
    ]),
  );
}

/**
 * The weight feeds of a sub-model: views of the leading rows of what is stored.
 *
 * @param prefix  what the stored names begin with
 */
export function weightFeeds(
  config: TransformerConfig,
  kind: PassKind,
  factor: number,
  prefix: string,
  quantised: readonly LayerPart[] = [],
): Record<string, StoredFeed> {
  return Object.fromEntries(
    weightPorts(config, kind, quantised).map(({ input, stored, rows }) => [
      input,
      { stored: prefix + stored, rows: rows(factor) },
    ]),
  );
}
