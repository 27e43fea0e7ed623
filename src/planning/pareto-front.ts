/**
 * The Pareto front of a model: plans whose quality was measured, from cheap to dear, as it stands in the model's
 * `generation_config.json`. Whoever has one need not guess which plan suits a budget.
 */
import { requireInput } from "../core/errors.ts";
import { type DecodePlan, makePlan, type PlanInput } from "../decoding/plan.ts";
import type { ModelFacts } from "../decoding/resolve-plan.ts";
import { planCost, type TransformerSizes } from "./cost.ts";

/** A plan with what was measured of it. */
export interface ParetoPlan {
  readonly plan: DecodePlan;
  /** Fréchet distance to real images; smaller is better. */
  readonly distance: number;
}

/** Plans measured on equal terms: as many images of the same seed each, by one judge. */
export interface ParetoFront {
  /** Whose features the distances are in, by name. */
  readonly judge: string;
  /** Images per plan. */
  readonly samples: number;
  /** Their seed, which the search that found the plans did not use. */
  readonly seed: number;
  /** The distance of the baseline decode, with the steps and the guidance of the model's default plan. */
  readonly baselineDistance: number;
  /** At least one. */
  readonly plans: readonly ParetoPlan[];
}

/**
 * Reads a Pareto front from parsed JSON; what its plans leave out comes from `base`.
 *
 * @param where  what error messages begin with, e.g. `generation_config.json: paretoFront`
 * @throws InputError naming the field, what it must be, and what came
 */
export function readParetoFront(value: unknown, base: DecodePlan, where: string): ParetoFront {
  const { judge, samples, seed, baselineDistance, plans } = objectAt(where, value);
  requireInput(
    typeof judge === "string",
    `${where}.judge: must be the judge's name, got ${JSON.stringify(judge)}`,
  );
  requireInput(
    Array.isArray(plans) && plans.length > 0,
    `${where}.plans: must be a list of {plan, distance}, got ${JSON.stringify(plans)}; magnets search makes one`,
  );
  return {
    judge,
    samples: wholeAt(`${where}.samples`, samples, 1),
    seed: wholeAt(`${where}.seed`, seed, 0),
    baselineDistance: distanceAt(`${where}.baselineDistance`, baselineDistance),
    plans: plans.map((given: unknown, i) => {
      const { plan, distance } = objectAt(`${where}.plans[${i}]`, given);
      return {
        plan: makePlan(plan as PlanInput, base, `${where}.plans[${i}].plan`),
        distance: distanceAt(`${where}.plans[${i}].distance`, distance),
      };
    }),
  };
}

/**
 * The cheapest measured plan that is good enough.
 *
 * @param ratio  the most that its distance may be, as a multiple of the baseline decode's; above 0
 * @throws InputError when no plan is so good, saying the best ratio
 */
export function planReaching(
  model: TransformerSizes & ModelFacts,
  { plans, baselineDistance }: ParetoFront,
  ratio: number,
): DecodePlan {
  const good = plans.filter(({ distance }) => distance <= ratio * baselineDistance);
  const best = Math.min(...plans.map(({ distance }) => distance)) / baselineDistance;
  requireInput(
    good.length > 0,
    `target quality: no measured plan has at most ${ratio} times the baseline decode's distance; the best one has ` +
      `${(Math.ceil(best * 1e4) / 1e4).toFixed(4)} times; allow as much, or search with a larger budget`,
  );
  const cost = ({ plan }: ParetoPlan) => planCost(model, plan).multiplyAdds;
  return good.reduce((a, b) => (cost(b) < cost(a) ? b : a)).plan;
}

function objectAt(where: string, value: unknown): Record<string, unknown> {
  requireInput(
    typeof value === "object" && value !== null && !Array.isArray(value),
    `${where}: must be an object, got ${JSON.stringify(value)}; magnets search makes one`,
  );
  return value as Record<string, unknown>;
}

function wholeAt(where: string, value: unknown, least: number): number {
  requireInput(
    Number.isSafeInteger(value) && (value as number) >= least,
    `${where}: must be a whole number of at least ${least}, got ${JSON.stringify(value)}`,
  );
  return value as number;
}

function distanceAt(where: string, value: unknown): number {
  requireInput(
    Number.isFinite(value) && (value as number) >= 0,
    `${where}: must be a distance, 0 or more, got ${JSON.stringify(value)}`,
  );
  return value as number;
}
