/**
 * Matrix products in 8-bit integers, for inference on the CPU: they have no gradient, and no kernels on a GPU.
 *
 * R rows, K inputs, N outputs. Weights are integers in -64..64, although 8 bits hold more: x86 processors without
 * VNNI add pairs of products in 16 bits and cut what does not fit. 2 * 255 * 64 fits, 2 * 255 * 127 does not, and
 * the sums would be wrong without an error.
 */
import { shapeError, type Value, withoutGradient } from "../graph.ts";
import { maximum, multiply, negate } from "./elementwise.ts";
import { maxOver, minOver } from "./reduce.ts";
import { expandTo, reshape, transpose } from "./shape.ts";

/** Rows as integers: x = (levels - zeroPoint) * scales, to within half a scale. */
export interface QuantisedRows {
  /** [R, K] uint8. */
  readonly levels: Value;
  /** [R, 1] float32. */
  readonly scales: Value;
  /** The integer that means 0, the same for all rows. */
  readonly zeroPoint: number;
}

const largestLevel = 255;

/**
 * Rounds each row of x [R, K] to 255 levels between its largest absolute value and minus that. A scale of its own for
 * every row keeps a row's result free of the rows beside it, so that an image does not depend on its batch.
 *
 * @param least  what no value of x is below, at most 0, where that is known (see {@link geluLeast}): then rows are
 *   searched for large values alone, and most levels are for what is above 0. Steps are 127/215 as wide in rows that
 *   reach 5.4 times -least (0.91 for GELU); lower rows are rounded as if they reached it.
 */
export function quantiseRows(x: Value, { least }: { readonly least?: number } = {}): QuantisedRows {
  if (x.dtype !== "float32" || x.rank !== 2) throw shapeError("quantiseRows", "a float32 matrix", x);
  const { graph } = x;
  const smallest = 1e-30; // a row of zeros has a scale too
  const zeroPoint = least === undefined ? 128 : 40;
  const most = maxOver(x, [-1], true);
  // Levels 1..255 by what is farther from 0; with `least` 0..255 by what is above 0, unless `least` had no level then.
  const scales =
    least === undefined
      ? multiply(
          maximum(maximum(most, negate(minOver(x, [-1], true))), smallest),
          1 / (largestLevel - zeroPoint),
        )
      : maximum(multiply(most, 1 / (largestLevel - zeroPoint)), Math.max(smallest, -least / zeroPoint));
  const rows = [x.dim(0)];
  const zeroPoints = expandTo(graph.scalar("uint8", zeroPoint), rows); // for scales by row the runtime wants one for each
  const inputs = [x, reshape(scales, rows), zeroPoints];
  const [levels] = graph.emit("QuantizeLinear", inputs, [{ dtype: "uint8", shape: x.shape }], { axis: 0 });
  for (const output of [levels!, scales]) withoutGradient("quantiseRows", [x], output);
  return { levels: levels!, scales, zeroPoint };
}

/**
 * A linear map of quantised rows: a weight [N, K] (`layout: "out-in"`, the default) or [K, N] ("in-out"), int8 in
 * -64..64, and the scale of each output [N] -> [R, N] float32. The sums are exact integers.
 *
 * @param factor  what every result is multiplied by, at no cost
 */
export function quantisedLinear(
  rows: QuantisedRows,
  weight: Value,
  scales: Value,
  layout: "out-in" | "in-out" = "out-in",
  factor = 1,
): Value {
  const width = rows.levels.dim(1);
  const [outputAxis, inputAxis] = layout === "out-in" ? [0, 1] : [1, 0];
  if (weight.dtype !== "int8" || weight.rank !== 2 || weight.dim(inputAxis) !== width) {
    const expected = layout === "out-in" ? `[N, ${width}]` : `[${width}, N]`;
    throw shapeError("quantisedLinear", `an int8 weight ${expected}`, rows.levels, weight);
  }
  if (scales.dtype !== "float32" || scales.rank !== 1 || scales.dim(0) !== weight.dim(outputAxis)) {
    throw shapeError("quantisedLinear", "a float32 scale for each output", weight, scales);
  }
  const matrix = layout === "out-in" ? transpose(weight, [1, 0]) : weight; // bytes: cheap beside the product
  const shape = [rows.levels.dim(0), weight.dim(outputAxis)];
  const one = weight.graph.scalar("float32", 1); // the runtime knows one scale for all rows only
  const inputs = [rows.levels, matrix, one, scales, weight.graph.scalar("uint8", rows.zeroPoint)];
  const [scaled] = weight.graph.emit("MatMulIntegerToFloat", inputs, [{ dtype: "float32", shape }]);
  const result = multiply(scaled!, factor === 1 ? rows.scales : multiply(rows.scales, factor));
  withoutGradient("quantisedLinear", [rows.levels, rows.scales, scales], result);
  return result;
}
