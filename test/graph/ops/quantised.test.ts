/** Products in 8-bit integers against plain integer loops: exact, so that no tolerance hides a wrong sum. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensor } from "../../../src/core/tensor.ts";
import * as g from "../../../src/graph/index.ts";
import { countMultiplyAdds, Graph } from "../../../src/graph/index.ts";
import { evaluate, float32, numbers } from "../harness.ts";

const layouts = ["out-in", "in-out"] as const;
type Layout = (typeof layouts)[number];

function build(layout: Layout): Graph {
  const graph = new Graph("quantised");
  const rows = g.quantiseRows(graph.input("x", "float32", ["R", "K"]));
  const weight = graph.input("weight", "int8", layout === "out-in" ? ["N", "K"] : ["K", "N"]);
  graph.output("y", g.quantisedLinear(rows, weight, graph.input("scales", "float32", ["N"]), layout));
  graph.output("levels", g.cast(rows.levels, "int32"));
  graph.output("row scales", rows.scales);
  return graph;
}

interface Product {
  /** [R][K], integers of which each row's largest is 127, so that they are their own levels. */
  readonly x: readonly (readonly number[])[];
  /** [N][K] in -64..64. */
  readonly weight: readonly (readonly number[])[];
}

async function run(layout: Layout, { x, weight }: Product, scale = 1) {
  const [r, k, n] = [x.length, x[0]!.length, weight.length];
  const matrix = layout === "out-in" ? weight : x[0]!.map((_, i) => weight.map((row) => row[i]!));
  return evaluate(build(layout), {
    x: float32([r, k], x.flat()),
    weight: tensor("int8", layout === "out-in" ? [n, k] : [k, n], Int8Array.from(matrix.flat())),
    scales: float32([n], new Array(n).fill(scale)),
  });
}

const sums = ({ x, weight }: Product): number[] =>
  x.flatMap((row) => weight.map((w) => row.reduce((total, value, i) => total + value * w[i]!, 0)));

describe("quantisedLinear", () => {
  // Worst for processors that add pairs of products in 16 bits: every pair as large as it can be, of either sign.
  const k = 259;
  const largest: Product = {
    x: [
      new Array(k).fill(127),
      new Array(k).fill(-127),
      Array.from({ length: k }, (_, i) => (i % 4 < 2 ? 127 : -127)),
    ],
    weight: [64, -64].flatMap((w) => [
      new Array(k).fill(w),
      Array.from({ length: k }, (_, i) => (i % 4 < 2 ? w : -w)),
      Array.from({ length: k }, (_, i) => (i % 2 ? w : -w)),
    ]),
  };

  it.each(layouts)("is exact for the largest numbers: no sum is cut, %s", async (layout) => {
    expect(numbers((await run(layout, largest)).y)).toEqual(sums(largest));
  });

  it.each(layouts)("is the triple loop over integers, whatever the extents, %s", async (layout) => {
    const product = fc
      .record({
        r: fc.integer({ min: 1, max: 9 }),
        k: fc.integer({ min: 1, max: 70 }),
        n: fc.integer({ min: 1, max: 40 }),
      })
      .chain(({ r, k, n }) => {
        const integers = (most: number) => fc.integer({ min: -most, max: most });
        const row = fc
          .array(integers(127), { minLength: k, maxLength: k })
          .map((values) => [127, ...values.slice(1)]);
        return fc.record({
          x: fc.array(row, { minLength: r, maxLength: r }),
          weight: fc.array(fc.array(integers(64), { minLength: k, maxLength: k }), {
            minLength: n,
            maxLength: n,
          }),
        });
      });
    await fc.assert(
      fc.asyncProperty(product, async (given) => {
        expect(numbers((await run(layout, given, 0.5)).y)).toEqual(sums(given).map((value) => value / 2));
      }),
      { numRuns: 20 },
    );
  });

  it("counts as a product of its extents", () => {
    for (const layout of layouts)
      expect(countMultiplyAdds(build(layout), { R: 3, K: 5, N: 7 })).toBe(3 * 5 * 7);
  });

  it("names what does not fit", () => {
    const graph = new Graph("wrong");
    const rows = g.quantiseRows(graph.input("x", "float32", ["R", 4]));
    const weight = graph.input("w", "int8", [3, 4]);
    const scales = graph.input("s", "float32", [3]);
    expect(() => g.quantiseRows(weight)).toThrow(/quantiseRows: expected a float32 matrix, got "w" int8/);
    expect(() => g.quantisedLinear(rows, weight, scales, "in-out")).toThrow(/an int8 weight \[4, N\]/);
    expect(() => g.quantisedLinear(rows, scales, scales)).toThrow(/an int8 weight \[N, 4\]/);
    const four = graph.input("four", "float32", [4]);
    expect(() => g.quantisedLinear(rows, weight, four)).toThrow(/a float32 scale for each output/);
  });

  it("has no gradient, and says so", () => {
    const graph = new Graph("gradient");
    const x = graph.input("x", "float32", [2, 4]);
    const scales = graph.input("s", "float32", [3]);
    const y = g.quantisedLinear(g.quantiseRows(x), graph.input("w", "int8", [3, 4]), scales);
    for (const target of [x, scales]) {
      expect(() => g.gradients(g.sum(y), [target])).toThrow(/quantisedLinear: it is for inference/);
    }
  });
});

describe("quantiseRows", () => {
  const weight = [[64, -3, 17, 5]];

  it("rounds to within half a scale, which is a row's largest absolute value over 127", async () => {
    const x = [
      [0.3, -1.7, 0.001, 1.2],
      [1e-4, 3e-4, -2e-4, 0],
      [0, 0, 0, 0],
    ];
    const found = await run("out-in", { x, weight });
    const scales = numbers(found["row scales"]);
    [1.7, 3e-4, 0].forEach((most, i) => {
      expect(scales[i]).toBeCloseTo(most / 127, 9);
    });
    numbers(found.levels).forEach((level, i) => {
      expect(level).toBeGreaterThanOrEqual(1);
      const restored = (level - 128) * scales[i >> 2]!;
      expect(Math.abs(restored - x.flat()[i]!)).toBeLessThanOrEqual(0.5001 * scales[i >> 2]!);
    });
    expect(numbers(found.y)[2]).toBe(0);
  });

  it("gives most levels to what is above 0 where none is far below", async () => {
    const graph = new Graph("of gelu");
    const x = g.gelu(graph.input("x", "float32", [4, 4]));
    const known = g.quantiseRows(x, { least: g.geluLeast });
    graph.output("x after", x);
    graph.output("levels", g.cast(known.levels, "int32"));
    graph.output("scales", known.scales);
    const values = [
      [3, -0.75, 0, 0.5],
      [-0.75, -0.7517, -9, -0.5],
      [-40, -0.1, -1, 0.12],
      [-40, -40, -40, -40],
    ];
    const found = await evaluate(graph, { x: float32([4, 4], values.flat()) });
    const after = numbers(found["x after"]!);
    expect(Math.min(...after)).toBeGreaterThan(g.geluLeast);
    expect(Math.min(...after)).toBeLessThan(g.geluLeast + 1e-3);
    const scales = numbers(found.scales!);
    // The first row's largest is level 255; those of the others would leave no level for the least value.
    const expected = [after[0]! / 215, 0.1701 / 40, 0.1701 / 40, 0.1701 / 40];
    for (const [i, scale] of expected.entries()) expect(scales[i]!).toBeCloseTo(scale, 7);
    numbers(found.levels!).forEach((level, i) => {
      const restored = (level - known.zeroPoint) * scales[i >> 2]!;
      expect(Math.abs(restored - after[i]!)).toBeLessThanOrEqual(0.5001 * scales[i >> 2]!);
    });
  });

  it.each(layouts)(
    "with a zero point of its own the product is that of the rounded rows, %s",
    async (layout) => {
      const graph = new Graph("product of gelu");
      const x = g.gelu(graph.input("x", "float32", [2, 3]));
      const rows = g.quantiseRows(x, { least: g.geluLeast });
      const weight = graph.input("weight", "int8", layout === "out-in" ? [2, 3] : [3, 2]);
      graph.output("y", g.quantisedLinear(rows, weight, graph.input("scales", "float32", [2]), layout, 0.25));
      graph.output("levels", g.cast(rows.levels, "int32"));
      graph.output("row scales", rows.scales);
      const matrix = [
        [64, -64, 3],
        [-7, 0, 64],
      ];
      const data =
        layout === "out-in" ? matrix.flat() : [0, 1, 2].flatMap((k) => matrix.map((row) => row[k]!));
      const found = await evaluate(graph, {
        x: float32([2, 3], [4, -0.7, 1, -0.1, 0.2, -3]),
        weight: tensor("int8", layout === "out-in" ? [2, 3] : [3, 2], Int8Array.from(data)),
        scales: float32([2], [0.5, 2]),
      });
      const [levels, scales] = [numbers(found.levels!), numbers(found["row scales"]!)];
      const expected = [0, 1].flatMap((r) =>
        matrix.map((row, n) => {
          const sum = row.reduce((total, w, k) => total + w * (levels[3 * r + k]! - rows.zeroPoint), 0);
          return 0.25 * sum * [0.5, 2][n]! * scales[r]!;
        }),
      );
      numbers(found.y!).forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 5);
      });
    },
  );

  it("rounds a row the same whatever is beside it, bit for bit", async () => {
    const row = [0.3, -1.7, 0.001, 1.2];
    const alone = await run("out-in", { x: [row], weight });
    const beside = await run("out-in", { x: [[900, -3, 2, 1], row], weight });
    expect(numbers(beside.y)[1]).toBe(numbers(alone.y)[0]);
  });
});
