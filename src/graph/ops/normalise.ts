/** Softmax, cross-entropy and normalisation layers, and their gradients in closed form. */
import { elementsOf, multiplyDims, sameShape } from "../dim.ts";
import { requireFloats, setDerivation, shapeError, type Value } from "../graph.ts";
import { add, divide, exp, log, multiply, sqrt, square, subtract } from "./elementwise.ts";
import { matmul } from "./matrix.ts";
import { maxOver, meanOver, sum } from "./reduce.ts";
import { expandTo, reshape } from "./shape.ts";

/** The mean over `axes` (all by default), whose extent must be known when the graph is built. */
export function mean(x: Value, axes?: readonly number[], keepDims = false): Value {
  const y = meanOver(x, axes, keepDims);
  if (y === x) return x;
  const over = (axes ?? x.shape.map((_, i) => i)).map((axis) => (axis < 0 ? axis + x.rank : axis));
  const count = elementsOf(over.map((axis) => x.dim(axis)));
  if (typeof count !== "number") throw shapeError("mean", "axes of known extent", x);
  const kept = x.shape.map((dim, i) => (over.includes(i) ? 1 : dim));
  setDerivation({
    inputs: [x],
    outputs: [y],
    backward: ([dy]) => [expandTo(multiply(reshape(dy!, kept), 1 / count), x.shape)],
  });
  return y;
}

/**
 * Softmax over the last axis. A row must hold at least one finite number and no +infinity, else the whole row is
 * NaN: mask with -1e30, not -infinity.
 */
export function softmax(x: Value): Value {
  requireFloats("softmax", x);
  if (x.rank < 1) throw shapeError("softmax", "at least one axis", x);
  const [y] = x.graph.emit("Softmax", [x], [{ dtype: x.dtype, shape: x.shape }], { axis: -1 }, ([dy]) => {
    const weighted = multiply(dy!, y!);
    return [subtract(weighted, multiply(y!, sum(weighted, [-1], true)))];
  });
  return y!;
}

/** log sum exp over the last axis, kept with extent 1; its gradient is the softmax. */
export function logSumExp(x: Value): Value {
  requireFloats("logSumExp", x);
  const shift = maxOver(x, [-1], true);
  const shifted = exp(subtract(x, shift));
  const total = sum(shifted, [-1], true);
  const y = add(log(total), shift);
  setDerivation({
    inputs: [x],
    outputs: [y],
    backward: ([dy]) => [multiply(shifted, divide(dy!, total))],
  });
  return y;
}

/**
 * The cross-entropy of each row: logits [R, V] against target distributions [R, V] -> [R], in nats. The targets are
 * taken as constants (no gradient flows into them) and must sum to 1.
 */
export function crossEntropy(logits: Value, targets: Value): Value {
  requireFloats("crossEntropy", logits, targets);
  if (!sameShape(logits.shape, targets.shape)) {
    throw shapeError("crossEntropy", "logits and targets of one shape", logits, targets);
  }
  const loss = subtract(logSumExp(logits), sum(multiply(logits, targets), [-1], true));
  const rows = reshape(loss, logits.shape.slice(0, -1));
  setDerivation({
    inputs: [logits],
    outputs: [rows],
    backward: ([dy]) => {
      const perRow = reshape(dy!, [...logits.shape.slice(0, -1), 1]);
      return [multiply(subtract(softmax(logits), targets), perRow)];
    },
  });
  return rows;
}

/**
 * Normalises the last axis to zero mean and unit variance, then scales and shifts: x [..., D], gamma and beta [D].
 */
export function layerNorm(x: Value, gamma: Value, beta: Value | null, epsilon: number): Value {
  return normalised(x, gamma, beta, epsilon).y;
}

/** The same, and 1 / the deviation of each row. */
function normalised(x: Value, gamma: Value, beta: Value | null, epsilon: number) {
  const width = x.dim(-1);
  requireFloats("layerNorm", x, gamma, ...(beta ? [beta] : []));
  if (!sameShape(gamma.shape, [width]) || (beta && !sameShape(beta.shape, [width]))) {
    throw shapeError("layerNorm", `gamma and beta of shape [${width}]`, x, gamma, ...(beta ? [beta] : []));
  }
  if (typeof width !== "number") throw shapeError("layerNorm", "a last axis of known extent", x);
  const [y, average, inverseDeviation] =
    x.dtype === "float32" ? fusedLayerNorm(x, gamma, beta, epsilon) : plainLayerNorm(x, gamma, beta, epsilon);
  // The backward pass of y reads the statistics, so they have gradients too: second derivatives are right.
  setDerivation({
    inputs: [x],
    outputs: [average],
    backward: ([d]) => [expandTo(multiply(d!, 1 / width), x.shape)],
  });
  setDerivation({
    inputs: [x],
    outputs: [inverseDeviation],
    backward: ([d]) => {
      const cube = multiply(inverseDeviation, square(inverseDeviation));
      return [multiply(subtract(x, average), multiply(multiply(d!, -1 / width), cube))];
    },
  });
  setDerivation({
    inputs: beta ? [x, gamma, beta] : [x, gamma],
    outputs: [y],
    backward: ([dy]) => {
      const d = dy!;
      const normal = multiply(subtract(x, average), inverseDeviation);
      const g = multiply(d, gamma);
      const along = mean(multiply(g, normal), [-1], true);
      const centred = subtract(subtract(g, mean(g, [-1], true)), multiply(normal, along));
      const lead = x.shape.slice(0, -1).map((_, i) => i);
      const dGamma = sum(multiply(d, normal), lead);
      return [multiply(centred, inverseDeviation), dGamma, ...(beta ? [sum(d, lead)] : [])];
    },
  });
  return { y, inverseDeviation };
}

/**
 * A linear map of normalised rows: (x - mean) / deviation [R, D], times the matrix `weight` [N, D] transposed, plus
 * `bias` [N] -> [R, N]. Each row of `weight` must have a mean of 0 (see {@link centred}): what a normalisation's scale
 * and shift do can be done to the matrix and the bias, and so can the part of the gradient that takes out its mean.
 */
export function linearOfNormal(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  requireFloats("linearOfNormal", x, weight, bias);
  const width = x.dim(-1);
  if (typeof width !== "number") throw shapeError("linearOfNormal", "a last axis of known extent", x);
  const { y: normal, inverseDeviation } = normalised(x, onesOf(x, width), null, epsilon);
  const y = matmul(normal, weight, { b: true }, bias);
  setDerivation({
    inputs: [x, weight, bias],
    outputs: [y],
    backward: ([dy]) => {
      const d = matmul(dy!, weight); // its rows have a mean of 0, as those of the matrix
      const along = mean(multiply(d, normal), [-1], true);
      const dx = multiply(subtract(d, multiply(normal, along)), inverseDeviation);
      return [dx, matmul(dy!, normal, { a: true }), sum(dy!, [0])];
    },
  });
  return y;
}

/** x less the mean of its last axis. */
export function centred(x: Value): Value {
  return subtract(x, mean(x, [-1], true));
}

/** [result, mean of each row, 1 / its deviation] by the runtime's kernel. */
function fusedLayerNorm(x: Value, gamma: Value, beta: Value | null, epsilon: number): [Value, Value, Value] {
  const row = { dtype: x.dtype, shape: [...x.shape.slice(0, -1), 1] };
  const outputs = [{ dtype: x.dtype, shape: x.shape }, row, row];
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  const made = x.graph.emit("LayerNormalization", [x, gamma, beta], outputs, attributes);
  return made as [Value, Value, Value];
}

function onesOf({ graph, dtype }: Value, width: number): Value {
  return graph.vector(dtype, new Array<number>(width).fill(1));
}

/** The same in single steps, for float64: the kernel gives its statistics in float32 only. */
function plainLayerNorm(x: Value, gamma: Value, beta: Value | null, epsilon: number): [Value, Value, Value] {
  const average = mean(x, [-1], true);
  const centred = subtract(x, average);
  const inverseDeviation = divide(1, sqrt(add(mean(square(centred), [-1], true), epsilon)));
  const y = multiply(multiply(centred, inverseDeviation), gamma);
  return [beta ? add(y, beta) : y, average, inverseDeviation];
}

/**
 * Group normalisation of feature maps: x [N, C, ...space], gamma and beta [C]; each of `groups` groups of channels
 * is normalised over its channels and space. C and the space must be known when the graph is built.
 */
export function groupNorm(x: Value, gamma: Value, beta: Value, groups: number, epsilon: number): Value {
  const channels = x.dim(1);
  if (typeof channels !== "number" || channels % groups !== 0) {
    throw shapeError("groupNorm", `channels divisible by ${groups} groups`, x);
  }
  const space = elementsOf(x.shape.slice(2));
  const width = multiplyDims(channels / groups, space);
  if (typeof width !== "number") throw shapeError("groupNorm", "feature maps of known extent", x);
  requireFloats("groupNorm", x, gamma, beta);
  if (!sameShape(gamma.shape, [channels]) || !sameShape(beta.shape, [channels])) {
    throw shapeError("groupNorm", `gamma and beta of shape [${channels}]`, x, gamma, beta);
  }
  const rows = reshape(x, [multiplyDims(x.dim(0), groups), width]);
  const ones = onesOf(x, width);
  const normal = reshape(layerNorm(rows, ones, null, epsilon), x.shape);
  const perChannel = (value: Value): Value => reshape(value, [channels, ...x.shape.slice(2).map(() => 1)]);
  return add(multiply(normal, perChannel(gamma)), perChannel(beta));
}
