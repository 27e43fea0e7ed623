/**
 * Looking up and placing rows by index, and their gradients. Gradients with repeated indices go through
 * ScatterElements, never ScatterND with a sum: on the CPU that one is a data race.
 */
import { elementsOf, sameShape } from "../dim.ts";
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
  requirePlaces("scatterAddLast", x, indices, values);
  const attributes = { axis: x.rank - 1, reduction: "add" };
  const output = [{ dtype: x.dtype, shape: x.shape }];
  return x.graph.emit("ScatterElements", [x, indices, values], output, attributes, ([dy]) => [
    dy!,
    null,
    gatherLast(dy!, indices),
  ])[0]!;
}

/** Overwrites elements of the last axis: x [..., V], distinct indices of each row and values [..., k]. No gradient. */
export function placeLast(x: Value, indices: Value, values: Value): Value {
  requirePlaces("placeLast", x, indices, values);
  const output = [{ dtype: x.dtype, shape: x.shape }];
  return x.graph.emit("ScatterElements", [x, indices, values], output, { axis: x.rank - 1 })[0]!;
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
  const at = cast(reshape(indices, [indices.dim(0), 1]), "int64"); // WebGPU cannot reshape int64
  const output = [{ dtype: table.dtype, shape: table.shape }];
  return table.graph.emit("ScatterND", [table, at, rows], output, {}, ([dy]) => [
    placeRows(dy!, indices, zerosOf(rows)),
    null,
    gatherRows(dy!, indices),
  ])[0]!;
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

/** Values for places of the last axis: x [..., V], indices and values [..., k]. */
function requirePlaces(operation: string, x: Value, indices: Value, values: Value): void {
  requireIndices(operation, indices);
  requireSameType(operation, x, values);
  requireRows(operation, x, indices);
  if (!sameShape(indices.shape, values.shape)) {
    throw shapeError(operation, "one value for each index", x, indices, values);
  }
}
