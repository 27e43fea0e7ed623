import { describe, expect, it } from "vitest";
import type { DecodePlan } from "../../src/decoding/plan.ts";
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

async function find(changes: { budget?: number; seed?: number } = {}) {
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
    expect([20, 40, 80].map((n) => search.filter(({ samples }) => samples === n).length)).toEqual([
      24, 12, 6,
    ]);
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

  it("tells the images measured, up to all of them in both stages", async () => {
    const { told, asked } = await find();
    for (const stage of ["search", "held out"] as const) {
      const own = told.filter((each) => each.stage === stage);
      expect(own[0]!.done).toBe(0);
      expect(own.at(-1)!.done).toBe(own.at(-1)!.total);
      const seed = stage === "search" ? 3 : 3 + heldOutDistance;
      const images = asked.filter((each) => each.seed === seed).map(({ samples }) => samples);
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
