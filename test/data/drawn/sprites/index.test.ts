import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../../src/core/errors.ts";
import { drawSprite, spritesSource } from "../../../../src/data/drawn/node/draw.ts";
import { spriteClasses, spriteSvg } from "../../../../src/data/drawn/sprites/index.ts";

const digest = (pixels: Uint8Array) => createHash("sha256").update(pixels).digest("hex");

describe("sprites", () => {
  it("has twelve classes with distinct names", () => {
    expect(new Set(spriteClasses).size).toBe(12);
  });

  it("is a pure function of seed and index, whatever was drawn before", async () => {
    const first = await drawSprite(7, 3);
    await drawSprite(1, 1);
    expect(await drawSprite(7, 3)).toEqual(first);
    expect(await spritesSource({ seed: 7 }).read(3)).toEqual(first);
    expect([first.width, first.height, first.pixels.length]).toEqual([64, 64, 64 * 64 * 3]);
  });

  it("draws another image for every index, seed and class", async () => {
    const drawn = [
      ...Array.from({ length: 60 }, (_, index) => drawSprite(0, index)),
      ...Array.from({ length: 20 }, (_, index) => drawSprite(1, index)),
      ...spriteClasses.flatMap((_, classId) => [0, 1, 2].map((index) => drawSprite(2, index, { classId }))),
    ];
    const digests = (await Promise.all(drawn)).map(({ pixels }) => digest(pixels));
    expect(new Set(digests).size).toBe(60 + 20 + 36);
  });

  it("draws a forced class exactly as when the class came by itself", () => {
    for (let index = 0; index < 30; index++) {
      const { svg, classId } = spriteSvg(4, index);
      expect(spriteSvg(4, index, { classId })).toEqual({ svg, classId });
    }
  });

  it("balances the classIds", () => {
    const counts = new Array<number>(12).fill(0);
    const total = 2400;
    for (let index = 0; index < total; index++) counts[spriteSvg(11, index).classId]!++;
    // Chi squared with 11 degrees of freedom: 31.3 is passed by one uniform source in a thousand.
    const expected = total / 12;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquared).toBeLessThan(31.3);
  });

  it.each(spriteClasses.map((name, classId) => ({ name, classId })))(
    "varies the $name in many ways",
    ({ classId }) => {
      // Numbers in the SVG text are positions and sizes, hex codes are paints: nearly all of them differ between draws.
      const svgs = Array.from({ length: 200 }, (_, index) => spriteSvg(5, index, { classId }).svg);
      expect(new Set(svgs).size).toBe(200);
      expect(new Set(svgs.flatMap((svg) => svg.match(/#[0-9a-f]{6}/g)!)).size).toBeGreaterThan(200);
      expect(new Set(svgs.map((svg) => svg.replace(/[-\d.]+|#[0-9a-f]{6}/g, ""))).size).toBeGreaterThan(8);
      for (const svg of svgs) expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    },
  );

  it("keeps the object large and in the frame, on a calm image", async () => {
    for (let classId = 0; classId < 12; classId++) {
      for (let index = 0; index < 4; index++) {
        const { pixels } = await drawSprite(6, index, { classId });
        // Mean absolute step between horizontal neighbours, in bytes: texture or fine lines would raise it.
        let step = 0;
        let middle = 0;
        for (let y = 0; y < 64; y++) {
          for (let x = 0; x < 63; x++) {
            const d = Math.abs(pixels[(y * 64 + x) * 3 + 1]! - pixels[(y * 64 + x + 1) * 3 + 1]!);
            step += d;
            if (y > 8 && y < 60 && x > 8 && x < 55) middle += d;
          }
        }
        expect(step / (64 * 63)).toBeLessThan(12);
        expect(middle / step).toBeGreaterThan(0.5);
      }
    }
  });

  it("draws at other resolutions", async () => {
    const large = await drawSprite(1, 0, { resolution: 128 });
    expect([large.width, large.height]).toEqual([128, 128]);
    const source = spritesSource({ seed: 1, resolution: 32 });
    expect((await source.read(0)).pixels.length).toBe(32 * 32 * 3);
    expect(source).toMatchObject({ resolution: 32, length: null, classNames: spriteClasses });
  });

  it("refuses a classId, an index or a resolution out of range", () => {
    expect(() => spriteSvg(1, 0, { classId: 12 })).toThrow(InputError);
    expect(() => spriteSvg(1, 0, { classId: -1 })).toThrow("0..11");
    expect(() => spriteSvg(1, -1)).toThrow("index must be");
    expect(() => spriteSvg(1, 2 ** 40)).toThrow(InputError);
    expect(() => spriteSvg(1, 0, { resolution: 4 })).toThrow("8..1024");
    expect(() => spritesSource({ seed: 1, resolution: 64.5 })).toThrow("8..1024");
  });
});
