import { describe, expect, it } from "vitest";
import * as g from "../../../src/graph/index.ts";
import { Graph } from "../../../src/graph/index.ts";
import { type Case, evaluate, float32, gradientError, numbers } from "../harness.ts";

const cases: Case[] = [
  { name: "sum of all", inputs: { x: [2, 3] }, build: ({ x }) => g.sum(x!) },
  {
    name: "sum over an axis",
    inputs: { x: [2, 3, 2] },
    // Nonlinear before and after, so that the rule's shape matters.
    build: ({ x }) => g.square(g.sum(g.square(x!), [1])),
  },
  {
    name: "sum over two axes, kept",
    inputs: { x: ["B", 3, 2] },
    bindings: { B: 2 },
    build: ({ x }) => g.square(g.sum(x!, [0, -1], true)),
  },
  { name: "sum over no axes", inputs: { x: [3] }, build: ({ x }) => g.sum(x!, []) },
  { name: "sumTo", inputs: { x: [2, 3, 2] }, build: ({ x }) => g.square(g.sumTo(x!, [3, 1])) },
  { name: "cumulativeSum", inputs: { x: [2, 3] }, build: ({ x }) => g.square(g.cumulativeSum(x!, 1)) },
  {
    name: "cumulativeSum from the end",
    inputs: { x: [2, 3] },
    build: ({ x }) => g.square(g.cumulativeSum(x!, 0, true)),
  },
  {
    name: "maxOver stops gradients",
    inputs: { x: [2, 3] },
    build: ({ x }) => g.stopGradient(g.multiply(g.maxOver(x!, [1]), 0)),
    isZero: true,
  },
];

describe("gradients agree with central differences", () => {
  it.each(cases)("$name", async (given) => {
    expect(await gradientError(given)).toBeLessThan(1e-6);
  });
});

describe("values", () => {
  const x = float32([2, 3], [3, 1, 3, -1, -5, -2]);

  async function apply(f: (x: g.Value) => g.Value): Promise<{ dims: readonly number[]; values: number[] }> {
    const graph = new Graph("reduce");
    graph.output("y", f(graph.input("x", "float32", ["B", 3])));
    const { y } = await evaluate(graph, { x });
    return { dims: y!.dims, values: numbers(y) };
  }

  it.each<[string, (x: g.Value) => g.Value, number[], number[]]>([
    ["sum of all", (v) => g.sum(v), [], [-1]],
    ["sum over rows", (v) => g.sum(v, [0]), [3], [2, -4, 1]],
    ["sum over columns, kept", (v) => g.sum(v, [-1], true), [2, 1], [7, -8]],
    ["sum over no axes", (v) => g.sum(v, []), [2, 3], [3, 1, 3, -1, -5, -2]],
    ["maxOver", (v) => g.maxOver(v, [1]), [2], [3, -1]],
    ["minOver", (v) => g.minOver(v, [1]), [2], [1, -5]],
    ["argMax takes the first of equals", (v) => g.argMax(v, -1), [2], [0, 0]],
    ["cumulativeSum", (v) => g.cumulativeSum(v, 1), [2, 3], [3, 4, 7, -1, -6, -8]],
    ["cumulativeSum from the end", (v) => g.cumulativeSum(v, 1, true), [2, 3], [7, 4, 3, -8, -7, -2]],
    ["topK values", (v) => g.topK(v, 2).values, [2, 2], [3, 3, -1, -2]],
    ["topK indices", (v) => g.topK(v, 2).indices, [2, 2], [0, 2, 0, 2]],
  ])("%s", async (_, f, dims, values) => {
    expect(await apply(f)).toEqual({ dims, values });
  });
});

describe("errors at build time", () => {
  const graph = new Graph("errors");
  const x = graph.input("x", "float32", [2, 3]);
  const d = graph.input("d", "float64", [2, 3]);
  const isSet = graph.input("isSet", "bool", [2]);

  it.each<[string, () => unknown, RegExp]>([
    [
      "sum",
      () => g.sum(x, [2]),
      /graph\.sum: expected axes within a rank of 2 \(got 2\), got "x" float32\[2, 3\]/,
    ],
    ["sum", () => g.sum(x, [0, -2]), /graph\.sum: expected distinct axes/],
    ["sum", () => g.sum(isSet), /graph\.sum: expected numbers, got "isSet" bool\[2\]/],
    ["maxOver", () => g.maxOver(x, [-3]), /graph\.maxOver: expected axes/],
    ["argMax", () => g.argMax(x, 5), /graph\.argMax: expected axes/],
    ["cumulativeSum", () => g.cumulativeSum(x, 2), /graph\.cumulativeSum: expected axes/],
    ["topK", () => g.topK(x, 4), /graph\.topK: expected a last axis of at least k \(got 4\)/],
    ["topK", () => g.topK(d, 1), /graph\.topK: expected float32 or integers/],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
