import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tensor } from "../../src/core/tensor.ts";
import { frameOf, fromPlanes, mirror, type Raster, toPlanes, videoOf } from "../../src/data/source.ts";

const rasters = fc
  .record({
    count: fc.integer({ min: 1, max: 3 }),
    width: fc.integer({ min: 1, max: 5 }),
    height: fc.integer({ min: 1, max: 5 }),
  })
  .chain(({ count, width, height }) =>
    fc.array(
      fc
        .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
        .map((pixels): Raster => ({ width, height, pixels })),
      { minLength: count, maxLength: count },
    ),
  );

describe("toPlanes and fromPlanes", () => {
  it("round-trip every byte of every image", () => {
    fc.assert(
      fc.property(rasters, (images) => {
        const planes = toPlanes(images);
        expect(planes.dims).toEqual([images.length, 3, images[0]!.height, images[0]!.width]);
        for (const [i, image] of images.entries()) expect(fromPlanes(planes, i)).toEqual(image);
      }),
    );
  });

  it("puts channel, row and column where [B, 3, H, W] says", () => {
    // 2 wide, 1 high: red 51 / 255 = 0.2 at the left, blue 255 at the right.
    const planes = toPlanes([{ width: 2, height: 1, pixels: Uint8Array.of(51, 0, 0, 0, 0, 255) }]);
    expect([...planes.data]).toEqual([Math.fround(0.2), 0, 0, 0, 0, 1]);
  });

  it("round-trips videos, whose frames are planes of [B, 3, T, H, W]", () => {
    fc.assert(
      fc.property(rasters, (frames) => {
        const video = videoOf(frames);
        const planes = toPlanes([video, video]);
        const { width, height } = video;
        expect(planes.dims).toEqual([2, 3, frames.length, height, width]);
        expect(fromPlanes(planes, 1)).toEqual(video);
        for (const [t, frame] of frames.entries()) expect(frameOf(video, t)).toEqual(frame);
        // Channel by channel, the frames follow one another.
        const still = toPlanes(frames);
        const at = (t: number, channel: number, i: number) =>
          still.data[(t * 3 + channel) * width * height + i];
        const area = width * height;
        planes.data.subarray(0, 3 * frames.length * area).forEach((value, i) => {
          const channel = Math.floor(i / (frames.length * area));
          expect(value).toBe(at(Math.floor(i / area) % frames.length, channel, i % area));
        });
        mirror(planes, 1);
        mirror(planes);
        const turned = fromPlanes(planes, 0);
        const row = turned.pixels.subarray(0, 3);
        expect([...row]).toEqual([...video.pixels.subarray((width - 1) * 3, width * 3)]);
        expect(fromPlanes(planes, 1)).toEqual(video);
      }),
    );
  });

  it("clamps and rounds, and shows a value that is not a number as black", () => {
    const planes = tensor("float32", [1, 3, 1, 2], Float32Array.of(-3, 7, 0.5, Number.NaN, 0.999, 0.0019));
    // 0.5 * 255 = 127.5 -> 128; 0.999 * 255 = 254.7 -> 255; 0.0019 * 255 = 0.48 -> 0
    expect([...fromPlanes(planes, 0).pixels]).toEqual([0, 128, 255, 255, 0, 0]);
  });

  it("refuses mixed sizes, nothing at all, other shapes and an index outside", () => {
    const a = { width: 1, height: 1, pixels: new Uint8Array(3) };
    const b = { width: 2, height: 1, pixels: new Uint8Array(6) };
    expect(() => toPlanes([a, b])).toThrow("image 1 is 2x1");
    expect(() => toPlanes([a, videoOf([a])])).toThrow("image 1 is 1x1 of 1 frames");
    expect(() => videoOf([a, b])).toThrow("frame 1 is 2x1");
    expect(() => videoOf([])).toThrow("at least one");
    expect(() => toPlanes([])).toThrow("at least one");
    expect(() => fromPlanes(tensor("float32", [3, 1, 1], new Float32Array(3)), 0)).toThrow("[B, 3, H, W]");
    expect(() => fromPlanes(toPlanes([a]), 1)).toThrow("0..0");
  });
});
