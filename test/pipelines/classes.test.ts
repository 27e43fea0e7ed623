import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { classRows, namedClasses } from "../../src/pipelines/classes.ts";

/** With the accent in its letter, as most systems write it, and after it, as macOS does. */
const [composed, decomposed] = ["caf\u00e9", "cafe\u0301"];
const names = ["tench, Tinca tinca", "tench", "cat", "night, or day", '6" gun'];

describe("classRows", () => {
  it("knows a name however its accents are written, on either side", () => {
    expect(composed).not.toBe(decomposed);
    for (const known of [composed, decomposed]) {
      for (const asked of [composed, decomposed]) expect(classRows([asked], ["cat", known], 1)).toEqual([1]);
    }
    // Where both are there, each is itself.
    expect(classRows([decomposed], [composed, decomposed], 1)).toEqual([1]);
  });

  it("answers an unknown name of many with the nearest five, in one short line", () => {
    const many = Array.from({ length: 1200 }, (_, i) => `class number ${i}, and its name in Latin`);
    const refused = () => classRows(["class number 7, and its name in Latn"], many, 1);
    expect(refused).toThrow(InputError);
    expect(refused).toThrow(/one of 1200 names, of which the nearest are class number 7, and/);
    expect(refused).toThrow(/did you mean "class number 7, and its name in Latin"\?$/);
    try {
      refused();
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(400);
    }
  });
});

describe("namedClasses", () => {
  it.each([
    ["cat", ["cat"]],
    ["tench, Tinca tinca", ["tench, Tinca tinca"]],
    [" tench, Tinca tinca ", ["tench, Tinca tinca"]],
    ["tench, cat", ["tench", "cat"]],
    ['"tench, Tinca tinca",cat', ["tench, Tinca tinca", "cat"]],
    ['cat , "night, or day" , tench', ["cat", "night, or day", "tench"]],
    ['6" gun,cat', ['6" gun', "cat"]],
    ["all", ["all"]],
    ["3,none", ["3", "none"]],
    ["dgo,cat", ["dgo", "cat"]],
  ])("reads %j", (text, expected) => {
    expect(namedClasses(text, names)).toEqual(expected);
  });

  it("tries the whole text first with any accents, too", () => {
    expect(namedClasses(`${decomposed}, au lait`, [`${composed}, au lait`])).toEqual([
      `${decomposed}, au lait`,
    ]);
  });

  it.each(["", ",", "cat,", "cat,,tench", '"tench, Tinca tinca', '""', '"cat"tench'])(
    "refuses %j",
    (text) => {
      expect(() => namedClasses(text, names)).toThrow(InputError);
      expect(() => namedClasses(text, names)).toThrow(/^classes: must be names between commas/);
    },
  );
});
