/**
 * The tokenizer's autoencoder for one image as plain float64 loops over any number of axes, from the descriptions of
 * MaskGIT's network and of MAGVIT's.
 */
import { type HostTensor, sizeOf } from "../../../src/core/tensor.ts";
import type { TokenizerConfig } from "../../../src/models/tokenizer/config.ts";

/** Feature maps of one image: channel after channel, each row-major over `space`. */
export interface Maps {
  readonly channels: number;
  readonly space: readonly number[];
  readonly data: readonly number[];
}
type Weights = Readonly<Record<string, HostTensor>>;
type Place = readonly number[];

/** Every place of a space, in row-major order. */
function places(space: readonly number[]): Place[] {
  return space.reduce<number[][]>(
    (all, size) => all.flatMap((prefix) => Array.from({ length: size }, (_, i) => [...prefix, i])),
    [[]],
  );
}

function make(channels: number, space: readonly number[], value: (c: number, place: Place) => number): Maps {
  const all = places(space);
  const data = Array.from({ length: channels }, (_, c) => all.map((place) => value(c, place))).flat();
  return { channels, space, data };
}

/** Zero outside. */
function at({ space, data }: Maps, channel: number, place: Place): number {
  if (place.some((p, axis) => p < 0 || p >= space[axis]!)) return 0;
  return data[place.reduce((offset, p, axis) => offset * space[axis]! + p, channel)]!;
}

const add = (a: Maps, b: Maps): Maps => ({ ...a, data: a.data.map((value, i) => value + b.data[i]!) });

function convolve(maps: Maps, name: string, weights: Weights): Maps {
  const kernel = weights[`${name}.weight`]!;
  const [out, into, ...extent] = kernel.dims as [number, number, ...number[]];
  const bias = weights[`${name}.bias`];
  const taps = places(extent);
  return make(out, maps.space, (o, place) => {
    let total = bias ? Number(bias.data[o]) : 0;
    for (let i = 0; i < into; i++) {
      for (const [t, tap] of taps.entries()) {
        const source = place.map((p, axis) => p + tap[axis]! - (extent[axis]! - 1) / 2);
        total += at(maps, i, source) * Number(kernel.data[(o * into + i) * taps.length + t]);
      }
    }
    return total;
  });
}

/** Group norm over (channels of the group, all positions), then x sigmoid(x). */
function activate(maps: Maps, name: string, weights: Weights, groups: number): Maps {
  const size = sizeOf(maps.space);
  const perGroup = (maps.channels / groups) * size;
  const statistics = Array.from({ length: groups }, (_, g) => {
    const all = maps.data.slice(g * perGroup, (g + 1) * perGroup);
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    const variance = all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length;
    return { mean, deviation: Math.sqrt(variance + 1e-6) };
  });
  const data = maps.data.map((x, i) => {
    const { mean, deviation } = statistics[Math.floor(i / perGroup)]!;
    const channel = Math.floor(i / size);
    const gain = Number(weights[`${name}.weight`]!.data[channel]);
    const value = ((x - mean) / deviation) * gain + Number(weights[`${name}.bias`]!.data[channel]);
    return value / (1 + Math.exp(-value));
  });
  return { ...maps, data };
}

function block(maps: Maps, name: string, weights: Weights, config: TokenizerConfig): Maps {
  const h = convolve(activate(maps, `${name}.norm1`, weights, config.groups), `${name}.conv1`, weights);
  const y = convolve(activate(h, `${name}.norm2`, weights, config.groups), `${name}.conv2`, weights);
  if (!weights[`${name}.nin_shortcut.weight`]) return add(maps, y);
  const skipped = config.shortcut === "input" ? maps : y;
  return add(convolve(skipped, `${name}.nin_shortcut`, weights), y);
}

/** A token's channel k * C + c is colour c of the k-th pixel of its patch, the patch's pixels in row-major order. */
export function toPatches(maps: Maps, size: readonly number[]): Maps {
  const within = places(size);
  const space = maps.space.map((extent, axis) => extent / size[axis]!);
  return make(maps.channels * within.length, space, (channel, place) => {
    const inner = within[Math.floor(channel / maps.channels)]!;
    return at(
      maps,
      channel % maps.channels,
      place.map((p, axis) => p * size[axis]! + inner[axis]!),
    );
  });
}

export function fromPatches(patches: Maps, size: readonly number[]): Maps {
  const colours = patches.channels / sizeOf(size);
  const space = patches.space.map((extent, axis) => extent * size[axis]!);
  return make(colours, space, (c, place) => {
    const k = place.reduce((offset, p, axis) => offset * size[axis]! + (p % size[axis]!), 0);
    return at(
      patches,
      k * colours + c,
      place.map((p, axis) => Math.floor(p / size[axis]!)),
    );
  });
}

const patchOf = ({ frames, framePatch, patchSize }: TokenizerConfig): number[] =>
  frames === undefined ? [patchSize, patchSize] : [framePatch, patchSize, patchSize];

/** By how much level `level + 1` is smaller than `level`. */
const factorOf = ({ frames, temporalDownsampling }: TokenizerConfig, level: number): number[] => {
  if (frames === undefined) return [2, 2];
  return temporalDownsampling === undefined || temporalDownsampling[level] ? [2, 2, 2] : [1, 2, 2];
};

export function plainEncode(pixels: Maps, weights: Weights, config: TokenizerConfig): Maps {
  let x = convolve(toPatches(pixels, patchOf(config)), "encoder.conv_in", weights);
  config.multipliers.forEach((_, level) => {
    for (let i = 0; i < config.residualBlocks; i++)
      x = block(x, `encoder.down.${level}.block.${i}`, weights, config);
    if (level === config.multipliers.length - 1) return;
    const fine = x;
    const factor = factorOf(config, level);
    const blocks = places(factor);
    const space = fine.space.map((extent, axis) => extent / factor[axis]!);
    x = make(fine.channels, space, (c, place) => {
      const values = blocks.map((inner) =>
        at(
          fine,
          c,
          place.map((p, axis) => p * factor[axis]! + inner[axis]!),
        ),
      );
      return values.reduce((a, b) => a + b, 0) / values.length;
    });
  });
  for (let i = 0; i < config.residualBlocks; i++) x = block(x, `encoder.mid.${i}`, weights, config);
  return convolve(activate(x, "encoder.norm_out", weights, config.groups), "encoder.conv_out", weights);
}

export function plainDecode(latents: Maps, weights: Weights, config: TokenizerConfig): Maps {
  let x = convolve(latents, "decoder.conv_in", weights);
  for (let i = 0; i < config.residualBlocks; i++) x = block(x, `decoder.mid.${i}`, weights, config);
  for (let level = config.multipliers.length - 1; level >= 0; level--) {
    for (let i = 0; i < config.residualBlocks; i++)
      x = block(x, `decoder.up.${level}.block.${i}`, weights, config);
    if (level === 0) break;
    const coarse = x;
    const factor = factorOf(config, level - 1);
    const space = coarse.space.map((extent, axis) => extent * factor[axis]!);
    const repeated = make(coarse.channels, space, (c, place) =>
      at(
        coarse,
        c,
        place.map((p, axis) => Math.floor(p / factor[axis]!)),
      ),
    );
    x = convolve(repeated, `decoder.up.${level}.upsample_conv`, weights);
  }
  const patches = convolve(
    activate(x, "decoder.norm_out", weights, config.groups),
    "decoder.conv_out",
    weights,
  );
  return fromPatches(patches, patchOf(config));
}

/** Image `index` of planes [B, C, ...space]. */
export function mapsOf({ dims, data }: HostTensor, index = 0): Maps {
  const [, channels, ...space] = dims as [number, number, ...number[]];
  const size = channels * sizeOf(space);
  return { channels, space, data: Array.from({ length: size }, (_, i) => Number(data[index * size + i])) };
}

/** The network without norms, whose name in configurations is "plain". */
function residuals(maps: Maps, name: string, count: number, weights: Weights): Maps {
  let y = maps;
  for (let i = 0; i < count; i++) {
    const h = convolve(y, `${name}.block.${i}.conv1`, weights);
    const positive = { ...h, data: h.data.map((value) => Math.max(0, value)) };
    y = add(y, convolve(positive, `${name}.block.${i}.conv2`, weights));
  }
  return y;
}

export function normlessEncode(pixels: Maps, weights: Weights, config: TokenizerConfig): Maps {
  const centred = { ...pixels, data: pixels.data.map((value) => (value - 0.5) / 0.28) };
  let x = convolve(toPatches(centred, patchOf(config)), "encoder.conv_in", weights);
  config.multipliers.forEach((_, level) => {
    x = residuals(x, `encoder.down.${level}`, config.residualBlocks, weights);
    if (level === config.multipliers.length - 1) return;
    x = convolve(toPatches(x, factorOf(config, level)), `encoder.down.${level}.shrink`, weights);
  });
  return convolve(x, "encoder.conv_out", weights);
}

export function normlessDecode(latents: Maps, weights: Weights, config: TokenizerConfig): Maps {
  let x = convolve(latents, "decoder.conv_in", weights);
  for (let level = config.multipliers.length - 1; level >= 0; level--) {
    x = residuals(x, `decoder.up.${level}`, config.residualBlocks, weights);
    x = convolve(x, `decoder.up.${level}.grow`, weights);
    x = fromPatches(x, level > 0 ? factorOf(config, level - 1) : patchOf(config));
  }
  x = residuals(x, "decoder.detail", config.detailBlocks, weights);
  return convolve(x, "decoder.conv_out", weights);
}
