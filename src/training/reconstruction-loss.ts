/** What a tokenizer's training compares of images and their reconstructions: pixels, edges at several scales, token borders. */
import type { HostTensor } from "../core/tensor.ts";
import {
  absolute,
  add,
  averagePool,
  mean,
  multiply,
  sliceAxes,
  square,
  subtract,
  sum,
  type Value,
} from "../graph/index.ts";
import { type TokenizerConfig, tokenStride } from "../models/tokenizer/config.ts";
import type { TrainConfig } from "./config.ts";

/** How much each part of the loss counts. */
export type LossWeights = Pick<TrainConfig["tokenizer"]["training"], "l1Weight" | "edgeWeight">;

/**
 * The loss of reconstructions. Adds the output `squaredError`, the mean over pixels.
 *
 * @param decoded  [B, 3, ...space]
 * @param pixels   what they should be
 */
export function addReconstruction(
  decoded: Value,
  pixels: Value,
  { l1Weight, edgeWeight }: LossWeights,
): Value {
  const { graph } = decoded;
  const difference = subtract(decoded, pixels);
  const squaredError = mean(square(difference));
  let loss = squaredError;
  if (l1Weight > 0) loss = add(loss, multiply(mean(absolute(difference)), l1Weight));
  if (edgeWeight > 0) loss = add(loss, multiply(edgeError(difference), edgeWeight));
  graph.output("squaredError", squaredError);
  return loss;
}

/** Adds the outputs `acrossBorders` and `withinTokens`, whose quotient is the border contrast (see {@link borderSteps}). */
export function addBorderSteps(decoded: Value, config: TokenizerConfig): void {
  const { graph } = decoded;
  const { across, within } = borderSteps(decoded, tokenStride(config).at(-1)!);
  graph.output("acrossBorders", across);
  graph.output("withinTokens", within);
}

/** The figures of these outputs: PSNR in dB, and border contrast. */
export function reconstructionMetrics(outputs: Readonly<Record<string, HostTensor>>) {
  const [squaredError, across, within] = ["squaredError", "acrossBorders", "withinTokens"].map((name) =>
    Number(outputs[name]!.data[0]),
  ) as [number, number, number];
  return { psnr: -10 * Math.log10(squaredError), borderContrast: across / Math.max(1e-9, within) };
}

/** How often the images are halved for {@link edgeError}. */
const halvings = 2;

/**
 * The mean absolute difference between two images' steps from pixel to pixel, along rows and columns; at full size, a
 * half and a quarter, the mean of the three. It tells a blurred or torn edge from a right one, which pixels alone
 * hardly do.
 *
 * @param difference  one image less the other, [B, C, ...space]
 */
export function edgeError(difference: Value): Value {
  let level = difference;
  let total: Value | null = null;
  for (let scale = 0; scale <= halvings; scale++) {
    if (scale > 0) {
      const factors = level.shape.slice(2).map((_, i, space) => (i < space.length - 2 ? 1 : 2));
      level = averagePool(level, factors);
    }
    for (const axis of [-1, -2]) {
      const part = mean(absolute(stepsAlong(level, axis)));
      total = total ? add(total, part) : part;
    }
  }
  return multiply(total!, 1 / (2 * (halvings + 1)));
}

/** What each pixel differs from the one before it along an axis. */
function stepsAlong(x: Value, axis: number): Value {
  const at = axis + x.rank;
  const extent = x.dim(at) as number;
  return subtract(sliceAxes(x, [[at, 1, extent]]), sliceAxes(x, [[at, 0, extent - 1]]));
}

/**
 * How much larger the steps between neighbouring pixels are where they cross from token to token than within tokens:
 * mean absolute differences along rows and columns, over all images. About 1 for real images, more for a mosaic.
 *
 * @param pixels  [B, C, ...space]
 * @param stride  pixels per token along rows and columns, each at least 2
 * @returns `across` and `within`, the two means, scalars; border contrast is the first over the second
 */
export function borderSteps(pixels: Value, stride: number): { across: Value; within: Value } {
  const { graph } = pixels;
  const parts = [-1, -2].map((axis) => {
    const steps = absolute(stepsAlong(pixels, axis));
    const extent = steps.dim(axis) as number;
    const isAcross = Float32Array.from({ length: extent }, (_, i) => ((i + 1) % stride === 0 ? 1 : 0));
    const dims = axis === -1 ? [extent] : [extent, 1];
    const across = sum(multiply(steps, graph.constant({ dtype: "float32", dims, data: isAcross })));
    const count = steps.shape.reduce<number>((all, dim) => all * (dim as number), 1);
    const share = isAcross.reduce((a, b) => a + b, 0) / extent;
    return { all: sum(steps), across, count, acrossCount: count * share };
  });
  const [a, b] = parts as [(typeof parts)[0], (typeof parts)[0]];
  const across = add(a.across, b.across);
  const acrossCount = a.acrossCount + b.acrossCount;
  const within = subtract(add(a.all, b.all), across);
  return {
    across: multiply(across, 1 / Math.max(1, acrossCount)),
    within: multiply(within, 1 / (a.count + b.count - acrossCount)),
  };
}
