import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import * as g from "../../src/graph/index.ts";
import { encode, encodeSteps, Graph } from "../../src/graph/index.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import { evaluate, float32, float64, int32, int64, numbers } from "./harness.ts";

describe("encode", () => {
  it("leaves out nodes and constants that no output needs", () => {
    const graph = new Graph("dead");
    const x = graph.input("x", "float32", [2]);
    g.add(g.exp(x), graph.constant(float32([2], [1, 2])));
    graph.output("y", g.multiply(x, 3));
    const model = fromBinary(ModelProtoSchema, encode(graph));
    expect(model.graph!.node.map((node) => node.opType)).toEqual(["Mul"]);
    expect(model.graph!.initializer).toHaveLength(1);
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([["", 21n]]);
  });

  it("copies only what has two names, or was not made by a node", async () => {
    const graph = new Graph("names");
    const x = graph.input("x", "float32", [2]);
    const y = g.multiply(x, 2);
    graph.output("y", y);
    graph.output("twin", y);
    graph.output("same", x);
    graph.output("next", g.add(y, 1)); // reads y under its new name
    const model = fromBinary(ModelProtoSchema, encode(graph));
    const operators = model.graph!.node.map((node) => node.opType).sort();
    expect(operators).toEqual(["Add", "Identity", "Identity", "Mul"]);
    const outputs = await evaluate(graph, { x: float32([2], [1, 2]) });
    expect(
      Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, numbers(value)])),
    ).toEqual({
      y: [2, 4],
      twin: [2, 4],
      same: [1, 2],
      next: [3, 5],
    });
  });

  it("tells the runtime open extents between nodes, which it could not work out", () => {
    const graph = new Graph("open");
    const x = graph.input("x", "float32", ["B", 6]);
    const doubled = g.reshape(x, ["2*B", 3]);
    graph.output("y", g.exp(g.exp(doubled)));
    const { valueInfo } = fromBinary(ModelProtoSchema, encode(graph)).graph!;
    const told = valueInfo.map(({ name, type }) => {
      const shape = type!.value.case === "tensorType" ? type!.value.value.shape! : null;
      return [name, shape?.dim.map((dim) => dim.value.value)];
    });
    expect(told).toEqual([
      [doubled.name, ["2_x_B", 3n]],
      [expect.stringMatching(/^exp/), ["2_x_B", 3n]],
    ]);
  });

  it("gives the same bytes for the same program", () => {
    const build = (): Uint8Array => {
      const graph = new Graph("same");
      const x = graph.input("x", "float32", ["B", 4]);
      const w = graph.input("w", "float32", [3, 4]);
      const loss = g.sum(g.square(g.gelu(g.linear(x, w))));
      graph.output("loss", loss);
      graph.output("dw", g.gradients(loss, [w])[0]!);
      return encode(graph);
    };
    expect(Buffer.from(build()).equals(Buffer.from(build()))).toBe(true);
  });

  it("carries constants of every type, views and scalars included", async () => {
    const graph = new Graph("constants");
    const whole = Float32Array.of(9, 8, 7, 6);
    const constants = {
      float32: graph.constant({ dtype: "float32", dims: [2], data: whole.subarray(1, 3) }),
      float64: graph.constant(float64([1], [Math.PI])),
      int32: graph.constant(int32([2, 1], [-1, 2 ** 31 - 1])),
      int64: graph.constant(int64([1], [Number.MIN_SAFE_INTEGER])),
      bool: graph.constant({ dtype: "bool", dims: [2], data: Uint8Array.of(1, 0) }),
      scalar: graph.scalar("float32", 0.5),
      minusZero: graph.scalar("float32", -0),
      infinity: graph.scalar("float32", -Infinity),
    };
    for (const [name, value] of Object.entries(constants)) graph.output(name, value);
    const found = await evaluate(graph);
    expect(Object.fromEntries(Object.entries(found).map(([name, value]) => [name, numbers(value)]))).toEqual({
      float32: [8, 7],
      float64: [Math.PI],
      int32: [-1, 2 ** 31 - 1],
      int64: [Number.MIN_SAFE_INTEGER],
      bool: [1, 0],
      scalar: [0.5],
      minusZero: [-0],
      infinity: [-Infinity],
    });
    expect(found.scalar!.dims).toEqual([]);
  });

  it("lets an output be an input, one value have two names, and an input go unused", async () => {
    const graph = new Graph("names");
    const x = graph.input("x", "float32", ["B"]);
    graph.input("unused", "float32", [1]);
    const y = g.add(x, 1);
    graph.output("same", x);
    graph.output("once", y);
    graph.output("twice", y);
    const found = await evaluate(graph, { x: float32([2], [1, 2]), unused: float32([1], [0]) });
    expect(Object.values(found).map(numbers)).toEqual([
      [1, 2],
      [2, 3],
      [2, 3],
    ]);
  });

  it("keeps names of inputs apart from those of the values in between", async () => {
    const graph = new Graph("collisions");
    const first = graph.input("add_1", "float32", []);
    const sum = g.add(first, g.add(first, 1)); // would be add_1 and add_2
    graph.output("mul_3", g.multiply(sum, 2));
    expect(numbers((await evaluate(graph, { add_1: float32([], [10]) })).mul_3)).toEqual([42]);
  });

  it("leaves out absent inputs at the end of a node's list, which end the process on WebGPU", () => {
    const graph = new Graph("absent");
    const x = graph.input("x", "float32", [2, 3]);
    const gamma = graph.input("gamma", "float32", [3]);
    graph.output("y", g.layerNorm(x, gamma, null, 1e-5));
    const [node] = fromBinary(ModelProtoSchema, encode(graph)).graph!.node;
    expect(node!.input).toEqual(["x", "gamma"]);
  });

  it("refuses a graph without outputs", () => {
    expect(() => encode(new Graph("empty"))).toThrow("graph empty: it has no outputs");
  });
});

describe("encodeSteps", () => {
  /** total' = total * decay + the sum of x; of every step also the total before, and the largest of x. */
  function stepGraph(): Graph {
    const graph = new Graph("total");
    const total = graph.input("total", "float32", []);
    const x = graph.input("x", "float32", [2]);
    const decay = graph.input("decay", "float32", []);
    graph.output("next", g.add(g.multiply(total, decay), g.sum(x)));
    graph.output("before", total);
    graph.output("largest", g.maxOver(x, [0]));
    return graph;
  }
  const carried = new Map([["total", "next"]]);

  it("runs the graph so many times, each from what the last one made", async () => {
    const runner = await createNodeRunner({ inProcess: true, threads: 1 });
    const program = await runner.load(encodeSteps(stepGraph(), carried));
    const feeds = (count: number) => ({
      steps: int64([], [count]),
      total: float32([], [1]),
      x: float32([count, 2], [1, 2, 3, 4, 5, 6].slice(0, 2 * count)),
      decay: float32([count], [2, 3, 0.5].slice(0, count)),
    });
    const all = { next: "host", before: "host", largest: "host" } as const;
    const three = await runner.run(program, feeds(3), all);
    // 1 * 2 + 3 = 5; 5 * 3 + 7 = 22; 22 / 2 + 11 = 22.
    expect(numbers(three.next)).toEqual([22]);
    expect(numbers(three.before)).toEqual([1, 5, 22]);
    expect(numbers(three.largest)).toEqual([2, 4, 6]);
    const one = await runner.run(program, feeds(1), all);
    expect([numbers(one.next), numbers(one.before), numbers(one.largest)]).toEqual([[5], [1], [2]]);
    await runner.close();
  });

  it("refuses what cannot go from step to step", () => {
    expect(() => encodeSteps(stepGraph(), new Map([["sum", "next"]]))).toThrow(
      /graph total: "sum" cannot go/,
    );
    expect(() => encodeSteps(stepGraph(), new Map([["total", "sum"]]))).toThrow(
      /graph total: "sum" cannot go/,
    );
    const symbolic = new Graph("symbolic");
    const x = symbolic.input("x", "float32", ["A", "B"]);
    symbolic.output("y", g.expandTo(symbolic.scalar("float32", 1), x.shape));
    expect(() => encodeSteps(symbolic, new Map())).toThrow(/"shape \[A, B\]" cannot go/);
  });
});
