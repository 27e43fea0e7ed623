import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boxMask, fittedMask } from "../../src/pipelines/mask.ts";

const box = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });

describe("fittedMask", () => {
  it("scales by the short side and crops the centre of the longer one", () => {
    // 40 x 20 to 10 x 10: halved, and the middle 20 columns kept.
    const mask = boxMask({ width: 40, height: 20 }, box(14, 4, 8, 6));
    expect(fittedMask(mask, 10)).toEqual(boxMask({ width: 10, height: 10 }, box(2, 2, 4, 3)));
    const upright = boxMask({ width: 20, height: 40 }, box(4, 14, 6, 8));
    expect(fittedMask(upright, 10)).toEqual(boxMask({ width: 10, height: 10 }, box(2, 2, 3, 4)));
  });

  it("enlarges a mask of a small photo", () => {
    const mask = boxMask({ width: 4, height: 4 }, box(1, 2, 2, 1));
    expect(fittedMask(mask, 8)).toEqual(boxMask({ width: 8, height: 8 }, box(2, 4, 4, 2)));
  });

  it("loses no line, however thin, and nothing of a full or an empty mask", () => {
    const line = boxMask({ width: 1000, height: 1000 }, box(501, 0, 1, 1000));
    expect(fittedMask(line, 10)).toEqual(boxMask({ width: 10, height: 10 }, box(5, 0, 1, 10)));
    const sides = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(sides, sides, fc.integer({ min: 1, max: 40 }), (width, height, resolution) => {
        const all = boxMask({ width, height }, box(0, 0, width, height));
        expect(fittedMask(all, resolution).data.every((value) => value === 1)).toBe(true);
        const none = { width, height, data: new Uint8Array(width * height) };
        expect(fittedMask(none, resolution).data.includes(1)).toBe(false);
      }),
    );
  });
});
