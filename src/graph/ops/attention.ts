/** Scaled-dot-product attention, with the gradient that touches the table of scores least often. */
import { sameShape } from "../dim.ts";
import { requireFloats, setDerivation, shapeError, type Value } from "../graph.ts";
import { multiply, subtract } from "./elementwise.ts";
import { batchMatmul } from "./matrix.ts";
import { softmax } from "./normalise.ts";
import { sum } from "./reduce.ts";

/**
 * softmax(q kT) v: queries [..., T, d] (already scaled), keys transposed [..., d, S], values [..., S, e] ->
 * [..., T, e].
 *
 * With P = softmax(S) and O = P V the gradient is dS = P (dP - D), where D, the row sums of P dP, equals those of
 * O dO (FlashAttention, Dao et al. 2022, appendix B.2): e numbers a row instead of S.
 */
export function attend(queries: Value, transposedKeys: Value, values: Value): Value {
  requireFloats("attend", queries, transposedKeys, values);
  const lead = queries.shape.slice(0, -2);
  const fits = [transposedKeys, values].every((other) => sameShape(lead, other.shape.slice(0, -2)));
  if (!fits || queries.dim(-1) !== transposedKeys.dim(-2) || transposedKeys.dim(-1) !== values.dim(-2)) {
    throw shapeError("attend", "[..., T, d], [..., d, S] and [..., S, e]", queries, transposedKeys, values);
  }
  const weights = softmax(batchMatmul(queries, transposedKeys));
  const mixed = batchMatmul(weights, values);
  setDerivation({
    inputs: [queries, transposedKeys, values],
    outputs: [mixed],
    backward: ([dy]) => {
      const rowSums = sum(multiply(dy!, mixed), [-1], true);
      const towardsWeights = batchMatmul(dy!, values, { b: true });
      const towardsScores = multiply(weights, subtract(towardsWeights, rowSums));
      return [
        batchMatmul(towardsScores, transposedKeys, { b: true }),
        batchMatmul(queries, towardsScores, { a: true }),
        batchMatmul(weights, dy!, { a: true }),
      ];
    },
  });
  return mixed;
}
