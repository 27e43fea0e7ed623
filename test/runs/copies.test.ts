/** Whether copies are found, and new images are not taken for some. */
import { expect, it } from "vitest";
import { integerAt, type Key, uniformAt } from "../../src/core/random.ts";
import { shifted } from "../../src/data/image/augment.ts";
import type { Raster } from "../../src/data/source.ts";
import { findCopies } from "../../src/runs/copies.ts";
import type { Variants } from "../../src/runs/token-files.ts";

/** A disc on plain ground: place, size and colours by a number. */
function image(seed: number): Raster {
  const key: Key = [7, seed];
  const colour = (at: number) => [0, 1, 2].map((channel) => Math.floor(256 * uniformAt(key, at + channel)));
  const [ground, disc] = [colour(0), colour(3)];
  const [x, y, r] = [8 + integerAt(key, 6, 16), 8 + integerAt(key, 7, 16), 4 + integerAt(key, 8, 8)];
  const pixels = Uint8Array.from({ length: 32 * 32 * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3);
    const isInside = Math.hypot((pixel % 32) - x, Math.floor(pixel / 32) - y) < r;
    return (isInside ? disc : ground)[at % 3]!;
  });
  return { width: 32, height: 32, pixels };
}
const images = (from: number, count: number) => Array.from({ length: count }, (_, i) => image(from + i));
const source = { read: async (index: number) => ({ ...image(index), classId: 0 }) };
const once: Variants = { count: 1, augmentation: { shift: 0, hue: 0 }, randomFlip: false, key: [1, 1] };
const trained = { source, images: Array.from({ length: 60 }, (_, i) => i), variants: once };
const flipped = ({ width, height, pixels }: Raster): Raster => ({
  ...{ width, height },
  pixels: Uint8Array.from(pixels, (_, at) => {
    const [pixel, channel] = [Math.floor(at / 3), at % 3];
    const x = pixel % width;
    return pixels[3 * (pixel - x + width - 1 - x) + channel]!;
  }),
});

it("names the nearest training image and its distance", async () => {
  const darker = { ...image(17), pixels: image(17).pixels.map((value) => (value > 9 ? value - 10 : 0)) };
  const { nearest } = await findCopies({ samples: [image(3), darker], heldOut: images(900, 10) }, trained);
  expect(nearest[0]).toEqual({ distance: 0, image: 3 });
  expect(nearest[1]!.image).toBe(17);
  expect(nearest[1]!.distance).toBeCloseTo(10, 0);
});

it("warns of copies, and not of images as new as the held-out ones", async () => {
  const heldOut = images(1000, 40);
  const fresh = await findCopies({ samples: images(2000, 50), heldOut }, trained);
  expect(fresh.isCopying).toBe(false);
  expect(fresh.marks).toEqual({ of: 40, below: 4 });
  expect(fresh.expected).toBeCloseTo((50 * 5) / 41, 10);
  expect(fresh.samples / fresh.heldOut).toBeGreaterThan(0.7);
  expect(fresh.samples / fresh.heldOut).toBeLessThan(1.4);
  const half = await findCopies({ samples: [...images(2000, 25), ...images(0, 25)], heldOut }, trained);
  expect(half.isCopying).toBe(true);
  expect(half.near).toBeGreaterThanOrEqual(25);
});

it("knows a copy of a variant that was trained on, mirrored ones too, and only of those", async () => {
  const moved = shifted(image(5), 3, -2);
  const variants: Variants = { ...once, count: 200, augmentation: { shift: 3, hue: 0 } };
  const distance = async (sample: Raster, choice: Variants) => {
    const made = { samples: [sample], heldOut: images(900, 10) };
    return (await findCopies(made, { ...trained, images: [5], variants: choice })).nearest[0]!.distance;
  };
  expect(await distance(moved, once)).toBeGreaterThan(5);
  expect(await distance(moved, variants)).toBe(0);
  expect(await distance(flipped(image(5)), once)).toBeGreaterThan(5);
  expect(await distance(flipped(image(5)), { ...once, randomFlip: true })).toBe(0);
});

it("compares images smaller than its thumbnails, and videos", async () => {
  const tiny = (value: number): Raster => ({ width: 8, height: 8, pixels: new Uint8Array(192).fill(value) });
  const video = (value: number): Raster => ({
    ...tiny(value),
    frames: 2,
    pixels: new Uint8Array(384).fill(value),
  });
  for (const kind of [tiny, video]) {
    const read = async (index: number) => ({ ...kind(100 * index), classId: 0 });
    const made = { samples: [kind(104)], heldOut: [kind(50)] };
    const { nearest, heldOut } = await findCopies(made, {
      source: { read },
      images: [0, 1, 2],
      variants: once,
    });
    expect(nearest[0]!.image).toBe(1);
    expect(nearest[0]!.distance).toBeCloseTo(4, 4);
    expect(heldOut).toBeCloseTo(50, 3);
  }
});

it("raises no alarm where few held-out images tell little, however near the samples", async () => {
  const { near, expected, isCopying } = await findCopies(
    { samples: images(0, 30), heldOut: images(1000, 2) },
    trained,
  );
  expect([near, isCopying]).toEqual([30, false]);
  expect(expected).toBeCloseTo(10, 10);
});

it("expects as many near samples as there are, on average over many draws of new images", async () => {
  let [near, expected] = [0, 0];
  for (let draw = 0; draw < 30; draw++) {
    const fresh = { samples: images(10_000 + 100 * draw, 20), heldOut: images(50_000 + 100 * draw, 12) };
    const report = await findCopies(fresh, trained);
    expect(report.isCopying).toBe(false);
    near += report.near;
    expected += report.expected;
  }
  expect(near / expected).toBeGreaterThan(0.7);
  expect(near / expected).toBeLessThan(1.3);
});
