import { describe, expect, it } from "vitest";
import type { DecodePlan } from "../../src/decoding/plan.ts";
import { planFamily } from "../../src/planning/budget.ts";
import { planCost } from "../../src/planning/cost.ts";
import { type FindFrontProgress, findFront, heldOutDistance } from "../../src/planning/find-pareto-front.ts";
import { defaults, flat, model } from "../decoding/sprites-model.ts";

/** A distance in closed form: more steps and a temperature near 6 are better; the seed adds its luck. */
const distance = (plan: DecodePlan, seed: number) =>
  20 / plan.steps + Math.abs(plan.choiceTemperature - 6) + 0.01 * Math.sin(seed + plan.steps);

interface Asked {
  readonly samples: number;
  readonly seed: number;
}

async function find(changes: { budget?: number; seed?: number } = {}) {
  const asked: (Asked & { plan: DecodePlan })[] = [];
  const told: FindFrontProgress[] = [];
  const found = await findFront({
    model,
    defaults,
    budget: 0.4,
    count: 24,
    seed: 3,
    samples: 80,
    rounds: 3,
    heldOutSamples: 200,
    measure: async (plan, pictures) => {
      asked.push({ plan, ...pictures });
      return distance(plan, pictures.seed);
    },
    onProgress: (progress) => told.push(progress),
    ...changes,
  });
  return { ...found, asked, told };
}

describe("findFront", () => {
  it("searches on one seed, and measures finalists, default and flat decode on another", async () => {
    const { asked, finalists } = await find();
    const search = asked.filter(({ seed }) => seed === 3);
    expect([20, 40, 80].map((n) => search.filter(({ samples }) => samples === n).length)).toEqual([
      24, 12, 6,
    ]);
    const heldOut = asked.slice(search.length);
    expect(heldOut.every(({ seed, samples }) => seed === 3 + heldOutDistance && samples === 200)).toBe(true);
    expect(heldOut.length).toBe(finalists.length);
    expect(finalists.filter(({ name }) => name === "default").map(({ plan }) => plan)).toEqual([defaults]);
    expect(finalists.filter(({ name }) => name === "flat").map(({ plan }) => plan)).toEqual([
      planFamily(model.factors, defaults)[0],
    ]);
    expect(finalists.some(({ name }) => name === "found")).toBe(true);
  });

  it("makes a front of what was measured last: nothing beats its plans, all others are beaten", async () => {
    const { front, finalists } = await find();
    expect(front.plans).toEqual(
      finalists.filter(({ isOnFront }) => isOnFront).map(({ plan, distance }) => ({ plan, distance })),
    );
    for (const { share, distance: own, isOnFront, plan, distanceToFlat } of finalists) {
      expect(own).toBe(distance(plan, 3 + heldOutDistance));
      expect(share).toBeCloseTo(planCost(model, plan).multiplyAdds / flat, 12);
      expect(distanceToFlat).toBe(own / front.flatDistance);
      const isBeaten = finalists.some((other) => other.share < share && other.distance <= own);
      expect(isOnFront).toBe(!isBeaten);
    }
    const best = Math.min(...finalists.map((each) => each.distance));
    expect(front.plans.at(-1)!.distance).toBe(best);
    expect(best).toBeLessThan(finalists.find(({ name }) => name === "default")!.distance);
  });

  it("tells the pictures measured, up to all of them in both stages", async () => {
    const { told, asked } = await find();
    for (const stage of ["search", "held out"] as const) {
      const own = told.filter((each) => each.stage === stage);
      expect(own[0]!.done).toBe(0);
      expect(own.at(-1)!.done).toBe(own.at(-1)!.total);
      const seed = stage === "search" ? 3 : 3 + heldOutDistance;
      const pictures = asked.filter((each) => each.seed === seed).map(({ samples }) => samples);
      expect(own.at(-1)!.total).toBe(pictures.reduce((a, b) => a + b));
    }
  });

  it("gives the same front for the same seed", async () => {
    expect((await find()).front).toEqual((await find()).front);
    expect((await find({ seed: 4 })).asked[20]!.plan).not.toEqual((await find()).asked[20]!.plan);
  });

  it("refuses a budget that holds no plan", async () => {
    await expect(find({ budget: 0.0001 })).rejects.toThrow(
      /budget: must be at least 0\.\d+ of the flat decode.* got 0\.0001/,
    );
  });
});
