/** Other ways to go through a dataset: a choice of its pictures, pictures kept in memory, batches. */
import { integerAt, type Key } from "../core/random.ts";
import type { HostTensor } from "../core/tensor.ts";
import { mirror, type Picture, type PictureSource, toPlanes } from "./source.ts";

/** The pictures `indexes` of a source, in that order: picture i is the source's picture `indexes[i]`. */
export function selected<S extends PictureSource>(
  source: S,
  indexes: ArrayLike<number>,
): S & { readonly length: number } {
  return { ...source, length: indexes.length, read: (index) => source.read(indexes[index] ?? -1) };
}

/** How many bytes of pixels {@link keptInMemory} keeps. */
const limit = 1 << 30;

/** Keeps pictures that were read: each is drawn or decoded once, not once per epoch. 64 x 64 pixels take 12 KiB. */
export function keptInMemory<S extends PictureSource>(source: S): S {
  const kept = new Map<number, Promise<Picture>>();
  const bytes = (source.frames ?? 1) * source.resolution ** 2 * 3;
  return {
    ...source,
    read(index) {
      let picture = kept.get(index);
      if (!picture) {
        picture = source.read(index);
        if (kept.size * bytes < limit) kept.set(index, picture);
      }
      return picture;
    },
  };
}

/**
 * B pictures drawn at random, with replacement, from the first `count` of a source.
 *
 * @param isMirrored  whether each is turned left to right with probability 1/2
 * @returns planes [B, 3, ...space] in [0, 1], and the pictures as they were read; a function of the key
 */
export async function randomBatch(
  source: PictureSource,
  { count, size, isMirrored, key }: { count: number; size: number; isMirrored: boolean; key: Key },
): Promise<{ pixels: HostTensor<"float32">; pictures: Picture[] }> {
  const places = Array.from({ length: size }, (_, i) => i);
  const pictures = await Promise.all(places.map((i) => source.read(integerAt(key, 2 * i, count))));
  const pixels = toPlanes(pictures);
  for (const i of places) if (isMirrored && integerAt(key, 2 * i + 1, 2) === 1) mirror(pixels, i);
  return { pixels, pictures };
}

export interface BatchOptions {
  /** Index of the first picture, 0 unless told. */
  readonly from?: number;
  /** How many pictures in all. */
  readonly count: number;
  /** Pictures per batch; the last one may be smaller. */
  readonly size: number;
  readonly signal?: AbortSignal;
}

/**
 * Pictures `from` to `from + count - 1` in batches; the next one is read while the caller works on this one.
 *
 * @throws what `read` throws, and the signal's reason, at the batch they concern
 */
export async function* pictureBatches(
  read: (index: number) => Picture | Promise<Picture>,
  { from = 0, count, size, signal }: BatchOptions,
): AsyncGenerator<Picture[]> {
  const batch = async (start: number): Promise<Picture[]> =>
    Promise.all(Array.from({ length: Math.min(size, count - start) }, (_, i) => read(from + start + i)));
  let next = batch(0);
  next.catch(() => {}); // awaited below, unless the caller stopped
  for (let start = 0; start < count; start += size) {
    signal?.throwIfAborted();
    const pictures = await next;
    if (start + size < count) {
      next = batch(start + size);
      next.catch(() => {}); // awaited in its turn, if that comes
    }
    yield pictures;
  }
}
