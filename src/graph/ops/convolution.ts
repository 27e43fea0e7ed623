/**
 * Convolutions over one to three spatial axes with stride 1 and "same" size, resampling by whole factors, and their
 * gradients. Tensors are [N, C, ...space]; kernels [O, C, ...extent] with odd extents.
 */
import { tensor } from "../../core/tensor.ts";
import { type Dim, multiplyDims, sameShape } from "../dim.ts";
import { requireFloats, setDerivation, shapeError, type Value } from "../graph.ts";
import { add, multiply } from "./elementwise.ts";
import { gatherRows } from "./indexing.ts";
import { batchMatmul, matmul } from "./matrix.ts";
import { sum } from "./reduce.ts";
import { concat, expandTo, padAxes, reshape, sliceAxes, transpose } from "./shape.ts";

/**
 * How a convolution runs: `direct` by the runtime's kernel, with no more memory than its result; `unfolded` as one
 * matrix product over all neighbourhoods laid out as rows, which holds `taps` times the input but trains about twice
 * as fast (forward, and both gradients, are products of the full speed of the machine). `kernel` is `direct` forward
 * and in the gradient by x; the gradient by the kernel is one product for each of the batch, its neighbourhoods laid
 * out as channels, for which nothing is kept from the forward pass and no axis moves.
 */
export type ConvolutionMethod = "direct" | "unfolded" | "kernel";

/** Convolution with zero padding that keeps the spatial size; `bias` [O] is optional. */
export function convolution(
  x: Value,
  kernel: Value,
  bias: Value | null = null,
  method: ConvolutionMethod = "direct",
): Value {
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
  const spatial = extent.map((_, i) => i + 2);
  const taps = extent.reduce((a, b) => a * b, 1);
  // [N, O, ...space] = rows of neighbourhoods [N * pixels, taps * C] times the kernel as [taps * C, O].
  const unfolded = method === "unfolded" ? unfold(x, extent) : null;
  const rows = (): Value => unfolded ?? unfold(x, extent);
  const y = unfolded
    ? fold(
        matmul(
          unfolded,
          reshape(transpose(kernel, [...spatial, 1, 0]), [multiplyDims(taps, kernel.dim(1)), kernel.dim(0)]),
        ),
        x,
        bias,
      )
    : direct(x, kernel, bias);
  setDerivation({
    inputs: bias ? [x, kernel, bias] : [x, kernel],
    outputs: [y],
    backward: ([dy]) => {
      if (method === "kernel") {
        const dBias = bias && sum(dy!, [0, ...spatial]);
        const dx = convolution(dy!, turned(kernel), null, "kernel");
        return [dx, kernelGradient(x, dy!, kernel), ...(bias ? [dBias] : [])];
      }
      const d = toRows(dy!); // [N * pixels, O]
      const product = reshape(matmul(d, rows(), { a: true }), [kernel.dim(0), ...extent, kernel.dim(1)]);
      const dKernel = transpose(product, [0, kernel.rank - 1, ...spatial.map((axis) => axis - 1)]);
      const around = unfold(dy!, extent, true); // [N * pixels, taps * O], the offsets mirrored
      const back = reshape(transpose(kernel, [...spatial, 0, 1]), [
        multiplyDims(taps, kernel.dim(0)),
        kernel.dim(1),
      ]);
      return [fold(matmul(around, back), x, null), dKernel, ...(bias ? [sum(d, [0])] : [])];
    },
  });
  return y;
}

function direct(x: Value, kernel: Value, bias: Value | null): Value {
  const extent = kernel.shape.slice(2) as number[];
  const half = extent.map((size) => (size - 1) / 2);
  const shape = [x.dim(0), kernel.dim(0), ...x.shape.slice(2)];
  const attributes = { kernel_shape: extent, pads: [...half, ...half] };
  return x.graph.emit(
    "Conv",
    bias ? [x, kernel, bias] : [x, kernel],
    [{ dtype: x.dtype, shape }],
    attributes,
  )[0]!;
}

/** The kernel [O, C, ...extent] that carries gradients back: [C, O, ...extent], every axis of the extent turned around. */
function turned(kernel: Value): Value {
  const [out, into, ...extent] = kernel.shape as [Dim, Dim, ...number[]];
  const taps = extent.reduce((a, b) => a * b, 1);
  const swapped = transpose(kernel, [1, 0, ...extent.map((_, i) => i + 2)]);
  if (taps === 1) return swapped;
  const first = reshape(transpose(swapped, [...extent.map((_, i) => i + 2), 0, 1]), [taps, into, out]);
  const order = Int32Array.from({ length: taps }, (_, i) => taps - 1 - i);
  const around = gatherRows(first, kernel.graph.constant(tensor("int32", [taps], order)));
  return reshape(transpose(around, [1, 2, 0]), [into, out, ...extent]);
}

/** The gradient by the kernel [O, C, ...extent], for each of the batch dy [O, pixels] times neighbourhoods [pixels, taps * C]. */
function kernelGradient(x: Value, dy: Value, kernel: Value): Value {
  const [out, into, ...extent] = kernel.shape as [Dim, Dim, ...number[]];
  const space = x.shape.slice(2);
  const pixels = multiplyDims(...space);
  const padded = padAxes(
    x,
    extent.map((size, i) => [i + 2, (size - 1) / 2, (size - 1) / 2] as const),
  );
  const windows = offsets(extent).map((offset) =>
    sliceAxes(
      padded,
      offset.map((start, i) => [i + 2, start, start + (space[i] as number)] as const),
    ),
  );
  const channels = windows.length === 1 ? x : concat(windows, 1);
  const maps = reshape(channels, [x.dim(0), multiplyDims(windows.length, into), pixels]);
  const products = batchMatmul(reshape(dy, [x.dim(0), out, pixels]), maps, { b: true });
  const total = reshape(sum(products, [0]), [out, ...extent, into]);
  return transpose(total, [0, kernel.rank - 1, ...extent.map((_, i) => i + 1)]);
}

/** [N, C, ...space] -> channels last, one row per pixel: [N * pixels, C]. */
function toRows(x: Value): Value {
  const last = transpose(x, [0, ...x.shape.slice(2).map((_, i) => i + 2), 1]);
  return reshape(last, [multiplyDims(x.dim(0), ...x.shape.slice(2)), x.dim(1)]);
}

/** Rows [N * pixels, O] back to maps [N, O, ...space] of `like`'s batch and space, with an optional bias [O]. */
function fold(rows: Value, like: Value, bias: Value | null): Value {
  const last = reshape(bias ? add(rows, bias) : rows, [like.dim(0), ...like.shape.slice(2), rows.dim(1)]);
  return transpose(last, [0, like.rank - 1, ...like.shape.slice(2).map((_, i) => i + 1)]);
}

/** Every pixel's neighbourhood as a row [N * pixels, taps * C], zero outside; `mirrored` turns the offsets around. */
function unfold(x: Value, extent: readonly number[], mirrored = false): Value {
  const space = x.shape.slice(2) as number[];
  if (space.some((size) => typeof size !== "number")) {
    throw shapeError("convolution", "a known spatial size (to unfold)", x);
  }
  if (extent.every((size) => size === 1)) return toRows(x);
  const last = transpose(x, [0, ...space.map((_, i) => i + 2), 1]);
  const padded = padAxes(
    last,
    extent.map((size, i) => [i + 1, (size - 1) / 2, (size - 1) / 2] as const),
  );
  const windows = offsets(extent).map((offset) =>
    sliceAxes(
      padded,
      offset.map((start, i) => [i + 1, start, start + space[i]!] as const),
    ),
  );
  const row = concat(mirrored ? windows.reverse() : windows, x.rank - 1);
  return reshape(row, [multiplyDims(x.dim(0), ...space), row.dim(-1)]);
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
