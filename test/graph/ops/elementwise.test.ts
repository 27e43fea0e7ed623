import { describe, expect, it } from "vitest";
import * as g from "../../../src/graph/index.ts";
import { Graph } from "../../../src/graph/index.ts";
import { type Case, evaluate, float32, gradientError, noise, numbers } from "../harness.ts";

const pair = { x: [2, 3], y: [2, 3] };
// Positive, and away from where a rule changes.
const positive = { x: [0.3, 1.2, 2.5, 0.7, 3.1, 0.4] };

const cases: Case[] = [
  { name: "add", inputs: pair, build: ({ x, y }) => g.add(x!, y!) },
  { name: "add a column to a row", inputs: { x: [3, 1], y: [4] }, build: ({ x, y }) => g.add(x!, y!) },
  { name: "add a number", inputs: { x: [3] }, build: ({ x }) => g.add(2, x!) },
  { name: "subtract", inputs: { x: [2, 1, 3], y: [4, 1] }, build: ({ x, y }) => g.subtract(x!, y!) },
  { name: "multiply", inputs: { x: [2, 3], y: [3] }, build: ({ x, y }) => g.multiply(x!, y!) },
  { name: "multiply by itself", inputs: { x: [5] }, build: ({ x }) => g.multiply(x!, x!) },
  {
    name: "divide",
    inputs: { x: [2, 3], y: [2, 1] },
    values: { y: [0.7, -1.3] },
    build: ({ x, y }) => g.divide(x!, y!),
  },
  { name: "minimum of a broadcast", inputs: { x: [2, 3], y: [] }, build: ({ x, y }) => g.minimum(x!, y!) },
  { name: "maximum", inputs: pair, build: ({ x, y }) => g.maximum(x!, y!) },
  { name: "minimum", inputs: pair, build: ({ x, y }) => g.minimum(x!, y!) },
  { name: "negate", inputs: { x: [4] }, build: ({ x }) => g.negate(x!) },
  { name: "exp", inputs: { x: [4] }, build: ({ x }) => g.exp(x!) },
  { name: "log", inputs: { x: [6] }, values: positive, build: ({ x }) => g.log(x!) },
  { name: "sqrt", inputs: { x: [6] }, values: positive, build: ({ x }) => g.sqrt(x!) },
  { name: "tanh", inputs: { x: [4] }, build: ({ x }) => g.tanh(x!) },
  { name: "sigmoid", inputs: { x: [4] }, build: ({ x }) => g.sigmoid(x!) },
  { name: "absolute", inputs: { x: [8] }, build: ({ x }) => g.absolute(x!) },
  { name: "square", inputs: { x: [4] }, build: ({ x }) => g.square(x!) },
  { name: "relu", inputs: { x: [6] }, build: ({ x }) => g.relu(x!) },
  { name: "silu", inputs: { x: [6] }, build: ({ x }) => g.silu(x!) },
  {
    name: "gelu",
    inputs: { x: [6] },
    values: { x: [-4, -1.1, -0.2, 0, 0.9, 5] },
    build: ({ x }) => g.gelu(x!),
  },
  { name: "floor", inputs: { x: [5] }, build: ({ x }) => g.floor(x!), isZero: true },
  { name: "second derivative of gelu", inputs: { x: [4] }, build: ({ x }) => slope(g.gelu, x!) },
  { name: "second derivative of silu", inputs: { x: [4] }, build: ({ x }) => slope(g.silu, x!) },
  { name: "second derivative of tanh", inputs: { x: [4] }, build: ({ x }) => slope(g.tanh, x!) },
];

function slope(f: (x: g.Value) => g.Value, x: g.Value): g.Value {
  return g.gradients(g.sum(f(x)), [x])[0]!;
}

describe("gradients agree with central differences", () => {
  it.each(cases)("$name", async (given) => {
    expect(await gradientError(given)).toBeLessThan(1e-6);
  });

  it("passes through casts between floating-point types", async () => {
    const graph = new Graph("cast");
    const x = graph.input("x", "float32", [2]);
    const y = g.sum(g.square(g.cast(x, "float64")));
    graph.output("slope", g.gradients(y, [x])[0]!);
    const { slope } = await evaluate(graph, { x: float32([2], [3, -0.5]) });
    expect(slope!.dtype).toBe("float32");
    expect(numbers(slope)).toEqual([6, -1]);
  });
});

/** f applied to float32 numbers. */
async function apply(f: (x: g.Value) => g.Value, values: readonly number[]): Promise<number[]> {
  const graph = new Graph("apply");
  graph.output("y", f(graph.input("x", "float32", [values.length])));
  return numbers((await evaluate(graph, { x: float32([values.length], values) })).y);
}

describe("values", () => {
  it("gelu's fused float32 kernel is the published tanh form", async () => {
    const xs = [...noise(64).map((x) => 6 * x), 0, -0, 30, -30];
    const formula = (x: number): number =>
      0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    const ys = await apply(g.gelu, xs);
    ys.forEach((y, i) => {
      const x = Math.fround(xs[i]!);
      expect(Math.abs(y - formula(x))).toBeLessThan(1e-6 * Math.max(1, Math.abs(x)));
    });
  });

  it("gelu's float32 gradient is the slope of the formula, far out too", async () => {
    const xs = [-30, -5, -1, -0.1, 0, 0.5, 2, 8, 1000];
    const c = Math.sqrt(2 / Math.PI);
    const expected = xs.map((x) => {
      const t = Math.tanh(c * (x + 0.044715 * x ** 3));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x);
    });
    const slopes = await apply((x) => slope(g.gelu, x), xs);
    slopes.forEach((found, i) => {
      expect(found).toBeCloseTo(expected[i]!, 5);
    });
  });

  it("floor rounds towards minus infinity, absolute has slope 0 at 0", async () => {
    expect(await apply(g.floor, [-1.5, -0.4, 0, 0.5, 2])).toEqual([-2, -1, 0, 0, 2]);
    expect(await apply((x) => slope(g.absolute, x), [-2, 0, 3])).toEqual([-1, 0, 1]);
  });

  it.each([g.minimum, g.maximum])("%o gives the whole gradient to the first where equal", async (choice) => {
    const graph = new Graph("ties");
    const x = graph.input("x", "float32", [1]);
    const y = graph.input("y", "float32", [1]);
    const [dx, dy] = g.gradients(g.sum(choice(x, y)), [x, y]);
    graph.output("x slope", dx!);
    graph.output("y slope", dy!);
    const found = await evaluate(graph, { x: float32([1], [2]), y: float32([1], [2]) });
    expect(Object.values(found).map((value) => value.data[0])).toEqual([1, 0]);
  });

  it("comparisons", async () => {
    const xs = [-1, 0, 1];
    expect(await apply((x) => g.greater(x, 0), xs)).toEqual([0, 0, 1]);
    expect(await apply((x) => g.lessOrEqual(x, 0), xs)).toEqual([1, 1, 0]);
    expect(await apply((x) => g.equal(x, 0), xs)).toEqual([0, 1, 0]);
  });
});

describe("errors at build time", () => {
  const graph = new Graph("errors");
  const x = graph.input("x", "float32", [2, 3]);
  const y = graph.input("y", "float32", ["B", 4]);
  const z = graph.input("z", "float64", [2, 3]);
  const n = graph.input("n", "int32", [2, 3]);
  const isSet = graph.input("isSet", "bool", [5]);

  it.each<[string, () => unknown, RegExp]>([
    [
      "add",
      () => g.add(x, y),
      /graph\.add: expected shapes that broadcast, got "x" float32\[2, 3\] and "y" float32\[B, 4\]/,
    ],
    ["multiply", () => g.multiply(x, z), /graph\.multiply: expected values of one type.*float64/],
    ["divide", () => g.divide(isSet, isSet), /graph\.divide: expected numbers/],
    ["subtract", () => g.subtract(1, 2), /graph\.subtract: two plain numbers/],
    ["exp", () => g.exp(n), /graph\.exp: expected floating-point values, got "n" int32/],
    ["gelu", () => g.gelu(n), /graph\.gelu: expected floating-point/],
    ["equal", () => g.equal(x, n), /graph\.equal: expected values of one type/],
    [
      "straightThrough",
      () => g.straightThrough(x, y),
      /graph\.straightThrough: expected values of one shape/,
    ],
    ["straightThrough", () => g.straightThrough(x, z), /graph\.straightThrough: expected values of one type/],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
