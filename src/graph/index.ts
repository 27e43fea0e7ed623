/**
 * The graph room: programs for the runtime, written as values and operations.
 *
 * A `Graph` collects nodes as operations are called on its values; types and shapes are checked at once, and a
 * symbol ("B") stands for an extent that is known when the graph runs. `gradients` adds the nodes of the backward
 * pass to the same graph, `encode` writes what the outputs need as an ONNX model, `countMultiplyAdds` tells its cost.
 * Only operations of the standard set are written, and only those that compute right on every device (those of
 * ops/quantised.ts, one of them ONNX Runtime's own, and attendFused: on the CPU).
 *
 * @example One step of linear regression: y = x w^T, the squared error, its gradient, the next weights.
 * const graph = new Graph("step");
 * const x = graph.input("x", "float32", ["B", 3]);
 * const w = graph.input("w", "float32", [1, 3]);
 * const target = graph.input("target", "float32", ["B", 1]);
 * const loss = sum(square(subtract(linear(x, w), target)));
 * const [dw] = gradients(loss, [w]);
 * graph.output("loss", loss);
 * graph.output("next w", subtract(w, multiply(dw, 0.1)));
 * const program = await runner.load(encode(graph));
 */
export { countMultiplyAdds } from "./cost.ts";
export { type Dim, divideDims, multiplyDims, type Shape } from "./dim.ts";
export { encode, encodeSteps, stepCount } from "./encode.ts";
export { gradients } from "./gradient.ts";
export { Graph, type GraphDType, type Value } from "./graph.ts";
export * from "./ops/attention.ts";
export * from "./ops/convolution.ts";
export * from "./ops/elementwise.ts";
export * from "./ops/indexing.ts";
export * from "./ops/matrix.ts";
export * from "./ops/normalise.ts";
export * from "./ops/quantised.ts";
export * from "./ops/reduce.ts";
export * from "./ops/shape.ts";
