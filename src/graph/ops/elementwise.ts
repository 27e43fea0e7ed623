/** Elementwise operations with NumPy broadcasting, and their gradients. */
import { type Dim, type Shape, sameShape } from "../dim.ts";
import {
  type Backward,
  type GraphDType,
  requireFloats,
  requireSameType,
  setDerivation,
  shapeError,
  type Value,
} from "../graph.ts";
import { sumTo } from "./reduce.ts";

/** A value or a plain number, which becomes a scalar constant of the other operand's type. */
export type Operand = Value | number;

function pair(operation: string, a: Operand, b: Operand): [Value, Value] {
  if (typeof a === "number" && typeof b === "number")
    throw new Error(`graph.${operation}: two plain numbers`);
  const left = typeof a === "number" ? (b as Value).graph.scalar((b as Value).dtype, a) : a;
  const right = typeof b === "number" ? left.graph.scalar(left.dtype, b) : b;
  requireSameType(operation, left, right);
  return [left, right];
}

/** The shape of some operands broadcast together. A symbol matches itself and 1. */
export function broadcastShape(operation: string, ...values: readonly Value[]): Shape {
  return values.map(({ shape }) => shape).reduce((a, b) => broadcastTwo(a, b) ?? fail(operation, values));
}

function fail(operation: string, values: readonly Value[]): never {
  throw shapeError(operation, "shapes that broadcast", ...values);
}

function broadcastTwo(a: Shape, b: Shape): Shape | null {
  const rank = Math.max(a.length, b.length);
  const shape: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

function binary(
  operation: string,
  op: string,
  a: Operand,
  b: Operand,
  rule: (x: Value, y: Value, dy: Value, out: Value) => [Value | null, Value | null],
): Value {
  const [x, y] = pair(operation, a, b);
  if (x.dtype === "bool") throw shapeError(operation, "numbers", x, y);
  const shape = broadcastShape(operation, x, y);
  const [out] = x.graph.emit(op, [x, y], [{ dtype: x.dtype, shape }], {}, ([dy]) => {
    const [dx, dz] = rule(x, y, dy!, out!);
    return [dx && sumTo(dx, x.shape), dz && sumTo(dz, y.shape)];
  });
  return out!;
}

export const add = (a: Operand, b: Operand): Value => binary("add", "Add", a, b, (_x, _y, d) => [d, d]);
export const subtract = (a: Operand, b: Operand): Value =>
  binary("subtract", "Sub", a, b, (_x, _y, d) => [d, negate(d)]);
export const multiply = (a: Operand, b: Operand): Value =>
  binary("multiply", "Mul", a, b, (x, y, d) => [multiply(d, y), multiply(d, x)]);
export const divide = (a: Operand, b: Operand): Value =>
  binary("divide", "Div", a, b, (_x, y, d, out) => [divide(d, y), negate(multiply(d, divide(out, y)))]);
/** The gradient of a choice between two: to the chosen one. */
function toChosen(d: Value, isFirst: Value): [Value, Value] {
  const first = cast(isFirst, d.dtype);
  return [multiply(d, first), multiply(d, subtract(1, first))];
}
/** The smaller of two; the gradient goes to the smaller (to the first where equal). */
export const minimum = (a: Operand, b: Operand): Value =>
  binary("minimum", "Min", a, b, (x, y, d) => toChosen(d, lessOrEqual(x, y)));
/** The larger of two; the gradient goes to the larger (to the first where equal). */
export const maximum = (a: Operand, b: Operand): Value =>
  binary("maximum", "Max", a, b, (x, y, d) => toChosen(d, lessOrEqual(y, x)));

/** Where the condition holds `a`, else `b`; all broadcast to one shape. The gradient goes to the chosen one. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  const [x, y] = pair("where", a, b);
  if (condition.dtype !== "bool") throw shapeError("where", "a bool condition", condition);
  const shape = broadcastShape("where", condition, x, y);
  const [out] = x.graph.emit("Where", [condition, x, y], [{ dtype: x.dtype, shape }], {}, ([dy]) => {
    const [dx, dz] = toChosen(dy!, condition);
    return [null, sumTo(dx, x.shape), sumTo(dz, y.shape)];
  });
  return out!;
}

function unary(
  operation: string,
  op: string,
  x: Value,
  rule: ((dy: Value, out: Value) => Value) | null,
): Value {
  requireFloats(operation, x);
  const backward: Backward | undefined = rule ? ([dy]) => [rule(dy!, out!)] : undefined;
  const [out] = x.graph.emit(op, [x], [{ dtype: x.dtype, shape: x.shape }], {}, backward);
  return out!;
}

export const negate = (x: Value): Value => unary("negate", "Neg", x, (d) => negate(d));
export const exp = (x: Value): Value => unary("exp", "Exp", x, (d, y) => multiply(d, y));
export const log = (x: Value): Value => unary("log", "Log", x, (d) => divide(d, x));
export const sqrt = (x: Value): Value => unary("sqrt", "Sqrt", x, (d, y) => divide(multiply(d, 0.5), y));
export const tanh = (x: Value): Value =>
  unary("tanh", "Tanh", x, (d, y) => multiply(d, subtract(1, multiply(y, y))));
export const sigmoid = (x: Value): Value =>
  unary("sigmoid", "Sigmoid", x, (d, y) => multiply(d, multiply(y, subtract(1, y))));
/** |x|; its gradient at 0 is 0. (Sign itself falls back to the CPU on WebGPU.) */
export const absolute = (x: Value): Value =>
  unary("absolute", "Abs", x, (d) =>
    multiply(d, subtract(cast(greater(x, 0), d.dtype), cast(greater(0, x), d.dtype))),
  );
/** Rounds towards minus infinity; stops gradients. (Round itself falls back to the CPU on WebGPU.) */
export const floor = (x: Value): Value => unary("floor", "Floor", x, null);
export const square = (x: Value): Value => multiply(x, x);

/** max(x, 0); its gradient at 0 is 0. */
export const relu = (x: Value): Value =>
  unary("relu", "Relu", x, (d, y) => multiply(d, cast(greater(y, 0), d.dtype)));

/** x · sigmoid(x), "swish". */
export function silu(x: Value): Value {
  const s = sigmoid(x);
  const y = multiply(x, s);
  setDerivation({
    inputs: [x],
    outputs: [y],
    backward: ([d]) => [multiply(d!, add(s, multiply(y, subtract(1, s))))],
  });
  return y;
}

/** What {@link gelu} is nowhere below: it is least near -0.75, at -0.17004. */
export const geluLeast = -0.1701;

/**
 * GELU in its tanh form, 0.5 x (1 + tanh(c (x + 0.044715 x³))) with c = sqrt(2/pi), as MaskGIT uses. It equals
 * x · sigmoid(2c (x + 0.044715 x³)), which is how the gradient (and float64, which has no fused kernel) computes it.
 */
export function gelu(x: Value): Value {
  requireFloats("gelu", x);
  const scale = 2 * Math.sqrt(2 / Math.PI);
  const gate = (x2: Value): Value => sigmoid(multiply(x, add(multiply(x2, scale * 0.044715), scale)));
  const y =
    x.dtype === "float32"
      ? x.graph.emit("Gelu", [x], [{ dtype: x.dtype, shape: x.shape }], { approximate: "tanh" })[0]!
      : multiply(x, gate(square(x)));
  setDerivation({
    inputs: [x],
    outputs: [y],
    backward: ([d]) => {
      const x2 = square(x);
      const s = gate(x2);
      const slope = add(multiply(x2, 3 * scale * 0.044715), scale);
      return [multiply(d!, add(s, multiply(multiply(y, subtract(1, s)), slope)))];
    },
  });
  return y;
}

function compare(operation: string, op: string, a: Operand, b: Operand): Value {
  const [x, y] = pair(operation, a, b);
  return x.graph.emit(op, [x, y], [{ dtype: "bool", shape: broadcastShape(operation, x, y) }])[0]!;
}
export const greater = (a: Operand, b: Operand): Value => compare("greater", "Greater", a, b);
export const lessOrEqual = (a: Operand, b: Operand): Value => compare("lessOrEqual", "LessOrEqual", a, b);
export const equal = (a: Operand, b: Operand): Value => compare("equal", "Equal", a, b);

/** Converts the element type; gradients pass between floating-point types only. */
export function cast(x: Value, dtype: GraphDType): Value {
  if (x.dtype === dtype) return x;
  const code = { float32: 1, float64: 11, int32: 6, int64: 7, int8: 3, uint8: 2, bool: 9 }[dtype];
  const isFloat = (type: GraphDType): boolean => type === "float32" || type === "float64";
  const backward: Backward | undefined =
    isFloat(x.dtype) && isFloat(dtype) ? ([d]) => [cast(d!, x.dtype)] : undefined;
  return x.graph.emit("Cast", [x], [{ dtype, shape: x.shape }], { to: code }, backward)[0]!;
}

/** The same value, through which no gradient flows. */
export function stopGradient(x: Value): Value {
  return x.graph.emit("Identity", [x], [{ dtype: x.dtype, shape: x.shape }])[0]!;
}

/** `forward` as the value, the gradient of `through` as the gradient (straight-through estimator). */
export function straightThrough(forward: Value, through: Value): Value {
  requireSameType("straightThrough", forward, through);
  if (!sameShape(forward.shape, through.shape)) {
    throw shapeError("straightThrough", "values of one shape", forward, through);
  }
  const [out] = forward.graph.emit("Identity", [forward], [{ dtype: forward.dtype, shape: forward.shape }]);
  setDerivation({ inputs: [through], outputs: [out!], backward: ([d]) => [d!] });
  return out!;
}
