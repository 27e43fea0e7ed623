import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../../src/core/errors.ts";
import { scenesSource } from "../../../../src/data/drawn/node/draw.ts";
import { type SceneOptions, sceneClasses, sceneSvg } from "../../../../src/data/drawn/scenes/index.ts";
import { decodeRgb } from "../../../../src/data/image/sharp.ts";
import { openSource } from "../../../../src/data/open-source.ts";

const digest = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");

/** One scene as pixels. */
async function drawScene(seed: number, index: number, options: SceneOptions = {}) {
  const { svg, classId } = sceneSvg(seed, index, options);
  return { ...(await decodeRgb(Buffer.from(svg))), classId };
}

describe("scenes", () => {
  it("has twenty-four classes with distinct names", () => {
    expect(new Set(sceneClasses).size).toBe(24);
    expect(sceneClasses).toHaveLength(24);
  });

  it("draws what it always drew", () => {
    // Models are trained on these images: whoever changes one changes what they were trained on.
    const drawn = sceneClasses.map((_, classId) => sceneSvg(1, classId, { classId }).svg);
    expect(digest(drawn.join("\n"))).toBe("a3f68925efb8482bafd404b5f9a17c0c2fcf596c33e399b27a0ce89d43b09dab");
  });

  it("is a pure function of seed and index, whatever was drawn before", async () => {
    const first = await drawScene(7, 3);
    await drawScene(1, 1);
    expect(await drawScene(7, 3)).toEqual(first);
    expect(await scenesSource({ seed: 7 }).read(3)).toEqual(first);
    expect([first.width, first.height, first.pixels.length]).toEqual([128, 128, 128 * 128 * 3]);
  });

  it("draws another image for every index, seed and class", async () => {
    const drawn = [
      ...Array.from({ length: 40 }, (_, index) => drawScene(0, index, { resolution: 32 })),
      ...Array.from({ length: 20 }, (_, index) => drawScene(1, index, { resolution: 32 })),
      ...sceneClasses.flatMap((_, classId) =>
        [0, 1].map((index) => drawScene(2, index, { classId, resolution: 32 })),
      ),
    ];
    const digests = (await Promise.all(drawn)).map(({ pixels }) => digest(pixels));
    expect(new Set(digests).size).toBe(40 + 20 + 48);
  });

  it("draws a forced class exactly as when the class came by itself", () => {
    for (let index = 0; index < 30; index++) {
      const { svg, classId } = sceneSvg(4, index);
      expect(sceneSvg(4, index, { classId })).toEqual({ svg, classId });
    }
  });

  it("reaches every class, all equally often", () => {
    const counts = new Array<number>(24).fill(0);
    const total = 2400;
    for (let index = 0; index < total; index++) counts[sceneSvg(11, index).classId]!++;
    expect(Math.min(...counts)).toBeGreaterThan(0);
    // Chi squared with 23 degrees of freedom: 49.7 is passed by one uniform source in a thousand.
    const expected = total / 24;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquared).toBeLessThan(49.7);
  });

  it.each(sceneClasses.map((name, classId) => ({ name, classId })))(
    "varies the $name in many ways",
    ({ classId }) => {
      // Numbers in the SVG text are positions and sizes, hex codes are paints: nearly all of them differ between draws.
      const svgs = Array.from({ length: 100 }, (_, index) => sceneSvg(5, index, { classId }).svg);
      expect(new Set(svgs).size).toBe(100);
      expect(new Set(svgs.flatMap((svg) => svg.match(/#[0-9a-f]{6}/g)!)).size).toBeGreaterThan(200);
      expect(new Set(svgs.map((svg) => svg.replace(/[-\d.]+|#[0-9a-f]{6}/g, ""))).size).toBeGreaterThan(3);
      for (const svg of svgs) {
        expect(svg).not.toMatch(/NaN|undefined|Infinity|<text/);
        // Whatever is referred to is there: a lost gradient would be drawn as a black hole.
        const known = new Set([...svg.matchAll(/ id="(\w+)"/g)].map(([, id]) => id));
        for (const [, id] of svg.matchAll(/(?:url\(|href=")#(\w+)/g)) expect(known).toContain(id);
      }
    },
  );

  it("makes no two classes alike: images lie nearer to their own class's mean than to others'", async () => {
    const side = 16;
    const of = (classId: number, from: number, count: number) =>
      Promise.all(
        Array.from({ length: count }, async (_, i) => {
          const { pixels } = await drawScene(9, from + i, { classId, resolution: side });
          // What remains without the mean colour: shapes, not the hour.
          const means = [0, 1, 2].map((c) => {
            let sum = 0;
            for (let p = c; p < pixels.length; p += 3) sum += pixels[p]!;
            return sum / (side * side);
          });
          return Float64Array.from(pixels, (value, p) => value - means[p % 3]!);
        }),
      );
    const meanOf = (vectors: readonly Float64Array[]) =>
      Float64Array.from(vectors[0]!, (_, p) => vectors.reduce((sum, v) => sum + v[p]!, 0) / vectors.length);
    const distance = (a: Float64Array, b: Float64Array) => a.reduce((sum, v, p) => sum + (v - b[p]!) ** 2, 0);
    const means: Float64Array[] = [];
    for (let classId = 0; classId < 24; classId++) means.push(meanOf(await of(classId, 0, 12)));
    let right = 0;
    for (let classId = 0; classId < 24; classId++) {
      for (const image of await of(classId, 1000, 4)) {
        const distances = means.map((mean) => distance(image, mean));
        if (distances.indexOf(Math.min(...distances)) === classId) right++;
      }
    }
    // By chance it would be 4 of these 96.
    expect(right).toBeGreaterThan(60);
  });

  it("draws at other resolutions", async () => {
    const small = await drawScene(1, 0, { resolution: 8 });
    expect([small.width, small.height]).toEqual([8, 8]);
    const source = scenesSource({ seed: 1, resolution: 64 });
    expect((await source.read(0)).pixels.length).toBe(64 * 64 * 3);
    expect(source).toMatchObject({
      name: "scenes(seed 1)",
      resolution: 64,
      length: null,
      classNames: sceneClasses,
    });
    expect(sceneSvg(1, 0, { resolution: 1024 }).svg).toContain('width="1024" height="1024"');
  });

  it("refuses a classId, an index or a resolution out of range", () => {
    expect(() => sceneSvg(1, 0, { classId: 24 })).toThrow(InputError);
    expect(() => sceneSvg(1, 0, { classId: -1 })).toThrow("0..23");
    expect(() => sceneSvg(1, 0, { classId: 0.5 })).toThrow("0..23");
    expect(() => sceneSvg(1, -1)).toThrow("index must be");
    expect(() => sceneSvg(1, 2 ** 40)).toThrow(InputError);
    expect(() => sceneSvg(1, 0, { resolution: 7 })).toThrow("8..1024");
    expect(() => sceneSvg(1, 0, { resolution: 1025 })).toThrow("8..1024");
    expect(() => scenesSource({ seed: 1, resolution: 64.5 })).toThrow("8..1024");
  });

  it("opens by its name, as images without frames", async () => {
    const source = await openSource({ source: "scenes", seed: 3, resolution: 16 });
    expect(source).toMatchObject({ classNames: sceneClasses, warnings: [], length: null });
    expect(await source.read(5)).toEqual(await drawScene(3, 5, { resolution: 16 }));
    await expect(openSource({ source: "scenes", seed: 3, resolution: 16, frames: 8 })).rejects.toThrow(
      "scenes: images have no frames, got 8",
    );
    await expect(openSource({ source: "scenes", seed: 3, resolution: 16, stride: 2 })).rejects.toThrow(
      "scenes: stride is for a folder of videos, got 2",
    );
  });
});
