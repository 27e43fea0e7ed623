/**
 * The Pareto front of a model: plans whose quality was measured, from cheap to costly, as it stands in the model's
 * `generation_config.json`. Whoever has one need not guess which plan suits a budget.
 */
import { z } from "zod";
import { requireInput } from "../core/errors.ts";
import { type Path, parse, type Where } from "../core/validate.ts";
import { completePlan, type DecodePlan, planSchema } from "../decoding/plan.ts";
import type { ModelFacts } from "../decoding/resolve-plan.ts";
import { planCost, type TransformerSizes } from "./cost.ts";

/** A plan with what was measured of it. */
export interface ParetoPlan {
  readonly plan: DecodePlan;
  /** Fréchet distance to real images; smaller is better. */
  readonly distance: number;
}

/** Plans measured on equal terms: as many images of the same seed each, by one classifier. */
export interface ParetoFront {
  /** The name of the classifier in whose features distances are. */
  readonly classifier: string;
  /** Images per plan. */
  readonly samples: number;
  /** Their seed, which the search that found the plans did not use. */
  readonly seed: number;
  /** The distance of the baseline decode, with the steps and the guidance of the model's default plan. */
  readonly baselineDistance: number;
  /** At least one. */
  readonly plans: readonly ParetoPlan[];
}

const distance = z.number().min(0);
const paretoFrontSchema = z
  .strictObject({
    classifier: z.string(),
    samples: z.int().min(1),
    seed: z.int().min(0),
    baselineDistance: distance,
    plans: z.array(z.strictObject({ plan: planSchema, distance })).min(1),
  })
  .meta({ remedy: "magnets search makes one" });

/**
 * Reads a Pareto front from parsed JSON; what its plans leave out comes from `base`.
 *
 * @param where  the file, which messages begin with
 * @param path   its place there
 * @throws InputError naming the field, what it must be, and what came
 */
export function readParetoFront(
  value: unknown,
  base: DecodePlan,
  where: Where,
  path: Path = [],
): ParetoFront {
  const given = parse(paretoFrontSchema, value, where, path);
  const plans = given.plans.map(({ plan, distance }, i) => ({
    plan: completePlan(plan, base, where, [...path, "plans", i, "plan"]),
    distance,
  }));
  return { ...given, plans };
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
