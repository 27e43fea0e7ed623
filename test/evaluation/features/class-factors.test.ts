import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classFactors, factorAccuracies } from "../../../src/evaluation/features/class-factors.ts";

describe("factors of class names", () => {
  it("are the words, whatever the order of the classes", () => {
    expect(classFactors(["cat spin", "fish spin", "fish bounce", "cat bounce"])).toEqual([
      { values: ["cat", "fish"], ofClass: [0, 1, 1, 0] },
      { values: ["spin", "bounce"], ofClass: [0, 0, 1, 1] },
    ]);
  });

  it("of any full product, shuffled, spell every name again", () => {
    const words = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,4}$/), { minLength: 1, maxLength: 4 });
    const names = fc
      .array(words, { minLength: 2, maxLength: 3 })
      .map((lists) =>
        lists.reduce<string[]>((all, list) => all.flatMap((a) => list.map((b) => `${a} ${b}`.trim())), [""]),
      )
      .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }));
    fc.assert(
      fc.property(names, (classNames) => {
        const factors = classFactors(classNames);
        expect(factors.length).toBeGreaterThanOrEqual(2);
        expect(
          classNames.map((_, c) => factors.map(({ values, ofClass }) => values[ofClass[c]!]).join(" ")),
        ).toEqual(classNames);
      }),
    );
  });

  it.each([
    ["no classes", []],
    ["one word each", ["cat", "fish"]],
    ["a combination missing", ["cat spin", "cat bounce", "fish spin"]],
    ["a combination twice", ["cat spin", "cat bounce", "fish spin", "fish spin"]],
    ["names of different lengths", ["cat spin", "cat", "fish spin", "fish"]],
  ])("are none with %s", (_, classNames) => {
    expect(classFactors(classNames)).toEqual([]);
  });
});

describe("accuracy of factors", () => {
  it("counts each word by itself", () => {
    const factors = classFactors(["cat spin", "cat bounce", "fish spin", "fish bounce"]);
    // Right; right thing, wrong motion; wrong thing, right motion; both wrong.
    const set = { classIds: Int32Array.of(0, 1, 2, 3), predictedIds: Int32Array.of(0, 0, 0, 0) };
    expect(factorAccuracies(set, factors)).toEqual([0.5, 0.5]);
    expect(
      factorAccuracies({ classIds: Int32Array.of(0, 1, 3), predictedIds: Int32Array.of(1, 0, 3) }, factors),
    ).toEqual([1, 1 / 3]);
    expect(factorAccuracies(set, [])).toEqual([]);
  });
});
