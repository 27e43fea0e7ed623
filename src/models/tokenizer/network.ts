/**
 * The encoder and decoder of an image tokenizer: residual blocks of group norm, swish and 3x3 convolutions; average
 * pooling down, nearest-neighbour repetition up (MaskGIT's VQGAN, without attention). Tensor names and layouts are
 * those of the published PyTorch files, so a published tokenizer loads as it is. Over videos the same network
 * has 3x3x3 convolutions (MAGVIT's 3D-VQ). A configuration can take the plain network (plain-network.ts) instead.
 *
 * B images, their pixels [B, 3, ...space] with space [S, S] or [T, S, S]; feature maps [B, channels, ...space] and
 * tokens [B, ...grid] have the same axes.
 */
import { sizeOf } from "../../core/tensor.ts";
import {
  add,
  averagePool,
  type ConvolutionMethod,
  convolution,
  depthToSpace,
  groupNorm,
  silu,
  spaceToDepth,
  upsample,
  type Value,
} from "../../graph/index.ts";
import type { ParameterSpec } from "../parameters.ts";
import { levelFactors, patchExtent, type TokenizerConfig, tokenStride } from "./config.ts";
import { decodePlain, encodePlain, plainParameters } from "./plain-network.ts";

const epsilon = 1e-6;

type Weighted = Readonly<Record<string, Value>>;

function kernelSpec(
  name: string,
  [out, into]: readonly [number, number],
  extent: readonly number[],
  gain = 1,
): ParameterSpec {
  const std = gain * Math.sqrt(1 / (into * sizeOf(extent)));
  return {
    name: `${name}.weight`,
    shape: [out, into, ...extent],
    init: { kind: "normal", std },
    hasWeightDecay: true,
  };
}

function vectorSpec(name: string, width: number, value: number): ParameterSpec {
  return { name, shape: [width], init: { kind: "constant", value }, hasWeightDecay: false };
}

function normSpecs(name: string, width: number): ParameterSpec[] {
  return [vectorSpec(`${name}.weight`, width, 1), vectorSpec(`${name}.bias`, width, 0)];
}

interface Block {
  readonly name: string;
  readonly into: number;
  readonly out: number;
}

/** The blocks of both halves in the order they run. */
function encoderBlocks({ channels, multipliers, residualBlocks }: TokenizerConfig): Block[][] {
  let width = channels;
  const levels = multipliers.map((multiplier, level) =>
    Array.from({ length: residualBlocks }, (_, i) => {
      const block = { name: `encoder.down.${level}.block.${i}`, into: width, out: channels * multiplier };
      width = block.out;
      return block;
    }),
  );
  const middle = Array.from({ length: residualBlocks }, (_, i) => ({
    name: `encoder.mid.${i}`,
    into: width,
    out: width,
  }));
  return [...levels, middle];
}

function decoderBlocks({ channels, multipliers, residualBlocks }: TokenizerConfig): Block[][] {
  let width = channels * multipliers.at(-1)!;
  const middle = Array.from({ length: residualBlocks }, (_, i) => ({
    name: `decoder.mid.${i}`,
    into: width,
    out: width,
  }));
  const levels = multipliers
    .map((multiplier, level) => ({ multiplier, level }))
    .reverse()
    .map(({ multiplier, level }) =>
      Array.from({ length: residualBlocks }, (_, i) => {
        const block = { name: `decoder.up.${level}.block.${i}`, into: width, out: channels * multiplier };
        width = block.out;
        return block;
      }),
    );
  return [middle, ...levels];
}

/** The extents of the network's kernels: a neighbourhood of three along every axis, and a single point. */
function kernelExtents(config: TokenizerConfig): { around: number[]; point: number[] } {
  const axes = patchExtent(config);
  return { around: axes.map(() => 3), point: axes.map(() => 1) };
}

function blockSpecs({ name, into, out }: Block, config: TokenizerConfig): ParameterSpec[] {
  const { around, point } = kernelExtents(config);
  const shortcut = config.shortcut === "input" ? into : out;
  return [
    ...normSpecs(`${name}.norm1`, into),
    kernelSpec(`${name}.conv1`, [out, into], around),
    ...normSpecs(`${name}.norm2`, out),
    kernelSpec(`${name}.conv2`, [out, out], around, 0.5),
    ...(into === out ? [] : [kernelSpec(`${name}.nin_shortcut`, [out, shortcut], point)]),
  ];
}

/** Every parameter of the encoder and decoder (the codebook belongs to the quantiser). */
export function autoencoderParameters(config: TokenizerConfig): ParameterSpec[] {
  if (config.network === "plain") return plainParameters(config);
  const { channels, multipliers, latentWidth, pixelShortcut } = config;
  const { around, point } = kernelExtents(config);
  // What the network adds to a pixel shortcut starts near nothing, so that training starts at plain patch coding.
  const outGain = pixelShortcut ? 0.01 : 1;
  const coarse = channels * multipliers.at(-1)!;
  const pixels = 3 * sizeOf(patchExtent(config));
  const upsampled = multipliers
    .map((multiplier, level) => ({ level, width: channels * multiplier }))
    .slice(1);
  return [
    kernelSpec("encoder.conv_in", [channels, pixels], around),
    ...encoderBlocks(config)
      .flat()
      .flatMap((block) => blockSpecs(block, config)),
    ...normSpecs("encoder.norm_out", coarse),
    kernelSpec("encoder.conv_out", [latentWidth, coarse], point, outGain),
    vectorSpec("encoder.conv_out.bias", latentWidth, 0),
    kernelSpec("decoder.conv_in", [coarse, latentWidth], around),
    vectorSpec("decoder.conv_in.bias", coarse, 0),
    ...decoderBlocks(config)
      .flat()
      .flatMap((block) => blockSpecs(block, config)),
    ...upsampled.flatMap(({ level, width }) => [
      kernelSpec(`decoder.up.${level}.upsample_conv`, [width, width], around),
      vectorSpec(`decoder.up.${level}.upsample_conv.bias`, width, 0),
    ]),
    ...normSpecs("decoder.norm_out", channels * multipliers[0]!),
    kernelSpec("decoder.conv_out", [pixels, channels * multipliers[0]!], around, outGain),
    vectorSpec("decoder.conv_out.bias", pixels, 0),
  ];
}

/** What building needs besides the feature maps. */
export interface NetworkContext {
  readonly config: TokenizerConfig;
  readonly weights: Weighted;
  /** Training unfolds its convolutions; inference keeps the runtime's kernel, which needs far less memory. */
  readonly method: ConvolutionMethod;
}

/** How a network's convolutions run in training: the plain one's full resolution would take much memory unfolded. */
export const trainingMethod = ({ network }: TokenizerConfig): ConvolutionMethod =>
  network === "plain" ? "kernel" : "unfolded";

function convolve(x: Value, name: string, { weights, method }: NetworkContext): Value {
  return convolution(x, weights[`${name}.weight`]!, weights[`${name}.bias`] ?? null, method);
}

/** Group norm, then swish. */
function activate(x: Value, name: string, { weights, config }: NetworkContext): Value {
  return silu(groupNorm(x, weights[`${name}.weight`]!, weights[`${name}.bias`]!, config.groups, epsilon));
}

function residual(x: Value, { name, into, out }: Block, context: NetworkContext): Value {
  const h = convolve(activate(x, `${name}.norm1`, context), `${name}.conv1`, context);
  const y = convolve(activate(h, `${name}.norm2`, context), `${name}.conv2`, context);
  if (into === out) return add(x, y);
  // MaskGIT's published code feeds the shortcut from the block's own output, so the skip path is lost there.
  const source = context.config.shortcut === "input" ? x : y;
  return add(convolve(source, `${name}.nin_shortcut`, context), y);
}

/** Pixels [B, 3, ...space] in [0, 1] -> latents [B, latentWidth, ...grid]. */
export function encodePixels(pixels: Value, context: NetworkContext): Value {
  const { config } = context;
  if (config.network === "plain") return encodePlain(pixels, context);
  const factors = levelFactors(config, config.multipliers.length - 1);
  let x = convolve(spaceToDepth(pixels, patchExtent(config)), "encoder.conv_in", context);
  encoderBlocks(config).forEach((blocks, level) => {
    for (const block of blocks) x = residual(x, block, context);
    if (level < factors.length) x = averagePool(x, factors[level]!);
  });
  const latents = convolve(activate(x, "encoder.norm_out", context), "encoder.conv_out", context);
  return config.pixelShortcut ? add(spaceToDepth(pixels, tokenStride(config)), latents) : latents;
}

/** Quantised latents [B, latentWidth, ...grid] -> pixels [B, 3, ...space], meant for [0, 1] but not clamped. */
export function decodeLatents(latents: Value, context: NetworkContext): Value {
  const { config } = context;
  if (config.network === "plain") return decodePlain(latents, context);
  const factors = levelFactors(config, config.multipliers.length - 1);
  let x = convolve(latents, "decoder.conv_in", context);
  decoderBlocks(config).forEach((blocks, i) => {
    for (const block of blocks) x = residual(x, block, context);
    const level = config.multipliers.length - i;
    if (i === 0 || level === 0) return;
    x = convolve(upsample(x, factors[level - 1]!), `decoder.up.${level}.upsample_conv`, context);
  });
  const patches = convolve(activate(x, "decoder.norm_out", context), "decoder.conv_out", context);
  const pixels = depthToSpace(patches, patchExtent(config));
  return config.pixelShortcut ? add(depthToSpace(latents, tokenStride(config)), pixels) : pixels;
}
