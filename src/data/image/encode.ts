/** An image as the bytes of a file. */
import { requireInput } from "../../core/errors.ts";
import type { Raster } from "../source.ts";
import { type MakingRecord, withMakingRecord } from "./png-text.ts";
import { loadSharp } from "./sharp.ts";

/** How an image becomes a file. */
export interface EncodeOptions {
  /** Default "png", which alone keeps every pixel as it is. */
  readonly format?: "png" | "jpeg" | "webp";
  /** Whole-number enlargement, nearest neighbour. Default 1. */
  readonly scale?: number;
  /** Of JPEG and WebP, 1..100; default sharp's own. */
  readonly quality?: number;
  /** How it was made, written into a PNG under the keyword `magnets`; other formats have no place for it. */
  readonly making?: MakingRecord;
}

/**
 * Encodes an image, enlarged by repeating pixels.
 *
 * @throws InputError when the scale is not a whole number of at least 1, or the quality not one in 1..100
 */
export async function encodeImage(image: Raster, options: EncodeOptions = {}): Promise<Uint8Array> {
  const { format = "png", scale = 1, quality, making } = options;
  requireInput(
    Number.isInteger(scale) && scale >= 1,
    `encodeImage: scale must be a whole number of at least 1, got ${scale}`,
  );
  requireInput(
    quality === undefined || (Number.isInteger(quality) && quality >= 1 && quality <= 100),
    `encodeImage: quality must be a whole number in 1..100, got ${quality}`,
  );
  const sharp = await loadSharp();
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const bytes = await sharp(image.pixels, { raw })
    .resize(image.width * scale, image.height * scale, { kernel: "nearest" })
    .toFormat(format, { ...(quality !== undefined && format !== "png" && { quality }) })
    .toBuffer();
  return making && format === "png" ? withMakingRecord(bytes, making) : bytes;
}
