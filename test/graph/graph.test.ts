import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { Graph } from "../../src/graph/index.ts";
import { float32 } from "./harness.ts";

describe("Graph", () => {
  it("gives every name once, among inputs and outputs together", () => {
    const graph = new Graph("names");
    const x = graph.input("x", "float32", [2]);
    expect(() => graph.input("x", "float32", [2])).toThrow('graph names: the name "x" is already taken');
    expect(() => graph.output("x", g.exp(x))).toThrow('the name "x" is already taken');
    graph.output("y", x);
    expect(() => graph.output("y", x)).toThrow('the name "y" is already taken');
  });

  it("keeps graphs apart", () => {
    const one = new Graph("one").input("x", "float32", [2]);
    const two = new Graph("two");
    expect(() => g.add(two.input("y", "float32", [2]), one)).toThrow(
      'graph two: Add was given "x" of graph one',
    );
    expect(() => two.output("z", one)).toThrow('graph two: output "z" is a value of graph one');
  });

  it("refuses constants that do not fill their shape or whose type no operation takes", () => {
    const graph = new Graph("constants");
    const short = { ...float32([2], [1, 2]), dims: [3] };
    expect(() => graph.constant(short)).toThrow("a constant of shape [3] needs 3 elements, got 2");
    expect(() => graph.constant({ dtype: "uint16", dims: [1], data: Uint16Array.of(1) })).toThrow(
      "a constant cannot be of type uint16",
    );
    expect(() => graph.input("x", "float32", [2, 0.5])).toThrow(
      'input "x" needs whole extents, got [2, 0.5]',
    );
  });

  it("makes equal nodes once, but for those that are there for a gradient of their own", () => {
    const graph = new Graph("once");
    const [x, y] = [graph.input("x", "float32", [2, 3]), graph.input("y", "float32", [2, 3])];
    expect(g.multiply(x, y)).toBe(g.multiply(x, y));
    expect(g.sum(x, [1])).toBe(g.sum(x, [-1]));
    expect(g.multiply(x, y)).not.toBe(g.multiply(y, x));
    expect(g.sum(x, [1])).not.toBe(g.sum(x, [1], true));
    expect(g.stopGradient(x)).not.toBe(g.stopGradient(x));
    const [gradient] = g.gradients(g.sum(g.add(g.multiply(g.stopGradient(x), y), g.straightThrough(x, y))), [
      x,
    ]);
    expect(gradient).toBe(g.zerosOf(x)); // neither lets x's gradient through
  });

  it("makes equal scalars once, and tells 0 from -0", () => {
    const graph = new Graph("scalars");
    expect(graph.scalar("float32", 2)).toBe(graph.scalar("float32", 2));
    expect(graph.scalar("float32", 2)).not.toBe(graph.scalar("float64", 2));
    expect(graph.scalar("float32", 0)).not.toBe(graph.scalar("float32", -0));
  });
});
