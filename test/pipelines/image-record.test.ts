/** What made an image, in its PNG file and out again. */
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { withPngText } from "../../src/data/image/png-text.ts";
import { makePlan } from "../../src/decoding/plan.ts";
import { type ImageRecord, imageRecordOf, withImageRecord } from "../../src/pipelines/image-record.ts";

const record: ImageRecord = {
  model: "sprites",
  seed: 7,
  index: 3,
  class: "Käse \u{1f9c0}",
  plan: makePlan({ modelSchedule: "8x2,1x1" }),
};
let png: Uint8Array;
beforeAll(async () => {
  const pixels = { create: { width: 5, height: 4, channels: 3 as const, background: "#336699" } };
  png = new Uint8Array(await sharp(pixels).png().toBuffer());
});

describe("the record of an image", () => {
  it.each([
    ["as it is", record],
    ["with a seed beyond 2^53", { ...record, seed: 2n ** 64n - 1n }],
    ["without a class, of an edit", { ...record, class: null, given: [5, -1, 1023] }],
  ])("comes out of its PNG %s", (_, written) => {
    expect(imageRecordOf(withImageRecord(png, written))).toEqual(written);
  });

  it("leaves the image as it was, for other readers too", async () => {
    const carrying = await sharp(withImageRecord(png, record)).raw().toBuffer();
    expect(carrying.equals(await sharp(png).raw().toBuffer())).toBe(true);
  });

  it("is null where there is none", () => {
    expect(imageRecordOf(png)).toBeNull();
  });

  it.each([
    [
      "seed",
      { ...record, seed: -1 },
      /cat\.png: seed: must be a whole number in 0\.\.18446744073709551615, got -1/,
    ],
    ["index", { ...record, index: 0.5 }, /cat\.png: index: must be a whole number of at least 0, got 0\.5/],
    ["model", { ...record, model: 5 }, /cat\.png: model: must be text, got 5/],
    ["plan", { ...record, plan: "8x3" }, /cat\.png: plan: must be .*, got "8x3"/],
    [
      "given",
      { ...record, given: [-2] },
      /cat\.png: given\[0\]: must be a whole number of at least -1, got -2/,
    ],
  ])("is refused where its %s says something else", (_, wrong, message) => {
    expect(() => imageRecordOf(withPngText(png, "magnets", wrong), "cat.png")).toThrow(message);
  });

  it("is refused in bytes that are no whole PNG", () => {
    expect(() => imageRecordOf(new Uint8Array(20))).toThrow(/no PNG image/);
    expect(() => imageRecordOf(withImageRecord(png, record).subarray(0, 90))).toThrow(/cut off/);
  });
});
