import { expect, it } from "vitest";
import type { Picture } from "../../../src/data/source.ts";
import { inGroups, shownTogether } from "../../../src/evaluation/features/feature-extractor.ts";

const pictures = (from: number, count: number): Picture[] =>
  Array.from({ length: count }, (_, i) => ({
    width: 1,
    height: 1,
    pixels: new Uint8Array(3),
    label: from + i,
  }));

it("shows pictures in groups of one size, however they come", async () => {
  const groups: number[][] = [];
  const result = await inGroups(
    async (add) => {
      let from = 0;
      for (const count of [50, 30, 0, 1, 150]) {
        await add(pictures(from, count));
        from += count;
      }
      return "made";
    },
    async (group) => void groups.push(group.map(({ label }) => label)),
  );
  expect(result).toBe("made");
  expect(groups.map(({ length }) => length)).toEqual([shownTogether, shownTogether, shownTogether, 39]);
  expect(groups.flat()).toEqual(Array.from({ length: 231 }, (_, i) => i));
});
