/** How near two images of one size are, byte by byte and in structure. */
import { ssim as stillSsim } from "ssim.js";
import { frameOf, type Raster, spaceOf, type Video } from "../../data/source.ts";

/**
 * The mean squared difference over all RGB bytes; of videos over all frames together.
 *
 * @throws when the sizes differ
 */
export function meanSquaredError(a: Raster, b: Raster): number {
  requireOneSize("meanSquaredError", a, b);
  let squares = 0;
  for (let i = 0; i < a.pixels.length; i++) squares += (a.pixels[i]! - b.pixels[i]!) ** 2;
  return squares / a.pixels.length;
}

/** The peak signal-to-noise ratio, in dB, of a mean squared difference of bytes (peak 255); infinite for none. */
export function decibels(meanSquaredError: number): number {
  return 10 * Math.log10(255 ** 2 / meanSquaredError);
}

/**
 * The peak signal-to-noise ratio of two images in dB; infinite where they are equal.
 *
 * @throws when the sizes differ
 */
export function psnr(a: Raster, b: Raster): number {
  return decibels(meanSquaredError(a, b));
}

/**
 * Border contrast: how much larger the steps between neighbouring pixels are where they cross from token to token than
 * within tokens, mean absolute differences of bytes along rows and columns, over all images. Real images have about
 * 1, a mosaic of tokens that do not fit each other has more; images of one colour have none, which is NaN. Images come
 * little by little.
 *
 * @param stride  pixels per token along rows and columns
 */
export function borderMeter(stride: number): { add(images: readonly Raster[]): void; contrast(): number } {
  const across = { sum: 0, count: 0 };
  const within = { sum: 0, count: 0 };
  const step = (place: number, difference: number): void => {
    const kind = place % stride === 0 ? across : within;
    kind.sum += Math.abs(difference);
    kind.count++;
  };
  return {
    add(images) {
      for (const { width, height, pixels } of images) {
        const row = 3 * width;
        for (let i = 0; i < pixels.length; i++) {
          const x = Math.floor(i / 3) % width;
          const y = Math.floor(i / row) % height;
          if (x > 0) step(x, pixels[i]! - pixels[i - 3]!);
          if (y > 0) step(y, pixels[i]! - pixels[i - row]!);
        }
      }
    },
    contrast: () => across.sum / across.count / (within.sum / within.count),
  };
}

/** The side of SSIM's window, in pixels. */
const windowSize = 11;

/**
 * The structural similarity of two images, at most 1 (Wang et al., IEEE TIP 2004): of their luma, which is
 * (77 R + 150 G + 29 B) / 256 rounded to bytes, in a Gaussian window of 11 x 11 pixels with sigma 1.5, K1 = 0.01,
 * K2 = 0.03 and a range of 255, the mean over all places where the window fits; of videos the mean over the frames.
 * scikit-image's function gives the same on that luma, with the settings that docs/evaluation.md names.
 *
 * @throws when the sizes differ, or the window fits nowhere
 */
export function ssim(a: Raster, b: Raster): number {
  requireOneSize("ssim", a, b);
  if (Math.min(a.width, a.height) < windowSize) {
    throw new Error(`ssim: images must have sides of ${windowSize} pixels at least, got [${spaceOf(a)}]`);
  }
  if (a.frames === undefined) {
    return stillSsim(withAlpha(a), withAlpha(b), { ssim: "fast", windowSize, downsample: false }).mssim;
  }
  let sum = 0;
  for (let t = 0; t < a.frames; t++) sum += ssim(frameOf(a as Video, t), frameOf(b as Video, t));
  return sum / a.frames;
}

function requireOneSize(what: string, a: Raster, b: Raster): void {
  if (spaceOf(a).join() !== spaceOf(b).join()) {
    throw new Error(`${what}: images must share one size, got [${spaceOf(a)}] and [${spaceOf(b)}]`);
  }
}

/** RGBA, as a browser's ImageData has it. */
function withAlpha({ width, height, pixels }: Raster) {
  const data = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < width * height; i++) data.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
  return { width, height, data };
}
