/**
 * From latents to token ids and back. Vector quantisation takes the nearest row of a learned codebook (VQ-VAE);
 * finite scalar quantisation rounds each bounded channel to a few levels (FSQ, Mentzer et al. 2023), so that its
 * codebook is implied and cannot collapse.
 *
 * R tokens (rows of latents), d latent channels, V codes.
 */
import { tensor } from "../../core/tensor.ts";
import {
  add,
  argMax,
  cast,
  type Dim,
  floor,
  type Graph,
  gatherRows,
  linear,
  maximum,
  mean,
  minimum,
  multiply,
  multiplyDims,
  reshape,
  sigmoid,
  square,
  stopGradient,
  straightThrough,
  subtract,
  sum,
  tanh,
  transpose,
  type Value,
} from "../../graph/index.ts";
import type { ParameterSpec } from "../parameters.ts";
import { codebookSize, type TokenizerConfig } from "./config.ts";

/** The codebook's place among the weights, as published files name it. */
export const codebookName = "quantize.embedding.weight";

export interface Quantized {
  /** Token ids [R], int32. */
  readonly ids: Value;
  /** The codes' vectors [R, d], with the straight-through gradient to the latents. */
  readonly rows: Value;
  /** The quantiser's own training loss, a scalar; null when it has none (FSQ). */
  readonly loss: Value | null;
}

/** The learned codebook of vector quantisation; nothing for FSQ. */
export function quantizerParameters(config: TokenizerConfig): ParameterSpec[] {
  if (config.quantizer.kind === "fsq") return [];
  const shape = [config.quantizer.codebookSize, config.latentWidth];
  return [
    {
      name: codebookName,
      shape,
      init: { kind: "normal", std: 1 / Math.sqrt(config.latentWidth) },
      hasWeightDecay: false,
    },
  ];
}

/**
 * Quantises rows of latents [R, d].
 *
 * @param nudges  of FSQ only: by how many levels each channel is then moved, [R, d], within its levels; `ids` are told
 *   before that
 */
export function quantize(
  rows: Value,
  weights: Readonly<Record<string, Value>>,
  config: TokenizerConfig,
  nudges: Value | null = null,
): Quantized {
  const { quantizer } = config;
  if (quantizer.kind === "vq") {
    if (nudges) throw new Error("quantize: only the levels of FSQ have neighbours to nudge to");
    return quantizeByCodebook(rows, weights[codebookName]!, quantizer.commitment);
  }
  const { levels } = quantizer;
  const bounded = quantizer.bins === "uniform" ? uniformDigits(rows, levels) : tanhDigits(rows, levels);
  const row = rowOf(rows.graph);
  const highest = row(levels.map((level) => level - 1));
  // Equal bins reach half a level beyond the outermost; tanh stays within but for rounding.
  const within = (digits: Value): Value => maximum(minimum(digits, highest), 0);
  const digits = within(floor(add(bounded, 0.5)));
  const ids = cast(sum(multiply(digits, row(places(levels))), [1]), "int32");
  const sent = nudges ? within(add(digits, nudges)) : digits;
  const { scale, shift } = codeScale(quantizer);
  const codes = add(multiply(straightThrough(sent, bounded), row(scale)), row(shift));
  return { ids, rows: codes, loss: null };
}

/** argmin_v |z - e_v|² = argmax_v z·e_v - |e_v|²/2. Losses, means over all elements as MaskGIT's: |sg(z) - e|² + commitment |z - sg(e)|². */
function quantizeByCodebook(rows: Value, codebook: Value, commitment: number): Quantized {
  const half = multiply(sum(square(codebook), [1]), 0.5);
  const ids = argMax(subtract(linear(stopGradient(rows), codebook), half), 1);
  const codes = gatherRows(codebook, ids);
  // Encoding graphs take any number of rows and never read the loss.
  const count = rows.dim(0);
  if (typeof count !== "number") return { ids, rows: codes, loss: null };
  const learn = mean(square(subtract(stopGradient(rows), codes)));
  const commit = mean(square(subtract(rows, stopGradient(codes))));
  return { ids, rows: straightThrough(codes, rows), loss: add(learn, multiply(commit, commitment)) };
}

const rowOf =
  (graph: Graph) =>
  (values: readonly number[]): Value =>
    graph.constant(tensor("float32", [values.length], Float32Array.from(values)));

/**
 * Each channel squashed into its levels, 0 to level - 1: tanh(z + shift) · half - offset, counted from the lowest. Even
 * level counts are shifted by half a level so that zero latents fall in between.
 */
function tanhDigits(rows: Value, levels: readonly number[]): Value {
  const row = rowOf(rows.graph);
  const half = levels.map((level) => ((level - 1) * (1 + 1e-3)) / 2);
  const offset = levels.map((level) => (level % 2 === 0 ? 0.5 : 0));
  const shift = levels.map((_, i) => Math.atanh(offset[i]! / half[i]!));
  const bounded = subtract(multiply(tanh(add(rows, row(shift))), row(half)), row(offset));
  return add(bounded, row(levels.map((level) => Math.floor(level / 2))));
}

/** Each channel squashed by a sigmoid that makes normal latents uniform, into bins of one width: -0.5 to level - 0.5. */
function uniformDigits(rows: Value, levels: readonly number[]): Value {
  const row = rowOf(rows.graph);
  return subtract(multiply(sigmoid(multiply(rows, 1.6)), row(levels)), 0.5);
}

type Levels = Extract<TokenizerConfig["quantizer"], { kind: "fsq" }>;

/** From a channel's digit to its code: digit · scale + shift, within [-1, 1]. */
function codeScale({ levels, bins }: Levels): { scale: number[]; shift: number[] } {
  // The middle of a bin of [-1, 1], or the published codes, which for an even number of levels are not symmetric.
  if (bins === "uniform") {
    return { scale: levels.map((level) => 2 / level), shift: levels.map((level) => 1 / level - 1) };
  }
  return { scale: levels.map((level) => 1 / Math.floor(level / 2)), shift: levels.map(() => -1) };
}

function places(levels: readonly number[]): number[] {
  return levels.map((_, i) => levels.slice(0, i).reduce((a, b) => a * b, 1));
}

/** The vectors of all codes [V, d]: the learned table, or FSQ's implied one as a constant. */
export function codebookOf(
  graph: Graph,
  weights: Readonly<Record<string, Value>>,
  config: TokenizerConfig,
): Value {
  const { quantizer } = config;
  if (quantizer.kind === "vq") return weights[codebookName]!;
  const size = codebookSize(config);
  const radix = places(quantizer.levels);
  const { scale, shift } = codeScale(quantizer);
  const data = Float32Array.from({ length: size * quantizer.levels.length }, (_, at) => {
    const channel = at % quantizer.levels.length;
    const level = quantizer.levels[channel]!;
    const digit = Math.floor(Math.floor(at / quantizer.levels.length) / radix[channel]!) % level;
    return digit * scale[channel]! + shift[channel]!;
  });
  return graph.constant(tensor("float32", [size, quantizer.levels.length], data));
}

/** Feature maps [B, d, ...grid] -> rows [B * tokens, d]. */
export function mapsToRows(maps: Value): Value {
  const [batch, width, ...grid] = maps.shape as [Dim, Dim, ...Dim[]];
  const last = transpose(maps, [0, ...grid.map((_, i) => i + 2), 1]);
  return reshape(last, [multiplyDims(batch, ...grid), width]);
}

/** The inverse of {@link mapsToRows} for a grid [rows, columns] or [frames, rows, columns]. */
export function rowsToMaps(rows: Value, batch: Dim, grid: readonly number[]): Value {
  const last = reshape(rows, [batch, ...grid, rows.dim(1)]);
  return transpose(last, [0, last.rank - 1, ...grid.map((_, i) => i + 1)]);
}
