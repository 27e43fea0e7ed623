/** Which plan a model decodes by: its default and what differs, the best within a budget, or the cheapest that is good enough. */
import { requireInput } from "../core/errors.ts";
import { invalidValue } from "../core/validate.ts";
import { evenModelSchedule } from "../decoding/model-schedule.ts";
import { type DecodePlan, makePlan, type PlanInput } from "../decoding/plan.ts";
import { requirePlanFits } from "../decoding/resolve-plan.ts";
import { gridTokens, type Task, type TransformerConfig, taskClass } from "../models/transformer/config.ts";
import { modelFacts, transformerFacts } from "../models/transformer/facts.ts";
import { baselineMultiplyAdds, planWithin } from "../planning/budget.ts";
import { type PlanCost, planCost } from "../planning/cost.ts";
import {
  type FindParetoFrontOptions,
  type FoundParetoFront,
  findParetoFront,
} from "../planning/find-pareto-front.ts";
import { planReaching } from "../planning/pareto-front.ts";
import type { GenerativeModel } from "./model.ts";

/**
 * A plan for a model: its default for a task, and what differs. `steps` without a model schedule spreads the steps evenly over
 * the sub-models in the default's place.
 *
 * @param given  any part of a plan; not trusted, whatever its type says
 * @param where  what messages call it
 * @throws InputError for a task that the model was not trained for, for one that is guided, and for a setting out of range
 */
export function planFor(
  model: Pick<GenerativeModel, "plan" | "completionPlan" | "transformer">,
  given: PlanInput = {},
  task: "generate" | Task = "generate",
  where = "plan",
): DecodePlan {
  const { config } = model.transformer;
  if (task !== "generate") taskClass(config, task); // throws where it was not trained for
  const base = (task === "generate" ? null : model.completionPlan) ?? model.plan;
  const { steps } = given;
  const isSpread = steps !== undefined && given.modelSchedule === undefined && steps !== base.steps;
  const most = gridTokens(config);
  const mustBe = `must be a whole number in 1..${most}, one per token at most`;
  if (isSpread && !(Number.isSafeInteger(steps) && steps >= 1 && steps <= most)) {
    throw invalidValue(where, ["steps"], mustBe, steps);
  }
  const changes = isSpread ? { ...given, modelSchedule: evenModelSchedule(steps, config.factors) } : given;
  const plan = makePlan(changes, base, where);
  requirePlanFits(plan, modelFacts(config), where);
  if (plan.steps > Math.max(most, base.steps)) throw invalidValue(where, ["steps"], mustBe, plan.steps);
  if (task !== "generate" && plan.guidance.scale !== 0) {
    throw invalidValue(
      where,
      ["guidance", "scale"],
      `must be 0 to ${task}, since no model learns that without its task`,
      plan.guidance.scale,
    );
  }
  return plan;
}

/**
 * The plan that makes the most of a budget of compute. The model's measured plans, if it has
 * any, are plans of generating with settings of their own: they stand for no other task, and for no other settings.
 *
 * @param budget    fraction of the multiply-adds of the default plan's baseline decode, above 0
 * @param settings  what differs from the default plan besides the sizes
 * @throws InputError when no plan is so cheap, saying what the cheapest takes, and as {@link planFor}
 */
export function planForBudget(
  model: Pick<GenerativeModel, "plan" | "completionPlan" | "transformer" | "paretoFront">,
  budget: number,
  task: "generate" | Task = "generate",
  settings: PlanInput = {},
): DecodePlan {
  const isAsMeasured = task === "generate" && Object.keys(settings).length === 0;
  const facts = transformerFacts(model.transformer.config);
  return planWithin(facts, planFor(model, settings, task), budget, {
    paretoFront: isAsMeasured ? model.paretoFront?.plans : [],
    baseline: baselineMultiplyAdds(facts, planFor(model, {}, task)),
    keepsGuidance: settings.guidance !== undefined,
  });
}

/**
 * The cheapest measured plan that is good enough; see {@link planReaching}.
 *
 * @param ratio  the most that its distance may be, as a multiple of the baseline decode's; above 0
 * @throws InputError when no plan is so good, and where none was measured for the task
 */
export function planForQuality(
  { paretoFront, transformer }: Pick<GenerativeModel, "paretoFront" | "transformer">,
  ratio: number,
  task: "generate" | Task = "generate",
): DecodePlan {
  requireInput(
    task === "generate",
    `target quality: plans are measured for generating, not for ${task}; give a plan or a budget`,
  );
  requireInput(
    paretoFront,
    "target quality: no plans were measured for this model; magnets search measures them",
  );
  return planReaching(transformerFacts(transformer.config), paretoFront, ratio);
}

/** Searches a model's Pareto front of generating, around its default plan. */
export function findModelParetoFront(
  { plan, transformer }: Pick<GenerativeModel, "plan" | "transformer">,
  options: Omit<FindParetoFrontOptions, "model" | "defaults">,
): Promise<FoundParetoFront> {
  return findParetoFront({ ...options, model: transformerFacts(transformer.config), defaults: plan });
}

/**
 * The cost of a plan per image, in multiply-adds of the transformer.
 *
 * @param maskedTokens  all tokens unless editing
 */
export function modelPlanCost(config: TransformerConfig, plan: DecodePlan, maskedTokens?: number): PlanCost {
  return planCost(transformerFacts(config), plan, maskedTokens);
}
