/** Shifts and hues, against a plain account of each and sharp's own drawing of SVG's colour matrix. */
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { foldIn, type Key, uniformAt } from "../../../src/core/random.ts";
import { augmented, shifted, toldByColour, turned } from "../../../src/data/image/augment.ts";
import type { Image, Raster } from "../../../src/data/source.ts";

const random = (width: number, height: number, frames?: number, key: Key = [1, 2]): Raster => ({
  ...{ width, height, ...(frames !== undefined && { frames }) },
  pixels: Uint8Array.from({ length: width * height * 3 * (frames ?? 1) }, (_, i) =>
    Math.floor(256 * uniformAt(key, i)),
  ),
});
const plain = (red: number, green: number, blue: number): Raster => ({
  ...{ width: 1, height: 1 },
  pixels: Uint8Array.of(red, green, blue),
});

describe("shifted", () => {
  it("moves every frame by whole pixels and continues the border", () => {
    const offset = fc.integer({ min: -6, max: 6 });
    fc.assert(
      fc.property(offset, offset, fc.constantFrom(undefined, 2), (dx, dy, frames) => {
        const [width, height] = [5, 4];
        const image = random(width, height, frames);
        const moved = shifted(image, dx, dy);
        const at = ({ pixels }: Raster, t: number, y: number, x: number) =>
          pixels.subarray(((t * height + y) * width + x) * 3).slice(0, 3);
        for (let t = 0; t < (frames ?? 1); t++) {
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              const fromY = Math.min(height - 1, Math.max(0, y - dy));
              const fromX = Math.min(width - 1, Math.max(0, x - dx));
              expect(at(moved, t, y, x)).toEqual(at(image, t, fromY, fromX));
            }
          }
        }
        expect([moved.width, moved.height, moved.frames]).toEqual([width, height, frames]);
      }),
      { numRuns: 40 },
    );
  });
});

describe("turned", () => {
  it("leaves greys, and everything at no angle or a whole turn", () => {
    for (const grey of [0, 1, 128, 255])
      expect(turned(plain(grey, grey, grey), 77)).toEqual(plain(grey, grey, grey));
    const image = random(4, 4);
    for (const degrees of [0, 360, -360]) expect(turned(image, degrees)).toEqual(image);
  });

  it.each([-150, -15, 15, 90, 180])(
    "by %i degrees is what a renderer of SVG makes of hueRotate",
    async (degrees) => {
      // Colours that stay within a byte at every angle.
      const colours = [
        [120, 100, 110],
        [110, 130, 120],
        [100, 110, 125],
      ] as const;
      const boxes = colours.map(
        ([r, g, b], i) => `<rect x="${i}" width="1" height="1" fill="rgb(${r},${g},${b})"/>`,
      );
      const svg =
        `<svg xmlns="http://www.w3.org/2000/svg" width="3" height="1"><filter id="f" x="0" y="0" width="1" height="1" ` +
        `color-interpolation-filters="sRGB"><feColorMatrix type="hueRotate" values="${degrees}"/></filter>` +
        `<g filter="url(#f)">${boxes.join("")}</g></svg>`;
      const drawn = await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer();
      const ours = turned({ width: 3, height: 1, pixels: Uint8Array.from(colours.flat()) }, degrees);
      for (const [i, value] of ours.pixels.entries())
        expect(Math.abs(value - drawn[i]!)).toBeLessThanOrEqual(1);
    },
  );
});

describe("augmented", () => {
  const key: Key = [5, 6];

  it("is a function of the key, within its bounds, and reaches them", () => {
    const image: Raster = { width: 9, height: 9, pixels: new Uint8Array(243) };
    image.pixels.set([255, 0, 0], 3 * (4 * 9 + 4)); // one red pixel in the middle
    const places = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const made = augmented(image, { shift: 2, hue: 0 }, foldIn(key, i));
      expect(augmented(image, { shift: 2, hue: 0 }, foldIn(key, i))).toEqual(made);
      const at = made.pixels.indexOf(255) / 3;
      places.add(`${(at % 9) - 4},${Math.floor(at / 9) - 4}`);
    }
    const expected = [-2, -1, 0, 1, 2].flatMap((dx) => [-2, -1, 0, 1, 2].map((dy) => `${dx},${dy}`));
    expect([...places].sort()).toEqual(expected.sort());
  });

  it("turns hues to both sides, at most so far; without bounds it is the image", () => {
    const red = plain(140, 100, 100);
    const [less, more] = [turned(red, -10), turned(red, 10)];
    const greens = Array.from(
      { length: 100 },
      (_, i) => augmented(red, { shift: 0, hue: 10 }, foldIn(key, i)).pixels[1]!,
    );
    expect(Math.min(...greens)).toBe(Math.min(less.pixels[1]!, more.pixels[1]!));
    expect(Math.max(...greens)).toBe(Math.max(less.pixels[1]!, more.pixels[1]!));
    const image = random(4, 4);
    expect(augmented(image, { shift: 0, hue: 0 }, key)).toEqual(image);
  });
});

describe("toldByColour", () => {
  const image = (classId: number, ...rgb: [number, number, number]): Image => ({ ...plain(...rgb), classId });

  it("tells where each class has its hue, whatever the brightness", () => {
    const images = [40, 90, 200].flatMap((level) => [
      image(0, level, 0, 0),
      image(1, 0, level, 0),
      image(2, 0, 0, level),
    ]);
    expect(toldByColour(images, 3)).toEqual({ share: 1, chance: 1 / 3, isTold: true });
  });

  it("does not count an image towards the mean that it is compared with", () => {
    // Every image has a hue of its own: by its own mean each would be told.
    const images = [image(0, 255, 0, 0), image(0, 0, 255, 0), image(1, 0, 0, 255), image(1, 255, 255, 0)];
    expect(toldByColour(images, 2).isTold).toBe(false);
  });

  it("does not tell where hues are the same in all classes, where all is grey, and of one class", () => {
    const mixed = [0, 1].flatMap((c) => [image(c, 200, 0, 0), image(c, 0, 200, 0), image(c, 0, 0, 200)]);
    expect(toldByColour(mixed, 2).isTold).toBe(false);
    expect(
      toldByColour([image(0, 9, 9, 9), image(0, 99, 99, 99), image(1, 5, 5, 5), image(1, 7, 7, 7)], 2).isTold,
    ).toBe(false);
    expect(toldByColour([image(0, 9, 0, 0), image(0, 99, 0, 0)], 1).isTold).toBe(false);
  });

  it("weighs every class alike, however many images it has", () => {
    const many = Array.from({ length: 98 }, () => image(0, 200, 0, 0));
    const lone = [image(1, 200, 0, 0), image(1, 200, 0, 0)];
    expect(toldByColour([...many, ...lone], 2)).toMatchObject({ share: 0.5, isTold: false });
  });
});
