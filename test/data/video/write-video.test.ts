import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { imageSheet } from "../../../src/data/image/sheet.ts";
import { frameOf, type Video } from "../../../src/data/source.ts";
import { readVideo, videoLength } from "../../../src/data/video/read-video.ts";
import {
  animatedSheet,
  encodeAnimation,
  encodeMp4,
  filmStrip,
  sideBySide,
} from "../../../src/data/video/write-video.ts";
import {
  expectSame,
  fakeFfmpeg,
  hasFfmpeg,
  noise,
  plain,
  psnr,
  refusal,
  temporaryFolder,
  waves,
} from "./films.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder.path, name);

/** Frame after frame of an animated file, in full size. */
async function decode(bytes: Uint8Array) {
  const { data, info } = await sharp(bytes, { pages: -1 })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { delay, loop, format } = await sharp(bytes).metadata();
  return { pixels: data, width: info.width, height: info.pageHeight ?? info.height, delay, loop, format };
}

/** The pixel of frame t at x, y. */
const pixel = ({ width, height, pixels }: Video, t: number, x: number, y: number) => [
  ...pixels.subarray(((t * height + y) * width + x) * 3, ((t * height + y) * width + x) * 3 + 3),
];

describe("encodeAnimation", () => {
  it("keeps every pixel of a WebP, each enlarged to a square", async () => {
    const video = noise(7, 5, 6);
    for (const scale of [1, 3]) {
      const bytes = await encodeAnimation(video, { format: "webp", frameRate: 10, scale });
      const image = await decode(bytes);
      expect(image).toMatchObject({ width: 7 * scale, height: 5 * scale, format: "webp", loop: 0 });
      const shown: Video = { ...image, frames: 6 };
      for (let t = 0; t < 6; t++) {
        for (let y = 0; y < 5 * scale; y++) {
          for (let x = 0; x < 7 * scale; x++) {
            const [left, top] = [Math.floor(x / scale), Math.floor(y / scale)];
            expect(pixel(shown, t, x, y).join()).toBe(pixel(video, t, left, top).join());
          }
        }
      }
    }
  });

  it("keeps the pixels of a GIF where its colours suffice, and all its frames", async () => {
    const video = plain(9, 7, 12);
    expectSame(
      (await decode(await encodeAnimation(video, { format: "gif", frameRate: 10 }))).pixels,
      video.pixels,
    );
    const still: Video = { ...video, pixels: new Uint8Array(video.pixels.length).fill(90) };
    const { delay } = await decode(await encodeAnimation(still, { format: "gif", frameRate: 10 }));
    expect(delay).toEqual(Array.from({ length: 12 }, () => 100));
  });

  it("delays frames so that each begins at its time, to the unit of the format", async () => {
    const video = noise(4, 4, 25);
    for (const [format, unit] of [
      ["webp", 1],
      ["gif", 10],
    ] as const) {
      for (const frameRate of [0.5, 12.5, 24, 29.97, 50]) {
        const { delay } = await decode(await encodeAnimation(video, { format, frameRate }));
        expect(delay).toHaveLength(25);
        let now = 0;
        for (const [t, ms] of delay!.entries()) {
          expect(Math.abs(now - (t * 1000) / frameRate)).toBeLessThanOrEqual(unit / 2);
          now += ms;
        }
      }
    }
  });

  it("is small and near where a quality is given", async () => {
    const video = waves(64, 64, 4);
    const bytes = await encodeAnimation(video, { format: "webp", frameRate: 10, quality: 80 });
    const whole = await encodeAnimation(video, { format: "webp", frameRate: 10 });
    expect(bytes.length).toBeLessThan(whole.length / 2);
    expect(psnr((await decode(bytes)).pixels, video.pixels)).toBeGreaterThan(30);
  });

  it("refuses what a browser would not show as told", async () => {
    const video = plain(4, 4, 2);
    const encode = (more: object) => encodeAnimation(video, { format: "gif", frameRate: 10, ...more });
    expect(await refusal(encode({ frameRate: 60 }))).toContain("0.1..50 frames per second, got 60");
    expect(await refusal(encode({ frameRate: 0 }))).toContain("got 0");
    expect(await refusal(encode({ quality: 0 }))).toContain("1..100, got 0");
    await expect(encode({ scale: 1.5 })).rejects.toThrow("whole number of at least 1, got 1.5");
  });
});

describe("encodeMp4", () => {
  const options = { frameRate: 12.5 };

  it.skipIf(!hasFfmpeg)("comes back near to what it was, with as many frames at the same rate", async () => {
    const video = waves(64, 64, 10);
    await writeFile(at("film.mp4"), await encodeMp4(video, options));
    const back = await readVideo(at("film.mp4"), { frames: 10, resolution: 64 });
    expect(psnr(back.pixels, video.pixels)).toBeGreaterThan(35);
    expect(await videoLength(at("film.mp4"), {})).toBe(10);
    expect(await videoLength(at("film.mp4"), { frameRate: 100 })).toBe(80);
  });

  it.skipIf(!hasFfmpeg)("keeps colours", async () => {
    const colours = [
      [255, 0, 0],
      [0, 255, 0],
      [0, 0, 255],
      [200, 100, 50],
    ];
    const area = 16 * 16 * 3;
    const pixels = Uint8Array.from({ length: area * 4 }, (_, i) => colours[Math.floor(i / area)]![i % 3]!);
    const video = { width: 16, height: 16, frames: 4, pixels };
    await writeFile(at("film.mp4"), await encodeMp4(video, { ...options, quality: 1 }));
    const back = await readVideo(at("film.mp4"), { frames: 4, resolution: 16 });
    for (const [i, value] of back.pixels.entries()) {
      if (Math.abs(value - pixels[i]!) > 4) expect(`byte ${i}: ${value}`).toBe(`byte ${i}: ${pixels[i]}`);
    }
  });

  it.skipIf(!hasFfmpeg)("doubles odd sizes and has its index in front", async () => {
    for (const [width, height, scale, size] of [
      [33, 20, 1, [66, 40]],
      [20, 33, 3, [120, 198]],
      [32, 20, 3, [96, 60]],
      [33, 21, 2, [66, 42]],
    ] as const) {
      const bytes = Buffer.from(await encodeMp4(waves(width, height, 2), { ...options, scale }));
      const { width: shown, height: tall } = trackSize(bytes);
      expect([shown, tall]).toEqual(size);
      expect(bytes.indexOf("moov")).toBeLessThan(bytes.indexOf("mdat"));
    }
  });

  it("names what is wrong with its options or with ffmpeg, and stops when told", async () => {
    const video = plain(8, 8, 2);
    expect(await refusal(encodeMp4(video, { frameRate: 1000 }))).toContain(
      "0.1..240 frames per second, got 1000",
    );
    expect(await refusal(encodeMp4(video, { ...options, quality: 60 }))).toContain(
      "0..51 (0 is best), got 60",
    );
    await fakeFfmpeg(folder.path, "echo \"Unknown encoder 'libx264'\" >&2; exit 1");
    expect(await refusal(encodeMp4(video, options))).toBe(
      "cannot write the video as MP4: ffmpeg failed with status 1: Unknown encoder 'libx264'; " +
        "install an ffmpeg with libx264, or write WebP or GIF instead",
    );
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(encodeMp4(video, { ...options, signal })).rejects.toThrow("enough");
    await fakeFfmpeg(folder.path, null);
    expect(await refusal(encodeMp4(video, options))).toContain("apt install ffmpeg");
  });

  /** Width and height of the first track header of an MP4 file, which ends with them as 16.16 numbers. */
  function trackSize(bytes: Buffer): { width: number; height: number } {
    const start = bytes.indexOf("tkhd") - 4;
    const end = start + bytes.readUInt32BE(start);
    return { width: bytes.readUInt32BE(end - 8) / 65536, height: bytes.readUInt32BE(end - 4) / 65536 };
  }
});

describe("filmStrip", () => {
  it("is the sheet of the frames in one row", async () => {
    const video = noise(8, 6, 5);
    const strip = await filmStrip([video], { scale: 2, gap: 3 });
    const { width, height } = await sharp(strip).metadata();
    expect([width, height]).toEqual([3 + 5 * (16 + 3), 3 + 12 + 3]);
    const frames = [0, 1, 2, 3, 4].map((t) => frameOf(video, t));
    expectSame(strip, await imageSheet(frames, { columns: 5, scale: 2, gap: 3 }));
    const labelled = await filmStrip([video], { label: (t) => `${t}` });
    const labels = ["0", "1", "2", "3", "4"];
    expectSame(labelled, await imageSheet(frames, { columns: 5, labels }));
  });
});

describe("sideBySide", () => {
  it("puts every pixel of every video at its place, white between", () => {
    const shapes = fc.record({
      widths: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
      height: fc.integer({ min: 1, max: 5 }),
      frames: fc.integer({ min: 1, max: 3 }),
      gap: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(shapes, ({ widths, height, frames, gap }) => {
        const videos = widths.map((width) => noise(width, height, frames));
        const whole = sideBySide(videos, { gap });
        expect(whole).toMatchObject({ height, frames });
        expect(whole.width).toBe(widths.reduce((a, b) => a + b) + gap * (widths.length - 1));
        expect(whole.pixels.length).toBe(whole.width * height * frames * 3);
        for (let t = 0; t < frames; t++) {
          for (let y = 0; y < height; y++) {
            const row = videos.flatMap((video, i) => [
              ...(i > 0 ? Array.from({ length: gap }, () => [255, 255, 255]) : []),
              ...Array.from({ length: video.width }, (_, x) => pixel(video, t, x, y)),
            ]);
            expect(Array.from({ length: whole.width }, (_, x) => pixel(whole, t, x, y))).toEqual(row);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it("refuses videos that do not fit", () => {
    expect(() => sideBySide([])).toThrow("at least one video");
    expect(() => sideBySide([plain(4, 4, 2), plain(4, 5, 2)])).toThrow("one height, got 4 and 5");
    expect(() => sideBySide([plain(4, 4, 2), plain(4, 4, 3)])).toThrow("equally many frames, got 2 and 3");
  });
});

describe("animatedSheet", () => {
  it("shows frame t of every video in frame t, laid out as a still sheet", async () => {
    const videos = [noise(8, 8, 3), plain(8, 8, 3), waves(8, 8, 3)];
    const options = { columns: 2, scale: 2, gap: 5, labels: ["one", "", "three"] };
    const sheet = await animatedSheet(videos, options);
    expect(sheet).toMatchObject({ width: 5 + 2 * (16 + 5), height: 5 + 2 * (16 + 16 + 5), frames: 3 });
    for (let t = 0; t < 3; t++) {
      const still = await imageSheet(
        videos.map((video) => frameOf(video, t)),
        options,
      );
      expectSame(frameOf(sheet, t).pixels, await sharp(still).removeAlpha().raw().toBuffer());
      expect(pixel(sheet, t, 5, 5)).toEqual(pixel(videos[0]!, t, 0, 0));
      expect(pixel(sheet, t, 5 + 21 + 15, 5 + 15)).toEqual(pixel(videos[1]!, t, 7, 7));
    }
    await expect(animatedSheet([])).rejects.toThrow("at least one video");
    await expect(animatedSheet([plain(4, 4, 2), plain(4, 4, 3)])).rejects.toThrow("got 2 and 3");
  });
});
