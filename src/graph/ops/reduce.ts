/** Reductions over axes, and their gradients. */
import { type Dim, type Shape, sameShape } from "../dim.ts";
import { type Backward, shapeError, type Value } from "../graph.ts";
import { expandTo, reshape } from "./shape.ts";

function normalised(operation: string, x: Value, axes: readonly number[] | undefined): number[] {
  const all = axes ?? x.shape.map((_, i) => i);
  const found = all.map((axis) => {
    const at = axis < 0 ? axis + x.rank : axis;
    if (!Number.isInteger(at) || at < 0 || at >= x.rank) {
      throw shapeError(operation, `axes within a rank of ${x.rank} (got ${axis})`, x);
    }
    return at;
  });
  if (new Set(found).size < found.length) throw shapeError(operation, `distinct axes (got ${all})`, x);
  return found;
}

function reduce(
  operation: string,
  op: string,
  x: Value,
  axes: readonly number[] | undefined,
  keepDims: boolean,
  rule: ((dy: Value, kept: Shape) => Value) | null,
): Value {
  const over = normalised(operation, x, axes);
  if (x.dtype === "bool") throw shapeError(operation, "numbers", x);
  // Nothing to reduce; to ONNX an empty list of axes would mean all of them.
  if (over.length === 0) return x;
  const kept: Dim[] = x.shape.map((dim, i) => (over.includes(i) ? 1 : dim));
  const shape = keepDims ? kept : x.shape.filter((_, i) => !over.includes(i));
  const backward: Backward | undefined = rule ? ([dy]) => [rule(dy!, kept)] : undefined;
  const inputs = [x, x.graph.integers(over)];
  const [out] = x.graph.emit(
    op,
    inputs,
    [{ dtype: x.dtype, shape }],
    { keepdims: keepDims ? 1 : 0 },
    backward,
  );
  return out!;
}

/** The sum over `axes` (all by default). */
export function sum(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce("sum", "ReduceSum", x, axes, keepDims, (dy, kept) => expandTo(reshape(dy, kept), x.shape));
}

/** The sum of all squares, a scalar. Stops gradients. */
export function sumOfSquares(x: Value): Value {
  return reduce("sumOfSquares", "ReduceSumSquare", x, undefined, false, null);
}

/** The mean over `axes` (all by default). Stops gradients: `mean` has one. */
export function meanOver(x: Value, axes?: readonly number[], keepDims = false): Value {
  return reduce("mean", "ReduceMean", x, axes, keepDims, null);
}

/** The largest over `axes`. Stops gradients: it serves as a shift in stable sums of exponentials. */
export function maxOver(x: Value, axes: readonly number[], keepDims = false): Value {
  return reduce("maxOver", "ReduceMax", x, axes, keepDims, null);
}

/** The smallest over `axes`. Stops gradients. */
export function minOver(x: Value, axes: readonly number[], keepDims = false): Value {
  return reduce("minOver", "ReduceMin", x, axes, keepDims, null);
}

/** Sums a broadcast result back to `shape`: the gradient of broadcasting. */
export function sumTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape
    .map((_, i) => i)
    .filter((i) => i < lead || (shape[i - lead] === 1 && x.shape[i] !== 1));
  if (axes.length === lead) return sum(x, axes);
  return reshape(sum(x, axes, true), shape);
}

/**
 * The index (int32) of the largest element along `axis`, whose extent is known; the first where equal.
 *
 * The runtime's index is int64, of which WebGPU knows little more than to look something up by it: so it looks itself
 * up, in int32. (A Cast falls back to the CPU there.)
 */
export function argMax(x: Value, axis: number): Value {
  const [at] = normalised("argMax", x, [axis]);
  const extent = x.shape[at!]!;
  if (typeof extent !== "number") throw shapeError("argMax", `a known extent of axis ${axis}`, x);
  const shape = x.shape.filter((_, i) => i !== at);
  const index = x.graph.emit("ArgMax", [x], [{ dtype: "int64", shape }], { axis: at!, keepdims: 0 })[0]!;
  const numbers = x.graph.constant({
    dtype: "int32",
    dims: [extent],
    data: Int32Array.from({ length: extent }, (_, i) => i),
  });
  return x.graph.emit("Gather", [numbers, index], [{ dtype: "int32", shape }], { axis: 0 })[0]!;
}

/**
 * The k largest along the last axis, largest first, and their indices (int64); where equal, lower indices first.
 * No gradient. Not for float64, which has no kernel.
 */
export function topK(x: Value, k: number): { values: Value; indices: Value } {
  const width = x.dim(-1);
  if (!Number.isInteger(k) || k < 1 || typeof width === "string" || !(k <= width)) {
    throw shapeError("topK", `a last axis of at least k (got ${k}), which is at least 1`, x);
  }
  if (x.dtype === "float64" || x.dtype === "bool") throw shapeError("topK", "float32 or integers", x);
  const shape = [...x.shape.slice(0, -1), k];
  const outputs = [
    { dtype: x.dtype, shape },
    { dtype: "int64" as const, shape },
  ];
  const [values, indices] = x.graph.emit("TopK", [x, x.graph.integers([k])], outputs, { axis: -1 });
  return { values: values!, indices: indices! };
}

/** Running sums along `axis` (inclusive), from the last element to the first if `isReversed`. */
export function cumulativeSum(x: Value, axis: number, isReversed = false): Value {
  const [at] = normalised("cumulativeSum", x, [axis]);
  const inputs = [x, x.graph.scalar("int64", at!)];
  const attributes = { reverse: isReversed ? 1 : 0 };
  return x.graph.emit("CumSum", inputs, [{ dtype: x.dtype, shape: x.shape }], attributes, ([d]) => [
    cumulativeSum(d!, axis, !isReversed),
    null,
  ])[0]!;
}
