import { describe, expect, it } from "vitest";
import * as g from "../../../src/graph/index.ts";
import { Graph } from "../../../src/graph/index.ts";
import { type Case, evaluate, float32, float64, gradientError, noise, numbers } from "../harness.ts";

const cases: Case[] = [
  {
    name: "attend, fewer queries than keys",
    inputs: { q: ["B", 2, 3, 4], k: ["B", 2, 4, 5], v: ["B", 2, 5, 3] },
    bindings: { B: 2 },
    build: ({ q, k, v }) => g.attend(q!, k!, v!),
  },
  {
    name: "attend, one value in all three places",
    inputs: { x: [2, 3, 3] },
    build: ({ x }) => g.attend(x!, g.transpose(x!, [0, 2, 1]), x!),
  },
  {
    name: "selfAttend, two networks of two heads and one",
    inputs: { x: [6, 12], y: [6, 6] },
    build: ({ x, y }) => g.concat(g.selfAttend([x!, y!], 2, 2), 1),
  },
  {
    name: "selfAttend, one network of which nothing is wanted",
    inputs: { x: [6, 12], y: [6, 6] },
    build: ({ x, y }) => g.add(g.selfAttend([x!, y!], 2, 2)[0]!, g.slice(y!, 1, 0, 4)),
  },
];

describe("attend", () => {
  it.each(cases)("has the gradient of central differences: $name", async (one) => {
    expect(await gradientError(one)).toBeLessThan(1e-6);
  });

  it("mixes values by the softmax of the scores", async () => {
    const [q, k, v] = [noise(6, 1), noise(8, 2), noise(12, 3)]; // [3, 2], [2, 4], [4, 3]
    const graph = new Graph("attend");
    const input = (name: string, shape: number[]) => graph.input(name, "float64", shape);
    graph.output("y", g.attend(input("q", [1, 3, 2]), input("k", [1, 2, 4]), input("v", [1, 4, 3])));
    const feeds = { q: float64([1, 3, 2], q), k: float64([1, 2, 4], k), v: float64([1, 4, 3], v) };
    const found = numbers((await evaluate(graph, feeds)).y);
    for (const t of [0, 1, 2]) {
      const powers = [0, 1, 2, 3].map((s) => Math.exp(q[2 * t]! * k[s]! + q[2 * t + 1]! * k[4 + s]!));
      const total = powers.reduce((a, b) => a + b);
      for (const e of [0, 1, 2]) {
        const expected = powers.reduce((sum, power, s) => sum + (power / total) * v[3 * s + e]!, 0);
        expect(found[3 * t + e]).toBeCloseTo(expected, 12);
      }
    }
  });

  it("of networks side by side is that of each alone", async () => {
    const [batch, positions, width] = [2, 3, 2];
    const heads = [2, 1, 4];
    const graph = new Graph("self");
    const networks = heads.map((count, i) => graph.input(`x${i}`, "float64", [6, 3 * count * width]));
    g.selfAttend(networks, batch, width).forEach((y, i) => {
      graph.output(`joint${i}`, y);
    });
    heads.forEach((count, i) => {
      const [q, k, v] = [0, 1, 2].map((part) => {
        const rows = g.slice(networks[i]!, 1, part * count * width, (part + 1) * count * width);
        return g.transpose(g.reshape(rows, [batch, positions, count, width]), [0, 2, 1, 3]);
      });
      const mixed = g.attend(q!, g.transpose(k!, [0, 1, 3, 2]), v!);
      graph.output(`alone${i}`, g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [6, count * width]));
    });
    const feeds = heads.map((count, i) => {
      const shape = [6, 3 * count * width];
      return [`x${i}`, float64(shape, noise(6 * shape[1]!, i))];
    });
    const found = await evaluate(graph, Object.fromEntries(feeds));
    heads.forEach((_, i) => {
      const alone = numbers(found[`alone${i}`]);
      expect(Math.max(...alone.map(Math.abs))).toBeGreaterThan(0.1);
      numbers(found[`joint${i}`]).forEach((value, at) => {
        expect(value).toBeCloseTo(alone[at]!, 12);
      });
    });
  });

  it("refuses shapes that do not fit", () => {
    const graph = new Graph("refused");
    const x = graph.input("x", "float32", [2, 3, 4]);
    expect(() => g.attend(x, x, x)).toThrow(/graph\.attend: expected \[\.\.\., T, d\].*\[2, 3, 4\]/);
    const rows = graph.input("rows", "float32", [6, 10]);
    expect(() => g.selfAttend([rows], 2, 2)).toThrow(
      /graph\.selfAttend: expected rows \[2\*T, 3\*h\*2\].*\[6, 10\]/,
    );
  });
});

describe("attendFused", () => {
  // Three batches of two heads, queries and keys of width 5, values of width 4; sizes that fill no register.
  const [q, k, v] = [noise(3 * 2 * 7 * 5, 1), noise(3 * 2 * 9 * 5, 2), noise(3 * 2 * 9 * 4, 3)];
  const feeds = {
    q: float32([3, 2, 7, 5], q),
    k: float32([3, 2, 9, 5], k),
    v: float32([3, 2, 9, 4], v),
  };
  const graph = new Graph("fused");
  const input = (name: string, ...last: (number | string)[]) =>
    graph.input(name, "float32", ["B", 2, ...last]);
  const values = { q: input("q", "T", 5), k: input("k", 9, 5), v: input("v", 9, 4) };
  const fused = g.attendFused(values.q, values.k, values.v, 0.7);

  it("gives what attend gives", async () => {
    graph.output("fused", fused);
    graph.output("plain", g.attend(g.multiply(values.q, 0.7), g.transpose(values.k, [0, 1, 3, 2]), values.v));
    const found = await evaluate(graph, feeds);
    expect(found.fused!.dims).toEqual([3, 2, 7, 4]);
    const plain = numbers(found.plain);
    for (const [i, value] of numbers(found.fused).entries()) expect(value).toBeCloseTo(plain[i]!, 5);
  });

  it("has no gradient, and says so", () => {
    expect(() => g.gradients(g.sum(fused), [values.q])).toThrow(
      /attendFused: it is for inference and has no gradient/,
    );
  });

  it("refuses shapes that do not fit", () => {
    expect(() => g.attendFused(values.q, values.v, values.v, 1)).toThrow(
      /graph\.attendFused: expected \[B, h, T, d\].*\[B, 2, 9, 4\]/,
    );
  });
});
