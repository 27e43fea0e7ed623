import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Raster, videoOf } from "../../../src/data/source.ts";
import { meanSquaredError, psnr, ssim } from "../../../src/evaluation/metrics/image-metrics.ts";

interface Pair {
  name: string;
  width: number;
  height: number;
  a: string;
  b: string;
  psnr: number;
  ssim: number;
}
const golden = JSON.parse(
  readFileSync(new URL("../../golden/image_metrics.json", import.meta.url), "utf8"),
) as Pair[];
const imagesOf = ({ width, height, a, b }: Pair): [Raster, Raster] => [
  { width, height, pixels: Uint8Array.from(Buffer.from(a, "base64")) },
  { width, height, pixels: Uint8Array.from(Buffer.from(b, "base64")) },
];

/** An image of one colour. */
const plain = (value: number, side = 12): Raster => ({
  width: side,
  height: side,
  pixels: new Uint8Array(side * side * 3).fill(value),
});

describe("PSNR", () => {
  it.each(golden)("of $name is NumPy's", (pair) => {
    expect(psnr(...imagesOf(pair))).toBeCloseTo(pair.psnr, 10);
  });

  it("of one step in one byte of 432 is 10 log10(255² * 432)", () => {
    const a = plain(7);
    const b = plain(7);
    b.pixels[100] = 8;
    expect(meanSquaredError(a, b)).toBe(1 / 432);
    expect(psnr(a, b)).toBeCloseTo(10 * Math.log10(65025 * 432), 10);
    expect(psnr(a, a)).toBe(Number.POSITIVE_INFINITY);
  });

  it("of videos is over all frames together", () => {
    const still = videoOf([plain(50), plain(50)]);
    expect(psnr(still, videoOf([plain(50), plain(54)]))).toBeCloseTo(10 * Math.log10(65025 / 8), 10); // (0 + 16) / 2
  });
});

describe("SSIM", () => {
  it.each(golden)("of $name is NumPy's, window by window", (pair) => {
    expect(ssim(...imagesOf(pair))).toBeCloseTo(pair.ssim, 9);
  });

  it("of two baseline images is the luminance term alone", () => {
    const c = (0.01 * 255) ** 2;
    expect(ssim(plain(100), plain(150))).toBeCloseTo((2 * 100 * 150 + c) / (100 ** 2 + 150 ** 2 + c), 10);
  });

  it("is symmetric, at most 1, and 1 for equal images", () => {
    const image = fc
      .uint8Array({ minLength: 12 * 12 * 3, maxLength: 12 * 12 * 3 })
      .map((pixels): Raster => ({ width: 12, height: 12, pixels }));
    fc.assert(
      fc.property(image, image, (a, b) => {
        expect(ssim(a, b)).toBeCloseTo(ssim(b, a), 10);
        expect(ssim(a, b)).toBeLessThanOrEqual(1 + 1e-9);
        expect(ssim(a, a)).toBeCloseTo(1, 10);
      }),
      { numRuns: 20 },
    );
  });

  it("of videos is the mean over the frames", () => {
    const frames = golden.slice(0, 2).map(imagesOf);
    const [a, b] = [videoOf(frames.map(([first]) => first)), videoOf(frames.map(([, second]) => second))];
    expect(ssim(a, b)).toBeCloseTo((golden[0]!.ssim + golden[1]!.ssim) / 2, 9);
  });
});

it("images of two sizes, or smaller than the window, are refused", () => {
  expect(() => psnr(plain(1), plain(1, 13))).toThrow("share one size, got [12,12] and [13,13]");
  expect(() => ssim(plain(1), videoOf([plain(1)]))).toThrow("share one size, got [12,12] and [1,12,12]");
  expect(() => ssim(plain(1, 10), plain(1, 10))).toThrow("sides of 11 pixels at least, got [10,10]");
});
