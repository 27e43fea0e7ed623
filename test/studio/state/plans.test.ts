/** Plans as the studio changes them: what is laid over a default gives the plan again, and the dial goes from cheap to costly. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type DecodePlan, type GenerativeModel, modelPlanCost, readModel } from "../../../src/index.ts";
import { factorsOf, planDifference, planStops, wholePlan, withFactors } from "../../../studio/state/plans.ts";

const root = new URL("../../..", import.meta.url).pathname;
let model: GenerativeModel;
beforeAll(async () => {
  model = await readModel(join(root, "models/sprites"));
});

describe("a plan with fewer steps", () => {
  it("holds, guided in all of them where the interval of guidance has none any more", () => {
    const guided = { scale: 2, interval: [0.5, 0.7] as [number, number] };
    const plan = wholePlan(model, { steps: 4, modelSchedule: "8x4", guidance: guided });
    expect(wholePlan(model, withFactors(plan, [8, 8])).guidance.interval).toEqual([0.5, 0.7]);
    expect(wholePlan(model, withFactors(plan, [8])).guidance.interval).toEqual([0, 1]);
  });
});

describe("the difference of two plans", () => {
  it("laid over one of them is the other, both ways, for all plans of the dial", () => {
    const plans = planStops(model).map(({ plan }) => plan);
    expect(plans.length).toBeGreaterThanOrEqual(8);
    for (const plan of plans) {
      expect(wholePlan(model, planDifference(plan, model.plan))).toEqual(plan);
    }
    expect(planDifference(model.plan, model.plan)).toEqual({});
  });

  it("keeps what a plan leaves out or adds", () => {
    const base = wholePlan(model, { maskSchedule: { kind: "cosine" } });
    const changes = { leaveOut: [2, 5], unmask: { kind: "entropy", bound: 0.5 }, minP: null } as const;
    const plan = wholePlan({ ...model, plan: base }, changes);
    expect(planDifference(plan, base)).toEqual(changes);
    expect(wholePlan({ ...model, plan: base }, planDifference(plan, base))).toEqual(plan);
    // Entropies need all masked tokens.
    expect(planDifference(wholePlan(model, changes), model.plan)).toMatchObject({
      ...changes,
      cache: { runs: "all-masked" },
    });
  });

  it("says of either whether only what is needed runs", () => {
    const needed = wholePlan(model, { maskSchedule: { kind: "halton" }, cache: { runs: "needed" } });
    const other = wholePlan(model, { maskSchedule: { kind: "halton" }, choiceTemperature: 1 });
    const over = (base: DecodePlan, plan: DecodePlan) =>
      wholePlan({ ...model, plan: base }, planDifference(plan, base));
    for (const base of [needed, other, model.plan]) {
      for (const plan of [needed, other, model.plan]) expect(over(base, plan)).toEqual(plan);
    }
  });
});

describe("the dial", () => {
  it("rises in multiply-adds, from the cheapest plan to the baseline decode, over the default and the measured ones", () => {
    const stops = planStops(model);
    const costs = stops.map(({ multiplyAdds }) => multiplyAdds);
    expect(costs).toEqual([...costs].sort((a, b) => a - b));
    expect(stops.at(-1)).toMatchObject({ name: "baseline", share: 1 });
    expect(stops.filter(({ name }) => name === "default").map(({ plan }) => plan)).toEqual([model.plan]);
    expect(stops.filter(({ distance }) => distance !== null)).toHaveLength(model.paretoFront!.plans.length);
    expect(stops[0]!.plan.modelSchedule).toEqual([{ factor: 8, steps: 1 }]);
    expect(stops[0]!.share).toBeLessThan(0.02); // most of it the logits
    for (const { plan, multiplyAdds } of stops) {
      expect(modelPlanCost(model.transformer.config, plan).multiplyAdds).toBe(multiplyAdds);
    }
  });
});

describe("the sub-models of steps", () => {
  it("are changed one by one", () => {
    expect(factorsOf(model.plan)).toEqual([...Array(4).fill(8), ...Array(12).fill(1)]);
    const changed = wholePlan(model, withFactors(model.plan, [8, 1, 1]));
    expect(changed.steps).toBe(3);
    expect(changed.modelSchedule).toEqual([
      { factor: 8, steps: 1 },
      { factor: 1, steps: 2 },
    ]);
    expect(changed.guidance).toEqual(model.plan.guidance);
  });
});
