/** Sets of feature vectors as metrics take them, a block of rows at a time. N vectors, F feature width. */
import { type HostTensor, sizeOf, tensor } from "../../core/tensor.ts";

/** [N, F]. */
export type FeatureSet = HostTensor<"float32" | "float64">;

/** The rows of a block: products of two blocks are then large enough for the engine, and small in memory. */
export const blockRows = 1024;

/** Throws when the sets are not matrices of one width, or hold something that is not a finite number. */
export function checkFeatures(where: string, ...sets: readonly FeatureSet[]): void {
  const width = sets[0]!.dims[1]!;
  for (const { dims, data } of sets) {
    if (dims.length !== 2 || dims[1] !== width || data.length !== sizeOf(dims)) {
      const came = sets.map((set) => `[${set.dims}]`).join(" and ");
      throw new Error(`${where}: features must be [N, F] of one F, got ${came}`);
    }
    const at = data.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) {
      throw new Error(`${where}: feature ${at % width} of vector ${Math.floor(at / width)} is ${data[at]}`);
    }
  }
}

/** All rows in order, in blocks of float64, each with the index of its first row. */
export function* blocksOf({
  dims,
  data,
}: FeatureSet): Generator<{ from: number; rows: HostTensor<"float64"> }> {
  const [count, width] = dims as [number, number];
  for (let from = 0; from < count; from += blockRows) {
    const to = Math.min(from + blockRows, count);
    const part = Float64Array.from(data.subarray(from * width, to * width));
    yield { from, rows: tensor("float64", [to - from, width], part) };
  }
}

/**
 * The rows of several sets as one.
 *
 * @param parts  [n, F] each, of one F; at least one
 */
export function joinedRows(parts: readonly HostTensor<"float32">[]): HostTensor<"float32"> {
  const width = parts[0]!.dims[1]!;
  const count = parts.reduce((total, { dims }) => total + dims[0]!, 0);
  const data = new Float32Array(count * width);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return tensor("float32", [count, width], data);
}

/** The first rows of a set, all where it has fewer; a view. */
export function firstRows({ dims, data }: HostTensor<"float32">, count: number): HostTensor<"float32"> {
  const [rows, width] = dims as [number, number];
  const kept = Math.min(rows, count);
  return tensor("float32", [kept, width], data.subarray(0, kept * width));
}
