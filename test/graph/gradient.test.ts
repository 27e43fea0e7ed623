import { describe, expect, it } from "vitest";
import { Graph, setDerivation } from "../../src/graph/graph.ts";
import * as g from "../../src/graph/index.ts";
import { evaluate, float32, float64, numbers } from "./harness.ts";

/** The gradients of `build`'s loss by scalars x and y. */
async function slopes(
  build: (x: g.Value, y: g.Value, graph: Graph) => g.Value,
  at: { x: number; y: number },
): Promise<number[]> {
  const graph = new Graph("slopes");
  const x = graph.input("x", "float64", []);
  const y = graph.input("y", "float64", []);
  const [dx, dy] = g.gradients(build(x, y, graph), [x, y]);
  graph.output("dx", dx!);
  graph.output("dy", dy!);
  const found = await evaluate(graph, { x: float64([], [at.x]), y: float64([], [at.y]) });
  return [...numbers(found.dx), ...numbers(found.dy)];
}

describe("gradients", () => {
  it("add up over every use of a value", async () => {
    // (x + x) x + y = 2 x^2 + y: 4 x and 1.
    expect(await slopes((x, y) => g.add(g.multiply(g.add(x, x), x), y), { x: 3, y: 1 })).toEqual([12, 1]);
  });

  it("of a shared subexpression", async () => {
    // s = x y; s^2 + 3 s: (2 s + 3) y and (2 s + 3) x, at s = 10.
    const build = (x: g.Value, y: g.Value): g.Value => {
      const s = g.multiply(x, y);
      return g.add(g.square(s), g.multiply(s, 3));
    };
    expect(await slopes(build, { x: 2, y: 5 })).toEqual([23 * 5, 23 * 2]);
  });

  it("wait for all consumers before they flow on, whatever the order of building", async () => {
    // a feeds both the loss and, through b and c, the loss again at another depth:
    // L = a + b a, a = x^2, b = a + y: 1 + 2 a + y by a.
    const build = (x: g.Value, y: g.Value): g.Value => {
      const a = g.square(x);
      const b = g.add(a, y);
      return g.add(g.multiply(b, a), a);
    };
    expect(await slopes(build, { x: 2, y: 3 })).toEqual([(1 + 8 + 3) * 4, 4]);
  });

  it("are zero for targets that the loss does not reach", async () => {
    expect(await slopes((x) => g.square(x), { x: 3, y: 5 })).toEqual([6, 0]);
    expect(await slopes((_x, _y, graph) => graph.scalar("float64", 4), { x: 3, y: 5 })).toEqual([0, 0]);
  });

  it("of the loss itself are 1, and of values in the middle what arrives there", async () => {
    const graph = new Graph("middle");
    const x = graph.input("x", "float64", []);
    const middle = g.square(x);
    const loss = g.multiply(middle, 5);
    g.gradients(loss, [loss, middle, x]).forEach((value, i) => {
      graph.output(String(i), value);
    });
    const found = await evaluate(graph, { x: float64([], [3]) });
    expect(Object.values(found).flatMap(numbers)).toEqual([1, 5, 30]);
  });

  it("stop where they are told to, and pass straight through where told to", async () => {
    expect(await slopes((x, y) => g.multiply(g.stopGradient(x), y), { x: 3, y: 5 })).toEqual([0, 3]);
    // floor has no slope; through the straight path it has that of y^2: the value is floor(x), the slope 2 y.
    const through = (x: g.Value, y: g.Value): g.Value =>
      g.multiply(g.straightThrough(g.floor(x), g.square(y)), 10);
    expect(await slopes(through, { x: 3.7, y: 5 })).toEqual([0, 100]);
  });

  it("straightThrough has the first value", async () => {
    const graph = new Graph("straight");
    const x = graph.input("x", "float32", [2]);
    graph.output("y", g.straightThrough(g.floor(x), x));
    expect(numbers((await evaluate(graph, { x: float32([2], [1.7, -1.2]) })).y)).toEqual([1, -2]);
  });

  it("of gradients: the third derivative of x^4 is 24 x", async () => {
    const third = (x: g.Value): g.Value => {
      let y = g.square(g.square(x));
      for (let i = 0; i < 3; i++) y = g.gradients(y, [x])[0]!;
      return y;
    };
    const graph = new Graph("third");
    graph.output("y", third(graph.input("x", "float64", [])));
    expect(numbers((await evaluate(graph, { x: float64([], [2.5]) })).y)).toEqual([60]);
  });

  it("run through chains of 5,000 operations and fans of as many uses", async () => {
    const graph = new Graph("deep");
    const x = graph.input("x", "float64", []);
    let chain = x;
    for (let i = 0; i < 5000; i++) chain = g.add(chain, i % 2 ? -1 : x);
    graph.output("chain", g.gradients(chain, [x])[0]!);
    // x appears once at the start and 2500 times on the way.
    expect(numbers((await evaluate(graph, { x: float64([], [2]) })).chain)).toEqual([2501]);
  });

  it("take time that grows with the graph, not with its paths", () => {
    const graph = new Graph("diamonds");
    const x = graph.input("x", "float64", []);
    let y = x;
    for (let i = 0; i < 200; i++) y = g.add(y, y); // 2^200 paths
    expect(g.gradients(y, [x])).toHaveLength(1);
    expect(graph.nodes.length).toBeLessThan(1000);
  });

  it("refuse a loss that is not a scalar, and targets of another graph", () => {
    const graph = new Graph("one");
    const x = graph.input("x", "float32", ["B", 2]);
    expect(() => g.gradients(x, [x])).toThrow(/graph\.gradients: the loss must be a scalar, got \[B, 2\]/);
    const other = new Graph("two").input("other", "float32", []);
    expect(() => g.gradients(g.sum(x), [other])).toThrow(/graph\.gradients: "other" is of graph two/);
  });

  it("refuse a rule that gives another shape or type", () => {
    const graph = new Graph("broken");
    const x = graph.input("x", "float32", [2]);
    const build = (rule: (d: g.Value) => g.Value): (() => unknown) => {
      const y = g.multiply(x, 1);
      setDerivation({ inputs: [x], outputs: [y], backward: ([d]) => [rule(d!)] });
      return () => g.gradients(g.sum(y), [x]);
    };
    expect(build((d) => g.sum(d))).toThrow(/gave a gradient float32\[\] for "x" float32\[2\]/);
    expect(build((d) => g.cast(d, "float64"))).toThrow(/gave a gradient float64\[2\] for "x" float32\[2\]/);
  });
});
