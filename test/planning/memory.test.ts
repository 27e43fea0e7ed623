import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import { decodeMemory, steppedMemory } from "../../src/planning/memory.ts";

/**
 * How the estimate moves with what it depends on. That it bounds what is really alive is tested against the graphs
 * themselves: test/models/transformer/memory.test.ts.
 */
const tiny = {
  width: 8,
  depth: 1,
  hidden: 32,
  codebookSize: 16,
  heads: 2,
  gridTokens: 3,
  factors: [1, 2],
};
const bytes = (input: PlanInput, model = tiny) => decodeMemory(model, makePlan(input)).bytesPerImage;

describe("decodeMemory", () => {
  it("grows with every size of the model, and with guidance and filters", () => {
    const grown = fc.constantFrom("width", "depth", "hidden", "codebookSize", "gridTokens", "heads");
    const plans = fc.constantFrom<PlanInput>(
      {},
      { guidance: { scale: 1 } },
      { guidance: { scale: 1, unconditionalFactor: "smaller" } },
      { cache: { enabled: false } },
      { topK: 5 },
    );
    const whole = { ...tiny, width: 64, hidden: 256, heads: 8, gridTokens: 16, factors: [1, 2, 4, 8] };
    fc.assert(
      fc.property(grown, plans, fc.integer({ min: 1, max: 4 }), (name, plan, times) => {
        const larger = { ...whole, [name]: whole[name] * (times + 1) };
        expect(bytes(plan, larger)).toBeGreaterThanOrEqual(bytes(plan, whole));
        expect(bytes({ ...plan, guidance: { scale: 2 } }, whole)).toBeGreaterThanOrEqual(bytes(plan, whole));
        expect(bytes({ ...plan, topP: 0.9 }, whole)).toBeGreaterThanOrEqual(bytes(plan, whole));
      }),
    );
  });

  it("grows with the square of long grids: the table of scores", () => {
    const long = (gridTokens: number) => bytes({ modelSchedule: "1x1" }, { ...tiny, gridTokens });
    expect(long(40_000) / long(20_000)).toBeCloseTo(4, 1);
  });

  it("never takes more where less is masked, and less where many codes make the head the largest part", () => {
    const model = { ...tiny, codebookSize: 4096 };
    const masked = (count: number) =>
      decodeMemory(model, makePlan({ modelSchedule: "1x1" }), count).bytesPerImage;
    expect(masked(2)).toBeLessThan(masked(3));
    expect(masked(1)).toBeLessThan(masked(2));
  });

  it("takes something for every compiled graph besides, more of a deeper model", () => {
    const fixed = (input: PlanInput, depth = 5) =>
      steppedMemory({ ...tiny, depth }, makePlan(input)).bytesFixed;
    const [one, two] = [fixed({ modelSchedule: "1x1" }), fixed({ modelSchedule: "1x3" })]; // full; full and partial
    const apart: PlanInput = { modelSchedule: "1x3", guidance: { scale: 1, unconditionalFactor: 2 } };
    expect(two).toBeGreaterThan(one);
    expect(fixed(apart) - two).toBe(2 * (two - one)); // both graphs once more, for the other branch
    expect(fixed({ modelSchedule: "1x1" }, 10)).toBeGreaterThan(one);
    const stretch = (input: PlanInput) =>
      decodeMemory({ ...tiny, depth: 5 }, makePlan(input)).bytesFixed - fixed(input);
    // A graph of all steps grows with their number, and with two branches apart.
    expect(stretch({ modelSchedule: "1x2" })).toBeCloseTo(2 * stretch({ modelSchedule: "1x1" }), 0);
    expect(stretch(apart)).toBeCloseTo(2 * stretch({ modelSchedule: "1x3" }), 0);
    expect(stretch({ unmask: { kind: "entropy", bound: 1 } })).toBe(0);
  });
});
