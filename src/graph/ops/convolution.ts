/**
 * Convolutions over one to three spatial axes with stride 1 and "same" size, resampling by whole factors, and their
 * gradients. Tensors are [N, C, ...space]; kernels [O, C, ...extent] with odd extents.
 */
import { type Dim, multiplyDims, sameShape } from "../dim.ts";
import { requireFloats, shapeError, type Value } from "../graph.ts";
import { add, multiply } from "./elementwise.ts";
import { batchMatmul } from "./matrix.ts";
import { sum } from "./reduce.ts";
import { concat, expandTo, flip, padAxes, reshape, slice, transpose } from "./shape.ts";

/** Convolution with zero padding that keeps the spatial size; `bias` [O] is optional. */
export function convolution(x: Value, kernel: Value, bias: Value | null = null): Value {
  requireFloats("convolution", x, kernel, ...(bias ? [bias] : []));
  const extent = kernel.shape.slice(2);
  const isKnown = (dim: Dim): dim is number => typeof dim === "number";
  if (x.rank < 3 || kernel.rank !== x.rank || kernel.dim(1) !== x.dim(1) || !extent.every(isKnown)) {
    throw shapeError("convolution", "x [N, C, ...space] and a kernel [O, C, ...extent]", x, kernel);
  }
  if (extent.some((size) => size % 2 === 0)) throw shapeError("convolution", "odd kernel extents", kernel);
  if (bias && !sameShape(bias.shape, [kernel.dim(0)])) {
    throw shapeError("convolution", `a bias of shape [${kernel.dim(0)}]`, kernel, bias);
  }
  const half = extent.map((size) => (size - 1) / 2);
  const shape = [x.dim(0), kernel.dim(0), ...x.shape.slice(2)];
  const inputs = bias ? [x, kernel, bias] : [x, kernel];
  const attributes = { kernel_shape: extent, pads: [...half, ...half] };
  return x.graph.emit("Conv", inputs, [{ dtype: x.dtype, shape }], attributes, ([dy]) => {
    const d = dy!;
    const spatial = extent.map((_, i) => i + 2);
    const flipped = half.some((size) => size > 0) ? flip(kernel, spatial) : kernel;
    const dx = convolution(d, transpose(flipped, [1, 0, ...spatial]));
    return [dx, kernelGradient(x, d, kernel), ...(bias ? [sum(d, [0, ...spatial])] : [])];
  })[0]!;
}

/**
 * dW of a convolution as one batched product: for every kernel offset the shifted input, all offsets stacked, times
 * the output's gradient. Measured twice as fast as a convolution with swapped axes (the large "kernel" defeats it).
 */
function kernelGradient(x: Value, dy: Value, kernel: Value): Value {
  const extent = kernel.shape.slice(2) as number[];
  const space = x.shape.slice(2) as number[];
  if (space.some((size) => typeof size !== "number")) {
    throw shapeError("convolution", "a known spatial size (to differentiate)", x);
  }
  const margins = extent.map((size, i) => [i + 2, (size - 1) / 2, (size - 1) / 2] as const);
  const padded = extent.every((size) => size === 1) ? x : padAxes(x, margins);
  const pixels = multiplyDims(...space);
  const shifted = offsets(extent).map((offset) => {
    let window = padded;
    offset.forEach((start, i) => {
      window = slice(window, i + 2, start, start + space[i]!);
    });
    return reshape(window, [x.dim(0), x.dim(1), pixels]);
  });
  const columns = shifted.length === 1 ? shifted[0]! : concat(shifted, 1); // [N, taps * C, pixels]
  const outputs = reshape(dy, [dy.dim(0), dy.dim(1), pixels]);
  const product = sum(batchMatmul(outputs, columns, { b: true }), [0]); // [O, taps * C]
  const [o, c] = [kernel.dim(0), kernel.dim(1)];
  const taps = reshape(product, [o, shifted.length, c]);
  return reshape(transpose(taps, [0, 2, 1]), kernel.shape);
}

function offsets(extent: readonly number[]): number[][] {
  return extent.reduce<number[][]>(
    (all, size) => all.flatMap((prefix) => Array.from({ length: size }, (_, i) => [...prefix, i])),
    [[]],
  );
}

/** Splits each spatial axis into blocks: [N, C, h*f, ...] -> [N, C, h, f, ...] with the given factors. */
function blocks(operation: string, x: Value, factors: readonly number[]): Dim[] {
  if (factors.length !== x.rank - 2) throw shapeError(operation, `${factors.length} spatial axes`, x);
  return x.shape.slice(2).flatMap((dim, i) => {
    if (typeof dim !== "number" || dim % factors[i]! !== 0) {
      throw shapeError(operation, `spatial axes divisible by [${factors}]`, x);
    }
    return [dim / factors[i]!, factors[i]!];
  });
}

/** Mean over non-overlapping blocks of the given size in each spatial axis. */
export function averagePool(x: Value, factors: readonly number[]): Value {
  const blocked = reshape(x, [x.dim(0), x.dim(1), ...blocks("averagePool", x, factors)]);
  const inner = factors.map((_, i) => 3 + 2 * i);
  return multiply(sum(blocked, inner), 1 / factors.reduce((a, b) => a * b, 1));
}

/** Repeats every element `factors[i]` times along spatial axis i (nearest-neighbour upsampling). */
export function upsample(x: Value, factors: readonly number[]): Value {
  if (factors.length !== x.rank - 2) throw shapeError("upsample", `${factors.length} spatial axes`, x);
  const lead = [x.dim(0), x.dim(1)];
  const apart = x.shape.slice(2).flatMap((dim) => [dim, 1]);
  const repeated = x.shape.slice(2).flatMap((dim, i) => [dim, factors[i]!]);
  const merged = x.shape.slice(2).map((dim, i) => multiplyDims(dim, factors[i]!));
  return reshape(expandTo(reshape(x, [...lead, ...apart]), [...lead, ...repeated]), [...lead, ...merged]);
}

/** Moves blocks of space into channels: [N, C, h*f, w*f] -> [N, f*f*C, h, w]. */
export function spaceToDepth(x: Value, factors: readonly number[]): Value {
  if (factors.every((factor) => factor === 1)) return x;
  const split = blocks("spaceToDepth", x, factors);
  const blocked = reshape(x, [x.dim(0), x.dim(1), ...split]);
  const outer = factors.map((_, i) => 2 + 2 * i);
  const inner = factors.map((_, i) => 3 + 2 * i);
  const moved = transpose(blocked, [0, ...inner, 1, ...outer]);
  const channels = multiplyDims(x.dim(1), ...factors);
  return reshape(moved, [x.dim(0), channels, ...split.filter((_, i) => i % 2 === 0)]);
}

/** The inverse of {@link spaceToDepth}: [N, f*f*C, h, w] -> [N, C, h*f, w*f]. */
export function depthToSpace(x: Value, factors: readonly number[]): Value {
  if (factors.every((factor) => factor === 1)) return x;
  const volume = factors.reduce((a, b) => a * b, 1);
  const channels = x.dim(1);
  if (typeof channels !== "number" || channels % volume !== 0 || factors.length !== x.rank - 2) {
    throw shapeError("depthToSpace", `channels divisible by ${volume}`, x);
  }
  const space = x.shape.slice(2);
  const blocked = reshape(x, [x.dim(0), ...factors, channels / volume, ...space]);
  const rank = factors.length;
  const order = [0, rank + 1, ...factors.flatMap((_, i) => [rank + 2 + i, 1 + i])];
  const merged = space.map((dim, i) => multiplyDims(dim, factors[i]!));
  return reshape(transpose(blocked, order), [x.dim(0), channels / volume, ...merged]);
}

/** Adds a per-channel bias [C] to [N, C, ...space]. */
export function addChannelBias(x: Value, bias: Value): Value {
  if (!sameShape(bias.shape, [x.dim(1)])) {
    throw shapeError("addChannelBias", `a bias of shape [${x.dim(1)}]`, x, bias);
  }
  return add(x, reshape(bias, [bias.dim(0), ...x.shape.slice(2).map(() => 1)]));
}
