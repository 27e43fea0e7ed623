import { describe, expect, it } from "vitest";
import * as g from "../../../src/graph/index.ts";
import { Graph } from "../../../src/graph/index.ts";
import { type Case, evaluate, float32, gradientError, int32, int64, noise, numbers } from "../harness.ts";

// Indices that repeat, and one that counts from the end.
const rows = { dtype: "int32" as const, shape: [2, 2], data: int32([2, 2], [0, 2, 2, -1]) };
const flat = { dtype: "int64" as const, shape: [4], data: int64([4], [1, 0, 1, 1]) };
const row = { dtype: "int32" as const, shape: [2], data: int32([2], [3, 1]) };
const apart = { dtype: "int32" as const, shape: [2], data: int32([2], [3, 1]) };
const last = { dtype: "int32" as const, shape: [2, 3], data: int32([2, 3], [0, 3, 3, 1, 1, 2]) };

const cases: Case[] = [
  {
    name: "gatherRows",
    inputs: { x: [4, 3] },
    indices: { rows },
    build: ({ x, rows }) => g.square(g.gatherRows(x!, rows!)),
  },
  {
    name: "gatherRows of an open table",
    inputs: { x: ["V", 2] },
    bindings: { V: 4 },
    indices: { rows },
    build: ({ x, rows }) => g.square(g.gatherRows(x!, rows!)),
  },
  {
    name: "scatterAddRows",
    inputs: { x: [3, 2], y: [4, 2] },
    indices: { flat },
    build: ({ x, y, flat }) => g.square(g.scatterAddRows(x!, flat!, y!)),
  },
  {
    name: "placeRows",
    inputs: { x: [4, 2], y: [2, 2] },
    indices: { apart },
    build: ({ x, y, apart }) => g.square(g.placeRows(x!, apart!, y!)),
  },
  {
    name: "gatherLast",
    inputs: { x: [2, 4] },
    indices: { last },
    build: ({ x, last }) => g.square(g.gatherLast(x!, last!)),
  },
  {
    name: "scatterAddLast",
    inputs: { x: [2, 4], y: [2, 3] },
    indices: { last },
    build: ({ x, y, last }) => g.square(g.scatterAddLast(x!, last!, y!)),
  },
  {
    name: "placeRows",
    inputs: { x: ["R", 3], y: [2, 3] },
    bindings: { R: 4 },
    indices: { row },
    build: ({ x, y, row }) => g.square(g.placeRows(x!, row!, y!)),
  },
];

describe("gradients agree with central differences", () => {
  it.each(cases)("$name", async (given) => {
    expect(await gradientError(given)).toBeLessThan(1e-6);
  });
});

describe("values are those of plain loops", () => {
  it("gatherRows and scatterAddRows, with repeated indices over many rows", async () => {
    // Enough rows that a racing scatter would show: 2048 rows of 64 into 5.
    const [count, width, table] = [2048, 64, 5];
    const indices = noise(count, 2).map((x) => Math.floor(((x + 1) / 2) * table));
    const values = noise(count * width, 3).map(Math.fround);
    const graph = new Graph("rows");
    const at = graph.input("at", "int32", ["R"]);
    const x = graph.input("x", "float32", ["R", width]);
    const zeros = graph.constant(float32([table, width], new Array(table * width).fill(0)));
    const total = g.scatterAddRows(zeros, at, x);
    graph.output("total", total);
    graph.output("back", g.gatherRows(total, at));
    const found = await evaluate(graph, { at: int32([count], indices), x: float32([count, width], values) });
    const expected = new Array<number>(table * width).fill(0);
    values.forEach((value, i) => {
      expected[indices[Math.floor(i / width)]! * width + (i % width)]! += value;
    });
    numbers(found.total).forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 3);
    });
    const totals = numbers(found.total);
    const isSame = numbers(found.back).every(
      (value, i) => value === totals[indices[Math.floor(i / width)]! * width + (i % width)],
    );
    expect(isSame).toBe(true);
  });

  it("placeRows overwrites the rows it is told to", async () => {
    const graph = new Graph("place rows");
    const table = graph.input("table", "float32", ["R", 2]);
    const at = graph.input("at", "int32", ["n"]);
    const rows = graph.input("rows", "float32", ["n", 2]);
    graph.output("y", g.placeRows(table, at, rows));
    const { y } = await evaluate(graph, {
      table: float32([4, 2], [0, 1, 2, 3, 4, 5, 6, 7]),
      at: int32([2], [3, 0]),
      rows: float32([2, 2], [-1, -2, -3, -4]),
    });
    expect(numbers(y)).toEqual([-3, -4, 2, 3, 4, 5, -1, -2]);
  });

  it("placeLast overwrites the elements it is told to, row by row", async () => {
    const graph = new Graph("place last");
    const x = graph.input("x", "int32", ["B", 4]);
    const at = graph.input("at", "int64", ["B", 2]);
    graph.output("y", g.placeLast(x, at, graph.input("values", "int32", ["B", 2])));
    const { y } = await evaluate(graph, {
      x: int32([2, 4], [0, 1, 2, 3, 4, 5, 6, 7]),
      at: int64([2, 2], [3, 0, 1, 2]),
      values: int32([2, 2], [-1, -2, -3, -4]),
    });
    expect(numbers(y)).toEqual([-2, 1, 2, -1, 4, -3, -4, 7]);
  });

  it("gatherLast takes one logit for each index", async () => {
    const graph = new Graph("last");
    const x = graph.input("x", "float32", ["B", 4]);
    const at = graph.input("at", "int64", ["B", 1]);
    graph.output("y", g.gatherLast(x, at));
    const { y } = await evaluate(graph, {
      x: float32([2, 4], [0, 1, 2, 3, 4, 5, 6, 7]),
      at: int64([2, 1], [2, 0]),
    });
    expect(y!.dims).toEqual([2, 1]);
    expect(numbers(y)).toEqual([2, 4]);
  });

  it("oneHot is a row of the identity, zeros for an index outside", async () => {
    const graph = new Graph("one hot");
    const narrow = graph.input("narrow", "int32", ["B", 2]);
    const wide = graph.input("wide", "int64", []);
    graph.output("float", g.oneHot(narrow, 3));
    graph.output("bool", g.oneHot(wide, 2, "bool"));
    const found = await evaluate(graph, { narrow: int32([2, 2], [0, 2, 1, 7]), wide: int64([], [1]) });
    expect(found.float!.dims).toEqual([2, 2, 3]);
    expect(numbers(found.float)).toEqual([1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]);
    expect(found.bool!.dtype).toBe("bool");
    expect(numbers(found.bool)).toEqual([0, 1]);
  });
});

describe("errors at build time", () => {
  const graph = new Graph("errors");
  const x = graph.input("x", "float32", ["B", 6, 4]);
  const at = graph.input("at", "int32", ["B", "A"]);
  const two = graph.input("two", "float32", ["B", "A", 2]);
  const list = graph.input("list", "int32", [3]);

  it.each<[string, () => unknown, RegExp]>([
    [
      "gatherRows",
      () => g.gatherRows(x, two),
      /graph\.gatherRows: expected int32 or int64 indices, got "two" float32/,
    ],
    [
      "scatterAddRows",
      () => g.scatterAddRows(x, list, two),
      /graph\.scatterAddRows: expected one row for each index/,
    ],
    [
      "gatherLast",
      () => g.gatherLast(x, at),
      /graph\.gatherLast: expected indices with the leading axes of x/,
    ],
    [
      "scatterAddLast",
      () => g.scatterAddLast(two, at, two),
      /graph\.scatterAddLast: expected indices with the leading/,
    ],
    ["placeLast", () => g.placeLast(two, at, two), /graph\.placeLast: expected indices with the leading/],
    [
      "placeRows",
      () => g.placeRows(x, list, two),
      /graph\.placeRows: expected one row of the table for each index/,
    ],
    ["oneHot", () => g.oneHot(x, 3), /graph\.oneHot: expected int32 or int64 indices/],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
