/**
 * Looking up and placing rows by index, and their gradients. Gradients with repeated indices go through
 * ScatterElements, never ScatterND with a sum: on the CPU that one is a data race.
 */
import { elementsOf, type Shape } from "../dim.ts";
import { requireSameType, shapeError, type Value } from "../graph.ts";
import { expandTo, reshape, zerosOf } from "./shape.ts";

function requireIndices(operation: string, indices: Value): void {
  if (indices.dtype !== "int32" && indices.dtype !== "int64") {
    throw shapeError(operation, "int32 or int64 indices", indices);
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
  if (indices.rank !== 1 || rows.rank !== table.rank || rows.dim(0) !== indices.dim(0)) {
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
  if (indices.rank !== x.rank) throw shapeError("gatherLast", "indices of the same rank", x, indices);
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
  const attributes = { axis: x.rank - 1, reduction: "add" };
  const output = [{ dtype: x.dtype, shape: x.shape }];
  return x.graph.emit("ScatterElements", [x, indices, values], output, attributes, ([dy]) => [
    dy!,
    null,
    gatherLast(dy!, indices),
  ])[0]!;
}

/**
 * Per-sample rows: x [B, N, ...rest], positions [B, A] -> [B, A, ...rest].
 * No gradient: decoding uses it, training does not.
 */
export function gatherPositions(x: Value, positions: Value): Value {
  requireIndices("gatherPositions", positions);
  if (positions.rank !== 2 || x.dim(0) !== positions.dim(0)) {
    throw shapeError("gatherPositions", "positions [B, A] for x [B, N, ...]", x, positions);
  }
  const shape: Shape = [...positions.shape, ...x.shape.slice(2)];
  const at = reshape(positions, [...positions.shape, 1]);
  const index = at.dtype === "int64" ? at : int64(at);
  return x.graph.emit("GatherND", [x, index], [{ dtype: x.dtype, shape }], { batch_dims: 1 })[0]!;
}

/**
 * Overwrites rows of axis `axis` of x at positions: x [B, ...mid, N, ...rest], positions [B, A] (distinct in a
 * sample), rows [B, ...mid, A, ...rest] -> x with those rows replaced. No gradient.
 */
export function placePositions(x: Value, positions: Value, rows: Value, axis: number): Value {
  requireIndices("placePositions", positions);
  requireSameType("placePositions", x, rows);
  const broadcastable = rows.shape.map((dim, i) => (i === 0 || i === axis ? dim : 1));
  const at = expandTo(reshape(positions, broadcastable), rows.shape);
  return x.graph.emit("ScatterElements", [x, at, rows], [{ dtype: x.dtype, shape: x.shape }], { axis })[0]!;
}

function int64(x: Value): Value {
  return x.graph.emit("Cast", [x], [{ dtype: "int64", shape: x.shape }], { to: 7 })[0]!;
}
