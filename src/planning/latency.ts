/**
 * The latency model of one device: how long the steps of a plan will take there, from a few passes that were timed. For
 * each sub-model, and for full and partial passes apart, a straight line over the multiply-adds of the whole batch.
 */

import type { DecodePlan } from "../decoding/plan.ts";
import type { ModelFacts } from "../decoding/resolve-plan.ts";
import { type PlanCost, planCost, type StepCost, type TransformerSizes } from "./cost.ts";

/** One run of a graph: a branch of a step, or both branches joined. */
export interface PassSize {
  readonly factor: number;
  readonly isFull: boolean;
  /** Of the whole batch. */
  readonly multiplyAdds: number;
}

export interface PassTime extends PassSize {
  readonly seconds: number;
}

/** The seconds that a step is predicted to take. */
export type StepSeconds = (step: StepCost) => number;

/** What runs in a step: branches of one size run joined, of two sizes one after the other. */
export function passesOf(step: StepCost, batch: number): PassSize[] {
  const { factor, unconditionalFactor, isFull } = step;
  const [conditional, unconditional] = [step.conditionalMultiplyAdds, step.unconditionalMultiplyAdds];
  if (unconditionalFactor === null || unconditionalFactor === factor) {
    return [{ factor, isFull, multiplyAdds: batch * (conditional + unconditional) }];
  }
  return [
    { factor, isFull, multiplyAdds: batch * conditional },
    { factor: unconditionalFactor, isFull, multiplyAdds: batch * unconditional },
  ];
}

/**
 * Predicts steps from timed passes.
 *
 * @param times  full and partial passes of every sub-model that will be predicted, best of several sizes each
 * @param batch  samples decoded together
 */
export function stepSeconds(times: readonly PassTime[], batch: number): StepSeconds {
  const lines = new Map<string, Line>();
  const key = ({ factor, isFull }: PassSize) => `${factor}, ${isFull ? "full" : "partial"}`;
  for (const time of times) {
    if (!lines.has(key(time))) lines.set(key(time), lineThrough(times.filter((t) => key(t) === key(time))));
  }
  const secondsOf = (pass: PassSize) => {
    const line = lines.get(key(pass));
    if (!line) throw new Error(`stepSeconds: no pass was timed for p = ${key(pass)}`);
    return line.base + line.slope * pass.multiplyAdds;
  };
  return (step) => sum(passesOf(step, batch).map(secondsOf));
}

/** The seconds of all steps of a plan. */
export function planSeconds(
  model: TransformerSizes & ModelFacts,
  plan: DecodePlan,
  secondsOf: StepSeconds,
  maskedTokens?: number,
): number {
  return secondsOfSteps(planCost(model, plan, maskedTokens), secondsOf);
}

/** The seconds of the steps after step `after`; default: of all. */
export function secondsOfSteps({ steps }: PlanCost, secondsOf: StepSeconds, after = -1): number {
  return sum(steps.filter(({ step }) => step > after).map(secondsOf));
}

/** seconds = base + slope x multiply-adds, neither of them negative. */
interface Line {
  readonly base: number;
  readonly slope: number;
}

/** The least-squares line; through the origin where that would begin below it or fall. */
function lineThrough(times: readonly PassTime[]): Line {
  const mean = (values: readonly number[]) => sum(values) / values.length;
  const x = mean(times.map(({ multiplyAdds }) => multiplyAdds));
  const y = mean(times.map(({ seconds }) => seconds));
  const spread = sum(times.map(({ multiplyAdds }) => (multiplyAdds - x) ** 2));
  const slope = sum(times.map((time) => (time.multiplyAdds - x) * (time.seconds - y))) / spread;
  const base = y - slope * x;
  return spread > 0 && slope >= 0 && base >= 0 ? { base, slope } : { base: 0, slope: y / x };
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
