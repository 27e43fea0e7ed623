import { describe, expect, it } from "vitest";
import * as g from "../../../src/graph/index.ts";
import { Graph } from "../../../src/graph/index.ts";
import { type Case, evaluate, float64, gradientError, noise, numbers } from "../harness.ts";

const flags = [
  { a: false, b: false },
  { a: false, b: true },
  { a: true, b: false },
  { a: true, b: true },
];

const cases: Case[] = [
  ...flags.map(
    (flag): Case => ({
      name: `matmul, transposed ${JSON.stringify(flag)}`,
      inputs: { x: flag.a ? [4, 2] : [2, 4], y: flag.b ? [3, 4] : [4, 3] },
      build: ({ x, y }) => g.matmul(x!, y!, flag),
    }),
  ),
  ...flags.map(
    (flag, i): Case => ({
      name: `matmul with a summand, transposed ${JSON.stringify(flag)}`,
      inputs: { x: flag.a ? [4, 2] : [2, 4], y: flag.b ? [3, 4] : [4, 3], z: i % 2 === 0 ? [3] : [2, 3] },
      build: ({ x, y, z }) => g.matmul(x!, y!, flag, z!),
    }),
  ),
  ...flags.map(
    (flag): Case => ({
      name: `batchMatmul, transposed ${JSON.stringify(flag)}`,
      inputs: { x: ["B", 2, ...(flag.a ? [4, 2] : [2, 4])], y: ["B", 2, ...(flag.b ? [3, 4] : [4, 3])] },
      bindings: { B: 2 },
      build: ({ x, y }) => g.batchMatmul(x!, y!, flag),
    }),
  ),
  {
    name: "a matrix times its own transpose",
    inputs: { x: [3, 2] },
    build: ({ x }) => g.matmul(x!, x!, { b: true }),
  },
  {
    name: "linear",
    inputs: { x: ["B", 3, 4], w: [2, 4] },
    bindings: { B: 2 },
    build: ({ x, w }) => g.linear(x!, w!),
  },
  {
    name: "linear, in-out",
    inputs: { x: ["B", 3, "A"], w: ["A", 2] },
    bindings: { B: 2, A: 3 },
    build: ({ x, w }) => g.linear(x!, w!, "in-out"),
  },
  {
    name: "second derivative of a product",
    inputs: { x: [2, 3], y: [3, 2] },
    build: ({ x, y }) => g.gradients(g.sum(g.square(g.matmul(x!, y!))), [x!])[0]!,
  },
];

describe("gradients agree with central differences", () => {
  it.each(cases)("$name", async (given) => {
    expect(await gradientError(given)).toBeLessThan(1e-6);
  });
});

describe("values", () => {
  it.each(flags)("matmul and batchMatmul are the triple loop, transposed %o", async (flag) => {
    const [batch, m, k, n] = [2, 3, 4, 5];
    const a = noise(batch * m * k, 3);
    const b = noise(batch * k * n, 4);
    const expected: number[] = [];
    for (let i = 0; i < batch; i++) {
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          let total = 0;
          for (let j = 0; j < k; j++) {
            const x = a[i * m * k + (flag.a ? j * m + row : row * k + j)]!;
            const y = b[i * k * n + (flag.b ? column * k + j : j * n + column)]!;
            total += x * y;
          }
          expected.push(total);
        }
      }
    }
    const shapeA = flag.a ? [k, m] : [m, k];
    const shapeB = flag.b ? [n, k] : [k, n];
    const graph = new Graph("products");
    const x = graph.input("x", "float64", [batch, ...shapeA]);
    const y = graph.input("y", "float64", [batch, ...shapeB]);
    const first = (value: g.Value): g.Value => g.reshape(g.slice(value, 0, 0, 1), value.shape.slice(1));
    graph.output("one", g.matmul(first(x), first(y), flag));
    graph.output("all", g.batchMatmul(x, y, flag));
    const { one, all } = await evaluate(graph, {
      x: float64([batch, ...shapeA], a),
      y: float64([batch, ...shapeB], b),
    });
    expect(one!.dims).toEqual([m, n]);
    numbers(all).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12);
    });
    numbers(one).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 12);
    });
  });
});

describe("errors at build time", () => {
  const graph = new Graph("errors");
  const x = graph.input("x", "float32", [2, 3]);
  const w = graph.input("w", "float32", [5, "A"]);
  const n = graph.input("n", "int32", [3, 2]);

  it.each<[string, () => unknown, RegExp]>([
    [
      "matmul",
      () => g.matmul(x, w),
      /graph\.matmul: expected equal inner extents \(got 3 and 5\), got "x" float32\[2, 3\]/,
    ],
    ["matmul", () => g.matmul(x, n), /graph\.matmul: expected values of one type/],
    ["matmul", () => g.matmul(n, n), /graph\.matmul: expected floating-point/],
    ["batchMatmul", () => g.batchMatmul(x, x), /graph\.batchMatmul: expected two batches of matrices/],
    ["linear", () => g.linear(x, w), /graph\.linear: expected a weight \[N, 3\], got .*"w" float32\[5, A\]/],
    ["linear", () => g.linear(x, w, "in-out"), /graph\.linear: expected a weight \[3, N\]/],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
