import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import { requirePlanFits, resolvePlan } from "../../src/decoding/resolve-plan.ts";

const model = { gridTokens: 256, factors: [1, 2, 4, 8], heads: 8 };
const resolve = (input: PlanInput, maskedTokens?: number) =>
  resolvePlan(makePlan(input), model, maskedTokens).steps;
const fullSteps = (input: PlanInput) =>
  resolve(input)
    .filter((step) => step.isFull)
    .map((step) => step.step);

describe("resolvePlan", () => {
  it("lays out the default plan: sub-models, full steps, active positions", () => {
    const steps = resolve({});
    expect(steps.map((step) => step.factor)).toEqual([8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1]);
    // Masked at the start of each step: 256 253 247 236 221 203 181 155 128 97 66 33. A partial step runs what was
    // masked at the start of the step before it.
    expect(steps.map((step) => step.maskedBefore)).toEqual([
      256, 253, 247, 236, 221, 203, 181, 155, 128, 97, 66, 33,
    ]);
    expect(steps.map((step) => step.active)).toEqual([
      256, 256, 253, 256, 236, 221, 256, 181, 155, 256, 97, 66,
    ]);
    expect(steps.map((step) => step.unmaskCount)).toEqual([3, 6, 11, 15, 18, 22, 26, 27, 31, 31, 33, 33]);
    expect(steps.every((step) => step.unconditionalFactor === null && step.guidanceScale === 0)).toBe(true);
    expect(fullSteps({})).toEqual([0, 3, 6, 9]);
  });

  it("refreshes by its rule, and on every change of sub-model", () => {
    const all = Array.from({ length: 12 }, (_, k) => k);
    expect(fullSteps({ cache: { enabled: false } })).toEqual(all);
    expect(fullSteps({ cache: { refresh: { every: 1 } } })).toEqual(all);
    expect(fullSteps({ cache: { refresh: { every: 2 } } })).toEqual([0, 2, 3, 5, 6, 8, 9, 11]);
    expect(fullSteps({ modelSchedule: "1x12" })).toEqual([0]);
    expect(fullSteps({ modelSchedule: "1x12", cache: { refresh: { every: 5 } } })).toEqual([0, 5, 10]);
    expect(fullSteps({ cache: { refresh: "never" } })).toEqual([0, 3, 6, 9]);
  });

  it("anneals temperatures with r = (k+1)/K", () => {
    const steps = resolve({
      modelSchedule: "1x4",
      tokenTemperature: { kind: "annealed", bias: 0.5, scale: 0.8 },
    });
    expect(steps.map((step) => step.choiceTemperature)).toEqual([3.375, 2.25, 1.125, 0]);
    for (const [k, expected] of [1.1, 0.9, 0.7, 0.5].entries()) {
      expect(steps[k].tokenTemperature).toBeCloseTo(expected, 12);
    }
  });

  it("without the steps left out keeps the others' index, temperature and tokens still masked", () => {
    const [all, some] = [resolve({}), resolve({ leaveOut: [1, 4, 9, 10] })];
    expect(some.map((step) => step.step)).toEqual([0, 2, 3, 5, 6, 7, 8, 11]);
    for (const step of some) {
      const { choiceTemperature, factor, maskedBefore, unmaskCount } = all[step.step]!;
      expect([step.choiceTemperature, step.factor]).toEqual([choiceTemperature, factor]);
      expect(step.maskedBefore - step.unmaskCount).toBe(maskedBefore - unmaskCount);
    }
    expect(some.map((step) => step.unmaskCount).reduce((a, b) => a + b)).toBe(256);
    // What was masked at the start of the step that ran before, here 256 and 97 tokens.
    expect(some.map((step) => step.active)).toEqual([256, 256, 256, 236, 256, 181, 155, 256]);
    expect(some.map((step) => step.maskedBefore)).toEqual([256, 253, 236, 221, 181, 155, 128, 97]);
  });

  it("with only what is needed, runs what was just decoded and what it decodes, and predicts the latter", () => {
    const halton: PlanInput = { modelSchedule: "2x3,1x3", maskSchedule: { kind: "halton" } };
    const needed: PlanInput = { ...halton, cache: { runs: "needed" } };
    // ceil(256 acos(r) 2/pi) for r = 1/6 ... 5/6: 229 (228.7), 201 (200.6), 171 (170.7), 138 (137.1), 96 (95.4).
    const decoded = [27, 28, 30, 33, 42, 96];
    expect(resolve(halton).map((step) => step.unmaskCount)).toEqual(decoded);
    const steps = resolve(needed);
    expect(steps.map((step) => step.unmaskCount)).toEqual(decoded);
    expect(steps.map((step) => step.predicted)).toEqual(decoded);
    expect(steps.map((step) => step.active)).toEqual([256, 27 + 28, 28 + 30, 256, 33 + 42, 42 + 96]);
    expect(resolve(halton).map((step) => step.predicted)).toEqual([256, 229, 201, 171, 138, 96]);
    // A step left out leaves its tokens to the next one.
    const some = resolve({ ...needed, leaveOut: [1, 4] });
    expect(some.map((step) => step.predicted)).toEqual([27, 58, 33, 138]);
    expect(some.map((step) => step.active)).toEqual([256, 27 + 58, 256, 33 + 138]);
  });

  it("with fewer tokens than steps, runs the last steps, one token each", () => {
    const steps = resolve({}, 5);
    expect(steps.map((step) => [step.step, step.factor, step.maskedBefore, step.unmaskCount])).toEqual([
      [7, 2, 5, 1],
      [8, 2, 4, 1],
      [9, 1, 3, 1],
      [10, 1, 2, 1],
      [11, 1, 1, 1],
    ]);
    expect(steps.map((step) => step.active)).toEqual([256, 5, 256, 3, 2]);
  });

  it("says which steps' keys and values are read: those before a partial step", () => {
    const isRead = (plan: PlanInput) => resolve(plan).map((step) => step.isCacheRead);
    expect(isRead({})).toEqual([true, true, false, true, true, false, true, true, false, true, true, false]);
    expect(isRead({ modelSchedule: "8x1,4x1,2x1,1x1" })).toEqual([false, false, false, false]);
  });

  it("refuses impossible counts", () => {
    expect(() => resolve({}, 0)).toThrow(InputError);
    expect(() => resolve({}, 257)).toThrow(InputError);
  });
});

describe("requirePlanFits", () => {
  it.each<[PlanInput, string]>([
    [
      { modelSchedule: "16x3,1x9" },
      "plan: modelSchedule: must name the model's sub-models, p = 1, 2, 4, 8, got 16",
    ],
    [
      { guidance: { scale: 1, unconditionalFactor: 3 } },
      "plan: guidance.unconditionalFactor: must name the model's sub-models, p = 1, 2, 4, 8, got 3",
    ],
  ])("refuses %j", (input, message) => {
    expect(() => requirePlanFits(makePlan(input), model)).toThrow(new InputError(message));
  });

  it("refuses a factor that does not divide the heads, naming the file", () => {
    const check = () => requirePlanFits(makePlan(), { ...model, heads: 12 }, "f.json", ["plan"]);
    expect(check).toThrow(
      new InputError("f.json: plan.modelSchedule: must divide the model's 12 heads, got 8"),
    );
  });

  it("does not mind the unconditional branch of a plan that is never guided", () => {
    for (const guidance of [
      { scale: 0, unconditionalFactor: 3 },
      { scale: 2, schedule: "linear", interval: [0, 0.05], unconditionalFactor: 3 }, // in step 0, where it is 0
    ] as const) {
      requirePlanFits(makePlan({ guidance }), model);
    }
  });
});

describe("guidance", () => {
  const scales = (input: PlanInput) => resolve(input).map((step) => step.guidanceScale);

  it("follows its schedule", () => {
    expect(scales({ modelSchedule: "1x4", guidance: { scale: 3 } })).toEqual([3, 3, 3, 3]);
    expect(scales({ modelSchedule: "1x4", guidance: { scale: 3, schedule: "linear" } })).toEqual([
      0, 1, 2, 3,
    ]);
    expect(scales({ modelSchedule: "1x1", guidance: { scale: 3, schedule: "linear" } })).toEqual([3]);
    const cosine = scales({
      modelSchedule: "1x4",
      guidance: { scale: 2, schedule: "power-cosine", power: 1 },
    });
    const expected = [0, 1 - Math.SQRT1_2, 1, 1 + Math.SQRT1_2]; // 1 - cos(pi k/4)
    for (const k of [0, 1, 2, 3]) expect(cosine[k]).toBeCloseTo(expected[k], 12);
  });

  it("skips the unconditional pass outside its interval and at scale 0", () => {
    const steps = resolve({ guidance: { scale: 2, interval: [0.25, 0.75] } });
    expect(steps.map((step) => step.unconditionalFactor)).toEqual([
      null,
      null,
      null,
      4,
      4,
      4,
      2,
      2,
      2,
      null,
      null,
      null,
    ]);
    expect(resolve({ guidance: { scale: 2, schedule: "linear" } })[0].unconditionalFactor).toBe(null);
  });

  it("runs the unconditional branch on the sub-model asked for", () => {
    const factors = (unconditionalFactor: number | "same" | "smaller") =>
      resolve({ guidance: { scale: 2, unconditionalFactor } }).map((step) => step.unconditionalFactor);
    expect(factors("same")).toEqual([8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1]);
    expect(factors("smaller")).toEqual([8, 8, 8, 8, 8, 8, 4, 4, 4, 2, 2, 2]);
    expect(factors(4)).toEqual(Array(12).fill(4));
  });

  it("makes a step full when the unconditional branch sets in, whose cache is empty or stale", () => {
    expect(fullSteps({ modelSchedule: "1x12", guidance: { scale: 2, interval: [0.5, 1] } })).toEqual([0, 6]);
    expect(fullSteps({ modelSchedule: "1x12", guidance: { scale: 2, interval: [0, 0.5] } })).toEqual([0]);
    expect(fullSteps({ modelSchedule: "1x12", guidance: { scale: 2, schedule: "linear" } })).toEqual([0, 1]);
  });
});
