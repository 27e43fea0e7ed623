/**
 * A dense masked transformer in plain float64 loops, written from the equations alone: what the graphs are compared
 * with. One sample; its weights are those of one sub-model, cut out beforehand by {@link cutWeights}.
 */
import { sizeOf } from "../../../src/core/tensor.ts";
import type { TransformerConfig } from "../../../src/models/transformer/config.ts";

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}
export type PlainWeights = Record<string, Matrix>;

type Row = number[];
const rowOf = ({ columns, data }: Matrix, i: number): Row =>
  Array.from(data.subarray(i * columns, (i + 1) * columns));
const dot = (a: Row, b: Row): number => a.reduce((total, x, i) => total + x * b[i]!, 0);
const plus = (a: Row, b: Row): Row => a.map((x, i) => x + b[i]!);
/** x W^T for W [out, in]. */
const timesOutIn = (x: Row, w: Matrix): Row => Array.from({ length: w.rows }, (_, o) => dot(x, rowOf(w, o)));
/** x W for W [in, out]. */
const timesInOut = (x: Row, w: Matrix): Row =>
  x.reduce<Row>(
    (total, xi, i) =>
      plus(
        total,
        rowOf(w, i).map((value) => value * xi),
      ),
    new Array(w.columns).fill(0),
  );
const gelu = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

export function softmaxOf(x: Row): Row {
  const top = Math.max(...x);
  const powers = x.map((value) => Math.exp(value - top));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

/** The leading parts of the weights that sub-model p uses: heads of W_q, W_k, W_v, W_o and units of the MLP. */
export function cutWeights(
  weights: Readonly<Record<string, { dims: readonly number[]; data: ArrayLike<number> }>>,
  factor: number,
): PlainWeights {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { dims, data }]) => {
      const isCut = /^blocks\..*(\.(query|key|value|output|in|out)\.weight|\.in\.bias)$/.test(name);
      const kept = isCut ? dims[0]! / factor : dims[0]!;
      const columns = sizeOf(dims.slice(1));
      const cut = Float64Array.from(Array.from(data).slice(0, kept * columns));
      return [
        name,
        dims.length === 1 ? { rows: 1, columns: kept, data: cut } : { rows: kept, columns, data: cut },
      ];
    }),
  );
}

/** Keys and values of one sample by layer and position 0..N (the class token is 0): rows of h*dh. */
export interface PlainCache {
  readonly keys: Row[][];
  readonly values: Row[][];
}

export const emptyCache = (config: TransformerConfig): PlainCache => ({
  keys: Array.from({ length: config.depth }, () => []),
  values: Array.from({ length: config.depth }, () => []),
});

/** Logits [N][V] of one sample, every grid position. */
export function plainForward(
  config: TransformerConfig,
  weights: PlainWeights,
  ids: readonly number[],
  classId: number,
  cache = emptyCache(config),
): Row[] {
  const first = rowOf(weights["classes.weight"]!, classId);
  const positions = [0, ...ids.map((_, n) => n + 1)];
  return plainPass(config, weights, positions, [first, ...tokenRows(weights, ids)], cache).slice(1);
}

/** Logits [A][V] of the grid positions (0..N-1) given; the others are seen through the cache, which is extended. */
export function plainPartial(
  config: TransformerConfig,
  weights: PlainWeights,
  gridPositions: readonly number[],
  ids: readonly number[],
  cache: PlainCache,
): Row[] {
  const positions = gridPositions.map((n) => n + 1);
  return plainPass(config, weights, positions, tokenRows(weights, ids), cache);
}

const tokenRows = (weights: PlainWeights, ids: readonly number[]): Row[] =>
  ids.map((id) => rowOf(weights["tokens.weight"]!, id));

function plainPass(
  config: TransformerConfig,
  weights: PlainWeights,
  positions: readonly number[],
  embeddings: readonly Row[],
  cache: PlainCache,
): Row[] {
  const vector = (name: string): Row => rowOf(weights[name]!, 0);
  const norm = (name: string, x: Row): Row => {
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
    const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
    const deviation = Math.sqrt(variance + config.layerNormEpsilon);
    const gamma = vector(`${name}.gamma`);
    const beta = vector(`${name}.beta`);
    return x.map((value, i) => ((value - mean) / deviation) * gamma[i]! + beta[i]!);
  };
  const isPre = config.norm === "pre";
  const headWidth = config.width / config.heads;

  const attention = (layer: number, xs: Row[]): Row[] => {
    const times = (x: Row, part: string): Row =>
      timesOutIn(x, weights[`blocks.${layer}.attention.${part}.weight`]!);
    const keys = cache.keys[layer]!;
    const values = cache.values[layer]!;
    for (const [i, position] of positions.entries()) {
      keys[position] = times(xs[i]!, "key");
      values[position] = times(xs[i]!, "value");
    }
    return xs.map((x) => {
      const query = times(x, "query");
      const joined: Row = [];
      for (let start = 0; start < query.length; start += headWidth) {
        const cut = (row: Row): Row => row.slice(start, start + headWidth);
        const share = softmaxOf(keys.map((key) => dot(cut(query), cut(key)) / Math.sqrt(headWidth)));
        const mixed = values.reduce<Row>(
          (total, value, j) =>
            plus(
              total,
              cut(value).map((c) => c * share[j]!),
            ),
          new Array(headWidth).fill(0),
        );
        joined.push(...mixed);
      }
      return timesInOut(joined, weights[`blocks.${layer}.attention.output.weight`]!);
    });
  };
  const mlp = (name: string, x: Row): Row => {
    const hidden = plus(timesOutIn(x, weights[`${name}.in.weight`]!), vector(`${name}.in.bias`)).map(gelu);
    return plus(timesInOut(hidden, weights[`${name}.out.weight`]!), vector(`${name}.out.bias`));
  };
  const residual = (name: string, xs: Row[], part: (xs: Row[]) => Row[]): Row[] => {
    if (isPre) return part(xs.map((x) => norm(`${name}.norm`, x))).map((y, i) => plus(xs[i]!, y));
    return part(xs).map((y, i) => norm(`${name}.norm`, plus(xs[i]!, y)));
  };

  let xs = embeddings.map((x, i) => plus(x, rowOf(weights["positions.weight"]!, positions[i]!)));
  if (!isPre) xs = xs.map((x) => norm("embedding.norm", x));
  for (let layer = 0; layer < config.depth; layer++) {
    xs = residual(`blocks.${layer}.attention`, xs, (inputs) => attention(layer, inputs));
    xs = residual(`blocks.${layer}.mlp`, xs, (inputs) => inputs.map((x) => mlp(`blocks.${layer}.mlp`, x)));
  }
  return xs.map((x) => {
    let y = isPre ? norm("norm", x) : x;
    if (config.headHidden) {
      const dense = plus(timesOutIn(y, weights["head.dense.weight"]!), vector("head.dense.bias"));
      y = norm("head.norm", dense.map(gelu));
    }
    const table = config.tieEmbeddings ? weights["tokens.weight"]! : weights["head.weight"]!;
    return vector("head.bias").map((bias, id) => bias + dot(y, rowOf(table, id)));
  });
}
