/**
 * The plain encoder and decoder of an image tokenizer: residual blocks of 3x3 convolutions and ReLU without a norm
 * (as networks that sharpen images do, Lim et al. 2017), between levels pixels moved into channels and back (Shi et
 * al. 2016). The decoder ends with blocks at full resolution, whose convolutions know no border between tokens: what
 * keeps neighbouring tokens from showing as a mosaic. Over videos the same with 3x3x3 convolutions, or, with a
 * `temporalKernel` of 1, every moment (a block of `framePatch` frames) by itself.
 *
 * An image of any size goes through alike: nothing is gathered over all of its positions. So crops train it.
 */
import { sizeOf } from "../../core/tensor.ts";
import {
  add,
  type ConvolutionMethod,
  convolution,
  depthToSpace,
  multiply,
  relu,
  spaceToDepth,
  subtract,
  type Value,
} from "../../graph/index.ts";
import type { ParameterSpec } from "../parameters.ts";
import { levelFactors, patchExtent, type TokenizerConfig } from "./config.ts";

/** What building needs besides the feature maps. */
interface Context {
  readonly config: TokenizerConfig;
  readonly weights: Readonly<Record<string, Value>>;
  readonly method: ConvolutionMethod;
}

interface Layer {
  readonly name: string;
  readonly out: number;
  readonly into: number;
  readonly extent: readonly number[];
  /** By what its starting weights differ from those that keep the size of what comes in. */
  readonly gain?: number;
  /** What its bias starts at. */
  readonly bias?: number;
  /** Whether it leads from pixels or codes or to them. */
  readonly isOuter?: boolean;
}

/** About the spread of an image's pixels around the middle of their range. */
const spread = 0.28;

/** Blocks start as small changes to what goes past them. */
const blockGain = 0.3;

function specsOf({ name, out, into, extent, gain = 1, bias = 0, isOuter = false }: Layer): ParameterSpec[] {
  const std = gain * Math.sqrt(1 / (into * sizeOf(extent)));
  return [
    {
      name: `${name}.weight`,
      shape: [out, into, ...extent],
      init: { kind: "normal", std },
      hasWeightDecay: true,
      isHidden: !isOuter,
    },
    { name: `${name}.bias`, shape: [out], init: { kind: "constant", value: bias }, hasWeightDecay: false },
  ];
}

/** Channels by level, the factors between levels, and the kernels' extents. */
function shapeOf(config: TokenizerConfig) {
  const patch = patchExtent(config);
  const widths = config.multipliers.map((multiplier) => config.channels * multiplier);
  return {
    patch,
    widths,
    factors: levelFactors(config, widths.length - 1),
    around: patch.map((_, axis) => (axis === patch.length - 3 ? (config.temporalKernel ?? 3) : 3)),
    point: patch.map(() => 1),
  };
}

/** Every parameter of the plain encoder and decoder. */
export function plainParameters(config: TokenizerConfig): ParameterSpec[] {
  const { patch, widths, factors, around, point } = shapeOf(config);
  const { residualBlocks, detailBlocks, detailChannels, latentWidth } = config;
  const blocks = (name: string, width: number, count: number): Layer[] =>
    Array.from({ length: count }, (_, i) => [
      { name: `${name}.block.${i}.conv1`, out: width, into: width, extent: around },
      { name: `${name}.block.${i}.conv2`, out: width, into: width, extent: around, gain: blockGain },
    ]).flat();
  const coarse = widths.at(-1)!;
  const layers: Layer[] = [
    { name: "encoder.conv_in", out: widths[0]!, into: 3 * sizeOf(patch), extent: around, isOuter: true },
    ...widths.flatMap((width, level) => [
      ...blocks(`encoder.down.${level}`, width, residualBlocks),
      ...(level < factors.length
        ? [
            {
              name: `encoder.down.${level}.shrink`,
              out: widths[level + 1]!,
              into: width * sizeOf(factors[level]!),
              extent: point,
            },
          ]
        : []),
    ]),
    { name: "encoder.conv_out", out: latentWidth, into: coarse, extent: point, isOuter: true },
    // Codes fill [-1, 1] evenly.
    {
      ...{ name: "decoder.conv_in", out: coarse, into: latentWidth, extent: around },
      ...{ gain: Math.sqrt(3), isOuter: true },
    },
    ...widths
      .map((width, level) => [
        ...blocks(`decoder.up.${level}`, width, residualBlocks),
        level > 0
          ? {
              name: `decoder.up.${level}.grow`,
              out: widths[level - 1]! * sizeOf(factors[level - 1]!),
              into: width,
              extent: point,
            }
          : {
              name: "decoder.up.0.grow",
              out: detailChannels * sizeOf(patch),
              into: width,
              extent: point,
            },
      ])
      .reverse()
      .flat(),
    ...blocks("decoder.detail", detailChannels, detailBlocks),
    {
      ...{ name: "decoder.conv_out", out: 3, into: detailChannels, extent: around },
      ...{ gain: spread, bias: 0.5, isOuter: true },
    },
  ];
  return layers.flatMap(specsOf);
}

function convolve(x: Value, name: string, { weights, method }: Context): Value {
  return convolution(x, weights[`${name}.weight`]!, weights[`${name}.bias`]!, method);
}

function residuals(x: Value, name: string, count: number, context: Context): Value {
  let y = x;
  for (let i = 0; i < count; i++) {
    const h = relu(convolve(y, `${name}.block.${i}.conv1`, context));
    y = add(y, convolve(h, `${name}.block.${i}.conv2`, context));
  }
  return y;
}

/** Pixels [B, 3, ...space] in [0, 1] -> latents [B, latentWidth, ...grid]. */
export function encodePlain(pixels: Value, context: Context): Value {
  const { config } = context;
  const { patch, widths, factors } = shapeOf(config);
  const centred = multiply(subtract(pixels, 0.5), 1 / spread);
  let x = convolve(spaceToDepth(centred, patch), "encoder.conv_in", context);
  widths.forEach((_, level) => {
    x = residuals(x, `encoder.down.${level}`, config.residualBlocks, context);
    if (level < factors.length) {
      x = convolve(spaceToDepth(x, factors[level]!), `encoder.down.${level}.shrink`, context);
    }
  });
  return convolve(x, "encoder.conv_out", context);
}

/** Quantised latents [B, latentWidth, ...grid] -> pixels [B, 3, ...space], meant for [0, 1] but not clamped. */
export function decodePlain(latents: Value, context: Context): Value {
  const { config } = context;
  const { patch, widths, factors } = shapeOf(config);
  let x = convolve(latents, "decoder.conv_in", context);
  for (let level = widths.length - 1; level >= 0; level--) {
    x = residuals(x, `decoder.up.${level}`, config.residualBlocks, context);
    x = convolve(x, `decoder.up.${level}.grow`, context);
    x = depthToSpace(x, level > 0 ? factors[level - 1]! : patch);
  }
  x = residuals(x, "decoder.detail", config.detailBlocks, context);
  return convolve(x, "decoder.conv_out", context);
}
