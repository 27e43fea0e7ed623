import { describe, expect, it } from "vitest";
import { type DecodePlan, makePlan } from "../../src/decoding/plan.ts";
import { planFamily } from "../../src/planning/budget.ts";
import { planCost } from "../../src/planning/cost.ts";
import {
  type FindParetoFrontProgress,
  findParetoFront,
  heldOutDistance,
} from "../../src/planning/find-pareto-front.ts";
import { baseline, defaults, model } from "../decoding/sprites-model.ts";

/** A distance in closed form: more steps and a temperature near 6 are better; the seed adds its luck. */
const distance = (plan: DecodePlan, seed: number) =>
  20 / plan.steps + Math.abs(plan.choiceTemperature - 6) + 0.01 * Math.sin(seed + plan.steps);

interface Asked {
  readonly samples: number;
  readonly seed: number;
}

async function find(changes: { budget?: number; seed?: number; defaults?: DecodePlan } = {}) {
  const asked: (Asked & { plan: DecodePlan })[] = [];
  const told: FindParetoFrontProgress[] = [];
  const found = await findParetoFront({
    model,
    defaults,
    budget: 0.4,
    count: 24,
    seed: 3,
    samples: 80,
    rounds: 3,
    heldOutSamples: 200,
    measure: async (plan, images) => {
      asked.push({ plan, ...images });
      return distance(plan, images.seed);
    },
    onProgress: (progress) => told.push(progress),
    ...changes,
  });
  return { ...found, asked, told };
}

describe("findParetoFront", () => {
  it("searches on one seed, and measures finalists, default and baseline decode on another", async () => {
    const { asked, finalists } = await find();
    const search = asked.filter(({ seed }) => seed === 3);
    const isBaseline = ({ plan }: { plan: DecodePlan }) => !plan.cache.enabled;
    for (const own of [
      search.filter((each) => !isBaseline(each)),
      search.filter(isBaseline), // gets as much search as all others
    ]) {
      expect([20, 40, 80].map((n) => own.filter(({ samples }) => samples === n).length)).toEqual([24, 12, 6]);
    }
    const heldOut = asked.slice(search.length);
    expect(heldOut.every(({ seed, samples }) => seed === 3 + heldOutDistance && samples === 200)).toBe(true);
    expect(heldOut.length).toBe(finalists.length);
    expect(finalists.filter(({ name }) => name === "default").map(({ plan }) => plan)).toEqual([defaults]);
    expect(finalists.filter(({ name }) => name === "baseline").map(({ plan }) => plan)).toEqual([
      planFamily(model.factors, defaults)[0],
    ]);
    expect(finalists.some(({ name }) => name === "found")).toBe(true);
  });

  it("makes a Pareto front of what was measured last: nothing beats its plans, all others are beaten", async () => {
    const { paretoFront, finalists } = await find();
    expect(paretoFront.plans).toEqual(
      finalists
        .filter(({ isOnParetoFront }) => isOnParetoFront)
        .map(({ plan, distance }) => ({ plan, distance })),
    );
    for (const { share, distance: own, isOnParetoFront, plan, distanceToBaseline } of finalists) {
      expect(own).toBe(distance(plan, 3 + heldOutDistance));
      expect(share).toBeCloseTo(planCost(model, plan).multiplyAdds / baseline, 12);
      expect(distanceToBaseline).toBe(own / paretoFront.baselineDistance);
      const isBeaten = finalists.some((other) => other.share < share && other.distance <= own);
      expect(isOnParetoFront).toBe(!isBeaten);
    }
    const best = Math.min(...finalists.map((each) => each.distance));
    expect(paretoFront.plans.at(-1)!.distance).toBe(best);
    expect(best).toBeLessThan(finalists.find(({ name }) => name === "default")!.distance);
  });

  it("compares with the best baseline decode that as many tries find, or that of the default's settings if it is better", async () => {
    const { asked, finalists, paretoFront } = await find({
      defaults: makePlan({ choiceTemperature: 12 }, defaults),
    });
    const tried = asked.filter(
      ({ plan, seed, samples }) => !plan.cache.enabled && seed === 3 && samples === 20,
    );
    expect(new Set(tried.map(({ plan }) => JSON.stringify(plan))).size).toBe(24);
    expect(tried.map(({ plan }) => plan.modelSchedule)).toEqual(
      tried.map((_, i) => [{ factor: 1, steps: [12, 6, 4][i % 3] }]),
    );
    // First the default plan's own settings, of every number of steps.
    expect(tried.slice(0, 3).map(({ plan }) => plan.choiceTemperature)).toEqual([12, 12, 12]);
    const of = (name: string) => finalists.find((each) => each.name === name)!;
    const found = tried.filter(
      ({ plan }) => JSON.stringify(plan) === JSON.stringify(of("best baseline").plan),
    );
    expect(found.length).toBe(1);
    expect(paretoFront.baselineDistance).toBe(
      Math.min(of("baseline").distance, of("best baseline").distance),
    );
    expect(paretoFront.baselineDistance).toBeLessThan(of("baseline").distance);
  });

  it("tries baseline decodes also of a default plan of a single step", async () => {
    const one = makePlan({ modelSchedule: "8x1" }, defaults);
    const { asked } = await find({ defaults: one, budget: 1 });
    for (const { plan } of asked) expect(makePlan(plan)).toEqual(plan);
  });

  it("tells the images measured, up to all of them in all stages", async () => {
    const { told, asked } = await find();
    for (const stage of ["search", "baseline", "held out"] as const) {
      const own = told.filter((each) => each.stage === stage);
      expect(own[0]!.done).toBe(0);
      expect(own.at(-1)!.done).toBe(own.at(-1)!.total);
      const seed = stage === "held out" ? 3 + heldOutDistance : 3;
      const images = asked
        .filter(
          (each) => each.seed === seed && (seed > 3 || each.plan.cache.enabled === (stage === "search")),
        )
        .map(({ samples }) => samples);
      expect(own.at(-1)!.total).toBe(images.reduce((a, b) => a + b));
    }
  });

  it("gives the same Pareto front for the same seed", async () => {
    expect((await find()).paretoFront).toEqual((await find()).paretoFront);
    expect((await find({ seed: 4 })).asked[20]!.plan).not.toEqual((await find()).asked[20]!.plan);
  });

  it("refuses a budget that holds no plan", async () => {
    await expect(find({ budget: 0.0001 })).rejects.toThrow(
      /budget: must be at least 0\.\d+ of the baseline decode.* got 0\.0001/,
    );
  });
});
