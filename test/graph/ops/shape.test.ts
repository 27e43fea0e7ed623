import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as g from "../../../src/graph/index.ts";
import { Graph } from "../../../src/graph/index.ts";
import { type Case, evaluate, float32, gradientError, noise, numbers } from "../harness.ts";

// Squared after the move, so that a gradient that lands in the wrong place differs.
const cases: Case[] = [
  {
    name: "reshape",
    inputs: { x: ["B", 4, 3] },
    bindings: { B: 2 },
    build: ({ x }) => g.square(g.reshape(x!, ["12*B"])),
  },
  { name: "expandTo", inputs: { x: [2, 1] }, build: ({ x }) => g.square(g.expandTo(x!, [3, 2, 4])) },
  {
    name: "expandTo an extent told by another input",
    inputs: { x: [3], y: ["B", 3] },
    bindings: { B: 2 },
    build: ({ x, y }) => g.multiply(y!, g.expandTo(x!, y!.shape)),
  },
  { name: "transpose", inputs: { x: [2, 3, 4] }, build: ({ x }) => g.square(g.transpose(x!, [2, 0, 1])) },
  {
    name: "concat",
    inputs: { x: [2, 1, 2], y: [2, 3, 2] },
    build: ({ x, y }) => g.square(g.concat([x!, y!, x!], 1)),
  },
  {
    name: "split, of which a part is left over",
    inputs: { x: [2, 6] },
    build: ({ x }) => {
      const [a, , c] = g.split(x!, 1, [2, 1, 3]);
      return g.concat([g.square(c!), g.multiply(a!, 3)], 1);
    },
  },
  {
    name: "split into more parts than one node cuts",
    inputs: { x: [24, 2] },
    build: ({ x }) => g.square(g.concat(g.split(x!, 0, new Array<number>(24).fill(1)).reverse(), 0)),
  },
  { name: "slice", inputs: { x: [4, 3] }, build: ({ x }) => g.square(g.slice(x!, 0, 1, 3)) },
  {
    name: "sliceAxes",
    inputs: { x: [4, "B", 3] },
    bindings: { B: 2 },
    build: ({ x }) =>
      g.square(
        g.sliceAxes(x!, [
          [2, 0, 2],
          [0, 1, 3],
        ]),
      ),
  },
  { name: "pad", inputs: { x: [2, 3] }, build: ({ x }) => g.square(g.pad(x!, -1, 1, 2)) },
  {
    name: "padAxes",
    inputs: { x: [2, 3] },
    build: ({ x }) =>
      g.square(
        g.padAxes(x!, [
          [1, 1, 0],
          [0, 2, 1],
        ]),
      ),
  },
  { name: "zerosOf", inputs: { x: [2, 3] }, build: ({ x }) => g.zerosOf(x!), isZero: true },
];

describe("gradients agree with central differences", () => {
  it.each(cases)("$name", async (given) => {
    expect(await gradientError(given)).toBeLessThan(1e-6);
  });
});

const counting = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

describe("reshape with symbols, for several bindings", () => {
  // The result's shape, and what it must be for B and A.
  const targets: [g.Shape, (b: number, a: number) => number[]][] = [
    [["A*B", 8], (b, a) => [a * b, 8]],
    [["B", "2*A", 2, 2], (b, a) => [b, 2 * a, 2, 2]],
    [["2*B", "A", 4], (b, a) => [2 * b, a, 4]],
    [["A", "B", 8], (b, a) => [a, b, 8]],
    [["2*A", "4*B"], (b, a) => [2 * a, 4 * b]],
    [["8*A*B"], (b, a) => [8 * a * b]],
    [[1, "B", 1, "8*A"], (b, a) => [1, b, 1, 8 * a]],
  ];

  it.each(targets)("[B, A, 8] to %j", async (shape, dims) => {
    const graph = new Graph("reshape");
    const x = graph.input("x", "float32", ["B", "A", 8]);
    const y = g.reshape(x, shape);
    expect(y.shape).toEqual(shape);
    graph.output("there", y);
    graph.output("back", g.reshape(y, x.shape));
    for (const [b, a] of [
      [1, 1],
      [2, 3],
      [5, 2],
    ] as const) {
      const values = counting(b * a * 8);
      const found = await evaluate(graph, { x: float32([b, a, 8], values) });
      expect(found.there!.dims).toEqual(dims(b, a));
      expect(numbers(found.there)).toEqual(values);
      expect(found.back!.dims).toEqual([b, a, 8]);
    }
  });

  it("finds an extent that no input tells, when it is the only one", async () => {
    const graph = new Graph("untold");
    const x = graph.input("x", "float32", ["6*U", "A"]);
    graph.output("y", g.reshape(x, ["A", "U", 6]));
    graph.output("z", g.reshape(x, ["U", 2, 3, "A"]));
    // An extent that is there already need not be told either.
    graph.output("w", g.expandTo(g.reshape(x, ["6*U", 1, "A"]), ["6*U", 2, "A"]));
    const found = await evaluate(graph, { x: float32([12, 5], counting(60)) });
    expect(found.y!.dims).toEqual([5, 2, 6]);
    expect(found.z!.dims).toEqual([2, 2, 3, 5]);
    expect(found.w!.dims).toEqual([12, 2, 5]);
  });

  it("refuses what cannot be told, when the graph is built", () => {
    const graph = new Graph("untold");
    const x = graph.input("x", "float32", ["6*U", "4*W"]);
    expect(() => g.reshape(x, ["U", "W", 24])).toThrow(/no input has the dimension "W" alone on an axis/);
    expect(() => g.zerosOf(x)).toThrow(/no input has the dimension "U"/);
  });

  it("spells an input's products in one way", () => {
    const graph = new Graph("spelling");
    expect(graph.input("x", "float32", ["B*64", "B*A", "2*B*3"]).shape).toEqual(["64*B", "A*B", "6*B"]);
  });

  it("takes a scalar to one element and back", async () => {
    const graph = new Graph("scalar");
    const x = graph.input("x", "float32", []);
    const one = g.reshape(x, [1, 1]);
    graph.output("one", one);
    graph.output("none", g.reshape(one, []));
    const found = await evaluate(graph, { x: float32([], [7]) });
    expect(found.one!.dims).toEqual([1, 1]);
    expect(found.none!.dims).toEqual([]);
  });
});

/** Reads an element of a row-major array. */
function at(values: readonly number[], dims: readonly number[], index: readonly number[]): number {
  return values[index.reduce((offset, i, axis) => offset * dims[axis]! + i, 0)]!;
}

function* indicesOf(dims: readonly number[]): Generator<number[]> {
  const size = dims.reduce((a, b) => a * b, 1);
  for (let i = 0; i < size; i++) {
    let rest = i;
    const index = dims.map(() => 0);
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      index[axis] = rest % dims[axis]!;
      rest = Math.floor(rest / dims[axis]!);
    }
    yield index;
  }
}

describe("values are those of plain loops", () => {
  const dims = [2, 3, 4];
  const values = noise(24, 6).map(Math.fround);
  const moves: [string, (x: g.Value) => g.Value, number[], (i: number[]) => number[] | null][] = [
    ["transpose", (x) => g.transpose(x, [2, 0, 1]), [4, 2, 3], ([i, j, k]) => [j!, k!, i!]],
    ["slice", (x) => g.slice(x, -1, 1, 3), [2, 3, 2], ([i, j, k]) => [i!, j!, k! + 1]],
    [
      "pad",
      (x) => g.pad(x, 1, 1, 2),
      [2, 6, 4],
      ([i, j, k]) => (j! >= 1 && j! < 4 ? [i!, j! - 1, k!] : null),
    ],
    [
      "padAxes",
      (x) =>
        g.padAxes(x, [
          [0, 1, 0],
          [2, 0, 1],
        ]),
      [3, 3, 5],
      ([i, j, k]) => (i! >= 1 && k! < 4 ? [i! - 1, j!, k!] : null),
    ],
    ["concat", (x) => g.concat([x, x], 1), [2, 6, 4], ([i, j, k]) => [i!, j! % 3, k!]],
    [
      "expandTo",
      (x) => g.expandTo(g.slice(x, 1, 2, 3), [5, 2, 3, 4]),
      [5, 2, 3, 4],
      ([, i, , k]) => [i!, 2, k!],
    ],
  ];

  it.each(moves)("%s", async (_, f, shape, source) => {
    const graph = new Graph("move");
    graph.output("y", f(graph.input("x", "float32", dims)));
    const { y } = await evaluate(graph, { x: float32(dims, values) });
    expect(y!.dims).toEqual(shape);
    const expected = [...indicesOf(shape)].map((index) => {
      const from = source(index);
      return from ? at(values, dims, from) : 0;
    });
    expect(numbers(y)).toEqual(expected);
  });
});

describe("prefix slices", () => {
  it("give a gradient that is exactly zero outside, whatever the chain of prefixes", async () => {
    const prefixes = fc
      .array(fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 6 })), {
        minLength: 1,
        maxLength: 3,
      })
      .map((sizes) => sizes.map(([rows, columns]) => ({ rows, columns })));
    await fc.assert(
      fc.asyncProperty(prefixes, async (chain) => {
        const graph = new Graph("prefix");
        const w = graph.input("w", "float32", [8, 6]);
        let part: g.Value = w;
        let [rows, columns] = [8, 6];
        for (const next of chain) {
          rows = Math.min(rows, next.rows);
          columns = Math.min(columns, next.columns);
          part = g.slice(g.slice(part, 0, 0, rows), 1, 0, columns);
        }
        graph.output("gradient", g.gradients(g.sum(g.exp(part)), [w])[0]!);
        const values = noise(48, rows + columns);
        const { gradient } = await evaluate(graph, { w: float32([8, 6], values) });
        numbers(gradient).forEach((slope, i) => {
          const isInside = Math.floor(i / 6) < rows && i % 6 < columns;
          if (isInside) expect(slope).toBeCloseTo(Math.exp(values[i]!), 5);
          else expect(slope).toBe(0);
        });
      }),
      { numRuns: 20 },
    );
  });

  it("of nested sizes add up where they overlap", async () => {
    // loss = sum w + 10 sum w[:2] + 100 sum w[:1]
    const graph = new Graph("nested");
    const w = graph.input("w", "float32", [4]);
    const w2 = g.slice(w, 0, 0, 2);
    const w4 = g.slice(w2, 0, 0, 1);
    const loss = g.add(g.sum(w), g.add(g.multiply(g.sum(w2), 10), g.multiply(g.sum(w4), 100)));
    graph.output("gradient", g.gradients(loss, [w])[0]!);
    const { gradient } = await evaluate(graph, { w: float32([4], [1, 2, 3, 4]) });
    expect(numbers(gradient)).toEqual([111, 11, 1, 1]);
  });
});

describe("errors at build time", () => {
  const graph = new Graph("errors");
  const x = graph.input("x", "float32", [2, 6]);
  const b = graph.input("b", "float32", ["B", 6]);
  const n = graph.input("n", "int32", [2, 6]);

  it.each<[string, () => unknown, RegExp]>([
    [
      "reshape",
      () => g.reshape(x, [5]),
      /graph\.reshape: expected as many elements as \[5\], .* "x" float32\[2, 6\]/,
    ],
    ["reshape", () => g.reshape(b, ["C", 6]), /graph\.reshape: expected as many elements as \[C, 6\]/],
    [
      "expandTo",
      () => g.expandTo(x, [4, 6]),
      /graph\.expandTo: expected a shape that broadcasts to \[4, 6\]/,
    ],
    [
      "transpose",
      () => g.transpose(x, [0, 0]),
      /graph\.transpose: expected a permutation of 2 axes \(got 0,0\)/,
    ],
    [
      "concat",
      () => g.concat([x, b], 1),
      /graph\.concat: expected equal shapes but for a known extent of axis 1, got "x"/,
    ],
    [
      "concat",
      () => g.concat([b, b], 0),
      /graph\.concat: expected equal shapes but for a known extent of axis 0/,
    ],
    ["concat", () => g.concat([x, n], 0), /graph\.concat: expected values of one type/],
    ["concat", () => g.concat([], 0), /graph\.concat: there is nothing to join/],
    [
      "slice",
      () => g.slice(x, 1, 2, 7),
      /graph\.slice: expected 0 <= start < end <= extent of axis 1 \(got 2\.\.7\)/,
    ],
    ["slice", () => g.slice(b, 0, 0, 1), /graph\.slice: .* "b" float32\[B, 6\]/],
    ["sliceAxes", () => g.sliceAxes(x, [[1, 0, 7]]), /graph\.sliceAxes: .*axis 1 \(got 0\.\.7\)/],
    ["pad", () => g.pad(b, 0, 1, 0), /graph\.pad: expected a known extent of axis 0/],
    ["pad", () => g.pad(x, 0, -1, 0), /graph\.pad: .*amounts >= 0 \(got -1, 0\)/],
    ["padAxes", () => g.padAxes(b, [[0, 1, 1]]), /graph\.pad: expected a known extent of axis 0/],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
