/**
 * The cost of a built graph in multiply-adds, counted node by node from the shapes: matrix products and
 * convolutions, as the papers count ("GFLOPs" there are multiply-adds); elementwise work is left out.
 */
import { elementsOf, evaluateDim } from "./dim.ts";
import { neededNodes } from "./encode.ts";
import type { Graph, GraphNode } from "./graph.ts";

/**
 * Multiply-adds of one run of the graph.
 *
 * @param bindings  the value of every symbolic dimension
 */
export function countMultiplyAdds(graph: Graph, bindings: Readonly<Record<string, number>> = {}): number {
  return neededNodes(graph).reduce((total, node) => total + nodeMultiplyAdds(node, bindings), 0);
}

function nodeMultiplyAdds(node: GraphNode, bindings: Readonly<Record<string, number>>): number {
  const outputs = (): number => evaluateDim(elementsOf(node.outputs[0]!.shape), bindings);
  switch (node.op) {
    case "MatMul":
    case "MatMulIntegerToFloat":
      return outputs() * evaluateDim(node.inputs[0]!.dim(-1), bindings);
    case "Gemm":
      return outputs() * evaluateDim(node.inputs[0]!.dim(node.attributes.transA ? 0 : 1), bindings);
    case "Attention": {
      const [queries, keys, values] = node.inputs.map((input) => input!.shape);
      const scores = evaluateDim(elementsOf([...queries!.slice(0, 3), keys![2]!]), bindings);
      return scores * (evaluateDim(queries![3]!, bindings) + evaluateDim(values![3]!, bindings));
    }
    case "Conv":
      return outputs() * evaluateDim(elementsOf(node.inputs[1]!.shape.slice(1)), bindings);
    default:
      return 0;
  }
}
