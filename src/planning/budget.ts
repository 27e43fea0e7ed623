/**
 * One dial for compute: a budget, as a fraction of the baseline decode's multiply-adds, to the plan that makes the most of
 * it. K steps, p downscale factor.
 */
import type { InputError } from "../core/errors.ts";
import { invalidValue } from "../core/validate.ts";
import { evenModelSchedule } from "../decoding/model-schedule.ts";
import { baselinePlan, changePlan, type DecodePlan } from "../decoding/plan.ts";
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
 * cheap, the one of the family that computes most; null where none of those is cheap enough either.
 *
 * @param cost     of a plan, in the unit of `most`
 * @param compute  how much a plan computes; default: its cost
 */
export function bestWithin(
  { paretoFront, family }: PlanChoice,
  cost: (plan: DecodePlan) => number,
  most: number,
  compute = cost,
): DecodePlan | null {
  const measured = paretoFront.filter(({ plan }) => cost(plan) <= most);
  if (measured.length > 0) return measured.reduce((a, b) => (b.distance < a.distance ? b : a)).plan;
  const fitting = family
    .filter((plan) => cost(plan) <= most)
    .map((plan) => ({ plan, computed: compute(plan) }));
  return fitting.length > 0 ? fitting.reduce((a, b) => (b.computed > a.computed ? b : a)).plan : null;
}

/**
 * The best plan within a budget: of the measured Pareto front, the one of the least distance; where no measured plan is cheap
 * enough, or none was measured, the one of {@link planFamily} that computes most.
 *
 * @param budget  fraction of `baseline`, above 0
 * @param options.paretoFront    plans that were measured; default: none
 * @param options.baseline       multiply-adds of which `budget` is a fraction; default: {@link baselineMultiplyAdds}
 * @param options.keepsGuidance  leave out plans that are guided otherwise than the defaults; default: false
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
  if (!found) throw budgetTooSmall(budget, family.map(share), keepsGuidance);
  return found;
}

/**
 * Refuses a budget that not even the cheapest plan of {@link planFamily} keeps.
 *
 * @param budget  fraction of {@link baselineMultiplyAdds}
 * @throws InputError saying what the cheapest plan takes
 */
export function requireBudget(
  model: TransformerSizes & ModelFacts,
  defaults: DecodePlan,
  budget: number,
): void {
  const baseline = baselineMultiplyAdds(model, defaults);
  const shares = planFamily(model.factors, defaults).map(
    (plan) => planCost(model, plan).multiplyAdds / baseline,
  );
  if (!shares.some((share) => share <= budget)) throw budgetTooSmall(budget, shares, false);
}

function budgetTooSmall(budget: number, shares: readonly number[], isGuided: boolean): InputError {
  const least = (Math.ceil(Math.min(...shares) * 1e4) / 1e4).toFixed(4);
  return invalidValue(
    "budget",
    [],
    `must be at least ${least} of the baseline decode, what one ${isGuided ? "" : "unguided "}step of the smallest sub-model takes`,
    budget,
  );
}
