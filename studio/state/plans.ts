/** Plans of a model: the stops of the budget dial, single changes of the editor, and what differs from a model's default. */
import {
  baselinePlan,
  type DecodePlan,
  type GenerativeModel,
  guidanceOver,
  InputError,
  modelPlanCost,
  type PlanInput,
  resolveRequest,
  type Task,
} from "../../src/browser.ts";

/** A stop of the budget dial. */
export interface PlanStop {
  readonly plan: DecodePlan;
  /** Per image. */
  readonly multiplyAdds: number;
  /** Of the baseline decode's multiply-adds. */
  readonly share: number;
  /** Measured Fréchet distance, as a multiple of the baseline decode's; null: not measured. */
  readonly distance: number | null;
  readonly name: "default" | "baseline" | null;
}

/** A whole plan from a part of one. Throws InputError. */
export const wholePlan = (
  model: GenerativeModel,
  plan: PlanInput,
  task: "generate" | Task = "generate",
): DecodePlan => resolveRequest({ plan, task }, model).plan;

/** How finely budgets are tried. */
const tries = 24;

/** From the cheapest plan to the baseline decode: the measured ones and the family that budgets choose from. */
export function planStops(model: GenerativeModel): PlanStop[] {
  const { config } = model.transformer;
  const costOf = (plan: DecodePlan) => modelPlanCost(config, plan).multiplyAdds;
  const baseline = wholePlan(model, baselinePlan(model.plan));
  const most = costOf(baseline);
  const keyOf = (plan: DecodePlan) => JSON.stringify(plan);
  const plans = new Map<string, DecodePlan>();
  for (const plan of [model.plan, baseline, ...(model.paretoFront?.plans ?? []).map(({ plan }) => plan)]) {
    plans.set(keyOf(plan), plan);
  }
  for (let i = 0; i < tries; i++) {
    const plan = planWithin(model, 10 ** ((-3.5 * i) / tries));
    if (plan) plans.set(keyOf(plan), plan);
  }
  const distances = new Map(model.paretoFront?.plans.map(({ plan, distance }) => [keyOf(plan), distance]));
  return [...plans.values()]
    .map((plan) => {
      const multiplyAdds = costOf(plan);
      const distance = distances.get(keyOf(plan));
      return {
        plan,
        multiplyAdds,
        share: multiplyAdds / most,
        distance: distance === undefined ? null : distance / model.paretoFront!.baselineDistance,
        name:
          keyOf(plan) === keyOf(model.plan)
            ? ("default" as const)
            : keyOf(plan) === keyOf(baseline)
              ? ("baseline" as const)
              : null,
      };
    })
    .sort((a, b) => a.multiplyAdds - b.multiplyAdds);
}

function planWithin(model: GenerativeModel, budget: number): DecodePlan | null {
  try {
    return resolveRequest({ budget }, model).plan;
  } catch (error) {
    if (error instanceof InputError) return null; // no plan is so cheap
    throw error;
  }
}

/** The sub-model of each step. */
export const factorsOf = ({ modelSchedule }: DecodePlan): number[] =>
  modelSchedule.flatMap(({ factor, steps }) => Array<number>(steps).fill(factor));

/** A plan with these sub-models, one per step. Guidance whose interval has no step any more is in all of them. */
export function withFactors(plan: DecodePlan, factors: readonly number[]): PlanInput {
  const runs: { factor: number; steps: number }[] = [];
  for (const factor of factors) {
    const last = runs.at(-1);
    if (last?.factor === factor) last.steps++;
    else runs.push({ factor, steps: 1 });
  }
  const { leaveOut: _, ...rest } = plan;
  const steps = factors.length;
  return { ...rest, steps, modelSchedule: runs, guidance: guidanceOver(plan.guidance, steps) };
}

/** What of a plan differs from another: laid over that one, it gives the plan again. */
export function planDifference(plan: DecodePlan, base: DecodePlan): PlanInput {
  const isOther = (a: unknown, b: unknown) => JSON.stringify(a) !== JSON.stringify(b);
  /** What is left out in a plan is said here, where the base has it otherwise. */
  const said = ({ leaveOut = [], unmask, cache, ...rest }: DecodePlan): PlanInput => ({
    ...rest,
    leaveOut,
    unmask: unmask ?? { kind: "schedule" },
    cache: base.cache.runs ? { ...cache, runs: cache.runs ?? "all-masked" } : cache,
  });
  const [all, from] = [said(plan), said(base)];
  const differing = Object.entries(all).filter(([name, value]) =>
    isOther(value, from[name as keyof typeof from]),
  );
  return Object.fromEntries(differing) as PlanInput;
}
