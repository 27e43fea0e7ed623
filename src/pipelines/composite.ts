/**
 * An edited image put together: what was kept are the original's own pixels, not the tokenizer's rendering of them.
 *
 * H, W pixels of the images; the token grid has R rows and C columns.
 */
import type { Raster } from "../data/source.ts";

/**
 * Over how much of a changed token the original goes over into what was made there. All of the blend lies within the
 * changed tokens, so that every kept pixel stays as it is.
 */
const blendedShare = 0.5;

/**
 * How much of each pixel is what was made: 0 in kept tokens, 1 within the changed ones, and less towards a kept neighbour.
 *
 * @param isChanged  [R * C] 1 where a token is made again
 * @returns [H * W]
 */
export function madeShare(
  { width, height }: Pick<Raster, "width" | "height">,
  isChanged: Uint8Array,
  [rows, columns]: readonly [number, number],
): Float32Array {
  const patch = Math.min(height / rows, width / columns);
  const rings = Math.floor(patch * blendedShare);
  const share = new Float32Array(width * height).fill(1);
  // Ring 0 are the kept pixels, ring i those that touch ring i - 1, also by a corner.
  let ring: number[] = [];
  for (let at = 0; at < share.length; at++) {
    const row = Math.floor((Math.floor(at / width) * rows) / height);
    const column = Math.floor(((at % width) * columns) / width);
    if (isChanged[row * columns + column]) continue;
    share[at] = 0;
    ring.push(at);
  }
  for (let i = 1; i <= rings; i++) {
    const next: number[] = [];
    for (const at of ring) {
      const [y, x] = [Math.floor(at / width), at % width];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const neighbour = v * width + u;
          if (share[neighbour] !== 1) continue;
          share[neighbour] = i / (rings + 1);
          next.push(neighbour);
        }
      }
    }
    ring = next;
  }
  return share;
}

/** What was made laid over the original, each pixel by its share of {@link madeShare}; both of one size. */
export function composite<R extends Raster>(original: Raster, made: R, share: Float32Array): R {
  const pixels = Uint8Array.from(made.pixels, (value, i) => {
    const before = original.pixels[i]!;
    return Math.round(before + (value - before) * share[Math.floor(i / 3)]!);
  });
  return { ...made, pixels };
}
