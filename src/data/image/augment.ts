/**
 * More images from few: each shifted a little, its colours turned a little. (Mirrored ones are `mirror` of source.ts.)
 *
 * What is made this way, a model will make too: so these are small changes after which an image is still one of its
 * class. Where colours tell the classes apart, turned colours would not be; {@link toldByColour} finds that out.
 */
import { integerAt, type Key, uniformAt } from "../../core/random.ts";
import type { Image, Raster } from "../source.ts";

/** How far an image may be changed. */
export interface Augmentation {
  /** Whole pixels, at most, in either direction. */
  readonly shift: number;
  /** Degrees, at most, to either side. */
  readonly hue: number;
}

/**
 * The image shifted and its colours turned by amounts that are uniform up to the given ones; of a video, every frame
 * alike. A function of the key.
 */
export function augmented<R extends Raster>(image: R, { shift, hue }: Augmentation, key: Key): R {
  const offset = (draw: number): number => integerAt(key, draw, 2 * shift + 1) - shift;
  const angle = (2 * uniformAt(key, 2) - 1) * hue;
  const moved = shift > 0 ? shifted(image, offset(0), offset(1)) : image;
  return hue > 0 ? turned(moved, angle) : moved;
}

/** The image `dx` pixels to the right and `dy` down; the pixels of its border are continued into what gets free. */
export function shifted<R extends Raster>(image: R, dx: number, dy: number): R {
  const { width, height, frames = 1, pixels } = image;
  const moved = new Uint8Array(pixels.length);
  const inside = (at: number, extent: number): number => Math.max(0, Math.min(extent - 1, at));
  let at = 0;
  for (let t = 0; t < frames; t++) {
    for (let y = 0; y < height; y++) {
      const row = (t * height + inside(y - dy, height)) * width;
      for (let x = 0; x < width; x++, at += 3) {
        const from = 3 * (row + inside(x - dx, width));
        moved[at] = pixels[from]!;
        moved[at + 1] = pixels[from + 1]!;
        moved[at + 2] = pixels[from + 2]!;
      }
    }
  }
  return { ...image, pixels: moved };
}

/**
 * The image with its hues turned by `degrees`, at equal luminance (Rec. 709): greys stay. The matrix is the one of SVG's
 * `hueRotate`, on the bytes as they are; what leaves the range of a byte is cut off.
 */
export function turned<R extends Raster>(image: R, degrees: number): R {
  const [c, s] = [Math.cos((degrees / 180) * Math.PI), Math.sin((degrees / 180) * Math.PI)];
  const [r, g, b] = [0.2126, 0.7152, 0.0722]; // luminance
  const rows = [
    [r + (1 - r) * c - r * s, g - g * c - g * s, b - b * c + (1 - b) * s],
    [r - r * c + 0.143 * s, g + (1 - g) * c + 0.14 * s, b - b * c - 0.283 * s],
    [r - r * c - (1 - r) * s, g - g * c + g * s, b + (1 - b) * c + b * s],
  ] as const;
  const { pixels } = image;
  const colours = new Uint8ClampedArray(pixels.length); // rounds and clamps
  for (let at = 0; at < pixels.length; at += 3) {
    const [red, green, blue] = [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
    for (let channel = 0; channel < 3; channel++) {
      const [fromRed, fromGreen, fromBlue] = rows[channel]!;
      colours[at + channel] = fromRed * red + fromGreen * green + fromBlue * blue;
    }
  }
  return { ...image, pixels: new Uint8Array(colours.buffer) };
}

/** How well the hues of an image alone tell its class. */
export interface ToldByColour {
  /** The share of the images, each class weighing alike, whose own class is the nearest by hue. */
  readonly share: number;
  /** What guessing would reach: one over the number of classes. */
  readonly chance: number;
  /** Whether `share` is at least halfway from `chance` to 1. */
  readonly isTold: boolean;
}

/**
 * Whether hues alone tell the classes of images apart: each image's histogram of hues (12 of them, weighed by
 * saturation) is compared with the mean of each class, of its own class without itself.
 *
 * @param images  with a class each
 * @param classes  how many classes there are
 */
export function toldByColour(images: readonly Image[], classes: number): ToldByColour {
  const chance = 1 / classes;
  const histograms = images.map(hues);
  const sums = Array.from({ length: classes }, () => new Float64Array(bins));
  const counts = new Array<number>(classes).fill(0);
  for (const [i, { classId }] of images.entries()) {
    counts[classId!]!++;
    for (const [bin, share] of histograms[i]!.entries()) sums[classId!]![bin]! += share;
  }
  const right = new Array<number>(classes).fill(0);
  for (const [i, { classId }] of images.entries()) {
    const own = histograms[i]!;
    const distances = sums.map((sum, other) => {
      const [less, count] = other === classId ? [1, counts[other]! - 1] : [0, counts[other]!];
      if (count < 1) return Number.POSITIVE_INFINITY;
      return own.reduce((total, share, bin) => total + (share - (sum[bin]! - less * share) / count) ** 2, 0);
    });
    if (distances.indexOf(Math.min(...distances)) === classId) right[classId!]!++;
  }
  const present = counts.flatMap((count, c) => (count > 0 ? [right[c]! / count] : []));
  const share = present.reduce((total, one) => total + one, 0) / Math.max(1, present.length);
  return { share, chance, isTold: classes > 1 && share >= (1 + chance) / 2 };
}

const bins = 12;

/** [12] shares of the hues, red first; all 0 of a grey image. */
function hues({ pixels }: Raster): Float64Array {
  const histogram = new Float64Array(bins);
  let total = 0;
  for (let at = 0; at < pixels.length; at += 3) {
    const [r, g, b] = [pixels[at]!, pixels[at + 1]!, pixels[at + 2]!];
    const most = Math.max(r, g, b);
    const chroma = most - Math.min(r, g, b);
    if (chroma === 0) continue;
    const sixth = most === r ? (g - b) / chroma : most === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    // Red is in the middle of the first bin.
    histogram[Math.floor((((sixth + 6) % 6) / 6) * bins + 0.5) % bins]! += chroma;
    total += chroma;
  }
  return total > 0 ? histogram.map((sum) => sum / total) : histogram;
}
