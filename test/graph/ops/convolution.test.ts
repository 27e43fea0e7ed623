import { describe, expect, it } from "vitest";
import { sizeOf } from "../../../src/core/tensor.ts";
import * as g from "../../../src/graph/index.ts";
import { Graph } from "../../../src/graph/index.ts";
import { type Case, evaluate, float32, gradientError, noise, numbers } from "../harness.ts";

const cases: Case[] = [
  {
    name: "averagePool",
    inputs: { x: ["N", 2, 4, 6] },
    bindings: { N: 2 },
    build: ({ x }) => g.square(g.averagePool(x!, [2, 3])),
  },
  {
    name: "upsample",
    inputs: { x: ["N", 2, 2, 3] },
    bindings: { N: 2 },
    build: ({ x }) => g.square(g.upsample(x!, [3, 2])),
  },
  {
    name: "spaceToDepth",
    inputs: { x: [1, 2, 4, 6] },
    build: ({ x }) => g.square(g.spaceToDepth(x!, [2, 3])),
  },
  {
    name: "depthToSpace",
    inputs: { x: [1, 12, 2, 1] },
    build: ({ x }) => g.square(g.depthToSpace(x!, [2, 3])),
  },
  {
    name: "averagePool over time and space",
    inputs: { x: ["N", 2, 2, 4, 3] },
    bindings: { N: 2 },
    build: ({ x }) => g.square(g.averagePool(x!, [2, 2, 3])),
  },
  {
    name: "averagePool that leaves time",
    inputs: { x: [1, 2, 3, 2, 4] },
    build: ({ x }) => g.square(g.averagePool(x!, [1, 2, 2])),
  },
  {
    name: "upsample over time and space",
    inputs: { x: ["N", 2, 2, 1, 2] },
    bindings: { N: 2 },
    build: ({ x }) => g.square(g.upsample(x!, [2, 3, 2])),
  },
  {
    name: "spaceToDepth over time and space",
    inputs: { x: [1, 2, 4, 2, 3] },
    build: ({ x }) => g.square(g.spaceToDepth(x!, [2, 2, 3])),
  },
  {
    name: "depthToSpace over time and space",
    inputs: { x: [1, 24, 2, 1, 1] },
    build: ({ x }) => g.square(g.depthToSpace(x!, [2, 2, 3])),
  },
  // By matrix products alone, for which the runtime has float64 kernels; its Conv has none.
  {
    name: "convolution over time and space, unfolded",
    inputs: { x: [1, 2, 3, 2, 4], k: [2, 2, 3, 3, 3], b: [2] },
    build: ({ x, k, b }) => g.square(g.convolution(x!, k!, b!, "unfolded")),
  },
  {
    name: "convolution with another extent along every axis, unfolded",
    inputs: { x: [2, 2, 2, 3, 4], k: [3, 2, 1, 3, 5] },
    build: ({ x, k }) => g.square(g.convolution(x!, k!, null, "unfolded")),
  },
];

describe("gradients agree with central differences", () => {
  it.each(cases)("$name", async (given) => {
    expect(await gradientError(given)).toBeLessThan(1e-6);
  });
});

/** Every index of a shape, in row-major order. */
function indicesOf(dims: readonly number[]): number[][] {
  return dims.reduce<number[][]>(
    (all, size) => all.flatMap((prefix) => Array.from({ length: size }, (_, i) => [...prefix, i])),
    [[]],
  );
}

const offsetOf = (dims: readonly number[], index: readonly number[]): number =>
  index.reduce((offset, i, axis) => offset * dims[axis]! + i, 0);

/**
 * Convolution by the definition, in float64: y[n,o,p] = b[o] + sum over c and t of x[n,c,p+t-half] k[o,c,t]; and the
 * gradients of sum(y w) by x, k and b from the same loop, each product's two derivatives added where they belong.
 */
function bruteForce(
  dims: { x: readonly number[]; k: readonly number[] },
  x: readonly number[],
  k: readonly number[],
  b: readonly number[],
  w: readonly number[],
): Record<"y" | "dx" | "dk" | "db", number[]> {
  const [o, c, ...extent] = dims.k as [number, number, ...number[]];
  const space = dims.x.slice(2);
  const outer = [dims.x[0]!, o, ...space];
  const y = new Array<number>(sizeOf(outer)).fill(0);
  const dx = x.map(() => 0);
  const dk = k.map(() => 0);
  const db = b.map(() => 0);
  for (const [n, channel, ...place] of indicesOf(outer) as [number, number, ...number[]][]) {
    const at = offsetOf(outer, [n, channel, ...place]);
    y[at]! += b[channel]!;
    db[channel]! += w[at]!;
    for (const [from, ...tap] of indicesOf([c, ...extent]) as [number, ...number[]][]) {
      const source = place.map((p, i) => p + tap[i]! - (extent[i]! - 1) / 2);
      if (source.some((p, i) => p < 0 || p >= space[i]!)) continue;
      const i = offsetOf(dims.x, [n, from, ...source]);
      const j = offsetOf(dims.k, [channel, from, ...tap]);
      y[at]! += x[i]! * k[j]!;
      dx[i]! += k[j]! * w[at]!;
      dk[j]! += x[i]! * w[at]!;
    }
  }
  return { y, dx, dk, db };
}

describe("convolution agrees with plain loops, forward and backward", () => {
  it.each<[string, number[], number[]]>([
    ["one axis", [2, 3, 7], [4, 3, 5]],
    ["two axes", [2, 3, 5, 4], [4, 3, 3, 3]],
    ["two axes, a point", [2, 3, 5, 4], [4, 3, 1, 1]],
    ["two axes, uneven extents", [1, 2, 4, 6], [3, 2, 1, 5]],
    ["three axes", [2, 2, 3, 4, 3], [3, 2, 3, 3, 3]],
    ["three axes, a point", [2, 3, 2, 4, 3], [4, 3, 1, 1, 1]],
    ["three axes, time alone", [1, 2, 4, 3, 2], [2, 2, 3, 1, 1]],
    ["three axes, space alone", [2, 2, 2, 4, 3], [3, 2, 1, 3, 3]],
    ["three axes, uneven extents", [1, 2, 4, 5, 6], [2, 2, 3, 1, 5]],
    ["a single frame", [2, 2, 1, 4, 4], [2, 2, 3, 3, 3]],
    ["a kernel larger than the space", [1, 2, 2, 2], [2, 2, 5, 5]],
  ])("%s", async (_, xDims, kDims) => {
    const values = (dims: readonly number[], seed: number): number[] =>
      noise(sizeOf(dims), seed).map(Math.fround);
    const yDims = [xDims[0]!, kDims[0]!, ...xDims.slice(2)];
    const [x, k, b, w] = [values(xDims, 1), values(kDims, 2), values([kDims[0]!], 3), values(yDims, 4)];
    const expected = bruteForce({ x: xDims, k: kDims }, x, k, b, w);

    const graph = new Graph("convolution");
    const inputs = [
      graph.input("x", "float32", ["N", ...xDims.slice(1)]),
      graph.input("k", "float32", kDims),
      graph.input("b", "float32", [kDims[0]!]),
    ] as const;
    const weights = graph.input("w", "float32", ["N", ...yDims.slice(1)]);
    const y = g.convolution(...inputs);
    const [dx, dk, db] = g.gradients(g.sum(g.multiply(y, weights)), inputs);
    const plain = g.convolution(inputs[0], inputs[1]);
    const unfolded = g.convolution(...inputs, "unfolded");
    const again = g.gradients(g.sum(g.multiply(unfolded, weights)), inputs);
    const byKernel = g.convolution(...inputs, "kernel");
    const third = g.gradients(g.sum(g.multiply(byKernel, weights)), inputs);
    const outputs = {
      y,
      byKernel,
      dx3: third[0]!,
      dk3: third[1]!,
      db3: third[2]!,
      dx: dx!,
      dk: dk!,
      db: db!,
      plain,
      unfolded,
      dx2: again[0]!,
      dk2: again[1]!,
      db2: again[2]!,
    };
    for (const [name, value] of Object.entries(outputs)) graph.output(name, value);
    const found = await evaluate(graph, {
      x: float32(xDims, x),
      k: float32(kDims, k),
      b: float32([kDims[0]!], b),
      w: float32(yDims, w),
    });
    const perChannel = sizeOf(xDims.slice(2));
    const biasOf = (i: number): number => b[Math.floor(i / perChannel) % kDims[0]!]!;
    const all = {
      ...expected,
      plain: expected.y.map((value, i) => value - biasOf(i)),
      unfolded: expected.y,
      byKernel: expected.y,
      dx3: expected.dx,
      dk3: expected.dk,
      db3: expected.db,
      dx2: expected.dx,
      dk2: expected.dk,
      db2: expected.db,
    };
    for (const [name, wanted] of Object.entries(all)) {
      const largest = Math.max(...wanted.map(Math.abs));
      const errors = numbers(found[name]).map((value, i) => Math.abs(value - wanted[i]!) / largest);
      expect(errors.length).toBe(wanted.length);
      expect(Math.max(...errors), name).toBeLessThan(2e-6);
    }
  });

  it.each(["direct", "kernel"] as const)(
    "second derivatives (%s): sum((dL/dx)^2) by the kernel, against differences of the plain loops",
    async (method) => {
      const [xDims, kDims] = [
        [1, 2, 3, 3],
        [2, 2, 3, 3],
      ];
      const x = noise(18, 1);
      const k = noise(36, 2);
      const zero = [0, 0];
      // L = sum(y^2) / 2, so dL/dy = y.
      const slopeNorm = (kernel: readonly number[]): number => {
        const { y } = bruteForce({ x: xDims, k: kDims }, x, kernel, zero, new Array(18).fill(0));
        const { dx } = bruteForce({ x: xDims, k: kDims }, x, kernel, zero, y);
        return dx.reduce((total, value) => total + value * value, 0);
      };
      const graph = new Graph("twice");
      const xIn = graph.input("x", "float32", xDims);
      const kIn = graph.input("k", "float32", kDims);
      const loss = g.multiply(g.sum(g.square(g.convolution(xIn, kIn, null, method))), 0.5);
      const [dx] = g.gradients(loss, [xIn]);
      graph.output("second", g.gradients(g.sum(g.square(dx!)), [kIn])[0]!);
      const { second } = await evaluate(graph, { x: float32(xDims, x), k: float32(kDims, k) });
      const expected = k.map((_, i) => {
        const moved = (h: number): number[] => k.map((value, j) => (i === j ? value + h : value));
        return (slopeNorm(moved(1e-5)) - slopeNorm(moved(-1e-5))) / 2e-5;
      });
      const largest = Math.max(...expected.map(Math.abs));
      numbers(second).forEach((value, i) => {
        expect(Math.abs(value - expected[i]!) / largest).toBeLessThan(1e-5);
      });
    },
  );
});

describe("resampling", () => {
  const dims = [2, 6, 4, 6];
  const values = noise(sizeOf(dims), 8).map(Math.fround);

  async function apply(f: (x: g.Value) => g.Value): Promise<{ dims: readonly number[]; values: number[] }> {
    const graph = new Graph("resample");
    graph.output("y", f(graph.input("x", "float32", ["N", ...dims.slice(1)])));
    const { y } = await evaluate(graph, { x: float32(dims, values) });
    return { dims: y!.dims, values: numbers(y) };
  }

  it("averagePool is the mean of each block", async () => {
    const found = await apply((x) => g.averagePool(x, [2, 3]));
    expect(found.dims).toEqual([2, 6, 2, 2]);
    indicesOf(found.dims).forEach(([n, c, i, j], at) => {
      let total = 0;
      for (let p = 0; p < 2; p++) {
        for (let q = 0; q < 3; q++) total += values[offsetOf(dims, [n!, c!, 2 * i! + p, 3 * j! + q])]!;
      }
      expect(found.values[at]).toBeCloseTo(total / 6, 6);
    });
  });

  it("upsample repeats each element", async () => {
    const found = await apply((x) => g.upsample(x, [2, 3]));
    expect(found.dims).toEqual([2, 6, 8, 18]);
    const expected = indicesOf(found.dims).map(
      ([n, c, i, j]) => values[offsetOf(dims, [n!, c!, Math.floor(i! / 2), Math.floor(j! / 3)])],
    );
    expect(found.values).toEqual(expected);
  });

  it("spaceToDepth puts the block's place before the channel, and depthToSpace undoes it", async () => {
    const found = await apply((x) => g.spaceToDepth(x, [2, 3]));
    expect(found.dims).toEqual([2, 36, 2, 2]);
    const expected = indicesOf(found.dims).map(([n, channel, i, j]) => {
      const [place, c] = [Math.floor(channel! / 6), channel! % 6];
      return values[offsetOf(dims, [n!, c, 2 * i! + Math.floor(place / 3), 3 * j! + (place % 3)])];
    });
    expect(found.values).toEqual(expected);
    const back = await apply((x) => g.depthToSpace(g.spaceToDepth(x, [2, 3]), [2, 3]));
    expect(back).toEqual({ dims, values });
  });

  it.each([[[1, 2, 2]], [[2, 2, 2]], [[4, 1, 3]]])(
    "of clips by [%s] goes over frames, rows and columns alike",
    async (factors) => {
      const dims = [2, 3, 4, 2, 6];
      const [frames, rows, columns] = factors as [number, number, number];
      const space = dims.slice(2).map((size, axis) => size / factors[axis]!);
      const values = noise(sizeOf(dims), 3).map(Math.fround);
      const graph = new Graph("clips");
      const x = graph.input("x", "float32", ["N", ...dims.slice(1)]);
      const outputs = {
        pooled: g.averagePool(x, factors),
        repeated: g.upsample(x, factors),
        deep: g.spaceToDepth(x, factors),
        back: g.depthToSpace(g.spaceToDepth(x, factors), factors),
      };
      for (const [name, value] of Object.entries(outputs)) graph.output(name, value);
      const found = await evaluate(graph, { x: float32(dims, values) });
      const at = (...index: number[]): number => values[offsetOf(dims, index)]!;

      const volume = sizeOf(factors);
      const blocks = indicesOf(factors) as [number, number, number][];
      expect(found.pooled!.dims).toEqual([2, 3, ...space]);
      const pooled = numbers(found.pooled);
      indicesOf([2, 3, ...space]).forEach(([n, c, t, i, j], place) => {
        const within = blocks.map(([a, b, d]) =>
          at(n!, c!, t! * frames + a, i! * rows + b, j! * columns + d),
        );
        expect(pooled[place]).toBeCloseTo(within.reduce((a, b) => a + b, 0) / volume, 6);
      });

      const larger = dims.slice(2).map((size, axis) => size * factors[axis]!);
      expect(found.repeated!.dims).toEqual([2, 3, ...larger]);
      const source = indicesOf([2, 3, ...larger]).map(([n, c, ...place]) =>
        at(n!, c!, ...place.map((p, axis) => Math.floor(p / factors[axis]!))),
      );
      expect(numbers(found.repeated)).toEqual(source);

      expect(found.deep!.dims).toEqual([2, 3 * volume, ...space]);
      const deep = indicesOf([2, 3 * volume, ...space]).map(([n, channel, t, i, j]) => {
        const [a, b, d] = blocks[Math.floor(channel! / 3)]!;
        return at(n!, channel! % 3, t! * frames + a, i! * rows + b, j! * columns + d);
      });
      expect(numbers(found.deep)).toEqual(deep);
      expect(numbers(found.back)).toEqual(values);
    },
  );
});

describe("errors at build time", () => {
  const graph = new Graph("errors");
  const x = graph.input("x", "float32", ["N", 4, 6, 6]);
  const open = graph.input("open", "float32", ["N", 4, "H", 6]);
  const kernel = graph.input("kernel", "float32", [8, 3, 3, 3]);
  const even = graph.input("even", "float32", [8, 4, 2, 2]);
  const good = graph.input("good", "float32", [8, 4, 3, 3]);
  const bias = graph.input("bias", "float32", [5]);

  it.each<[string, () => unknown, RegExp]>([
    [
      "convolution",
      () => g.convolution(x, kernel),
      /graph\.convolution: expected x \[N, C, \.\.\.space\] and a kernel .* got "x" float32\[N, 4, 6, 6\] and "kernel"/,
    ],
    ["convolution", () => g.convolution(x, even), /graph\.convolution: expected odd kernel extents/],
    ["convolution", () => g.convolution(x, good, bias), /graph\.convolution: expected a bias of shape \[8\]/],
    [
      "its gradient",
      () => g.gradients(g.sum(g.convolution(open, good)), [good]),
      /graph\.convolution: expected a known spatial size/,
    ],
    [
      "averagePool",
      () => g.averagePool(x, [4, 2]),
      /graph\.averagePool: expected spatial axes divisible by \[4,2\]/,
    ],
    ["averagePool", () => g.averagePool(x, [2]), /graph\.averagePool: expected 1 spatial axes/],
    ["upsample", () => g.upsample(x, [2]), /graph\.upsample: expected 1 spatial axes/],
    ["spaceToDepth", () => g.spaceToDepth(x, [5, 1]), /graph\.spaceToDepth: expected spatial axes divisible/],
    [
      "depthToSpace",
      () => g.depthToSpace(x, [3, 1]),
      /graph\.depthToSpace: expected channels divisible by 3/,
    ],
  ])("%s", (_, build, message) => {
    expect(build).toThrow(message);
  });
});
