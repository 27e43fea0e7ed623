/**
 * Shapes that are known only when a graph runs, as inputs of the graph that nobody feeds: an input's name says what it
 * holds, and the runner, which knows every symbol from the other feeds, fills it in. It is part of the contract of
 * `Runner` (runtime/runner.ts), which says why.
 */

const pattern = /^shape \[(.*)\]$/;

/** The name of the int64 input that holds `shape`: numbers, symbols and products of both, e.g. "65*B". */
export function shapePort(shape: readonly (number | string)[]): string {
  return `shape [${shape.join(", ")}]`;
}

/** The shape that an input of this name holds, or null for an ordinary input. */
export function shapeOfPort(name: string): string[] | null {
  const match = pattern.exec(name);
  return match && match[1]!.split(", ");
}

/**
 * What such an input holds.
 *
 * @param sizes  the symbols' values
 * @throws for a symbol that has none
 */
export function shapeValues(shape: readonly string[], sizes: ReadonlyMap<string, number>): BigInt64Array {
  return BigInt64Array.from(shape, (dim) => {
    const factors = dim
      .split("*")
      .map((factor) => (/^-?\d+$/.test(factor) ? Number(factor) : sizes.get(factor)));
    if (factors.includes(undefined)) throw new Error(`shape [${shape.join(", ")}]: no feed tells ${dim}`);
    return BigInt((factors as number[]).reduce((product, factor) => product * factor, 1));
  });
}
