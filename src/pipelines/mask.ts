/**
 * From a mask over pixels to a mask over tokens, for editing.
 *
 * H, W pixels of the image; the token grid has R rows and C columns.
 */
import { requireInput } from "../core/errors.ts";

/** A mask over pixels. */
export interface PixelMask {
  readonly width: number;
  readonly height: number;
  /** [H, W] row-major; not 0 where the image shall be made again. */
  readonly data: Uint8Array;
}

/** A mask that is set inside of a box, which is cut at the edges; with `isOutside`, outside of it. */
export function boxMask(
  size: { readonly width: number; readonly height: number },
  box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  isOutside = false,
): PixelMask {
  const { width, height } = size;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isInside = x >= box.x && x < box.x + box.width && y >= box.y && y < box.y + box.height;
      data[y * width + x] = isInside !== isOutside ? 1 : 0;
    }
  }
  return { width, height, data };
}

/**
 * A mask of a whole photo, resized and cropped in the centre as the photo is: so that its short side is the resolution. A
 * pixel is set where any of those that go into it is, so that no thin line is lost.
 *
 * @param resolution  side of the mask that comes out
 */
export function fittedMask({ width, height, data }: PixelMask, resolution: number): PixelMask {
  const scale = resolution / Math.min(width, height);
  /** The photo's columns (or rows) whose middles lie in column `to`; in an enlarged one the one that it lies in. */
  const from = (to: number, length: number) => {
    const start = (to + (length * scale - resolution) / 2) / scale;
    const [first, end] = [Math.ceil(start - 0.5), Math.ceil(start + 1 / scale - 0.5)];
    if (first < end) return { first: Math.max(0, first), end: Math.min(length, end) };
    const nearest = Math.floor(start + 0.5 / scale);
    return { first: nearest, end: nearest + 1 };
  };
  const fitted = new Uint8Array(resolution * resolution);
  for (let y = 0; y < resolution; y++) {
    const rows = from(y, height);
    for (let x = 0; x < resolution; x++) {
      const columns = from(x, width);
      for (let row = rows.first; row < rows.end; row++) {
        const line = data.subarray(row * width + columns.first, row * width + columns.end);
        if (line.some((value) => value !== 0)) fitted[y * resolution + x] = 1;
      }
    }
  }
  return { width: resolution, height: resolution, data: fitted };
}

/**
 * Which tokens are made again: those with a set pixel in their patch.
 *
 * @param resolution  side of the model's images, which the mask must have
 * @returns [R * C] 1 where a token is made again
 * @throws InputError for a mask of another size, or one that sets nothing
 */
export function tokenMask(
  mask: PixelMask,
  resolution: number,
  [rows, columns]: readonly [number, number],
): Uint8Array {
  requireInput(
    mask.width === resolution && mask.height === resolution,
    `edit: the mask must be as large as the model's images, ${resolution} x ${resolution} pixels, ` +
      `got ${mask.width} x ${mask.height}`,
  );
  const tokens = new Uint8Array(rows * columns);
  for (const [at, value] of mask.data.entries()) {
    if (value === 0) continue;
    const row = Math.floor((Math.floor(at / resolution) * rows) / resolution);
    const column = Math.floor(((at % resolution) * columns) / resolution);
    tokens[row * columns + column] = 1;
  }
  requireInput(
    tokens.includes(1),
    "edit: the mask sets no pixel, so nothing would change; white marks what is made again",
  );
  return tokens;
}
