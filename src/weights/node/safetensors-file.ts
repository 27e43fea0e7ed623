/** Safetensors files (Node). The format itself, free of Node, is in safetensors.ts. */
import { readFile } from "node:fs/promises";
import { unlessRefused } from "../../core/errors.ts";
import { writeFileAtomic } from "../../core/node/atomic-file.ts";
import { fileError } from "../../core/node/file-error.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsContent,
  type StoreOptions,
  type Tensors,
} from "../safetensors.ts";

export type { SafetensorsContent, StoreOptions, Tensors } from "../safetensors.ts";

/**
 * Reads a safetensors file.
 *
 * @throws InputError naming the file, and the tensor where one is at fault.
 */
export async function readSafetensors(path: string): Promise<SafetensorsContent> {
  const bytes = await readFile(path).catch((error) => {
    throw fileError("cannot read", path, error);
  });
  return decodeSafetensors(bytes, path);
}

/** The tensors of a file that can be made again; null where it is not there, cannot be read or is not whole. */
export async function readTensorsIfWhole(path: string): Promise<Tensors | null> {
  return (await unlessRefused(readSafetensors(path)))?.tensors ?? null;
}

/**
 * Writes tensors as a safetensors file, whole or not at all.
 *
 * @throws InputError when the system refuses or float16 cannot hold a number.
 */
export async function writeSafetensors(
  path: string,
  tensors: Tensors,
  options?: StoreOptions,
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, options));
}
