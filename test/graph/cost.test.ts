import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { countMultiplyAdds, Graph } from "../../src/graph/index.ts";

describe("countMultiplyAdds", () => {
  it("counts a product as M K N, however its operands lie", () => {
    for (const flag of [{}, { a: true }, { b: true }, { a: true, b: true }]) {
      const graph = new Graph("product");
      const a = graph.input("a", "float32", flag.a ? [5, 3] : [3, 5]);
      const b = graph.input("b", "float32", flag.b ? [7, 5] : [5, 7]);
      graph.output("y", g.matmul(a, b, flag));
      expect(countMultiplyAdds(graph)).toBe(3 * 5 * 7);
    }
  });

  it("counts batches, and convolutions as N O C taps pixels", () => {
    const graph = new Graph("more");
    const q = graph.input("q", "float32", ["B", 8, "A", 16]);
    const k = graph.input("k", "float32", ["B", 8, 64, 16]);
    graph.output("scores", g.batchMatmul(q, k, { b: true }));
    expect(countMultiplyAdds(graph, { B: 2, A: 10 })).toBe(2 * 8 * 10 * 16 * 64);

    const image = new Graph("image");
    const x = image.input("x", "float32", ["N", 4, 6, 5]);
    const kernel = image.input("kernel", "float32", [7, 4, 3, 3]);
    image.output("y", g.convolution(x, kernel));
    expect(countMultiplyAdds(image, { N: 3 })).toBe(3 * 7 * 4 * 9 * 30);
  });

  it("counts attention as its two products, whichever way it is written", () => {
    const of = (build: (q: g.Value, k: g.Value, v: g.Value) => g.Value) => {
      const graph = new Graph("attention");
      const q = graph.input("q", "float32", ["B", 8, "A", 16]);
      const [k, v] = [16, 12].map((width) => graph.input(`k ${width}`, "float32", ["B", 8, 64, width]));
      graph.output("y", build(q, k!, v!));
      return countMultiplyAdds(graph, { B: 2, A: 10 });
    };
    expect(of((q, k, v) => g.attendFused(q, k, v, 1))).toBe(2 * 8 * 10 * 64 * (16 + 12));
    expect(of((q, k, v) => g.attend(q, g.transpose(k, [0, 1, 3, 2]), v))).toBe(2 * 8 * 10 * 64 * (16 + 12));
  });

  it("is linear in the batch: L layers of attention and MLP cost B N (4 D^2 + 2 D H) + 2 B N^2 D each", () => {
    const [n, d, heads, hidden, layers] = [9, 12, 3, 20, 2];
    const graph = new Graph("transformer");
    let x = graph.input("x", "float32", ["B", n, d]);
    const weight = (name: string, shape: number[]): g.Value => graph.input(name, "float32", shape);
    for (let i = 0; i < layers; i++) {
      const split = (value: g.Value): g.Value =>
        g.transpose(g.reshape(value, ["B", n, heads, d / heads]), [0, 2, 1, 3]);
      const [q, k, v] = ["q", "k", "v"].map((name) => split(g.linear(x, weight(`${i}.${name}`, [d, d]))));
      const scores = g.softmax(g.batchMatmul(q!, k!, { b: true }));
      const mixed = g.reshape(g.transpose(g.batchMatmul(scores, v!), [0, 2, 1, 3]), ["B", n, d]);
      const attended = g.add(x, g.linear(mixed, weight(`${i}.o`, [d, d])));
      const up = g.gelu(g.linear(attended, weight(`${i}.up`, [hidden, d])));
      x = g.add(attended, g.linear(up, weight(`${i}.down`, [hidden, d]), "in-out"));
    }
    graph.output("y", x);
    for (const b of [1, 4]) {
      const perLayer = b * n * (4 * d * d + 2 * d * hidden) + 2 * b * n * n * d;
      expect(countMultiplyAdds(graph, { B: b })).toBe(layers * perLayer);
    }
  });

  it("of a training step is three times the forward pass, when the input needs a gradient too", () => {
    const graph = new Graph("training");
    const x = graph.input("x", "float32", [3, 5]);
    const w = graph.input("w", "float32", [7, 5]);
    const [dx, dw] = g.gradients(g.sum(g.square(g.linear(x, w))), [x, w]);
    graph.output("dx", dx!);
    expect(countMultiplyAdds(graph)).toBe(2 * 3 * 5 * 7);
    graph.output("dw", dw!);
    expect(countMultiplyAdds(graph)).toBe(3 * 3 * 5 * 7);
  });

  it("leaves out what no output needs, and elementwise work", () => {
    const graph = new Graph("dead");
    const x = graph.input("x", "float32", [4, 4]);
    g.matmul(x, x);
    graph.output("y", g.exp(x));
    expect(countMultiplyAdds(graph)).toBe(0);
  });

  it("names the symbol that has no value", () => {
    const graph = new Graph("open");
    const x = graph.input("x", "float32", ["B", 4]);
    graph.output("y", g.linear(x, graph.input("w", "float32", [4, 4])));
    expect(() => countMultiplyAdds(graph)).toThrow('no value for the dimension "B"');
  });
});
