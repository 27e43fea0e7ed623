import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import { decodeMemory, passNumbers } from "../../src/planning/memory.ts";

/** D 8, one layer, F 32, V 16, H 2, a grid of 3 tokens. */
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
  it("counts the largest pass of a tiny transformer", () => {
    // One full step, four positions: 2 x 32 for the stream; an MLP of 2 x 4 x 32. Attention: 32 + (8 + 12) 8 +
    // 2 x 2 x 4 x 4 = 256 is less than 64 + 256 of the MLP. The head: 3 (8 + 3 x 16) = 168. Twice, for the arena.
    const alone: PlanInput = { modelSchedule: "1x1", guidance: { scale: 0 } };
    expect(bytes(alone)).toBe(4 * 2 * (64 + 256));
    // Both branches joined: twice that, and more than the head's 3 (2 x 8 + 4 x 16).
    expect(bytes({ modelSchedule: "1x1", guidance: { scale: 1 } })).toBe(2 * bytes(alone));
    // Half the size: an MLP of 64 + 2 x 4 x 16; the head's 168 is less.
    expect(bytes({ ...alone, modelSchedule: "2x1" })).toBe(4 * 2 * (64 + 128));
    // A thousand codes: the head, 3 (8 + 3 x 1000).
    expect(bytes(alone, { ...tiny, codebookSize: 1000 })).toBe(4 * 2 * 3 * 3008);
  });

  it("adds keys and values that the next step reads, and the second graph", () => {
    // Linear: 3 masked, then 2 (rounded) at most. The partial step runs the 3 positions that were masked before:
    // MLP 2 x 3 x 8 + 2 x 3 x 32; no step reads its keys and values. The full one keeps 2 x 4 x 8.
    const full = 64 + 256 + 64;
    const partial = 48 + 192;
    const stored = 2 * 4 * 8;
    const plan: PlanInput = {
      modelSchedule: "1x2",
      guidance: { scale: 0 },
      maskSchedule: { kind: "linear" },
    };
    expect(bytes(plan)).toBe(4 * (2 * (full + partial) + stored));
    expect(bytes({ ...plan, cache: { enabled: false } })).toBe(4 * 2 * (64 + 256));
  });

  it("takes 72 MiB for the runtime, and 2 MiB for each layer of each compiled graph", () => {
    const fixed = (input: PlanInput) =>
      decodeMemory({ ...tiny, depth: 5 }, makePlan(input)).bytesFixed / 2 ** 20;
    expect(fixed({ modelSchedule: "1x1" })).toBe(72 + 2 * 5); // full
    expect(fixed({ modelSchedule: "1x3" })).toBe(72 + 2 * 5 * 2); // full and partial
    const apart: PlanInput = { modelSchedule: "1x3", guidance: { scale: 1, unconditionalFactor: 2 } };
    expect(fixed(apart)).toBe(72 + 2 * 5 * 4); // both, for both branches
  });

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

  it("takes less where less is masked", () => {
    const step = { isFull: true, isCacheRead: false, active: 3 };
    const shape = { factor: 1, copies: 1, logitRows: 3 };
    const model = { ...tiny, codebookSize: 4096 };
    const pass = (maskedBefore: number) => passNumbers(model, { ...step, maskedBefore } as never, shape);
    expect(pass(3)).toBe(3 * pass(1));
  });
});
