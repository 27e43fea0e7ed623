/**
 * Whether what a model makes is new, or copies of what it was trained on: how far its samples are from their nearest
 * training image, beside how far held-out images are from theirs. Those are as new as an image can be.
 *
 * The distance is the root mean square difference of two thumbnails of 16 x 16 pixels, each the mean colour of its part
 * of the image, in 0..255: things and colours at their places count, fine detail does not. A training image counts in
 * all its variants, mirrored ones too, as it was trained on.
 */
import { join } from "node:path";
import { writeFileAtomic } from "../core/node/atomic-file.ts";
import type { FolderSource } from "../data/image/image-folder.ts";
import { imageSheet } from "../data/image/sheet.ts";
import { frameOf, type Image, type ImageSource, type Raster, type Video } from "../data/source.ts";
import { tokensOf } from "../data/tokens.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import { prepareRequest } from "../pipelines/samples.ts";
import { openSession } from "../pipelines/session.ts";
import type { Runner } from "../runtime/runner.ts";
import type { SplitTokens } from "../training/held-out.ts";
import { variantsOf } from "./image-variants.ts";
import { type Variants, variantOf } from "./token-files.ts";
import type { ImageOptions, Images } from "./training-images.ts";

/** The nearest training image of an image. */
export interface Nearest {
  readonly distance: number;
  /** Its number in the data. */
  readonly image: number;
}

/** How near samples are to what was trained on. */
export interface CopyReport {
  /** Of each sample, in order. */
  readonly nearest: readonly Nearest[];
  /** Median distance of samples, and of held-out images. */
  readonly samples: number;
  readonly heldOut: number;
  /** How many held-out images there are, and how many of them, a tenth, are nearer than the mark. */
  readonly marks: { readonly of: number; readonly below: number };
  /** How many samples are nearer than the mark. */
  readonly near: number;
  /** How many would be on average, were samples as new as held-out images. */
  readonly expected: number;
  /** Whether there are more than chance explains: by three standard deviations. */
  readonly isCopying: boolean;
}

/**
 * Compares samples and held-out images with the training images.
 *
 * @param made.samples  what the model made
 * @param made.heldOut  held-out images after they went through the tokenizer, as samples do
 * @param training.images  the numbers, in the source, of the images that were trained on
 * @throws what reading an image throws; the signal's reason
 */
export async function findCopies(
  made: { readonly samples: readonly Raster[]; readonly heldOut: readonly Raster[] },
  training: {
    readonly source: Pick<ImageSource, "read">;
    readonly images: Iterable<number>;
    readonly variants: Variants;
  },
  signal?: AbortSignal,
): Promise<CopyReport> {
  const { source, variants } = training;
  const wanted = [...made.samples, ...made.heldOut].map(thumbnail);
  const nearest = wanted.map((): Nearest => ({ distance: Number.POSITIVE_INFINITY, image: -1 }));
  for (const image of training.images) {
    signal?.throwIfAborted();
    const original: Image = await source.read(image);
    for (let v = 0; v < variants.count; v++) {
      const plain = thumbnail(variantOf(original, image, v, variants));
      for (const shown of variants.randomFlip ? [plain, mirrored(plain)] : [plain]) {
        for (const [i, thumb] of wanted.entries()) {
          const distance = distanceWithin(thumb, shown, nearest[i]!.distance);
          if (distance < nearest[i]!.distance) nearest[i] = { distance, image };
        }
      }
    }
  }
  return reportOf(nearest.slice(0, made.samples.length), nearest.slice(made.samples.length));
}

function reportOf(samples: readonly Nearest[], heldOut: readonly Nearest[]): CopyReport {
  const distances = (of: readonly Nearest[]) => of.map(({ distance }) => distance).sort((a, b) => a - b);
  const [made, real] = [distances(samples), distances(heldOut)];
  const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)]!;
  const [of, below] = [real.length, Math.floor(real.length / 10)];
  const near = made.filter((distance) => distance < real[below]!).length;
  // Of images as new as the n held-out ones, the share that is nearer than the k-th of those is a draw from
  // Beta(k, n + 1 - k), and their number among m is beta-binomial.
  const share = (below + 1) / (of + 1);
  const expected = made.length * share;
  const variance = (expected * (1 - share) * (of + 1 + made.length)) / (of + 2);
  return {
    nearest: samples,
    samples: median(made),
    heldOut: median(real),
    marks: { of, below },
    near,
    expected,
    isCopying: near > expected + 3 * Math.sqrt(variance),
  };
}

/** Samples that are looked at; and of held-out images at most so many. */
const looked = { samples: 64, heldOut: 256 };

/** Pairs on the sheet. */
const shownPairs = 16;

/** Whose samples are compared, and with what. */
export interface CopyCheck extends Pick<ImageOptions, "config" | "out" | "signal" | "onMessage"> {
  readonly runner: Runner;
  readonly model: GenerativeModel;
  readonly split: SplitTokens;
  readonly images: Images;
}

/**
 * Makes samples of a trained model, compares them by {@link findCopies}, says what came of it, and writes the nearest
 * pairs of a sample and a training image as a sheet, `OUT/nearest.png`.
 */
export async function checkForCopies(options: CopyCheck): Promise<CopyReport> {
  const { split, images, config, out, signal, onMessage: say = () => {} } = options;
  const { source } = images;
  const made = await makeImages(options);
  const { count, images: shown = Array.from({ length: count }, (_, i) => i) } = split.training;
  const report = await findCopies(
    made,
    { source, images: new Set(shown), variants: await variantsOf(config, images) },
    signal,
  );
  const path = join(out, "nearest.png");
  const [nearest] = await writeNearest(path, made.samples, report, source);
  say(`copies: ${describeCopies(report)}; the nearest pairs: ${path}`);
  if (report.isCopying) {
    const { distance, image } = nearest!;
    const file = "files" in source ? (source as FolderSource).files[image]!.path : `image ${image}`;
    say(
      `warning: more samples are near to training images than chance explains; the nearest is ${distance.toFixed(1)} from ` +
        `${file}. Look at ${path}; more images help, or fewer steps (transformer.training.heldOut.patience)`,
    );
  }
  return report;
}

/** Samples by the default plan, of all classes in turn; and held-out images as the tokenizer's decoder shows them. */
async function makeImages({
  runner,
  model,
  split: { heldOut },
  config: { seed },
  signal,
}: CopyCheck): Promise<{ samples: readonly Raster[]; heldOut: readonly Raster[] }> {
  const session = await openSession(model, { runner });
  try {
    const { length } = model.classNames;
    const classes = length > 0 ? Array.from({ length: looked.samples }, (_, i) => i % length) : null;
    const request = session.resolve({ count: looked.samples, classes, seed });
    const { images: samples } = await session.decode(prepareRequest(request), { signal });
    const tokens = Array.from({ length: Math.min(looked.heldOut, heldOut.count) }, (_, i) =>
      Int32Array.from(tokensOf(heldOut, i)),
    );
    return { samples, heldOut: await session.decodeTokens(tokens) };
  } finally {
    await session.dispose();
  }
}

/** Writes the nearest pairs, the nearest first; of videos, their first frames. Returns what the samples are near to. */
async function writeNearest(
  path: string,
  samples: readonly Raster[],
  { nearest }: CopyReport,
  source: Pick<ImageSource, "read">,
): Promise<Nearest[]> {
  const order = samples.map((_, i) => i).sort((a, b) => nearest[a]!.distance - nearest[b]!.distance);
  const pairs = order.slice(0, shownPairs);
  const originals = await Promise.all(pairs.map((i) => source.read(nearest[i]!.image)));
  const still = (image: Raster): Raster => (image.frames === undefined ? image : frameOf(image as Video, 0));
  const sheet = await imageSheet(
    pairs.flatMap((i, at) => [still(samples[i]!), still(originals[at]!)]),
    {
      columns: 8,
      scale: Math.max(1, Math.round(128 / samples[0]!.width)),
      labels: pairs.flatMap((i) => [`sample ${i}`, `${nearest[i]!.distance.toFixed(1)} away`]),
    },
  );
  await writeFileAtomic(path, sheet);
  return pairs.map((i) => nearest[i]!);
}

/** What a report says, in one sentence. */
export function describeCopies({ nearest, samples, heldOut, marks, near, expected }: CopyReport): string {
  const but = marks.below > 0 ? `all but ${marks.below}` : "all";
  return (
    `a sample is ${samples.toFixed(1)} from its nearest training image, a held-out image ${heldOut.toFixed(1)} (medians; root ` +
    `mean square of thumbnails of ${side} x ${side} pixels, 0 to 255); ${near} of ${nearest.length} samples are nearer than ` +
    `${but} of ${marks.of} held-out images, where about ${expected.toFixed(0)} would be if they were as new`
  );
}

const side = 16;

/** Frame after frame [side, side, 3]: the mean colour of each part of an image. */
function thumbnail({ width, height, frames = 1, pixels }: Raster): Float32Array {
  const thumb = new Float32Array(frames * side * side * 3);
  // Of images smaller than a thumbnail, parts share pixels.
  const part = (i: number, extent: number): [number, number] => [
    Math.floor((i * extent) / side),
    Math.ceil(((i + 1) * extent) / side),
  ];
  for (let t = 0; t < frames; t++) {
    for (let row = 0; row < side; row++) {
      const [top, bottom] = part(row, height);
      for (let column = 0; column < side; column++) {
        const [left, right] = part(column, width);
        const at = ((t * side + row) * side + column) * 3;
        const share = 1 / ((bottom - top) * (right - left));
        for (let y = top; y < bottom; y++) {
          for (let i = ((t * height + y) * width + left) * 3, x = left; x < right; x++, i += 3) {
            thumb[at]! += share * pixels[i]!;
            thumb[at + 1]! += share * pixels[i + 1]!;
            thumb[at + 2]! += share * pixels[i + 2]!;
          }
        }
      }
    }
  }
  return thumb;
}

/** A thumbnail turned left to right. */
function mirrored(thumb: Float32Array): Float32Array {
  return thumb.map((_, at) => {
    const pixel = Math.floor(at / 3);
    const column = pixel % side;
    return thumb[(pixel - column + (side - 1 - column)) * 3 + (at % 3)]!;
  });
}

/** Root mean square difference; infinite as soon as it is no less than `limit`. */
function distanceWithin(a: Float32Array, b: Float32Array, limit: number): number {
  const most = limit ** 2 * a.length;
  let sum = 0;
  for (let i = 0; i < a.length; ) {
    const stop = Math.min(a.length, i + 96);
    for (; i < stop; i++) sum += (a[i]! - b[i]!) ** 2;
    if (sum >= most) return Number.POSITIVE_INFINITY;
  }
  return Math.sqrt(sum / a.length);
}
