/** Telling weights apart. */
import { createHash } from "node:crypto";
import type { Tensors } from "./safetensors-file.ts";

/**
 * A digest of names and numbers, 16 hexadecimal digits: token ids of another tokenizer mean other images, and
 * features of another classifier lie in another space.
 */
export function tensorsDigest(tensors: Tensors): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(tensors).sort()) {
    const { data } = tensors[name]!;
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex").slice(0, 16);
}
