/**
 * The forward pass of the nested transformer, for training and decoding alike. Nothing here knows of factors: the
 * weights' shapes say which sub-model runs, with numbers or symbols.
 *
 * B samples, N grid tokens, T positions that run (N+1 with the class token, or the active ones), D width, h heads of
 * width dh, V codebook size. Hidden states are rows, [B*T, D].
 */
import {
  add,
  attend,
  attendFused,
  concat,
  type Dim,
  divideDims,
  gatherRows,
  gelu,
  geluLeast,
  layerNorm,
  linear,
  multiply,
  multiplyDims,
  type QuantisedRows,
  quantisedLinear,
  quantiseRows,
  reshape,
  slice,
  transpose,
  type Value,
} from "../../graph/index.ts";
import { headWidth, type TransformerConfig } from "./config.ts";
import { layoutOf, scalesOf } from "./precision.ts";

/** Each parameter by name; of one in 8-bit integers also the scales. */
export type Weights = Readonly<Record<string, Value>>;

/** Keys and values of one layer, rows of h*dh: [B*T, h*dh]. */
export interface KeysValues {
  readonly keys: Value;
  readonly values: Value;
}

/** What a layer attends to, given what it made itself: itself in a full pass, the cache in a partial one. */
export type Attended = (layer: number, made: KeysValues) => KeysValues;

/**
 * The class token and all grid tokens: ids [B, N], classes [B] -> [B*(N+1), D].
 *
 * @param places  for S tokens of each sample alone, [B, S+1]: where the sequence stands among the N+1 positions, the
 *   class token's 0 first; ids are then [B, S] and the result [B*(S+1), D]
 */
export function embedAll(
  config: TransformerConfig,
  weights: Weights,
  ids: Value,
  classes: Value,
  places?: Value,
): Value {
  const batch = ids.dim(0);
  const tokens = gatherRows(weights["tokens.weight"]!, ids);
  const first = reshape(gatherRows(weights["classes.weight"]!, classes), [batch, 1, config.width]);
  const table = weights["positions.weight"]!;
  const positions = places ? gatherRows(table, places) : table;
  return embedded(config, weights, add(concat([first, tokens], 1), positions));
}

/** Some grid tokens: ids and their places [B, A], of the N+1 positions with the class token at 0 -> [B*A, D]. */
export function embedSome(config: TransformerConfig, weights: Weights, ids: Value, places: Value): Value {
  const tokens = gatherRows(weights["tokens.weight"]!, ids);
  return embedded(config, weights, add(tokens, gatherRows(weights["positions.weight"]!, places)));
}

function embedded(config: TransformerConfig, weights: Weights, sum: Value): Value {
  const rows = reshape(sum, [multiplyDims(sum.dim(0), sum.dim(1)), config.width]);
  return config.norm === "post" ? norm(config, weights, "embedding.norm", rows) : rows;
}

/**
 * All layers: x [B*T, D] -> [B*T, D].
 *
 * @param batch     B
 * @param attended  what each layer attends to; default its own keys and values
 * @param isFused   attention as one operator: for decoding, where the device has it (runtime/device.ts)
 */
export function layers(
  config: TransformerConfig,
  weights: Weights,
  x: Value,
  batch: Dim,
  attended: Attended = (_layer, made) => made,
  isFused = false,
): Value {
  let rows = x;
  for (let layer = 0; layer < config.depth; layer++) {
    const attend = (input: Value) => attention(config, weights, layer, input, batch, attended, isFused);
    rows = residual(config, weights, `blocks.${layer}.attention`, rows, attend);
    rows = residual(config, weights, `blocks.${layer}.mlp`, rows, (input) => mlp(weights, layer, input));
  }
  return rows;
}

function residual(
  config: TransformerConfig,
  weights: Weights,
  name: string,
  x: Value,
  part: (input: Value) => Value,
): Value {
  return config.norm === "pre"
    ? add(x, part(norm(config, weights, `${name}.norm`, x)))
    : norm(config, weights, `${name}.norm`, add(x, part(x)));
}

function attention(
  config: TransformerConfig,
  weights: Weights,
  layer: number,
  x: Value,
  batch: Dim,
  attended: Attended,
  isFused: boolean,
): Value {
  const name = (part: string): string => `blocks.${layer}.attention.${part}.weight`;
  const project = productsOf(weights, x);
  const made = { keys: project(name("key")), values: project(name("value")) };
  const { keys, values } = attended(layer, made);
  const scale = 1 / Math.sqrt(headWidth(config));
  const query = project(name("query"), isFused ? 1 : scale);
  // [B, h, T, dh], or as `last` says
  const byHead = (rows: Value, last: readonly [number, number] = [1, 3]): Value =>
    transpose(splitHeads(config, rows, batch), [0, 2, ...last]);
  const mixed = isFused
    ? attendFused(byHead(query), byHead(keys), byHead(values), scale)
    : attend(byHead(query), byHead(keys, [3, 1]), byHead(values)); // [B, h, T, dh]
  return productsOf(weights, reshape(transpose(mixed, [0, 2, 1, 3]), query.shape))(name("output"));
}

/** [B*T, h*dh] -> [B, T, h, dh] */
function splitHeads(config: TransformerConfig, rows: Value, batch: Dim): Value {
  const [count, width] = rows.shape as [Dim, Dim];
  const heads = divideDims(width, headWidth(config))!;
  return reshape(rows, [batch, divideDims(count, batch)!, heads, headWidth(config)]);
}

function mlp(weights: Weights, layer: number, x: Value): Value {
  const name = (part: string): string => `blocks.${layer}.mlp.${part}`;
  const bias = (part: string): Value => weights[name(`${part}.bias`)]!;
  const hidden = gelu(add(productsOf(weights, x)(name("in.weight")), bias("in")));
  return add(productsOf(weights, hidden, { least: geluLeast })(name("out.weight")), bias("out"));
}

/**
 * The products of some rows with matrices of the layers, times a factor, in integers where the weights are.
 *
 * @param known.least  what no value of x is below, if that is known
 */
function productsOf(
  weights: Weights,
  x: Value,
  known: { readonly least?: number } = {},
): (name: string, factor?: number) => Value {
  let quantised: QuantisedRows | undefined; // once for query, key and value
  return (name, factor = 1) => {
    const layout = layoutOf(name);
    const scales = weights[scalesOf(name)];
    if (!scales) {
      const product = linear(x, weights[name]!, layout);
      return factor === 1 ? product : multiply(product, factor);
    }
    quantised ??= quantiseRows(x, known);
    return quantisedLinear(quantised, weights[name]!, scales, layout, factor);
  };
}

/** Logits of some rows of hidden states: [R, D] -> [R, V]. */
export function logitsOf(config: TransformerConfig, weights: Weights, rows: Value): Value {
  let x = config.norm === "pre" ? norm(config, weights, "norm", rows) : rows;
  if (config.headHidden) {
    const dense = add(linear(x, weights["head.dense.weight"]!), weights["head.dense.bias"]!);
    x = norm(config, weights, "head.norm", gelu(dense));
  }
  // Decoding feeds the leading V rows of a tied table as a view; in training they are a slice.
  const matrix = weights["head.weight"] ?? slice(weights["tokens.weight"]!, 0, 0, config.codebookSize);
  return add(linear(x, matrix), weights["head.bias"]!);
}

function norm(config: TransformerConfig, weights: Weights, name: string, x: Value): Value {
  return layerNorm(x, weights[`${name}.gamma`]!, weights[`${name}.beta`]!, config.layerNormEpsilon);
}
