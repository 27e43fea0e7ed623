/** Other ways to go through a dataset: a choice of its images, images kept in memory, batches. */
import { foldIn, integerAt, type Key } from "../core/random.ts";
import type { HostTensor } from "../core/tensor.ts";
import { augmented } from "./image/augment.ts";
import { type Image, type ImageSource, mirror, toPlanes } from "./source.ts";

/** The images `indexes` of a source, in that order: image i is the source's image `indexes[i]`. */
export function selected<S extends ImageSource>(
  source: S,
  indexes: ArrayLike<number>,
): S & { readonly length: number } {
  return { ...source, length: indexes.length, read: (index) => source.read(indexes[index] ?? -1) };
}

/**
 * The images of a source from `first` on, under a name of its own.
 *
 * @param first  at most the source's length
 */
export function behind(source: ImageSource, first: number): ImageSource {
  const { name, length } = source;
  return {
    ...source,
    name: `${name} from image ${first} on`,
    length: length === null ? null : length - first,
    read: (index) => source.read(first + index),
  };
}

/** How many bytes of pixels {@link keptInMemory} keeps. */
const limit = 1 << 30;

/** Keeps images that were read: each is drawn or decoded once, not once per epoch. 64 x 64 pixels take 12 KiB. */
export function keptInMemory<S extends ImageSource>(source: S): S {
  const kept = new Map<number, Promise<Image>>();
  const bytes = (source.frames ?? 1) * source.resolution ** 2 * 3;
  return {
    ...source,
    read(index) {
      let image = kept.get(index);
      if (!image) {
        image = source.read(index);
        if (kept.size * bytes < limit) kept.set(index, image);
      }
      return image;
    },
  };
}

/**
 * B images drawn at random, with replacement, from the first `count` of a source.
 *
 * @param randomFlip  whether each is turned left to right with probability 1/2
 * @param shift  whole pixels by which each is moved at most, in either direction; default 0
 * @returns planes [B, 3, ...space] in [0, 1], and the images as they were read; a function of the key
 */
export async function randomBatch(
  source: ImageSource,
  {
    count,
    size,
    randomFlip,
    shift = 0,
    key,
  }: { count: number; size: number; randomFlip: boolean; shift?: number; key: Key },
): Promise<{ pixels: HostTensor<"float32">; images: Image[] }> {
  const places = Array.from({ length: size }, (_, i) => i);
  const images = await Promise.all(places.map((i) => source.read(integerAt(key, 2 * i, count))));
  const moved = (image: Image, i: number): Image => augmented(image, { shift, hue: 0 }, foldIn(key, i));
  const pixels = toPlanes(shift > 0 ? images.map(moved) : images);
  for (const i of places) if (randomFlip && integerAt(key, 2 * i + 1, 2) === 1) mirror(pixels, i);
  return { pixels, images };
}

export interface BatchOptions {
  /** Index of the first image; default 0. */
  readonly from?: number;
  /** How many images in all. */
  readonly count: number;
  /** Images per batch; the last one may be smaller. */
  readonly size: number;
  readonly signal?: AbortSignal;
}

/**
 * Images `from` to `from + count - 1` in batches; the next one is read while the caller works on this one.
 *
 * @throws what `read` throws, and the signal's reason, at the batch they concern
 */
export async function* imageBatches(
  read: (index: number) => Image | Promise<Image>,
  { from = 0, count, size, signal }: BatchOptions,
): AsyncGenerator<Image[]> {
  const batch = async (start: number): Promise<Image[]> =>
    Promise.all(Array.from({ length: Math.min(size, count - start) }, (_, i) => read(from + start + i)));
  let next = batch(0);
  next.catch(() => {}); // awaited below, unless the caller stopped
  for (let start = 0; start < count; start += size) {
    signal?.throwIfAborted();
    const images = await next;
    if (start + size < count) {
      next = batch(start + size);
      next.catch(() => {}); // awaited in its turn, if that comes
    }
    yield images;
  }
}
