/** Operations that move elements without changing them, and their gradients. */
import { shapePort } from "../../core/shape-port.ts";
import { type Dim, elementsOf, factorsOf, type Shape, sameShape } from "../dim.ts";
import { type Graph, requireSameType, shapeError, type Value } from "../graph.ts";

/**
 * The same elements under another shape. Symbolic dims are allowed wherever they can be told when the graph runs:
 * at the same place as in the input, as the one remaining extent, or from an input's shape.
 */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  if (elementsOf(x.shape) !== elementsOf(shape) || shape.includes(0)) {
    throw shapeError("reshape", `as many elements as [${shape.join(", ")}], and some`, x);
  }
  const target = shapeValue(x, shape);
  return x.graph.emit("Reshape", [x, target], [{ dtype: x.dtype, shape }], {}, ([dy]) => [
    reshape(dy!, x.shape),
  ])[0]!;
}

/** The int64 vector that Reshape takes: numbers, 0 for "as in the input", one -1; else see {@link runtimeShape}. */
function shapeValue(x: Value, shape: Shape): Value {
  const codes = shape.map((dim, i) => (typeof dim === "number" ? dim : x.shape[i] === dim ? 0 : -1));
  if (codes.filter((code) => code === -1).length <= 1) return x.graph.integers(codes);
  // Several extents to find: the one that no input tells is left open.
  const isTold = (dim: Dim): boolean =>
    factorsOf(dim).symbols.every((symbol) => x.graph.symbolSources.has(symbol));
  const untold = shape.findIndex((dim, i) => codes[i] === -1 && !isTold(dim));
  return runtimeShape(
    x.graph,
    shape.map((dim, i) => (codes[i] !== -1 || i === untold ? codes[i]! : dim)),
  );
}

/** The shape as an int64 vector; one with symbols is an input that the runner fills in from what it is fed. */
function runtimeShape(graph: Graph, shape: Shape): Value {
  if (shape.every((dim) => typeof dim === "number")) return graph.integers(shape as number[]);
  const untold = shape
    .flatMap((dim) => factorsOf(dim).symbols)
    .find((symbol) => !graph.symbolSources.has(symbol));
  if (untold !== undefined) {
    throw new Error(`graph ${graph.name}: no input has the dimension "${untold}" alone on an axis`);
  }
  const name = shapePort(shape);
  return graph.inputs.get(name) ?? graph.input(name, "int64", [shape.length]);
}

/** Repeats along axes of extent 1 until the shape is `shape`; the gradient sums back. */
export function expandTo(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const lead = shape.length - x.rank;
  if (lead < 0 || x.shape.some((dim, i) => dim !== 1 && dim !== shape[i + lead])) {
    throw shapeError("expandTo", `a shape that broadcasts to [${shape.join(", ")}]`, x);
  }
  // An extent that x already has need not be told: 1 leaves it.
  const wanted = shape.map((dim, i) => (dim === x.shape[i - lead] ? 1 : dim));
  const target = runtimeShape(x.graph, wanted);
  return x.graph.emit("Expand", [x, target], [{ dtype: x.dtype, shape }], {}, ([dy]) => {
    const axes = shape
      .map((_, i) => i)
      .filter((i) => i < lead || (x.shape[i - lead] === 1 && shape[i] !== 1));
    const over = x.graph.integers(axes);
    const kept = shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
    const summed = x.graph.emit(
      "ReduceSum",
      [dy!, over],
      [{ dtype: x.dtype, shape: kept }],
      { keepdims: 1 },
      ([d]) => [expandTo(d!, shape)],
    )[0]!;
    return [reshape(summed, x.shape)];
  })[0]!;
}

/** A tensor of zeros of x's shape and type. */
export function zerosOf(x: Value): Value {
  return expandTo(x.graph.scalar(x.dtype, 0), x.shape);
}

/** Reorders the axes: result axis i is the input's axis `order[i]`. */
export function transpose(x: Value, order: readonly number[]): Value {
  if (order.length !== x.rank || [...order].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
    throw shapeError("transpose", `a permutation of ${x.rank} axes (got ${order})`, x);
  }
  const shape = order.map((axis) => x.shape[axis]!);
  const inverse = order.map((_, i) => order.indexOf(i));
  return x.graph.emit("Transpose", [x], [{ dtype: x.dtype, shape }], { perm: order }, ([dy]) => [
    transpose(dy!, inverse),
  ])[0]!;
}

/** Joins values along `axis`, whose extents must be numbers. */
export function concat(values: readonly Value[], axis: number): Value {
  const first = values[0];
  if (!first) throw new Error("graph.concat: there is nothing to join");
  if (values.length === 1) return first;
  requireSameType("concat", ...values);
  const at = axis < 0 ? axis + first.rank : axis;
  let extent = 0;
  for (const value of values) {
    const dim = value.shape[at];
    const others = value.shape.every((d, i) => i === at || d === first.shape[i]);
    if (value.rank !== first.rank || typeof dim !== "number" || !others) {
      throw shapeError("concat", `equal shapes but for a known extent of axis ${at}`, ...values);
    }
    extent += dim;
  }
  const shape = first.shape.map((dim, i) => (i === at ? extent : dim));
  return first.graph.emit("Concat", values, [{ dtype: first.dtype, shape }], { axis: at }, ([dy]) => {
    let start = 0;
    return values.map((value) => {
      const width = value.shape[at] as number;
      const part = slice(dy!, at, start, start + width);
      start += width;
      return part;
    });
  })[0]!;
}

/** How many parts one node cuts: with its input ten buffers, which the graphics cards of desktops can bind at once. */
const mostParts = 9;

/** Cuts an axis of known extent into parts of the given extents, which must fill it. */
export function split(x: Value, axis: number, extents: readonly number[]): Value[] {
  const at = axis < 0 ? axis + x.rank : axis;
  if (extents.length === 0 || extents.some((extent) => extent < 1) || sumOf(extents) !== x.shape[at]) {
    throw shapeError("split", `extents that fill axis ${axis} (got ${extents})`, x);
  }
  if (extents.length === 1) return [x];
  if (extents.length > mostParts) {
    const first = extents.slice(0, mostParts - 1);
    const rest = extents.slice(mostParts - 1);
    const parts = split(x, at, [...first, sumOf(rest)]);
    return [...parts.slice(0, -1), ...split(parts.at(-1)!, at, rest)];
  }
  const outputs = extents.map((extent) => ({
    dtype: x.dtype,
    shape: x.shape.map((dim, i) => (i === at ? extent : dim)),
  }));
  const inputs = [x, x.graph.integers(extents)];
  const parts = x.graph.emit("Split", inputs, outputs, { axis: at }, (gradients) => [
    concat(
      gradients.map((gradient, i) => gradient ?? zerosOf(parts[i]!)),
      at,
    ),
    null,
  ]);
  return parts;
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Elements `start` to `end` (exclusive) of an axis of known extent. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  const at = axis < 0 ? axis + x.rank : axis;
  const extent = x.shape[at];
  if (typeof extent !== "number" || !(0 <= start && start < end && end <= extent)) {
    throw shapeError("slice", `0 <= start < end <= extent of axis ${at} (got ${start}..${end})`, x);
  }
  if (start === 0 && end === extent) return x;
  const { graph } = x;
  const shape = x.shape.map((dim, i) => (i === at ? end - start : dim));
  const inputs = [x, graph.integers([start]), graph.integers([end]), graph.integers([at])];
  return graph.emit("Slice", inputs, [{ dtype: x.dtype, shape }], {}, ([dy]) => [
    pad(dy!, at, start, extent - end),
    null,
    null,
    null,
  ])[0]!;
}

/** A window over several axes of known extent in one operation: `[axis, start, end]` each. */
export function sliceAxes(x: Value, windows: readonly (readonly [number, number, number])[]): Value {
  const shape = [...x.shape];
  const margins = windows.map(([axis, start, end]) => {
    const extent = x.shape[axis];
    if (typeof extent !== "number" || !(0 <= start && start < end && end <= extent)) {
      throw shapeError("sliceAxes", `0 <= start < end <= extent of axis ${axis} (got ${start}..${end})`, x);
    }
    shape[axis] = end - start;
    return [axis, start, extent - end] as const;
  });
  const { graph } = x;
  const column = (i: 0 | 1 | 2): Value => graph.integers(windows.map((window) => window[i]));
  const inputs = [x, column(1), column(2), column(0)];
  return graph.emit("Slice", inputs, [{ dtype: x.dtype, shape }], {}, ([dy]) => [
    padAxes(dy!, margins),
    null,
    null,
    null,
  ])[0]!;
}

/** Zeros before and after along an axis of known extent. */
export function pad(x: Value, axis: number, before: number, after: number): Value {
  if (before === 0 && after === 0) return x;
  return padAxes(x, [[axis < 0 ? axis + x.rank : axis, before, after]]);
}

/**
 * Zeros around several axes at once: `[axis, before, after]` each.
 *
 * The node lists amounts for every axis instead of naming the padded ones: when the runtime moves a Transpose across
 * a Pad that names its axes, it permutes the amounts wrongly (WebGPU refused the gradients of convolutions).
 */
export function padAxes(x: Value, margins: readonly (readonly [number, number, number])[]): Value {
  const shape = [...x.shape];
  const amounts = new Array<number>(2 * x.rank).fill(0);
  for (const [axis, before, after] of margins) {
    const extent = shape[axis];
    if (typeof extent !== "number" || before < 0 || after < 0) {
      const expected = `a known extent of axis ${axis} and amounts >= 0 (got ${before}, ${after})`;
      throw shapeError("pad", expected, x);
    }
    shape[axis] = extent + before + after;
    amounts[axis] = before;
    amounts[x.rank + axis] = after;
  }
  return x.graph.emit("Pad", [x, x.graph.integers(amounts)], [{ dtype: x.dtype, shape }], {}, ([dy]) => {
    const inner = margins.map(
      ([axis, before]) => [axis, before, before + (x.shape[axis] as number)] as const,
    );
    return [sliceAxes(dy!, inner), null];
  })[0]!;
}
