import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { basePlan, type DecodePlan, makePlan } from "../../src/decoding/plan.ts";
import { resolvePlan } from "../../src/decoding/resolve-plan.ts";
import { bestByParetoFronts, candidatePlans, paretoFrontOf, searchPlans } from "../../src/planning/search.ts";
import { baseline, defaults, model } from "../decoding/sprites-model.ts";

describe("candidatePlans", () => {
  const candidates = candidatePlans(model, defaults, { budget: 0.33, count: 64, seed: 5 });

  it("are different, sound plans within the budget, the sub-models from small to large", () => {
    expect(candidates.length).toBe(64);
    expect(new Set(candidates.map(({ plan }) => JSON.stringify(plan))).size).toBe(64);
    for (const { plan, multiplyAdds } of candidates) {
      expect(multiplyAdds).toBeLessThanOrEqual(0.33 * baseline);
      expect(makePlan(plan)).toEqual(plan);
      const factors = resolvePlan(plan, model).steps.map(({ factor }) => factor);
      expect(factors).toEqual([...factors].sort((a, b) => b - a));
    }
  });

  it("reach from a fraction of the budget to nearly all of it, and vary in everything that is searched", () => {
    const shares = candidates.map(({ multiplyAdds }) => multiplyAdds / (0.33 * baseline));
    expect(Math.min(...shares)).toBeLessThan(0.2);
    expect(Math.max(...shares)).toBeGreaterThan(0.9);
    const values = (read: (plan: DecodePlan) => unknown) =>
      new Set(candidates.map(({ plan }) => JSON.stringify(read(plan)))).size;
    expect(values((plan) => plan.steps)).toBeGreaterThan(4);
    expect(values((plan) => plan.cache.refresh)).toBeGreaterThan(2);
    expect(values((plan) => plan.choiceTemperature)).toBeGreaterThan(3);
    expect(values((plan) => plan.guidance.interval)).toBeGreaterThan(3);
    expect(values((plan) => plan.guidance.unconditionalFactor)).toBe(3);
  });

  it("are the same for the same seed, and others for another", () => {
    const again = (seed: number) => candidatePlans(model, defaults, { budget: 0.33, count: 64, seed });
    expect(again(5)).toEqual(candidates);
    expect(again(6)).not.toEqual(candidates);
  });

  it("of an unguided default stay unguided", () => {
    const unguided = candidatePlans(model, basePlan(model.factors), { budget: 0.5, count: 30 });
    expect(unguided.every(({ plan }) => plan.guidance.scale === 0)).toBe(true);
  });
});

describe("fronts", () => {
  const point = fc.record({ multiplyAdds: fc.integer({ min: 1, max: 9 }), distance: fc.nat({ max: 9 }) });

  it("hold exactly what nothing beats, by brute force", () => {
    fc.assert(
      fc.property(fc.array(point), (plans) => {
        const isBeaten = (plan: (typeof plans)[number]) =>
          plans.some(
            (other) =>
              other.multiplyAdds <= plan.multiplyAdds &&
              other.distance <= plan.distance &&
              (other.multiplyAdds < plan.multiplyAdds || other.distance < plan.distance),
          );
        const texts = (list: typeof plans) => [...new Set(list.map((plan) => JSON.stringify(plan)))].sort();
        const paretoFront = paretoFrontOf(plans);
        expect(texts(paretoFront)).toEqual(texts(plans.filter((plan) => !isBeaten(plan))));
        expect(paretoFront.length).toBe(texts(paretoFront).length);
      }),
    );
  });

  it("fill up to the count, the first Pareto front first", () => {
    fc.assert(
      fc.property(fc.array(point), fc.nat({ max: 12 }), (plans, count) => {
        const kept = bestByParetoFronts(plans, count);
        expect(kept.length).toBe(Math.min(count, plans.length));
        const paretoFront = paretoFrontOf(plans);
        const isWhole = kept.length >= paretoFront.length;
        expect(
          isWhole
            ? paretoFront.every((plan) => kept.includes(plan))
            : kept.every((plan) => paretoFront.includes(plan)),
        ).toBe(true);
      }),
    );
  });
});

describe("searchPlans", () => {
  const candidates = candidatePlans(model, defaults, { budget: 0.5, count: 32 });
  /** A quality known in closed form, with an error that shrinks with the samples. */
  const truth = (plan: DecodePlan) => 20 / plan.steps + Math.abs(plan.choiceTemperature - 5);
  const noisy = (plan: DecodePlan, samples: number) =>
    truth(plan) + Math.sin(JSON.stringify(plan).length) / samples;

  it("halves the plans and doubles the samples from round to round", async () => {
    const asked: number[] = [];
    await searchPlans({
      candidates,
      samples: 800,
      rounds: 4,
      quality: async (plan, samples) => {
        asked.push(samples);
        return truth(plan);
      },
    });
    const counts = [100, 200, 400, 800].map((samples) => asked.filter((each) => each === samples).length);
    expect(counts).toEqual([32, 16, 8, 4]);
  });

  it("ends with the plan that is truly the best, on a Pareto front, twice the same", async () => {
    const search = () =>
      searchPlans({ candidates, samples: 800, rounds: 3, quality: async (plan, n) => noisy(plan, n) });
    const paretoFront = await search();
    const best = Math.min(...candidates.map(({ plan }) => truth(plan)));
    expect(truth(paretoFront.at(-1)!.plan)).toBeCloseTo(best, 9);
    expect(paretoFrontOf(paretoFront)).toEqual(paretoFront);
    expect(await search()).toEqual(paretoFront);
  });

  it("refuses more rounds than the samples can be halved", async () => {
    const asked = searchPlans({ candidates, samples: 7, rounds: 3, quality: async () => 0 });
    await expect(asked).rejects.toThrow(InputError);
  });
});
