/** Scaled-dot-product attention: with the gradient that touches the table of scores least often, and as one operator. */
import { type Dim, divideDims, multiplyDims, sameShape } from "../dim.ts";
import { requireFloats, setDerivation, shapeError, type Value, withoutGradient } from "../graph.ts";
import { multiply, subtract } from "./elementwise.ts";
import { batchMatmul } from "./matrix.ts";
import { softmax } from "./normalise.ts";
import { sum } from "./reduce.ts";
import { concat, reshape, split, transpose, zerosOf } from "./shape.ts";

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

/**
 * Self-attention of several networks over positions of the same extent at once, as if each had been computed by
 * {@link attend}: all their heads are one batch. Each network gives rows [B*T, 3*h*w], first all its heads' queries
 * (already scaled), then keys, then values; h may differ.
 *
 * @param width  w, the width of every head
 * @returns for each network [B*T, h*w]
 */
export function selfAttend(networks: readonly Value[], batch: Dim, width: number): Value[] {
  requireFloats("selfAttend", ...networks);
  const rows = networks[0]!.dim(0);
  const positions = divideDims(rows, batch);
  const heads = networks.map((own) => divideDims(own.dim(-1), 3 * width));
  const isHeads = (count: Dim | null): count is number => typeof count === "number";
  if (
    positions === null ||
    !heads.every(isHeads) ||
    networks.some((x) => x.rank !== 2 || x.dim(0) !== rows)
  ) {
    throw shapeError("selfAttend", `rows [${batch}*T, 3*h*${width}]`, ...networks);
  }
  const allHeads = heads.reduce((total, count) => total + count, 0);
  const batches = multiplyDims(batch, allHeads);

  const joined = concat(
    networks.map((own, i) => reshape(own, [batch, positions, 3, heads[i]!, width])),
    3,
  );
  const apart = reshape(transpose(joined, [2, 0, 3, 1, 4]), [3, batches, positions, width]);
  const [queries, keys, values] = split(apart, 0, [1, 1, 1]) as [Value, Value, Value];
  const weights = softmax(batchMatmul(queries, keys, { b: true }));
  const mixed = batchMatmul(weights, values); // [1, B*all heads, T, w]
  const together = transpose(reshape(mixed, [batch, allHeads, positions, width]), [0, 2, 1, 3]);
  const results = split(together, 2, heads).map((own, i) =>
    reshape(own, [rows, multiplyDims(heads[i]!, width)]),
  );
  setDerivation({
    inputs: networks,
    outputs: results,
    backward: (gradients) => {
      const given = results.map((own, i) =>
        reshape(gradients[i] ?? zerosOf(own), [batch, positions, heads[i]!, width]),
      );
      const d = reshape(transpose(concat(given, 2), [0, 2, 1, 3]), [1, batches, positions, width]);
      const parts = attentionGradients({ queries, keys, values, weights, mixed }, d);
      const moved = transpose(
        reshape(concat(parts, 0), [3, batch, allHeads, positions, width]),
        [1, 3, 0, 2, 4],
      );
      return split(moved, 3, heads).map((own, i) => reshape(own, networks[i]!.shape));
    },
  });
  return results;
}

/** By queries, keys and values [..., w] of softmax(q kT) v, from that by the result. */
function attentionGradients(
  of: Record<"queries" | "keys" | "values" | "weights" | "mixed", Value>,
  d: Value,
): [Value, Value, Value] {
  const rowSums = sum(multiply(d, of.mixed), [-1], true);
  const towardsWeights = batchMatmul(d, of.values, { b: true });
  const towardsScores = multiply(of.weights, subtract(towardsWeights, rowSums));
  return [
    batchMatmul(towardsScores, of.keys),
    batchMatmul(towardsScores, of.queries, { a: true }),
    batchMatmul(of.weights, d, { a: true }),
  ];
}

/**
 * softmax(scale q kT) v as one operator of the runtime, for graphs that have no gradient and run on the CPU (a GPU would
 * leave it to the CPU): queries [B, h, T, d], keys [B, h, S, d], values [B, h, S, e] -> [B, h, T, e]. It takes 0.65 to
 * 0.85 of the time of {@link attend}, and keys need no turning.
 */
export function attendFused(queries: Value, keys: Value, values: Value, scale: number): Value {
  requireFloats("attendFused", queries, keys, values);
  const [lead, count] = [queries.shape.slice(0, 2), keys.dim(2)];
  const fits = [keys, values].every((other) => other.rank === 4 && sameShape(lead, other.shape.slice(0, 2)));
  if (queries.rank !== 4 || !fits || queries.dim(3) !== keys.dim(3) || values.dim(2) !== count) {
    throw shapeError("attendFused", "[B, h, T, d], [B, h, S, d] and [B, h, S, e]", queries, keys, values);
  }
  const shape = [...queries.shape.slice(0, 3), values.dim(3)];
  const inputs = [queries, keys, values];
  const attributes = { scale: { float: scale } };
  const [mixed] = queries.graph.emit("Attention", inputs, [{ dtype: queries.dtype, shape }], attributes);
  withoutGradient("attendFused", inputs, mixed!);
  return mixed!;
}
