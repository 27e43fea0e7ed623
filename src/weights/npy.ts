/** NumPy's NPY format (Node), for what people open in Python: token ids, statistics. Written by npyjs. */
import { dump } from "npyjs";
import { writeFileAtomic } from "../core/atomic-file.ts";
import type { HostTensor } from "../core/tensor.ts";

/** The types a NPY file can hold here. */
export type NpyDType = "float32" | "float64" | "int32" | "int64" | "uint16" | "uint8";

/** A tensor as the bytes of a NPY file, row-major. */
export function encodeNpy({ data, dims }: HostTensor<NpyDType>): Uint8Array {
  return new Uint8Array(dump(data, [...dims]));
}

/**
 * Writes a tensor as a NPY file, whole or not at all.
 *
 * @throws InputError when the system refuses.
 */
export async function writeNpy(path: string, tensor: HostTensor<NpyDType>): Promise<void> {
  await writeFileAtomic(path, encodeNpy(tensor));
}
