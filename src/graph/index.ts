/** The graph room: values and operations, gradients, encoding, cost. */
export { countMultiplyAdds } from "./cost.ts";
export { type Dim, divideDims, elementsOf, multiplyDims, type Shape } from "./dim.ts";
export { encode } from "./encode.ts";
export { gradients } from "./gradient.ts";
export { Graph, type GraphDType, setDerivation, type Value } from "./graph.ts";
export * from "./ops/convolution.ts";
export * from "./ops/elementwise.ts";
export * from "./ops/indexing.ts";
export * from "./ops/matrix.ts";
export * from "./ops/normalise.ts";
export * from "./ops/reduce.ts";
export * from "./ops/shape.ts";
