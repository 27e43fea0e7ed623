import { createHash } from "node:crypto";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { InputError } from "../../../../src/core/errors.ts";
import {
  motionClasses,
  motionKinds,
  motionOf,
  motionSvg,
  motionThings,
} from "../../../../src/data/drawn/motions/index.ts";
import type { MotionName } from "../../../../src/data/drawn/motions/moves.ts";
import { drawMotion, motionsSource } from "../../../../src/data/drawn/node/draw.ts";
import { openSource } from "../../../../src/data/open-source.ts";

const digest = (pixels: Uint8Array) => createHash("sha256").update(pixels).digest("hex");

describe("motions", () => {
  it("has a class for every thing in every kind of motion", () => {
    expect([motionThings.length, motionKinds.length, motionClasses.length]).toEqual([8, 8, 64]);
    expect(new Set(motionClasses).size).toBe(64);
    for (const [classId, name] of motionClasses.entries()) {
      const { thing, motion } = motionOf(classId);
      expect(`${thing} ${motion}`).toBe(name);
    }
    expect(() => motionOf(64)).toThrow(InputError);
    expect(() => motionOf(-1)).toThrow("0..63");
    expect(() => motionOf(0.5)).toThrow("0..63");
  });

  it("is a pure function of seed and index, whatever was drawn before", async () => {
    const first = await drawMotion(7, 3);
    await drawMotion(1, 1);
    expect(await drawMotion(7, 3)).toEqual(first);
    expect(await motionsSource({ seed: 7 }).read(3)).toEqual(first);
    const { warnings, ...opened } = await openSource({ source: "motions", seed: 7, resolution: 64 });
    expect(warnings).toEqual([]);
    expect(await opened.read(3)).toEqual(first);
    expect(first).toMatchObject({ width: 64, height: 64, frames: 16 });
    expect(first.pixels.length).toBe(16 * 64 * 64 * 3);
  });

  it("draws another video for every index, seed and class", async () => {
    const videos = [
      ...Array.from({ length: 20 }, (_, index) => drawMotion(0, index)),
      ...Array.from({ length: 10 }, (_, index) => drawMotion(1, index)),
      ...motionClasses.map((_, classId) => drawMotion(2, 0, { classId })),
    ];
    const digests = (await Promise.all(videos)).map(({ pixels }) => digest(pixels));
    expect(new Set(digests).size).toBe(20 + 10 + 64);
  });

  it("draws a forced class exactly as when the class came by itself", () => {
    for (let index = 0; index < 30; index++) {
      const { svg, classId } = motionSvg(4, index);
      expect(motionSvg(4, index, { classId })).toEqual({ svg, classId });
    }
  });

  it("balances the classIds", () => {
    const counts = new Array<number>(64).fill(0);
    const total = 3200;
    for (let index = 0; index < total; index++) counts[motionSvg(11, index, { frames: 2 }).classId]!++;
    // Chi squared with 63 degrees of freedom: 103.4 is passed by one uniform source in a thousand.
    const expected = total / 64;
    const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquared).toBeLessThan(103.4);
  });

  it.each(motionKinds.map((motion, kind) => ({ motion, kind })))(
    "shows a thing in $motion as its pixels alone tell",
    async ({ motion, kind }) => {
      for (let thing = 0; thing < motionThings.length; thing++) {
        const classId = thing * motionKinds.length + kind;
        const sightings = await trackThing(20, thing, classId);
        expect(nameMotion(sightings), motionClasses[classId]).toBe(motion);
      }
    },
  );

  it("hides no thing most of the time", async () => {
    for (let index = 0; index < 40; index++) {
      const { classId } = motionSvg(21, index);
      const sightings = await trackThing(21, index, classId);
      const large = sightings.filter(({ area }) => area > 64).length;
      expect(large, motionClasses[classId]).toBeGreaterThanOrEqual(5);
    }
  });

  it("keeps to the same motion whatever the number of frames, and draws at other sizes", async () => {
    // Drawings stand for two frames each; 0, 2, 4, ... of fifteen are the eight of a video of sixteen frames.
    const [long, short] = await Promise.all(
      [30, 16].map((frames) => drawMotion(3, 0, { frames, resolution: 32 })),
    );
    const size = 32 * 32 * 3;
    for (let t = 0; t < 16; t++) {
      const same = long!.pixels.subarray(Math.floor(t / 2) * 4 * size, (Math.floor(t / 2) * 4 + 1) * size);
      const other = short!.pixels.subarray(t * size, (t + 1) * size);
      expect(Math.max(...same.map((value, i) => Math.abs(value - other[i]!)))).toBeLessThanOrEqual(1);
    }
    const source = motionsSource({ seed: 1, resolution: 32, frames: 8 });
    expect(source).toMatchObject({ resolution: 32, frames: 8, length: null, classNames: motionClasses });
    expect(await source.read(0)).toMatchObject({ width: 32, height: 32, frames: 8 });
    const opened = await openSource({ source: "motions", seed: 1, resolution: 32, frames: 8 });
    expect(await opened.read(0)).toEqual(await source.read(0));
  });

  it("refuses a classId, an index, a resolution or a number of frames out of range", () => {
    expect(() => motionSvg(1, 0, { classId: 64 })).toThrow(InputError);
    expect(() => motionSvg(1, -1)).toThrow("index must be");
    expect(() => motionSvg(1, 2 ** 40)).toThrow(InputError);
    expect(() => motionsSource({ seed: 1, resolution: 4 })).toThrow("8..256");
    expect(() => motionsSource({ seed: 1, resolution: 64.5 })).toThrow("8..256");
    expect(() => motionsSource({ seed: 1, frames: 1 })).toThrow("2..64");
    expect(() => motionsSource({ seed: 1, frames: 65 })).toThrow(InputError);
  });
});

/** What one frame shows of the thing, in pixels of a 64 x 64 frame. */
interface Sighting {
  readonly area: number;
  readonly x: number;
  readonly y: number;
  /** Standard deviations of its pixels from their middle. */
  readonly wide: number;
  readonly tall: number;
}

/** The thing in each frame: where the video differs from the same video without it. */
async function trackThing(seed: number, index: number, classId: number): Promise<Sighting[]> {
  const { svg } = motionSvg(seed, index, { classId });
  const figure = '<use href="#s0"/>';
  expect(svg).toContain(figure);
  const [shown, empty] = await Promise.all(
    [svg, svg.replaceAll(figure, "")].map((text) => sharp(Buffer.from(text)).removeAlpha().raw().toBuffer()),
  );
  return Array.from({ length: 16 }, (_, t) => {
    let [area, x, y, xx, yy] = [0, 0, 0, 0, 0];
    for (let i = 0; i < 64 * 64; i++) {
      const at = (t * 64 * 64 + i) * 3;
      const differs = [0, 1, 2].some((c) => Math.abs(shown![at + c]! - empty![at + c]!) > 24);
      if (!differs) continue;
      area++;
      const [column, row] = [i % 64, Math.floor(i / 64)];
      x += column;
      y += row;
      xx += column ** 2;
      yy += row ** 2;
    }
    const deviation = (sum: number, squares: number) => Math.sqrt(squares / area - (sum / area) ** 2);
    return { area, x: x / area, y: y / area, wide: deviation(x, xx), tall: deviation(y, yy) };
  });
}

/** The motion that areas, centroids and widths tell, decided without a look at how the dataset draws. */
function nameMotion(sightings: readonly Sighting[]): MotionName | undefined {
  const areas = sightings.map(({ area }) => area);
  const most = Math.max(...areas);
  const isThere = areas.map((area) => area > most * 0.3);
  const flips = isThere.filter((now, t) => t > 0 && now !== isThere[t - 1]).length;
  const seen = sightings.filter(({ area }) => area > most * 0.05);
  const [x, y] = [seen.map((s) => s.x), seen.map((s) => s.y)];
  const spread = (series: readonly number[]) => Math.max(...series) - Math.min(...series);
  const change = (series: readonly number[]) => series.at(-1)! - series[0]!;

  const range = (series: readonly number[]) => Math.max(...series) / Math.min(...series);
  const [wide, tall] = [seen.map((s) => s.wide), seen.map((s) => s.tall)];

  if (spread(x) < 8 && range(wide) > 1.5 && range(tall) < 1.3) return "spin";
  if (flips >= 2) return "blink";
  if (areas.at(-1)! / areas[0]! > 4 && change(y) < 16) return "grow";
  if (Math.abs(change(x)) > 38 && spread(y) < 8) return "drive";
  if (change(y) > 30) return "fall";
  if (spread(x) > 20 && spread(y) > 20) return "orbit";
  if (spread(x) > spread(y)) return "swing";
  if (spread(y) > 10) return "bounce";
  return undefined;
}
