import { describe, expect, it } from "vitest";
import { makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import { passCost, planCost } from "../../src/planning/cost.ts";

/** MaskGIT's transformer: an MLP of 4 D, 1024 codes, a hidden layer of D in the head. */
const maskgit = (width: number, depth: number, gridTokens = 256) => ({
  width,
  depth,
  hidden: 4 * width,
  codebookSize: 1024,
  headHidden: width,
  gridTokens,
  factors: [1, 2, 4, 8],
});
const ratio = (model: ReturnType<typeof maskgit>, input: PlanInput = {}) =>
  planCost(model, makePlan(input)).ratio;

describe("passCost", () => {
  it("counts each product of a tiny transformer", () => {
    // D 4, one layer, F 8, V 5, p 2: two of four inner units, four of eight hidden. Three queries, seven keys.
    const q = 4 * 2 * 3; // and as much for k, v and the output projection
    const mlp = 4 * 4 * 3; // and as much back
    const scores = 3 * 7 * 2; // and as much for the weighted sum of values
    const head = 2 * (4 * 5);
    const model = { width: 4, depth: 1, hidden: 8, codebookSize: 5 };
    expect(passCost(model, { factor: 2, queries: 3, keys: 7, headRows: 2 })).toBe(
      4 * q + 2 * mlp + 2 * scores + head,
    );
    // A hidden head layer of 6 units: 4 x 6, then 6 x 5, per row.
    expect(passCost({ ...model, headHidden: 6 }, { factor: 2, queries: 0, keys: 7, headRows: 2 })).toBe(
      2 * (4 * 6 + 6 * 5),
    );
  });

  it("gives the published cost of 12 baseline steps of MAGVIT-L: about 4.3k G multiply-adds", () => {
    const baseline = planCost(
      maskgit(1024, 24, 1024),
      makePlan({ modelSchedule: "1x12", cache: { enabled: false } }),
    );
    expect(baseline.baselineMultiplyAdds / 1e9).toBeGreaterThan(4250);
    expect(baseline.baselineMultiplyAdds / 1e9).toBeLessThan(4400);
  });
});

describe("planCost", () => {
  it("finds the savings stated for K = 12, N = 256 and (8,4,2,1) x 3", () => {
    expect(ratio(maskgit(768, 12))).toBeCloseTo(3.06, 2);
    expect(ratio(maskgit(1024, 24))).toBeCloseTo(3.09, 2);
    expect(ratio(maskgit(768, 12), { cache: { enabled: false } })).toBeCloseTo(2.1, 1);
    expect(ratio(maskgit(768, 12), { modelSchedule: "1x12" })).toBeCloseTo(1.34, 2);
  });

  it("finds the published costs of a 1024-token video at the same plan, with and without cache", () => {
    // 2060 G without cache, 1416 G with it, counted with the head at all active positions: ours is lower.
    const cost = (input: PlanInput) => planCost(maskgit(1024, 24, 1024), makePlan(input)).multiplyAdds / 1e9;
    expect(cost({ cache: { enabled: false } })).toBeLessThan(2060);
    expect(cost({ cache: { enabled: false } })).toBeGreaterThan(2060 * 0.98);
    expect(cost({})).toBeLessThan(1416);
    expect(cost({})).toBeGreaterThan(1416 * 0.98);
  });

  it("is 1 for the baseline decode, but for the head, which runs at masked positions only", () => {
    const model = maskgit(256, 8, 64);
    const { multiplyAdds, baselineMultiplyAdds } = planCost(
      model,
      makePlan({ modelSchedule: "1x2", maskSchedule: { kind: "linear" }, cache: { enabled: false } }),
    );
    expect(baselineMultiplyAdds - multiplyAdds).toBe(32 * (256 * 256 + 256 * 1024));
  });

  it("adds up its steps, and counts both branches on both sides", () => {
    const model = maskgit(256, 8, 64);
    const plain = planCost(model, makePlan());
    const guided = planCost(model, makePlan({ guidance: { scale: 2 } }));
    expect(guided.multiplyAdds).toBe(2 * plain.multiplyAdds);
    expect(guided.baselineMultiplyAdds).toBe(2 * plain.baselineMultiplyAdds);
    const half = planCost(
      model,
      makePlan({ modelSchedule: "1x12", guidance: { scale: 2, interval: [0.5, 1] } }),
    );
    expect(half.baselineMultiplyAdds).toBe(1.5 * plain.baselineMultiplyAdds);
    expect(half.steps.map((step) => step.unconditionalMultiplyAdds > 0)).toEqual(
      Array.from({ length: 12 }, (_, k) => k >= 6),
    );
    for (const { steps, multiplyAdds } of [plain, guided, half]) {
      expect(
        steps.reduce((sum, step) => sum + step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds, 0),
      ).toBe(multiplyAdds);
    }
  });
});
