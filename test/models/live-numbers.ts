/**
 * How much of a graph's results is alive at once when its nodes run in order and a result goes after its last use:
 * the slow, exact way to the memory that closed forms bound. In numbers of four bytes; int64 counts twice, bool a quarter.
 */
import { elementsOf, evaluateDim } from "../../src/graph/dim.ts";
import { neededNodes } from "../../src/graph/encode.ts";
import type { Graph, Value } from "../../src/graph/index.ts";

const bytes: Record<string, number> = { float32: 4, int32: 4, int64: 8, float64: 8, bool: 1 };

/** @param bindings  the value of every symbolic dimension */
export function liveNumbers(graph: Graph, bindings: Readonly<Record<string, number>>): number {
  const nodes = neededNodes(graph);
  // A reshape is another view of the same numbers.
  const source = new Map<Value, Value>();
  const sourceOf = (value: Value): Value => source.get(value) ?? value;
  for (const { op, inputs, outputs } of nodes) {
    if (op === "Reshape") source.set(outputs[0]!, sourceOf(inputs[0]!));
  }
  const lastUse = new Map<Value, number>();
  for (const [i, { inputs }] of nodes.entries()) {
    for (const input of inputs) if (input) lastUse.set(sourceOf(input), i);
  }
  for (const value of graph.outputs.values()) lastUse.set(sourceOf(value), nodes.length);
  const alive = new Map<Value, number>();
  let most = 0;
  for (const [i, { op, outputs }] of nodes.entries()) {
    for (const made of op === "Reshape" ? [] : outputs) {
      alive.set(made, (evaluateDim(elementsOf(made.shape), bindings) * bytes[made.dtype]!) / 4);
    }
    most = Math.max(
      most,
      [...alive.values()].reduce((a, b) => a + b, 0),
    );
    for (const value of [...alive.keys()]) if ((lastUse.get(value) ?? i) <= i) alive.delete(value);
  }
  return most;
}
