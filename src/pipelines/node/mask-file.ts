/** Masks for editing, read from image files. */
import { readFile } from "node:fs/promises";
import { InputError, requireInput } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { type DecodeLimits, imageSize } from "../../data/image/image-folder.ts";
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
  const mask = await decodeMask(bytes, path, { isOutside });
  if (!photo) return mask;
  const { image, resolution } = photo;
  if (mask.width === resolution && mask.height === resolution) return mask;
  const whole = await imageSize(image);
  requireInput(
    mask.width === whole.width && mask.height === whole.height,
    `${path}: must be as large as ${image}, ${whole.width} x ${whole.height} pixels, or as the model's images, ` +
      `${resolution} x ${resolution}, got ${mask.width} x ${mask.height}; make it on the image itself, or give --box`,
  );
  return fittedMask(mask, resolution);
}

export interface MaskOptions extends DecodeLimits {
  /** Set where it would not be, and the other way round. */
  readonly isOutside?: boolean;
  /** Set where the image is transparent rather than where it is bright. */
  readonly byTransparency?: boolean;
}

/**
 * The bytes of a mask file; see {@link readMask}.
 *
 * @param name  what messages call it
 * @throws InputError when they are no image, or it is too large
 */
export async function decodeMask(
  bytes: Uint8Array,
  name: string,
  { isOutside = false, byTransparency = false, mostPixels }: MaskOptions = {},
): Promise<PixelMask> {
  const sharp = await loadSharp();
  // Within a promise from its beginning: of an empty file, sharp refuses the bytes before it gives one.
  const decode = async () => {
    const image = sharp(bytes, {
      failOn: "truncated",
      ...(mostPixels !== undefined && { limitInputPixels: mostPixels }),
    }).autoOrient();
    const grey = byTransparency
      ? image.ensureAlpha().extractChannel("alpha").negate()
      : image.flatten({ background: "#000000" }).greyscale();
    return grey.raw().toBuffer({ resolveWithObject: true });
  };
  const { data, info } = await decode().catch((error: Error) => {
    throw new InputError(
      `cannot read the mask ${name}: ${error.message.split("\n")[0]}; give a PNG, JPEG or WebP image`,
      { cause: error },
    );
  });
  const { width, height, channels } = info;
  const isSet = (i: number) => data[i * channels]! > 127 !== isOutside;
  return { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => +isSet(i)) };
}
