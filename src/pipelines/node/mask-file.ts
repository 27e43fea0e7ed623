/** Masks for editing, read from image files. */
import { readFile } from "node:fs/promises";
import { InputError, requireInput } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { imageFacts } from "../../data/image/image-folder.ts";
import { loadSharp } from "../../data/image/sharp.ts";
import { fittedMask, type PixelMask } from "../mask.ts";

/** The photo that a mask belongs to, which `readImage` resizes and crops. */
export interface MaskedPhoto {
  /** Its file. */
  readonly image: string;
  /** Side of the model's images. */
  readonly resolution: number;
}

/**
 * A mask file: set where it is brighter than middle grey; with `isOutside`, where it is not. It is turned as its EXIF says.
 *
 * @param photo  a mask of its size is resized and cropped as it is, and one of another size must be of the model's; left
 *   out: the mask stays as it is
 * @throws InputError when a file cannot be read or is no image, or the mask is of neither size
 */
export async function readMask(path: string, isOutside = false, photo?: MaskedPhoto): Promise<PixelMask> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw fileError("cannot read the mask", path, error);
  });
  const sharp = await loadSharp();
  // Within a promise from its beginning: of an empty file, sharp refuses the bytes before it gives one.
  const decode = async () =>
    sharp(bytes, { failOn: "truncated" })
      .autoOrient()
      .flatten({ background: "#000000" })
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
  const { data, info } = await decode().catch((error: Error) => {
    throw new InputError(
      `cannot read the mask ${path}: ${error.message.split("\n")[0]}; give a PNG, JPEG or WebP image`,
      { cause: error },
    );
  });
  const { width, height } = info;
  const isSet = (i: number) => data[i * info.channels]! > 127 !== isOutside;
  const mask = { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => +isSet(i)) };
  if (!photo) return mask;
  const { image, resolution } = photo;
  if (width === resolution && height === resolution) return mask;
  const whole = await imageFacts(image);
  requireInput(
    width === whole.width && height === whole.height,
    `${path}: must be as large as ${image}, ${whole.width} x ${whole.height} pixels, or as the model's images, ` +
      `${resolution} x ${resolution}, got ${width} x ${height}; make it on the image itself, or give --box`,
  );
  return fittedMask(mask, resolution);
}
