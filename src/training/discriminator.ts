/**
 * A small network that learns to tell real images from decoded ones, token by token, so that a decoder can learn to make
 * what it cannot tell (Goodfellow et al. 2014; PatchGAN, Isola et al. 2017; hinge losses, Lim & Ye 2017). Of every level it
 * folds pixels into channels and looks around by a 3x3 convolution, so that a token's score sees the borders to its
 * neighbours. Over videos the same with 3x3x3 convolutions.
 */
import { sizeOf } from "../core/tensor.ts";
import {
  add,
  convolution,
  maximum,
  mean,
  multiply,
  spaceToDepth,
  subtract,
  type Value,
} from "../graph/index.ts";
import type { ParameterSpec } from "../models/parameters.ts";
import { type TokenizerConfig, tokenStride } from "../models/tokenizer/config.ts";

/** Channels of the first levels; further ones have as many as the last. */
const widths = [48, 96, 128];

/** What passes of a negative activation. */
const leak = 0.2;

/** Brings pixels, [0, 1], to a mean near 0 and a spread near 1. */
const pixelScale = { middle: 0.5, gain: 4 };

interface Level {
  /** By how much each axis shrinks. */
  readonly factors: readonly number[];
  readonly into: number;
  readonly out: number;
}

/** Halves every axis until an axis has one place per token. */
function levelsOf(config: TokenizerConfig): Level[] {
  const levels: Level[] = [];
  let left = tokenStride(config);
  let width = 3;
  do {
    const factors = left.map((extent) => (extent % 2 === 0 ? 2 : extent));
    const out = widths[Math.min(levels.length, widths.length - 1)]!;
    levels.push({ factors, into: width * sizeOf(factors), out });
    left = left.map((extent, axis) => extent / factors[axis]!);
    width = out;
  } while (left.some((extent) => extent > 1));
  return levels;
}

/** Every parameter, named `discriminator.`. */
export function discriminatorParameters(config: TokenizerConfig): ParameterSpec[] {
  const axes = tokenStride(config);
  const layer = (name: string, [out, into]: readonly [number, number], extent: number, gain: number) => {
    const kernel = axes.map(() => extent);
    const std = gain * Math.sqrt(1 / (into * sizeOf(kernel)));
    return [
      {
        name: `discriminator.${name}.weight`,
        shape: [out, into, ...kernel],
        init: { kind: "normal", std },
        hasWeightDecay: false,
      },
      {
        name: `discriminator.${name}.bias`,
        shape: [out],
        init: { kind: "constant", value: 0 },
        hasWeightDecay: false,
      },
    ] satisfies ParameterSpec[];
  };
  const levels = levelsOf(config);
  return [
    ...levels.flatMap(({ into, out }, i) => layer(`level.${i}`, [out, into], 3, Math.SQRT2)),
    ...layer("score", [1, levels.at(-1)!.out], 1, 1),
  ];
}

/** Images [B, 3, ...space] -> a score for every token [B, 1, ...grid]: above 0 is real. */
export function discriminate(
  images: Value,
  config: TokenizerConfig,
  weights: Readonly<Record<string, Value>>,
): Value {
  const convolve = (x: Value, name: string) =>
    convolution(
      x,
      weights[`discriminator.${name}.weight`]!,
      weights[`discriminator.${name}.bias`]!,
      "kernel",
    );
  let x = multiply(subtract(images, pixelScale.middle), pixelScale.gain);
  levelsOf(config).forEach(({ factors }, i) => {
    const h = convolve(spaceToDepth(x, factors), `level.${i}`);
    x = maximum(h, multiply(h, leak));
  });
  return convolve(x, "score");
}

/** What the discriminator lowers: the hinge losses of scores of real images and of decoded ones. 1 where it can tell nothing. */
export function discriminatorLoss(real: Value, decoded: Value): Value {
  const hinge = (x: Value) => mean(maximum(add(x, 1), 0));
  return multiply(add(hinge(multiply(real, -1)), hinge(decoded)), 0.5);
}
