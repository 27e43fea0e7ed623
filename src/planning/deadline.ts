/**
 * Deadline decoding: a plan that shrinks while it runs when time runs out faster than predicted, and grows back, never
 * beyond what it was, when it does not. Steps are left out, or run by smaller sub-models; the last step always runs, so
 * that the grid is complete.
 *
 * K steps k = 0..K-1, p downscale factor.
 */
import { InputError } from "../core/errors.ts";
import { invalidValue } from "../core/validate.ts";
import type { ScheduleRun } from "../decoding/model-schedule.ts";
import type { DecodePlan } from "../decoding/plan.ts";
import type { ModelFacts } from "../decoding/resolve-plan.ts";
import { bestWithin, type PlanChoice } from "./budget.ts";
import { planCost, type StepCost, type TransformerSizes } from "./cost.ts";
import { planSeconds, type StepSeconds } from "./latency.ts";

/** The share of its time that a plan leaves unused when it is chosen: equal steps differ by some per cent. */
export const reservedShare = 0.1;

/** What a decode takes on a device. */
export interface Timing {
  readonly secondsOf: StepSeconds;
  /** What follows the last step: the tokenizer's decoder. */
  readonly tailSeconds: number;
}

/** No plan keeps the deadline. */
export class DeadlineTooShort extends InputError {
  /** The least deadline that a plan is predicted to keep, in milliseconds. */
  readonly leastMs: number;

  constructor(message: string, leastMs: number) {
    super(message);
    this.leastMs = leastMs;
  }
}

/**
 * The best plan that is predicted to be done in time, {@link reservedShare} of which stays free.
 *
 * @param seconds  from the first step to the end of the tail
 * @throws DeadlineTooShort when no plan is so quick, saying what the quickest takes
 */
export function planInTime(
  model: TransformerSizes & ModelFacts,
  choice: PlanChoice,
  { secondsOf, tailSeconds }: Timing,
  seconds: number,
  maskedTokens?: number,
): DecodePlan {
  const secondsNeeded = (plan: DecodePlan) =>
    (planSeconds(model, plan, secondsOf, maskedTokens) + tailSeconds) / (1 - reservedShare);
  const computeOf = (plan: DecodePlan) => planCost(model, plan, maskedTokens).multiplyAdds;
  const found = bestWithin(choice, secondsNeeded, seconds, computeOf);
  if (found) return found;
  const leastMs = Math.ceil(1000 * Math.min(...choice.family.map(secondsNeeded)));
  const { message } = invalidValue(
    "deadline",
    [],
    `must be at least ${leastMs} ms on this device for so many images at once, what one step of the smallest sub-model takes`,
    Number((1000 * seconds).toPrecision(3)),
  );
  throw new DeadlineTooShort(message, leastMs);
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
  /** What steps may take together, with slack. */
  readonly secondsFor: (steps: readonly StepCost[]) => number;
}

/**
 * The plan to go on with: what ran, then the largest rest of the wanted plan that is predicted to fit. Sub-models
 * shrink before steps do, as in `planFamily` (budget.ts): first no step runs at more than the next smaller size,
 * and so on down to the smallest; then the same with one step fewer, those that run spread evenly over the rest. Where
 * nothing fits, the quickest rest.
 */
export function fittingRest(remaining: Remaining): DecodePlan {
  const { model, maskedTokens, wanted, step, secondsLeft, secondsFor } = remaining;
  const restOf = (plan: DecodePlan) =>
    planCost(model, plan, maskedTokens).steps.filter((each) => each.step > step);
  const wantedRest = restOf(wanted);
  if (wanted === remaining.plan && secondsFor(wantedRest) <= secondsLeft) return wanted;
  const rest = wantedRest.map((each) => each.step);
  const limits = [...model.factors].sort((a, b) => a - b);
  let quickest = { plan: remaining.plan, seconds: Number.POSITIVE_INFINITY };
  for (let count = rest.length; count >= 1; count--) {
    for (const limit of limits) {
      const plan = withRest(remaining, rest, spread(rest, count), limit);
      const seconds = secondsFor(restOf(plan));
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
  return { ...settings, modelSchedule: runsOf(factors), ...(leaveOut.length > 0 && { leaveOut }) };
}

/** [K] p of each step. */
const factorsOf = ({ modelSchedule }: DecodePlan): number[] =>
  modelSchedule.flatMap(({ factor, steps }) => Array<number>(steps).fill(factor));

function runsOf(factors: readonly number[]): ScheduleRun[] {
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
 * The `replan` of a decode that shall keep a deadline; call it when the decode begins. It measures the slowdown, how
 * much longer than predicted the steps take, and how unequal they are, and assumes the same of the rest.
 */
export function keepDeadline(options: DeadlineOptions): (plan: DecodePlan, step: number) => DecodePlan {
  const { model, maskedTokens, wanted, secondsOf, tailSeconds, now, endsAt } = options;
  const steps = planCost(model, wanted, maskedTokens).steps.map(secondsOf);
  const latency = observeLatency(steps.reduce((a, b) => a + b, 0) / steps.length);
  let before = now();
  return (plan, step) => {
    const time = now();
    const ran = planCost(model, plan, maskedTokens).steps.find((each) => each.step === step)!;
    latency.add(time - before, secondsOf(ran));
    before = time;
    return fittingRest({
      model,
      maskedTokens,
      wanted,
      plan,
      step,
      secondsLeft: endsAt - time,
      secondsFor: (steps) => latency.upperBound([...steps.map(secondsOf), tailSeconds]),
    });
  };
}

/** How much less a step counts for each that ran after it. */
const recency = 0.85;

/** So many standard deviations are left free for what the rest may take beyond its mean. */
const safetyFactor = 2.5;

/** The deviation that is assumed of steps before any ran, as a share of their time, and how many steps it counts for. */
const assumed = { deviation: 0.04, steps: 1 };

/**
 * What the steps that ran say about those to come: the slowdown, how many times longer than predicted they take (at
 * least 1), and by how much they deviate from that. Delays come while time passes, whatever runs, so the variance of a
 * step is in proportion to its time: what delays a step of a millisecond by two hardly delays one of ten by twenty.
 *
 * @param typical  predicted seconds of a usual step, of which the assumed deviation is a share
 */
function observeLatency(typical: number) {
  const ran: { took: number; predicted: number }[] = [];
  /** A sum over the steps, in which recent ones count most. */
  const weighted = (read: (step: (typeof ran)[number]) => number) =>
    ran.reduce((sum, step) => recency * sum + read(step), 0);
  const prior = {
    squares: assumed.steps * (assumed.deviation * typical) ** 2,
    seconds: assumed.steps * typical,
  };
  let slowdown = 1;
  let variancePerSecond = prior.squares / prior.seconds;
  return {
    /** A step took so many seconds, and was predicted to take so many. */
    add(took: number, predicted: number): void {
      ran.push({ took, predicted });
      const seconds = weighted((step) => step.predicted);
      slowdown = Math.max(1, weighted((step) => step.took) / seconds);
      const squares = weighted((step) => (step.took / slowdown - step.predicted) ** 2);
      variancePerSecond = (prior.squares + squares) / (prior.seconds + seconds);
    },
    /** What pieces of work of these predicted seconds may take. */
    upperBound(predicted: readonly number[]): number {
      const mean = predicted.reduce((a, b) => a + b, 0);
      return slowdown * (mean + safetyFactor * Math.sqrt(variancePerSecond * mean));
    },
  };
}
