/**
 * One dial for compute: a budget, as a fraction of the baseline decode's multiply-adds, to the plan that makes the most of
 * it. K steps, p downscale factor.
 */
import { requireInput } from "../core/errors.ts";
import { baselinePlan, changePlan, type DecodePlan, evenModelSchedule } from "../decoding/plan.ts";
import type { ModelFacts } from "../decoding/resolve-plan.ts";
import { planCost, type TransformerSizes } from "./cost.ts";
import type { ParetoPlan } from "./pareto-front.ts";

/**
 * What budgets are fractions of: the baseline decode with the steps and the guidance of the model's default plan. It is one
 * number for all plans, so that a plan with fewer steps or less guidance counts as the cheaper plan that it is.
 */
export function baselineMultiplyAdds(model: TransformerSizes & ModelFacts, defaults: DecodePlan): number {
  return planCost(model, defaults).baselineMultiplyAdds;
}

/**
 * A hand-made family from the baseline decode down to one unguided step of the smallest sub-model, with the settings of
 * the default plan: the baseline decode; K steps spread evenly over the larger sub-models; the default plan; K steps over
 * the smaller ones; then K-1, K-2, ... 1 steps of the smallest. Sub-models shrink before steps do: on the shipped
 * model, 12 steps of 1/8 and 1/4 come nearer to real images than 6 steps that end at full size.
 */
export function planFamily(factors: readonly number[], defaults: DecodePlan): DecodePlan[] {
  const { steps } = defaults;
  const sorted = [...factors].sort((a, b) => a - b); // largest sub-model first
  const over = (chosen: readonly number[], count = steps): DecodePlan =>
    changePlan(defaults, { modelSchedule: evenModelSchedule(count, chosen) });
  const smallest = sorted.slice(-1);
  return [
    changePlan(defaults, baselinePlan(defaults, sorted[0])),
    ...sorted.map((_, i) => over(sorted.slice(0, i + 1))),
    defaults,
    ...sorted.slice(1).map((_, i) => over(sorted.slice(i + 1))),
    ...Array.from({ length: steps - 1 }, (_, i) => over(smallest, steps - 1 - i)),
    { ...over(smallest, 1), guidance: { ...defaults.guidance, interval: [0, 1], scale: 0 } },
  ];
}

/** Plans to choose among. */
export interface PlanChoice {
  /** Plans that were measured; empty when there are none. */
  readonly paretoFront: readonly ParetoPlan[];
  /** Plans for where no measured one is cheap enough; see {@link planFamily}. */
  readonly family: readonly DecodePlan[];
}

/**
 * The best plan that costs no more than `most`: of the measured ones that of the least distance; where none is so
 * cheap, the one of the family that is worth most; null where none of those is either.
 *
 * @param price  what a plan costs, in the unit of `most`
 * @param worth  what a plan computes; its price unless told
 */
export function bestWithin(
  { paretoFront, family }: PlanChoice,
  price: (plan: DecodePlan) => number,
  most: number,
  worth = price,
): DecodePlan | null {
  const measured = paretoFront.filter(({ plan }) => price(plan) <= most);
  if (measured.length > 0) return measured.reduce((a, b) => (b.distance < a.distance ? b : a)).plan;
  const fitting = family.filter((plan) => price(plan) <= most).map((plan) => ({ plan, worth: worth(plan) }));
  return fitting.length > 0 ? fitting.reduce((a, b) => (b.worth > a.worth ? b : a)).plan : null;
}

/**
 * The best plan within a budget: of the measured Pareto front, the one of the least distance; where no measured plan is cheap
 * enough, or none was measured, the dearest one of {@link planFamily}.
 *
 * @param budget  fraction of `baseline`, above 0
 * @param Pareto front   plans that were measured; none unless told
 * @param baseline    what the whole is; {@link baselineMultiplyAdds} unless told
 * @param keepsGuidance  leave out plans that are guided otherwise than the defaults; false unless told
 * @throws InputError when no plan is so cheap, saying what the cheapest takes
 */
export function planWithin(
  model: TransformerSizes & ModelFacts,
  defaults: DecodePlan,
  budget: number,
  {
    paretoFront = [],
    baseline = baselineMultiplyAdds(model, defaults),
    keepsGuidance = false,
  }: {
    readonly paretoFront?: readonly ParetoPlan[];
    readonly baseline?: number;
    readonly keepsGuidance?: boolean;
  } = {},
): DecodePlan {
  const share = (plan: DecodePlan) => planCost(model, plan).multiplyAdds / baseline;
  const family = planFamily(model.factors, defaults).filter(
    ({ guidance }) => !keepsGuidance || guidance.scale === defaults.guidance.scale,
  );
  const found = bestWithin({ paretoFront, family }, share, budget);
  const least = Math.min(...family.map(share));
  requireInput(
    found,
    `budget: must be at least ${(Math.ceil(least * 1e4) / 1e4).toFixed(4)} of the baseline decode, what one ${keepsGuidance ? "" : "unguided "}step ` +
      `of the smallest sub-model takes, got ${budget}`,
  );
  return found;
}
