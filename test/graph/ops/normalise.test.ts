import { describe, expect, it } from "vitest";
import * as g from "../../../src/graph/index.ts";
import { Graph } from "../../../src/graph/index.ts";
import { type Case, evaluate, float32, float64, gradientError, noise, numbers } from "../harness.ts";

const distributions = (graph: g.Graph): g.Value => graph.constant(float64([2, 3], [0.2, 0.3, 0.5, 1, 0, 0]));

const cases: Case[] = [
  { name: "mean of all", inputs: { x: [2, 3] }, build: ({ x }) => g.square(g.mean(x!)) },
  {
    name: "mean over an axis",
    inputs: { x: ["B", 3] },
    bindings: { B: 2 },
    build: ({ x }) => g.square(g.mean(x!, [-1], true)),
  },
  { name: "softmax", inputs: { x: [2, 2, 3] }, build: ({ x }) => g.softmax(x!) },
  { name: "logSumExp", inputs: { x: [2, 3] }, build: ({ x }) => g.logSumExp(x!) },
  {
    name: "crossEntropy",
    inputs: { x: [2, 3] },
    build: ({ x }, graph) => g.crossEntropy(x!, distributions(graph)),
  },
  {
    name: "layerNorm",
    inputs: { x: ["B", 2, 4], gamma: [4], beta: [4] },
    bindings: { B: 2 },
    build: ({ x, gamma, beta }) => g.layerNorm(x!, gamma!, beta!, 1e-5),
  },
  {
    name: "layerNorm without a shift, of one row",
    inputs: { x: [4], gamma: [4] },
    build: ({ x, gamma }) => g.layerNorm(x!, gamma!, null, 1e-2),
  },
  {
    name: "centred",
    inputs: { x: ["B", 4] },
    bindings: { B: 2 },
    build: ({ x }) => g.square(g.centred(x!)),
  },
  {
    name: "linearOfNormal",
    inputs: { x: ["B", 4], w: [3, 4], b: [3] },
    bindings: { B: 2 },
    build: ({ x, w, b }) => g.linearOfNormal(x!, g.centred(w!), b!, 1e-3),
  },
  {
    name: "groupNorm",
    inputs: { x: ["B", 4, 2, 3], gamma: [4], beta: [4] },
    bindings: { B: 2 },
    build: ({ x, gamma, beta }) => g.groupNorm(x!, gamma!, beta!, 2, 1e-5),
  },
  // A gradient as the value: second derivatives.
  { name: "softmax twice", inputs: { x: [2, 3] }, build: ({ x }) => slope(g.softmax, x!) },
  { name: "logSumExp twice", inputs: { x: [2, 3] }, build: ({ x }) => slope(g.logSumExp, x!) },
  {
    name: "crossEntropy twice",
    inputs: { x: [2, 3] },
    build: ({ x }, graph) => slope((v) => g.crossEntropy(v, distributions(graph)), x!),
  },
  {
    name: "layerNorm twice",
    inputs: { x: [2, 4], gamma: [4], beta: [4] },
    build: ({ x, gamma, beta }) => slope((v) => g.layerNorm(v, gamma!, beta!, 1e-3), x!),
  },
];

/** The gradient of sum(f(x)^2) by x. */
function slope(f: (x: g.Value) => g.Value, x: g.Value): g.Value {
  return g.gradients(g.sum(g.square(f(x))), [x])[0]!;
}

describe("gradients agree with central differences", () => {
  it.each(cases)("$name", async (given) => {
    expect(await gradientError(given)).toBeLessThan(1e-6);
  });
});

function expectClose(found: readonly number[], expected: readonly number[], digits: number): void {
  expect(found.length).toBe(expected.length);
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, digits);
  });
}

describe("values", () => {
  it("softmax, logSumExp and crossEntropy follow their formulas", async () => {
    const logits = noise(8, 5).map((x) => 3 * x);
    const targets = [0.1, 0.2, 0.3, 0.4, 0, 1, 0, 0];
    const graph = new Graph("formulas");
    const x = graph.input("x", "float64", ["R", 4]);
    const t = graph.input("t", "float64", ["R", 4]);
    graph.output("softmax", g.softmax(x));
    graph.output("logSumExp", g.logSumExp(x));
    graph.output("crossEntropy", g.crossEntropy(x, t));
    const found = await evaluate(graph, { x: float64([2, 4], logits), t: float64([2, 4], targets) });
    const rows = [logits.slice(0, 4), logits.slice(4)];
    const totals = rows.map((row) => row.reduce((total, value) => total + Math.exp(value), 0));
    expectClose(numbers(found.logSumExp), totals.map(Math.log), 12);
    expectClose(
      numbers(found.softmax),
      rows.flatMap((row, i) => row.map((value) => Math.exp(value) / totals[i]!)),
      12,
    );
    // -sum_v t_v log p_v
    const losses = rows.map((row, i) =>
      row.reduce((loss, value, v) => loss - targets[4 * i + v]! * Math.log(Math.exp(value) / totals[i]!), 0),
    );
    expect(found.crossEntropy!.dims).toEqual([2]);
    expectClose(numbers(found.crossEntropy), losses, 12);
  });

  it("large logits overflow nothing; a row of -infinity is NaN, one of -1e30 uniform, as documented", async () => {
    const graph = new Graph("extremes");
    const x = graph.input("x", "float32", [4, 2]);
    graph.output("softmax", g.softmax(x));
    graph.output("logSumExp", g.logSumExp(x));
    const rows = [1000, 0, -1e30, 3, -1e30, -1e30, -Infinity, -Infinity];
    const found = await evaluate(graph, { x: float32([4, 2], rows) });
    expect(numbers(found.softmax)).toEqual([1, 0, 0, 1, 0.5, 0.5, NaN, NaN]);
    expect(numbers(found.logSumExp).slice(0, 2)).toEqual([1000, 3]);
  });

  it("layerNorm and groupNorm are the textbook loops", async () => {
    const [n, c, h, w, groups, epsilon] = [2, 4, 2, 3, 2, 1e-3];
    const values = noise(n * c * h * w, 7);
    const gamma = noise(c, 8);
    const beta = noise(c, 9);
    const graph = new Graph("norms");
    const x = graph.input("x", "float64", ["N", c, h, w]);
    const scale = graph.input("gamma", "float64", [c]);
    const shift = graph.input("beta", "float64", [c]);
    graph.output("group", g.groupNorm(x, scale, shift, groups, epsilon));
    const rows = g.reshape(x, [g.multiplyDims("N", h * w), c]);
    graph.output("layer", g.layerNorm(rows, scale, shift, epsilon));
    const found = await evaluate(graph, {
      x: float64([n, c, h, w], values),
      gamma: float64([c], gamma),
      beta: float64([c], beta),
    });

    const normalised = (part: readonly number[]): number[] => {
      const mean = part.reduce((a, b) => a + b, 0) / part.length;
      const variance = part.reduce((a, b) => a + (b - mean) ** 2, 0) / part.length;
      return part.map((value) => (value - mean) / Math.sqrt(variance + epsilon));
    };
    const chunks = (width: number): number[][] =>
      Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
    const inGroups = chunks((c / groups) * h * w).flatMap(normalised);
    const channel = (i: number): number => Math.floor(i / (h * w)) % c;
    expectClose(
      numbers(found.group),
      inGroups.map((value, i) => value * gamma[channel(i)]! + beta[channel(i)]!),
      9,
    );
    const inRows = chunks(c).flatMap(normalised);
    expectClose(
      numbers(found.layer),
      inRows.map((value, i) => value * gamma[i % c]! + beta[i % c]!),
      9,
    );
  });

  it("linearOfNormal of a matrix that took in scale and shift is layerNorm and a product", async () => {
    const graph = new Graph("folded");
    const input = (name: string, shape: number[]) => graph.input(name, "float64", shape);
    const [x, gamma, beta, w] = [
      input("x", [5, 4]),
      input("gamma", [4]),
      input("beta", [4]),
      input("w", [3, 4]),
    ];
    graph.output("apart", g.linear(g.layerNorm(x, gamma, beta, 1e-2), w));
    const shift = g.reshape(g.linear(g.reshape(beta, [1, 4]), w), [3]);
    graph.output("folded", g.linearOfNormal(x, g.centred(g.multiply(w, gamma)), shift, 1e-2));
    const found = await evaluate(graph, {
      x: float64([5, 4], noise(20)),
      gamma: float64([4], noise(4, 2)),
      beta: float64([4], noise(4, 3)),
      w: float64([3, 4], noise(12, 4)),
    });
    numbers(found.folded).forEach((value, i) => {
      expect(value).toBeCloseTo(numbers(found.apart)[i]!, 12);
    });
  });

  it("layerNorm's float32 kernel and gradients are the float64 ones, rounded", async () => {
    const found = { float32: [] as number[][], float64: [] as number[][] };
    const wide = { x: noise(24, 3).map((v) => 5 + v), gamma: noise(8, 4), beta: noise(8, 5) };
    for (const dtype of ["float32", "float64"] as const) {
      const graph = new Graph(dtype);
      const x = graph.input("x", dtype, [3, 8]);
      const gamma = graph.input("gamma", dtype, [8]);
      const beta = graph.input("beta", dtype, [8]);
      const y = g.layerNorm(x, gamma, beta, 1e-5);
      const slopes = g.gradients(g.sum(g.square(y)), [x, gamma, beta]);
      const second = g.gradients(g.sum(g.square(slopes[0]!)), [x]);
      [y, ...slopes, ...second].forEach((value, i) => {
        graph.output(String(i), value);
      });
      const make = dtype === "float32" ? float32 : float64;
      const results = await evaluate(graph, {
        x: make([3, 8], wide.x),
        gamma: make([8], wide.gamma),
        beta: make([8], wide.beta),
      });
      found[dtype] = Object.values(results).map(numbers);
    }
    found.float32.forEach((values, i) => {
      const exact = found.float64[i]!;
      const largest = Math.max(...exact.map(Math.abs));
      const errors = values.map((value, j) => Math.abs(value - exact[j]!) / largest);
      // The statistics of rows around 5 with a deviation of 0.6 lose one digit of float32's seven.
      expect(Math.max(...errors)).toBeLessThan(1e-5);
    });
  });
});

describe("errors at build time", () => {
  const graph = new Graph("errors");
  const x = graph.input("x", "float32", ["B", 4, 2, 2]);
  const open = graph.input("open", "float32", ["B", 4, "H", 2]);
  const wrong = graph.input("wrong", "float32", [3]);
  const four = graph.input("four", "float32", [4]);
  const n = graph.input("n", "int32", [4]);
  const scalar = graph.input("scalar", "float32", []);

  it.each<[string, () => unknown, RegExp]>([
    ["mean", () => g.mean(x), /graph\.mean: expected axes of known extent, got "x" float32\[B, 4, 2, 2\]/],
    ["mean", () => g.mean(x, [7]), /axes within a rank of 4 \(got 7\)/],
    ["softmax", () => g.softmax(n), /graph\.softmax: expected floating-point/],
    ["softmax", () => g.softmax(scalar), /graph\.softmax: expected at least one axis/],
    [
      "crossEntropy",
      () => g.crossEntropy(four, wrong),
      /graph\.crossEntropy: expected logits and targets of one shape/,
    ],
    [
      "layerNorm",
      () => g.layerNorm(x, wrong, null, 1e-5),
      /graph\.layerNorm: expected gamma and beta of shape \[2\]/,
    ],
    [
      "groupNorm",
      () => g.groupNorm(x, four, four, 3, 1e-5),
      /graph\.groupNorm: expected channels divisible by 3/,
    ],
    [
      "groupNorm",
      () => g.groupNorm(x, four, wrong, 2, 1e-5),
      /graph\.groupNorm: expected gamma and beta of shape \[4\]/,
    ],
    [
      "groupNorm",
      () => g.groupNorm(open, four, four, 2, 1e-5),
      /graph\.groupNorm: expected feature maps of known extent/,
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
