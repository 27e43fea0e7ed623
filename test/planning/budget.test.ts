import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { basePlan, makePlan } from "../../src/decoding/plan.ts";
import { planFamily, planWithin } from "../../src/planning/budget.ts";
import { planCost } from "../../src/planning/cost.ts";
import { baseline, defaults, model } from "../decoding/sprites-model.ts";

const share = (plan = defaults) => planCost(model, plan).multiplyAdds / baseline;

describe("planWithin", () => {
  it("never exceeds the budget, and never spends less of a larger one", () => {
    const least = Math.min(...planFamily(model.factors, defaults).map(share));
    const budget = fc.double({ min: least, max: 1.2, noNaN: true });
    fc.assert(
      fc.property(budget, budget, (a, b) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        const [first, second] = [small, large].map((each) => share(planWithin(model, defaults, each)));
        expect(first).toBeLessThanOrEqual(small);
        expect(second).toBeGreaterThanOrEqual(first!);
      }),
    );
  });

  it("is the baseline decode at the whole budget, and one unguided step of the smallest sub-model at the least", () => {
    const whole = planWithin(model, defaults, 1);
    expect([whole.modelSchedule, whole.cache.enabled]).toEqual([[{ factor: 1, steps: 12 }], false]);
    const least = planWithin(model, defaults, Math.min(...planFamily(model.factors, defaults).map(share)));
    expect([least.modelSchedule, least.guidance.scale]).toEqual([[{ factor: 8, steps: 1 }], 0]);
  });

  it("takes the best measured plan within the budget, which need not be the costliest", () => {
    const paretoFront = ["8x12", "8x6,4x6", "4x6,2x6"].map((modelSchedule, i) => ({
      plan: makePlan({ modelSchedule }, defaults),
      distance: [3, 1, 2][i]!,
    }));
    const [first, second, third] = paretoFront.map(({ plan }) => plan);
    expect(planWithin(model, defaults, share(first), { paretoFront })).toBe(first);
    expect(planWithin(model, defaults, share(third), { paretoFront })).toBe(second);
    expect(share(planWithin(model, defaults, share(first) / 2, { paretoFront }))).toBeLessThanOrEqual(
      share(first) / 2,
    );
  });

  it("keeps to plans that the model accepts when the guidance has an interval", () => {
    const late = makePlan({ guidance: { scale: 1, interval: [0.9, 1] } }, basePlan(model.factors));
    for (const plan of planFamily(model.factors, late)) expect(makePlan(plan)).toEqual(plan);
  });

  it("names the least budget", () => {
    const message = (budget: number) => {
      try {
        return String(planWithin(model, defaults, budget));
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        return (error as Error).message;
      }
    };
    const least = Number(/at least ([\d.]+) of the baseline decode/.exec(message(0.0001))?.[1]);
    expect(message(0.0001)).toContain("got 0.0001");
    expect(share(planWithin(model, defaults, least))).toBeLessThanOrEqual(least);
  });
});
