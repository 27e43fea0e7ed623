import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tensor } from "../../src/core/tensor.ts";
import * as g from "../../src/graph/index.ts";
import { countMultiplyAdds, Graph } from "../../src/graph/index.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Program, Runner } from "../../src/runtime/runner.ts";
import { evaluate, float32, int32, numbers } from "./harness.ts";

describe("the example at the head of the room", () => {
  it("runs as it is written", async () => {
    const source = readFileSync(new URL("../../src/graph/index.ts", import.meta.url), "utf8");
    const example = source.match(/@example.*\n((?: \* .*\n)+) \*\//)![1]!.replaceAll(/^ \* /gm, "");
    const runner = await createNodeRunner({ inProcess: true, threads: 1 });
    const AsyncFunction = (async () => {}).constructor as new (...args: string[]) => CallableFunction;
    const run = new AsyncFunction("runner", ...Object.keys(g), `${example}\nreturn program;`);
    const program = (await run(runner, ...Object.values(g))) as Program;
    const feeds = {
      x: float32([2, 3], [1, 0, 2, 0, 1, 1]),
      w: float32([1, 3], [1, 1, 1]),
      target: float32([2, 1], [2, 2]),
    };
    const found = await runner.run(program, feeds, { loss: "host", "next w": "host" });
    // y = [3, 2], so the error is [1, 0], the loss 1 and dw = 2 * 1 * x[0] = [2, 0, 4].
    expect(numbers(found.loss)).toEqual([1]);
    [0.8, 1, 0.6].forEach((value, i) => {
      expect(numbers(found["next w"])[i]).toBeCloseTo(value, 6);
    });
    await (runner as Runner).close();
  });
});

/**
 * Every operation that the room may write. Each was run on WebGPU with the fallback to the CPU forbidden, within 1e-6
 * of the CPU's numbers. (Of int64, WebGPU casts to it, but not from it, and cannot reshape it.)
 */
const kernels = new Set([
  ...["Add", "Sub", "Mul", "Div", "Min", "Max", "Neg", "Abs", "Floor"],
  ...["Exp", "Log", "Sqrt", "Tanh", "Relu", "Sigmoid", "Gelu"],
  ...["Greater", "LessOrEqual", "Equal", "Where", "Cast", "Identity"],
  ...["MatMul", "Gemm", "Conv", "Softmax", "LayerNormalization"],
  ...["ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceMax", "ReduceMin", "ArgMax", "CumSum", "TopK"],
  ...["Gather", "GatherElements", "ScatterElements", "ScatterND"],
  ...["Reshape", "Transpose", "Expand", "Concat", "Split", "Slice", "Pad"],
  // Of ops/quantised.ts and of attendFused, which are for the CPU alone.
  ...["QuantizeLinear", "MatMulIntegerToFloat", "Attention"],
]);

/** One use of every operation of the room, as float values that can be summed. */
function everyOperation(graph: Graph): Record<string, g.Value> {
  const x = graph.input("x", "float32", ["B", 6]);
  const y = graph.input("y", "float32", ["B", 6]);
  const row = graph.input("row", "float32", [6]);
  const square = graph.input("square", "float32", [6, 6]);
  const image = graph.input("image", "float32", ["B", 4, 2, 2]);
  const kernel = graph.input("kernel", "float32", [4, 4, 3, 3]);
  const channels = graph.input("channels", "float32", [4]);
  const rows = graph.input("rows", "int32", [2]);
  const at = graph.input("at", "int32", ["B", 2]);
  const two = g.slice(x, 1, 0, 2);
  const float = (value: g.Value): g.Value => g.cast(value, "float32");
  const cube = g.reshape(x, ["B", 2, 3]);
  const condition = g.greater(x, y);
  const heads = g.stopGradient(g.reshape(x, ["B", 1, 2, 3]));
  const quantised = g.quantiseRows(g.stopGradient(x));
  const bytes = graph.input("bytes", "int8", [4, 6]);
  const scales = g.stopGradient(channels);
  return {
    absolute: g.absolute(x),
    add: g.add(x, row),
    argMax: float(g.argMax(x, 1)),
    attend: g.attend(cube, g.transpose(cube, [0, 2, 1]), cube),
    attendFused: g.attendFused(heads, heads, heads, 0.5),
    averagePool: g.averagePool(image, [2, 2]),
    batchMatmul: g.batchMatmul(cube, cube, { b: true }),
    cast: g.cast(x, "int32"),
    centred: g.centred(x),
    concat: g.concat([x, y], 1),
    convolution: g.convolution(image, kernel, channels),
    crossEntropy: g.crossEntropy(x, g.softmax(y)),
    cumulativeSum: g.cumulativeSum(x, 1),
    depthToSpace: g.depthToSpace(image, [2, 2]),
    divide: g.divide(x, g.exp(y)),
    equal: float(g.equal(rows, 1)),
    exp: g.exp(x),
    expandTo: g.expandTo(row, x.shape),
    floor: g.floor(x),
    gatherLast: g.gatherLast(x, at),
    gatherRows: g.gatherRows(square, rows),
    gelu: g.gelu(x),
    greater: float(condition),
    groupNorm: g.groupNorm(image, channels, channels, 2, 1e-5),
    layerNorm: g.layerNorm(x, row, row, 1e-5),
    lessOrEqual: float(g.lessOrEqual(x, y)),
    linear: g.linear(x, square),
    linearOfNormal: g.linearOfNormal(x, g.centred(square), row, 1e-5),
    log: g.log(g.exp(x)),
    logSumExp: g.logSumExp(x),
    matmul: g.matmul(x, square),
    maxOver: g.maxOver(x, [1]),
    maximum: g.maximum(x, y),
    minOver: g.minOver(x, [1]),
    mean: g.mean(x, [1]),
    meanOver: g.meanOver(x, [1]),
    minimum: g.minimum(x, y),
    multiply: g.multiply(x, y),
    negate: g.negate(x),
    oneHot: g.oneHot(rows, 3),
    pad: g.pad(x, 1, 1, 1),
    padAxes: g.padAxes(x, [[1, 1, 1]]),
    placeLast: g.placeLast(x, at, two),
    placeRows: g.placeRows(square, rows, g.slice(square, 0, 0, 2)),
    quantiseRows: quantised.scales,
    quantisedLinear: g.quantisedLinear(quantised, bytes, scales),
    reshape: g.reshape(x, ["2*B", 3]),
    scatterAddLast: g.scatterAddLast(x, at, two),
    scatterAddRows: g.scatterAddRows(square, rows, g.slice(square, 0, 0, 2)),
    relu: g.relu(x),
    selfAttend: g.selfAttend([x], "B", 2)[0]!,
    sigmoid: g.sigmoid(x),
    silu: g.silu(x),
    slice: g.slice(x, 1, 0, 3),
    sliceAxes: g.sliceAxes(image, [
      [2, 0, 1],
      [3, 1, 2],
    ]),
    softmax: g.softmax(x),
    spaceToDepth: g.spaceToDepth(image, [2, 2]),
    split: g.split(x, 1, [2, 4])[1]!,
    sqrt: g.sqrt(g.exp(x)),
    square: g.square(x),
    stopGradient: g.stopGradient(x),
    straightThrough: g.straightThrough(g.floor(x), x),
    subtract: g.subtract(x, y),
    sum: g.sum(x, [0]),
    sumOfSquares: g.sumOfSquares(x),
    sumTo: g.sumTo(x, [6]),
    tanh: g.tanh(x),
    topK: g.topK(x, 2).values,
    transpose: g.transpose(x, [1, 0]),
    upsample: g.upsample(image, [2, 2]),
    where: g.where(condition, x, y),
    zerosOf: g.zerosOf(x),
  };
}

const notOperations = new Set([
  ...["Graph", "broadcastShape", "countMultiplyAdds", "divideDims", "encode", "encodeSteps", "gradients"],
  ...["geluLeast", "multiplyDims", "stepCount"],
]);

describe("every operation of the room together", () => {
  const graph = new Graph("everything");
  const operations = everyOperation(graph);
  const parts = Object.values(operations).map((value) => g.sum(g.cast(value, "float32")));
  const loss = parts.reduce((total, part) => g.add(total, part));
  const floats = [...graph.inputs.values()].filter((input) => input.dtype === "float32");
  graph.output("loss", loss);
  g.gradients(loss, floats).forEach((gradient, i) => {
    graph.output(`gradient ${floats[i]!.name}`, gradient);
  });

  it("are all here: an operation added to the room is added to this test", () => {
    const exported = Object.keys(g).filter((name) => !notOperations.has(name));
    expect(Object.keys(operations).sort()).toEqual(exported.sort());
  });

  it("write only operations with kernels everywhere, and none of the runtime's traps", () => {
    for (const { op, attributes } of graph.nodes) {
      expect(kernels, op).toContain(op);
      // On the CPU, a sum through ScatterND is a data race.
      if (op === "ScatterND") expect(attributes).not.toHaveProperty("reduction");
    }
  });

  it("load, run and differentiate in one program", async () => {
    const found = await evaluate(graph, {
      x: float32([1, 6], [0.1, -0.2, 0.3, 0.4, -0.5, 0.6]),
      y: float32([1, 6], [0.2, 0.1, -0.3, 0.5, 0.6, -0.4]),
      row: float32([6], [1, 1.1, 1.2, 1.3, 1.4, 1.5]),
      square: float32(
        [6, 6],
        Array.from({ length: 36 }, (_, i) => i / 36),
      ),
      image: float32(
        [1, 4, 2, 2],
        Array.from({ length: 16 }, (_, i) => i / 16),
      ),
      kernel: float32([4, 4, 3, 3], new Array(144).fill(0.1)),
      channels: float32([4], [1, 2, 3, 4]),
      bytes: tensor("int8", [4, 6], new Int8Array(24).fill(3)),
      rows: int32([2], [0, 2]),
      at: int32([1, 2], [3, 1]),
    });
    for (const [name, value] of Object.entries(found)) {
      expect(numbers(value).every(Number.isFinite), name).toBe(true);
      expect(
        numbers(value).some((number) => number !== 0),
        name,
      ).toBe(true);
    }
    expect(countMultiplyAdds(graph, { B: 1 })).toBeGreaterThan(0);
  });
});
