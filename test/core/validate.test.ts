import { describe, expect, it } from "vitest";
import { z } from "zod";
import { InputError } from "../../src/core/errors.ts";
import { addIssue, invalidValue, parse } from "../../src/core/validate.ts";

const schedule = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("pow"), exponent: z.number().positive() }),
  z.strictObject({ kind: z.enum(["cosine", "linear"]) }),
]);
const schema = z
  .strictObject({
    steps: z.int().min(1).default(12),
    topK: z.int().min(1).nullable().optional(),
    share: z.number().min(0).lt(1).optional(),
    size: z.int().min(8).max(1024).optional(),
    isCached: z.boolean().optional(),
    schedule: schedule.optional(),
    refresh: z.union([z.enum(["on-switch", "never"]), z.strictObject({ every: z.int().min(1) })]).optional(),
    runs: z
      .array(z.strictObject({ factor: z.int(), steps: z.int() }))
      .min(1)
      .optional(),
    betas: z.tuple([z.number(), z.number()]).optional(),
    interval: z
      .tuple([z.number(), z.number()])
      .refine(([from, to]) => from < to)
      .meta({ allowed: "[from, to], from < to" })
      .optional(),
    name: z.string().regex(/^\w+$/).meta({ allowed: "made of letters", remedy: "rename it" }).optional(),
  })
  .superRefine(({ steps, topK }, context) => {
    if (topK && topK < steps) {
      addIssue(context, {
        path: ["topK"],
        must: `must be at least steps, ${steps}`,
        got: topK,
        remedy: "raise it",
      });
    }
  });

const messageOf = (value: unknown, ...place: [string, PropertyKey[]?]): string => {
  try {
    parse(schema, value, ...place);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as Error).message;
  }
  throw new Error("was not refused");
};

describe("parse", () => {
  it("fills in defaults", () => {
    expect(parse(schema, { share: 0.5 }, "f.json")).toEqual({ steps: 12, share: 0.5 });
  });

  it.each<[unknown, string]>([
    [
      null,
      "f.json: must be an object with steps, topK, share, size, isCached, schedule, refresh, runs, betas, interval, name, got null",
    ],
    [{ steps: 0 }, "f.json: steps: must be a whole number of at least 1, got 0"],
    [{ steps: 1.5 }, "f.json: steps: must be a whole number of at least 1, got 1.5"],
    [{ steps: "3" }, 'f.json: steps: must be a whole number of at least 1, got "3"'],
    [{ topK: 0 }, "f.json: topK: must be a whole number of at least 1 or null, got 0"],
    [{ share: Number.NaN }, "f.json: share: must be a number in [0, 1), got NaN"],
    [{ share: 1 }, "f.json: share: must be a number in [0, 1), got 1"],
    [{ size: 4 }, "f.json: size: must be a whole number in 8..1024, got 4"],
    [{ isCached: 1 }, "f.json: isCached: must be true or false, got 1"],
    [{ schedule: 3 }, "f.json: schedule: must be an object with kind, exponent, got 3"],
    [
      { schedule: { kind: "cosin" } },
      'f.json: schedule.kind: must be "pow", "cosine" or "linear", got "cosin"; did you mean "cosine"?',
    ],
    [{ schedule: {} }, 'f.json: schedule.kind: must be "pow", "cosine" or "linear", got nothing'],
    [{ schedule: { kind: "pow" } }, "f.json: schedule.exponent: must be a number above 0, got nothing"],
    [
      { schedule: { kind: "cosine", exponent: 2 } },
      'f.json: schedule.exponent: must be left out where kind is "cosine", got 2',
    ],
    [
      { schedule: { kind: "pow", exponnt: 2 } },
      'f.json: schedule: must have no other keys than kind, exponent, got "exponnt"; did you mean "exponent"?\n' +
        "f.json: schedule.exponent: must be a number above 0, got nothing",
    ],
    [
      { refresh: "nevr" },
      'f.json: refresh: must be "on-switch", "never" or an object with every, got "nevr"; did you mean "never"?',
    ],
    [{ refresh: 3 }, 'f.json: refresh: must be "on-switch", "never" or an object with every, got 3'],
    [{ refresh: { every: 0 } }, "f.json: refresh.every: must be a whole number of at least 1, got 0"],
    [{ runs: [] }, "f.json: runs: must be a list of at least 1, each an object with factor, steps, got []"],
    [{ runs: [{ factor: 1, steps: "2" }] }, 'f.json: runs[0].steps: must be a whole number, got "2"'],
    [{ betas: [0.9] }, "f.json: betas: must be a list of 2: a number, a number, got [0.9]"],
    [{ interval: [2, 1] }, "f.json: interval: must be [from, to], from < to, got [2,1]"],
    [{ name: "a/b" }, 'f.json: name: must be made of letters, got "a/b"; rename it'],
    [{ topK: 3 }, "f.json: topK: must be at least steps, 12, got 3; raise it"],
  ])("refuses %j in one sentence", (value, message) => {
    expect(messageOf(value, "f.json")).toBe(message);
  });

  it("tells everything that is wrong, a line each, unknown keys first", () => {
    expect(messageOf({ steps: 0, shar: 1 }, "f.json").split("\n")).toEqual([
      expect.stringMatching(
        /^f\.json: must have no other keys than steps, .* got "shar"; did you mean "share"\?$/,
      ),
      "f.json: steps: must be a whole number of at least 1, got 0",
    ]);
  });

  it("shows only the beginning of a long value", () => {
    expect(messageOf({ steps: "x".repeat(1000) }, "f").length).toBeLessThan(200);
  });

  it("names the place of the value within its file, and the origin of each part", () => {
    expect(messageOf({ steps: 0 }, "f.json", ["plans", 2, "plan"])).toMatch(
      /^f\.json: plans\[2\]\.plan\.steps: must/,
    );
    const origin = (path: readonly PropertyKey[]) => (path.includes("share") ? "--set" : "f.yaml");
    expect(() => parse(schema, { share: 2 }, origin)).toThrow(/^--set: share: must be a number/);
    expect(() => parse(z.strictObject({ share: z.number() }).partial(), { share: "1" }, origin)).toThrow(
      /^--set/,
    );
    expect(() => parse(schema, { steps: 0 }, origin)).toThrow(/^f\.yaml: steps: must be/);
  });
});

it("a value that breaks a rule of another kind is refused in the same form", () => {
  expect(invalidValue("plan", ["steps"], "must be 3", undefined, "see elsewhere").message).toBe(
    "plan: steps: must be 3, got nothing; see elsewhere",
  );
});
