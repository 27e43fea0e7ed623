import { describe, expect, it } from "vitest";
import { foldIn, keyFromSeed } from "../../../src/core/random.ts";
import { type PatternName, pattern } from "../../../src/data/scenes/patterns.ts";
import { newStage } from "../../../src/data/scenes/stage.ts";
import { chanceOf } from "../../../src/data/sprites/chance.ts";
import { type MoodName, moods } from "../../../src/data/sprites/palette.ts";
import { newSketch } from "../../../src/data/sprites/svg.ts";

const area = { x: 10, y: 20, width: 60, height: 40 };
/** Where the pieces of a pattern begin: the numbers behind every M. */
const starts = (text: string) =>
  [...text.matchAll(/M(-?[\d.]+) (-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)] as const);
const stageOf = (index: number, options = {}) => {
  const sketch = newSketch();
  return { stage: newStage(chanceOf(foldIn(keyFromSeed(3), index)), sketch, options), sketch };
};

describe("patterns", () => {
  it("keep their period, one stripe in the middle of the area", () => {
    const xs = starts(pattern("stripes", area, 8, "#000000")).map(([x]) => x + 2);
    for (const [i, x] of xs.entries()) if (i > 0) expect(x - xs[i - 1]!).toBeCloseTo(8);
    expect(xs).toContain(40);
    expect(Math.min(...xs)).toBeLessThanOrEqual(10);
    expect(Math.max(...xs)).toBeGreaterThanOrEqual(70);
  });

  it("colour every second field of a chequered cloth", () => {
    const cells = starts(pattern("checks", area, 8, "#000000")).map(([x, y]) => [(x - 38) / 4, (y - 20) / 4]);
    expect(cells.length).toBeGreaterThan(60);
    for (const [column, row] of cells) expect(Math.abs(column! + row!) % 2).toBe(0);
  });

  it.each([
    "stripes",
    "bands",
    "checks",
    "dots",
    "diamonds",
    "plaid",
    "zigzag",
    "bricks",
    "tiles",
  ] as const satisfies readonly PatternName[])(
    "%s continue where a part of the area is drawn again",
    (kind) => {
      // The same columns in a wider area with the same middle: what a thing hides goes on behind it.
      const wider = new Set(
        starts(pattern(kind, { ...area, x: 0, width: 80 }, 10, "#123456")).map(([, y]) => y),
      );
      for (const [, y] of starts(pattern(kind, area, 10, "#123456"))) expect(wider).toContain(y);
      expect(pattern(kind, area, 10, "#123456")).not.toMatch(/NaN|undefined/);
    },
  );
});

describe("the stage", () => {
  it("has the sun where the light comes from, and shadows on the other side", () => {
    for (let i = 0; i < 40; i++) {
      const { stage } = stageOf(i);
      expect(Math.sign(stage.sun.x - 50)).toBe(stage.side);
      const [, middle] = /cx="([\d.]+)"/.exec(stage.shadow(50, 80, 10))!;
      expect(Math.sign(Number(middle) - 50)).toBe(-stage.side);
    }
  });

  it("lights a mirrored body from its other side, so that on the page it is the same", () => {
    const { stage, sketch } = stageOf(1);
    const left = stage.lit("#808080", 0.3, 1);
    const right = stage.lit("#808080", 0.3, -1);
    expect(left).not.toBe(right);
    const stops = [...sketch.page(64).matchAll(/stop-color="(#[0-9a-f]{6})"/g)].map(([, colour]) => colour);
    expect(stops.slice(0, 2)).toEqual(stops.slice(2, 4).reverse());
  });

  it.each(Object.keys(moods) as MoodName[])(
    "colours all alike at the hour %s, and nothing indoors",
    (hour) => {
      const outside = stageOf(5, { hours: [hour] }).stage;
      const inside = stageOf(5, { hours: [hour], indoors: true }).stage;
      expect(outside.mood).toBe(moods[hour]);
      expect(inside.tint("#808080")).toBe("#808080");
      expect(outside.tint("#808080") === "#808080").toBe(hour === "noon");
      expect(outside.isDark).toBe(hour === "night" || hour === "evening");
    },
  );
});
