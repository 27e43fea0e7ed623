import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { makingKeyword, readPngText } from "../../../src/data/image/png-text.ts";
import { imageSheet, writeImages } from "../../../src/data/image/sheet.ts";
import type { Raster } from "../../../src/data/source.ts";

const plain = (width: number, height: number, rgb: readonly number[]): Raster => ({
  width,
  height,
  pixels: Uint8Array.from({ length: width * height * 3 }, (_, i) => rgb[i % 3]!),
});

async function decode(png: Uint8Array) {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number) => [
    ...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3),
  ];
  return { width: info.width, height: info.height, at };
}

describe("imageSheet", () => {
  it("has the size its docstring says and every image in its cell", async () => {
    const images = [0, 1, 2, 3, 4].map((i) => plain(8, 6, [i * 10, 100, 200 - i]));
    const image = await decode(await imageSheet(images, { columns: 3, scale: 2, gap: 5 }));
    // 5 + 3 * (16 + 5) by 5 + 2 * (12 + 5)
    expect([image.width, image.height]).toEqual([68, 39]);
    for (let i = 0; i < 5; i++) {
      const left = 5 + (i % 3) * 21;
      const top = 5 + Math.floor(i / 3) * 17;
      for (const [x, y] of [
        [left, top],
        [left + 15, top + 11],
      ] as const) {
        expect(image.at(x, y)).toEqual([i * 10, 100, 200 - i]);
      }
      expect(image.at(left - 1, top)).not.toEqual([i * 10, 100, 200 - i]);
    }
  });

  it("adds 16 pixels per row for labels and leaves the images alone, whatever the labels say", async () => {
    const images = [0, 1].map(() => plain(40, 20, [9, 8, 7]));
    const labels = ["<b>&\"'\u0000", "a label that is much longer than the image is wide 🐈"];
    const image = await decode(await imageSheet(images, { columns: 1, gap: 0, labels }));
    expect([image.width, image.height]).toEqual([40, 2 * (20 + 16)]);
    for (const y of [0, 19, 36, 55]) expect(image.at(20, y)).toEqual([9, 8, 7]);
  });

  it("takes images of different sizes and one alone", async () => {
    const mixed = await decode(
      await imageSheet([plain(4, 9, [1, 1, 1]), plain(7, 2, [2, 2, 2])], { columns: 9, gap: 1 }),
    );
    expect([mixed.width, mixed.height]).toEqual([1 + 2 * 8, 11]);
    expect(mixed.at(9, 1)).toEqual([2, 2, 2]);
  });

  it("refuses nothing at all and options that are no whole numbers", async () => {
    await expect(imageSheet([])).rejects.toThrow("at least one");
    await expect(imageSheet([plain(1, 1, [0, 0, 0])], { scale: 0.5 })).rejects.toThrow("scale");
    await expect(imageSheet([plain(1, 1, [0, 0, 0])], { columns: 0 })).rejects.toThrow("columns");
  });
});

describe("writeImages", () => {
  it("writes numbered files into a folder it makes, and nothing else", async () => {
    const root = await mkdtemp(join(tmpdir(), "sheet-"));
    try {
      const folder = join(root, "new folder");
      const paths = await writeImages(folder, [plain(3, 3, [1, 2, 3]), plain(3, 3, [4, 5, 6])], {
        prefix: "cat-",
      });
      expect((await readdir(folder)).sort()).toEqual(["cat-0000.png", "cat-0001.png"]);
      expect((await decode(await readFile(paths[1]!))).at(0, 0)).toEqual([4, 5, 6]);
      const makings = [1, 2].map((index) => ({ model: "m", seed: 0, index, class: null, plan: {} }));
      const [first, second] = await writeImages(root, [plain(1, 1, [0, 0, 0]), plain(1, 1, [0, 0, 0])], {
        makings,
      });
      const read = async (path: string) => JSON.parse(readPngText(await readFile(path), makingKeyword)!);
      expect([await read(first!), await read(second!)]).toEqual(makings);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});
