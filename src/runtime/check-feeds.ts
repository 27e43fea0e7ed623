/**
 * The checks before a run: ONNX Runtime ignores extra feeds and never compares symbolic dims across feeds, and its
 * other messages do not name the program. Every error here does.
 */
import { bytesPerElement } from "../core/tensor.ts";
import type { PortInfo, Program, Sink } from "./runner.ts";

/** What a feed is, wherever its numbers live. */
export interface FeedShape {
  readonly dtype: string;
  readonly dims: readonly number[];
}

/**
 * Throws unless `given` has exactly the program's inputs, each of its dtype, rank and fixed dims, and every symbolic
 * dim has one value throughout. A port of shape [] is left to the runtime: it may also mean an undeclared rank.
 *
 * @returns the values of the symbolic dims
 */
export function checkFeeds(
  where: string,
  inputs: readonly PortInfo[],
  given: Readonly<Record<string, FeedShape>>,
): Map<string, number> {
  const known = new Set(inputs.map((port) => port.name));
  for (const name of Object.keys(given)) {
    if (!known.has(name)) {
      throw new Error(
        `${where}: there is no input "${name}"; the graph has: ${inputs.map(showPort).join(", ")}`,
      );
    }
  }
  const symbols = new Map<string, { size: number; from: string }>();
  for (const port of inputs) {
    const feed = given[port.name];
    if (!feed) throw new Error(`${where}: input ${showPort(port)} was not fed`);
    const mismatch = () =>
      `${where}: input ${showPort(port)} was fed ${feed.dtype} [${feed.dims.join(", ")}]`;
    if (feed.dtype !== port.dtype) throw new Error(mismatch());
    if (port.shape.length === 0) continue;
    if (feed.dims.length !== port.shape.length) throw new Error(mismatch());
    for (const [axis, required] of port.shape.entries()) {
      const size = feed.dims[axis]!;
      if (typeof required === "number") {
        if (size !== required) throw new Error(`${mismatch()}: axis ${axis} must be ${required}`);
      } else if (required !== "") {
        const seen = symbols.get(required);
        if (seen && seen.size !== size) {
          throw new Error(
            `${mismatch()}: axis ${axis} is ${required}, which is ${seen.size} in "${seen.from}"`,
          );
        }
        symbols.set(required, { size, from: port.name });
      }
    }
  }
  return new Map([...symbols].map(([symbol, { size }]) => [symbol, size]));
}

/** Throws unless every sink names an output that can leave the graph, and no two share a stored name. */
export function checkSinks(where: string, program: Program, sinks: readonly [string, Sink][]): void {
  if (sinks.length === 0) throw new Error(`${where}: ask for at least one output`);
  const stores = new Set<string>();
  for (const [name, sink] of sinks) {
    const port = program.outputs.find((output) => output.name === name);
    if (!port) {
      const known = program.outputs.map((output) => output.name).join(", ");
      throw new Error(`${where}: there is no output "${name}"; the graph has: ${known}`);
    }
    if (!(port.dtype in bytesPerElement)) {
      const types = Object.keys(bytesPerElement).join(", ");
      throw new Error(`${where}: output ${showPort(port)} cannot leave the graph; types that can: ${types}`);
    }
    if (sink === "host") continue;
    if (stores.has(sink.store)) throw new Error(`${where}: two outputs would be stored as "${sink.store}"`);
    stores.add(sink.store);
  }
}

function showPort({ name, dtype, shape }: PortInfo): string {
  return `"${name}" (${dtype} [${shape.join(", ")}])`;
}
