/**
 * Looking up and placing rows by index, and their gradients. Gradients with repeated indices go through
 * ScatterElements, never ScatterND with a sum: on the CPU that one is a data race.
 */
import { elementsOf, type Shape, sameShape } from "../dim.ts";
import { arrayFrom, type GraphDType, requireSameType, shapeError, type Value } from "../graph.ts";
import { cast, equal } from "./elementwise.ts";
import { expandTo, reshape, zerosOf } from "./shape.ts";

function requireIndices(operation: string, indices: Value): void {
  if (indices.dtype !== "int32" && indices.dtype !== "int64") {
    throw shapeError(operation, "int32 or int64 indices", indices);
  }
}

/** Indices into the last axis of x come with x's leading axes (ONNX itself would take the leading part of each). */
function requireRows(operation: string, x: Value, indices: Value): void {
  const isLead = sameShape(x.shape.slice(0, -1), indices.shape.slice(0, -1));
  if (indices.rank !== x.rank || !isLead) {
    throw shapeError(operation, "indices with the leading axes of x", x, indices);
  }
}

/** Rows of a table by index: [R, ...rest] with indices [...at] -> [...at, ...rest]. Negative indices count back. */
export function gatherRows(table: Value, indices: Value): Value {
  requireIndices("gatherRows", indices);
  const rest = table.shape.slice(1);
  const shape = [...indices.shape, ...rest];
  return table.graph.emit(
    "Gather",
    [table, indices],
    [{ dtype: table.dtype, shape }],
    { axis: 0 },
    ([dy]) => {
      const count = elementsOf(indices.shape);
      const rows = reshape(dy!, [count, ...rest]);
      return [scatterAddRows(zerosOf(table), reshape(indices, [count]), rows), null];
    },
  )[0]!;
}

/** Adds rows into a table at indices that may repeat: table [R, ...rest], indices [n], rows [n, ...rest]. */
export function scatterAddRows(table: Value, indices: Value, rows: Value): Value {
  requireIndices("scatterAddRows", indices);
  requireSameType("scatterAddRows", table, rows);
  const isRest = sameShape(rows.shape.slice(1), table.shape.slice(1));
  if (indices.rank !== 1 || rows.rank !== table.rank || rows.dim(0) !== indices.dim(0) || !isRest) {
    throw shapeError("scatterAddRows", "one row for each index", table, indices, rows);
  }
  const column = reshape(indices, [indices.dim(0), ...table.shape.slice(1).map(() => 1)]);
  const at = expandTo(column, rows.shape);
  return table.graph.emit(
    "ScatterElements",
    [table, at, rows],
    [{ dtype: table.dtype, shape: table.shape }],
    { axis: 0, reduction: "add" },
    ([dy]) => [dy!, null, gatherRows(dy!, indices)],
  )[0]!;
}

/** One element of each row of the last axis: x [..., V], indices [..., k] -> [..., k]. */
export function gatherLast(x: Value, indices: Value): Value {
  requireIndices("gatherLast", indices);
  requireRows("gatherLast", x, indices);
  const output = [{ dtype: x.dtype, shape: indices.shape }];
  return x.graph.emit("GatherElements", [x, indices], output, { axis: x.rank - 1 }, ([dy]) => [
    scatterAddLast(zerosOf(x), indices, dy!),
    null,
  ])[0]!;
}

/** Adds values at indices of the last axis: x [..., V], indices and values [..., k]. */
export function scatterAddLast(x: Value, indices: Value, values: Value): Value {
  requireIndices("scatterAddLast", indices);
  requireSameType("scatterAddLast", x, values);
  requireRows("scatterAddLast", x, indices);
  if (!sameShape(indices.shape, values.shape)) {
    throw shapeError("scatterAddLast", "one value for each index", x, indices, values);
  }
  const attributes = { axis: x.rank - 1, reduction: "add" };
  const output = [{ dtype: x.dtype, shape: x.shape }];
  return x.graph.emit("ScatterElements", [x, indices, values], output, attributes, ([dy]) => [
    dy!,
    null,
    gatherLast(dy!, indices),
  ])[0]!;
}

/** Per-sample rows: x [B, N, ...rest], positions [B, A] -> [B, A, ...rest]. */
export function gatherPositions(x: Value, positions: Value): Value {
  requireIndices("gatherPositions", positions);
  if (positions.rank !== 2 || x.rank < 2 || x.dim(0) !== positions.dim(0)) {
    throw shapeError("gatherPositions", "positions [B, A] for x [B, N, ...]", x, positions);
  }
  const shape: Shape = [...positions.shape, ...x.shape.slice(2)];
  const at = reshape(positions, [...positions.shape, 1]);
  const index = cast(at, "int64");
  return x.graph.emit("GatherND", [x, index], [{ dtype: x.dtype, shape }], { batch_dims: 1 }, ([dy]) => {
    const column = reshape(positions, [...positions.shape, ...x.shape.slice(2).map(() => 1)]);
    const inputs = [zerosOf(x), expandTo(column, shape), dy!];
    const attributes = { axis: 1, reduction: "add" };
    const output = [{ dtype: x.dtype, shape: x.shape }];
    return [
      x.graph.emit("ScatterElements", inputs, output, attributes, ([d]) => [
        null,
        null,
        gatherPositions(d!, positions),
      ])[0]!,
      null,
    ];
  })[0]!;
}

/**
 * Overwrites whole rows: table [R, ...rest], distinct indices [n], rows [n, ...rest]. ScatterND moves a row at a time;
 * its data race is only with a sum, which there is none of here.
 */
export function placeRows(table: Value, indices: Value, rows: Value): Value {
  requireIndices("placeRows", indices);
  requireSameType("placeRows", table, rows);
  if (indices.rank !== 1 || !sameShape(rows.shape, [indices.dim(0), ...table.shape.slice(1)])) {
    throw shapeError("placeRows", "one row of the table for each index", table, indices, rows);
  }
  const at = reshape(cast(indices, "int64"), [indices.dim(0), 1]);
  const output = [{ dtype: table.dtype, shape: table.shape }];
  return table.graph.emit("ScatterND", [table, at, rows], output, {}, ([dy]) => [
    placeRows(dy!, indices, zerosOf(rows)),
    null,
    gatherRows(dy!, indices),
  ])[0]!;
}

/**
 * Overwrites rows of axis `axis` of x at positions: x [B, ...mid, N, ...rest], positions [B, A] (distinct in a
 * sample), rows [B, ...mid, A, ...rest] -> x with those rows replaced.
 */
export function placePositions(x: Value, positions: Value, rows: Value, axis: number): Value {
  requireIndices("placePositions", positions);
  requireSameType("placePositions", x, rows);
  const replaced = rows.shape.map((dim, i) => (i === axis ? x.dim(axis) : dim));
  const isFitting = axis > 0 && axis < x.rank && sameShape(replaced, x.shape);
  if (!isFitting || !sameShape(positions.shape, [rows.dim(0), rows.dim(axis)])) {
    throw shapeError(
      "placePositions",
      `positions [B, A] and rows of extent A on axis ${axis}`,
      x,
      positions,
      rows,
    );
  }
  const broadcastable = rows.shape.map((dim, i) => (i === 0 || i === axis ? dim : 1));
  const at = expandTo(reshape(positions, broadcastable), rows.shape);
  const output = [{ dtype: x.dtype, shape: x.shape }];
  return x.graph.emit("ScatterElements", [x, at, rows], output, { axis }, ([dy]) => {
    const nothing = zerosOf(rows);
    const taken = [{ dtype: x.dtype, shape: rows.shape }];
    const dRows = x.graph.emit("GatherElements", [dy!, at], taken, { axis }, ([d]) => [
      placePositions(zerosOf(x), positions, d!, axis),
      null,
    ])[0]!;
    return [placePositions(dy!, positions, nothing, axis), null, dRows];
  })[0]!;
}

/**
 * One row of the identity for each index: indices [...at] -> [...at, depth]; an index outside 0..depth-1 gives
 * zeros. (The OneHot operation itself, and Equal on int64, fall back to the CPU on WebGPU: use int32 there.)
 */
export function oneHot(indices: Value, depth: number, dtype: GraphDType = "float32"): Value {
  requireIndices("oneHot", indices);
  const { graph } = indices;
  const range = Array.from({ length: depth }, (_, i) => i);
  const classes = graph.constant({
    dtype: indices.dtype,
    dims: [depth],
    data: arrayFrom(indices.dtype, range),
  });
  return cast(equal(reshape(indices, [...indices.shape, 1]), classes), dtype);
}
