/** Addresses say what is shown, and give it back. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLink, readSeed, writeLink } from "../../../studio/state/link.ts";

describe("a link", () => {
  it("gives back what was written, whatever names and seeds hold", () => {
    const word = fc.string({ minLength: 1, maxLength: 12, unit: "grapheme" });
    const link = fc.record({
      view: fc.constantFrom("generate", "video"),
      model: word,
      classes: fc.array(word, { maxLength: 3 }),
      seed: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
      count: fc.integer({ min: 1, max: 16 }),
      firstIndex: fc.integer({ min: 1, max: 1e9 }),
      plan: fc.record({ steps: fc.integer({ min: 1, max: 64 }), topP: fc.constantFrom(null, 0.5) }),
      given: fc.array(fc.integer({ min: -1, max: 4095 }), { minLength: 1, maxLength: 8 }),
    });
    fc.assert(
      fc.property(link, (written) => {
        const seed = written.seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(written.seed) : written.seed;
        expect(readLink(`#${writeLink({ ...written, seed })}`)).toEqual({ ...written, seed });
      }),
    );
  });

  it("takes what it understands, and tells the rest", () => {
    const { unread, ...rest } = readLink("#class=dog&seed=-1&count=many&plan=[1]&given=a.b&first=1e3");
    expect(rest).toEqual({ classes: ["dog"] });
    expect(unread?.map((text) => text.split(" ")[0])).toEqual([
      ...["seed=-1", "count=many", "first=1e3", "plan", "given"],
    ]);
    expect(readLink("#seed=18446744073709551616&plan={").unread).toHaveLength(2);
    expect(readLink("")).toEqual({});
  });

  it("says that no class is wanted", () => {
    expect(readLink(writeLink({ classes: [] }))).toEqual({ classes: [] });
  });
});

describe("a seed", () => {
  it.each([
    ["0", 0],
    [" 42 ", 42],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["9007199254740993", 9007199254740993n],
    ["18446744073709551615", 18446744073709551615n],
    ["18446744073709551616", null],
    ["-1", null],
    ["1.5", null],
    ["seven", null],
    ["", null],
  ])("is read from %j", (text, seed) => {
    expect(readSeed(text)).toBe(seed);
  });
});
