/**
 * Deadline decoding: a plan that shrinks while it runs when time runs out faster than foreseen, and grows back, never
 * beyond what it was, when it does not. Steps are left out, or run by smaller sub-models; the last step always runs, so
 * that the grid is complete.
 *
 * K steps k = 0..K-1, p downscale factor.
 */
import { requireInput } from "../core/errors.ts";
import { planCost, type TransformerSizes } from "./cost.ts";
import type { DecodePlan, SizeRun } from "./plan.ts";
import { bestWithin, type PlanChoice } from "./plan-budget.ts";
import type { ModelFacts } from "./resolve-plan.ts";
import { planSeconds, type StepSeconds, secondsOfSteps } from "./step-times.ts";

/**
 * The share of the time left that plans leave unused: steps of equal size differ by some per cent from one another, and
 * what happens in the last one cannot be made up for.
 */
export const reservedShare = 0.1;

/** What a decode takes on a device. */
export interface Timing {
  readonly secondsOf: StepSeconds;
  /** What follows the last step: the tokenizer's decoder. */
  readonly tailSeconds: number;
}

/**
 * The best plan that is predicted to be done in time, {@link reservedShare} of which stays free.
 *
 * @param seconds  from the first step to the end of the tail
 * @throws InputError when no plan is so quick, saying what the quickest takes
 */
export function planInTime(
  model: TransformerSizes & ModelFacts,
  choice: PlanChoice,
  { secondsOf, tailSeconds }: Timing,
  seconds: number,
  maskedTokens?: number,
): DecodePlan {
  const price = (plan: DecodePlan) =>
    (planSeconds(model, plan, secondsOf, maskedTokens) + tailSeconds) / (1 - reservedShare);
  const worth = (plan: DecodePlan) => planCost(model, plan, maskedTokens).multiplyAdds;
  const found = bestWithin(choice, price, seconds, worth);
  const least = Math.min(...choice.family.map(price));
  requireInput(
    found,
    `deadline: must be at least ${Math.ceil(1000 * least)} ms on this device for so many pictures at once, what one ` +
      `step of the smallest sub-model takes, got ${Number((1000 * seconds).toPrecision(3))} ms`,
  );
  return found;
}

/** What is known when a step has run. */
export interface Remaining {
  readonly model: TransformerSizes & ModelFacts;
  /** N0. */
  readonly maskedTokens: number;
  /** What was chosen at the start. */
  readonly wanted: DecodePlan;
  /** What ran, up to step `step`; the rest of it does not count. */
  readonly plan: DecodePlan;
  /** k of the last step that ran. */
  readonly step: number;
  /** For the steps that remain. */
  readonly secondsLeft: number;
  readonly secondsOf: StepSeconds;
}

/**
 * The plan to go on with: what ran, then the largest rest of the wanted plan that is predicted to fit. Sub-models
 * shrink before steps do, as in `planFamily` (plan-budget.ts): first no step runs at more than the next smaller size,
 * and so on down to the smallest; then the same with one step fewer, those that run spread evenly over the rest. Where
 * nothing fits, the quickest rest.
 */
export function fittingRest(remaining: Remaining): DecodePlan {
  const { model, maskedTokens, wanted, step, secondsLeft, secondsOf } = remaining;
  const wantedCost = planCost(model, wanted, maskedTokens);
  if (wanted === remaining.plan && secondsOfSteps(wantedCost, secondsOf, step) <= secondsLeft) return wanted;
  const rest = wantedCost.steps.map((each) => each.step).filter((k) => k > step);
  const limits = [...model.factors].sort((a, b) => a - b);
  let quickest = { plan: remaining.plan, seconds: Number.POSITIVE_INFINITY };
  for (let count = rest.length; count >= 1; count--) {
    for (const limit of limits) {
      const plan = withRest(remaining, rest, spread(rest, count), limit);
      const seconds = secondsOfSteps(planCost(model, plan, maskedTokens), secondsOf, step);
      if (seconds <= secondsLeft) return plan;
      if (seconds < quickest.seconds) quickest = { plan, seconds };
    }
  }
  return quickest.plan;
}

/** `count` of the steps at even distances, the last one among them. */
function spread(steps: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => steps[Math.ceil(((i + 1) * steps.length) / count) - 1]!);
}

/** What ran, then of the `rest` only the steps `kept`, none at a larger size than p = `limit`. */
function withRest(
  { wanted, plan, step }: Remaining,
  rest: readonly number[],
  kept: readonly number[],
  limit: number,
): DecodePlan {
  const ran = factorsOf(plan);
  const factors = factorsOf(wanted).map((factor, k) => (k <= step ? ran[k]! : Math.max(factor, limit)));
  const leaveOut = [
    ...(plan.leaveOut ?? []).filter((k) => k <= step),
    ...(wanted.leaveOut ?? []).filter((k) => k > step),
    ...rest.filter((k) => !kept.includes(k)),
  ].sort((a, b) => a - b);
  const { leaveOut: _, ...settings } = wanted;
  return { ...settings, sizes: runsOf(factors), ...(leaveOut.length > 0 && { leaveOut }) };
}

/** [K] p of each step. */
const factorsOf = ({ sizes }: DecodePlan): number[] =>
  sizes.flatMap(({ factor, steps }) => Array<number>(steps).fill(factor));

function runsOf(factors: readonly number[]): SizeRun[] {
  const runs: { factor: number; steps: number }[] = [];
  for (const factor of factors) {
    const last = runs.at(-1);
    if (last?.factor === factor) last.steps++;
    else runs.push({ factor, steps: 1 });
  }
  return runs;
}

export interface DeadlineOptions extends Timing, Pick<Remaining, "model" | "maskedTokens" | "wanted"> {
  /** The time in seconds. */
  readonly now: () => number;
  /** When all must be done, by `now`. */
  readonly endsAt: number;
}

/**
 * The `replan` of a decode that shall keep a deadline; call it when the decode begins. It watches how much slower than
 * predicted the steps are, trusting the latest ones most, and takes the rest to be as slow.
 */
export function keepDeadline(options: DeadlineOptions): (plan: DecodePlan, step: number) => DecodePlan {
  const { model, maskedTokens, wanted, secondsOf, tailSeconds, now, endsAt } = options;
  let before = now();
  let [took, foreseen] = [0, 0];
  return (plan, step) => {
    const time = now();
    const ran = planCost(model, plan, maskedTokens).steps.find((each) => each.step === step)!;
    took = took / 2 + (time - before);
    foreseen = foreseen / 2 + secondsOf(ran);
    before = time;
    const slowness = Math.max(1, took / foreseen);
    return fittingRest({
      ...{ model, maskedTokens, wanted, plan, step },
      secondsLeft: (endsAt - time) * (1 - reservedShare) - slowness * tailSeconds,
      secondsOf: (each) => slowness * secondsOf(each),
    });
  };
}
