import { expect, it } from "vitest";
import type { Image } from "../../../src/data/source.ts";
import { featureBatch, inGroups } from "../../../src/evaluation/features/classify-images.ts";

const images = (from: number, count: number): Image[] =>
  Array.from({ length: count }, (_, i) => ({
    width: 1,
    height: 1,
    pixels: new Uint8Array(3),
    classId: from + i,
  }));

it("shows images in groups of one size, however they come", async () => {
  const groups: (number | null)[][] = [];
  const result = await inGroups(
    async (add) => {
      let from = 0;
      for (const count of [50, 30, 0, 1, 150]) {
        await add(images(from, count));
        from += count;
      }
      return "made";
    },
    async (group) => void groups.push(group.map(({ classId }) => classId)),
  );
  expect(result).toBe("made");
  expect(groups.map(({ length }) => length)).toEqual([featureBatch, featureBatch, featureBatch, 39]);
  expect(groups.flat()).toEqual(Array.from({ length: 231 }, (_, i) => i));
});
