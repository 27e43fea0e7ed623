/**
 * Matrix products and their gradients. Transposed operands are written as Gemm (two axes) or Transpose + MatMul
 * (batches): both are portable, and the runtime fuses the pair on the CPU.
 */
import { multiplyDims, sameShape } from "../dim.ts";
import { requireFloats, shapeError, type Value } from "../graph.ts";
import { sumTo } from "./reduce.ts";
import { reshape, transpose } from "./shape.ts";

export interface Transposed {
  /** Use the first operand's last two axes swapped. */
  readonly a?: boolean;
  /** Use the second operand's last two axes swapped. */
  readonly b?: boolean;
}

/**
 * a · b for matrices: [M, K] x [K, N] -> [M, N], each operand optionally given transposed; `plus` [M, N] or [N] is
 * added to the product in the same pass.
 */
export function matmul(a: Value, b: Value, transposed: Transposed = {}, plus: Value | null = null): Value {
  requireFloats("matmul", a, b, ...(plus ? [plus] : []));
  if (a.rank !== 2 || b.rank !== 2) throw shapeError("matmul", "two matrices", a, b);
  const [m, k] = transposed.a ? [a.dim(1), a.dim(0)] : [a.dim(0), a.dim(1)];
  const [k2, n] = transposed.b ? [b.dim(1), b.dim(0)] : [b.dim(0), b.dim(1)];
  if (k !== k2) throw shapeError("matmul", `equal inner extents (got ${k} and ${k2})`, a, b);
  const { a: ta = false, b: tb = false } = transposed;
  if (plus && !sameShape(plus.shape, [n]) && !sameShape(plus.shape, [m, n])) {
    throw shapeError("matmul", `a summand of shape [${n}] or [${m}, ${n}]`, a, b, plus);
  }
  const isGemm = ta || tb || plus !== null;
  const attributes: Record<string, number> = isGemm ? { transA: ta ? 1 : 0, transB: tb ? 1 : 0 } : {};
  const inputs = plus ? [a, b, plus] : [a, b];
  const output = [{ dtype: a.dtype, shape: [m, n] }];
  return a.graph.emit(isGemm ? "Gemm" : "MatMul", inputs, output, attributes, ([dy]) => {
    const d = dy!;
    const da = ta ? matmul(b, d, { a: tb, b: true }) : matmul(d, b, { b: !tb });
    const db = tb ? matmul(d, a, { a: true, b: ta }) : matmul(a, d, { a: !ta });
    return plus ? [da, db, sumTo(d, plus.shape)] : [da, db];
  })[0]!;
}

/** A batch of products: [..., M, K] x [..., K, N] -> [..., M, N] with equal leading axes. */
export function batchMatmul(a: Value, b: Value, transposed: Transposed = {}): Value {
  requireFloats("batchMatmul", a, b);
  const lead = a.shape.slice(0, -2);
  if (a.rank < 3 || a.rank !== b.rank || !sameShape(lead, b.shape.slice(0, -2))) {
    throw shapeError("batchMatmul", "two batches of matrices with equal leading axes", a, b);
  }
  const x = transposed.a ? swapLast(a) : a;
  const y = transposed.b ? swapLast(b) : b;
  if (x.dim(-1) !== y.dim(-2)) {
    throw shapeError("batchMatmul", `equal inner extents (got ${x.dim(-1)} and ${y.dim(-2)})`, a, b);
  }
  const shape = [...lead, x.dim(-2), y.dim(-1)];
  return a.graph.emit("MatMul", [x, y], [{ dtype: a.dtype, shape }], {}, ([dy]) => [
    batchMatmul(dy!, y, { b: true }),
    batchMatmul(x, dy!, { a: true }),
  ])[0]!;
}

function swapLast(x: Value): Value {
  const order = x.shape.map((_, i) => i);
  order.push(...order.splice(-2).reverse());
  return transpose(x, order);
}

/**
 * A linear map of the last axis: [..., K] with weight [N, K] (`layout: "out-in"`, the default) or [K, N]
 * ("in-out") -> [..., N]. Leading axes are flattened so that the runtime sees one large product.
 */
export function linear(x: Value, weight: Value, layout: "out-in" | "in-out" = "out-in"): Value {
  if (weight.rank !== 2 || x.rank < 1 || weight.dim(layout === "out-in" ? 1 : 0) !== x.dim(-1)) {
    const expected = layout === "out-in" ? `[N, ${x.dim(-1)}]` : `[${x.dim(-1)}, N]`;
    throw shapeError("linear", `a weight ${expected}`, x, weight);
  }
  const lead = x.shape.slice(0, -1);
  const rows = x.rank === 2 ? x : reshape(x, [multiplyDims(...lead), x.dim(-1)]);
  const y = matmul(rows, weight, { b: layout === "out-in" });
  return x.rank === 2 ? y : reshape(y, [...lead, y.dim(-1)]);
}
