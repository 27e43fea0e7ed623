/** Masks for editing, read from image files. */
import { readFile } from "node:fs/promises";
import { InputError } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { loadSharp } from "../../data/image/sharp.ts";
import type { PixelMask } from "../mask.ts";

/**
 * A mask file: set where it is brighter than middle grey; with `isOutside`, where it is not. Never resized.
 *
 * @throws InputError when the file cannot be read or is no image
 */
export async function readMask(path: string, isOutside = false): Promise<PixelMask> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw fileError("cannot read the mask", path, error);
  });
  const { data, info } = await (await loadSharp())(bytes)
    .flatten({ background: "#000000" })
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error: Error) => {
      throw new InputError(`cannot read the mask ${path}: ${error.message.split("\n")[0]}`);
    });
  const isSet = (i: number) => data[i * info.channels]! > 127 !== isOutside;
  const set = Uint8Array.from({ length: info.width * info.height }, (_, i) => (isSet(i) ? 1 : 0));
  return { width: info.width, height: info.height, data: set };
}
