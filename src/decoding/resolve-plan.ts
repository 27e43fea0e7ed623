/**
 * From a plan to its steps: which sub-models run, over how many positions, and how many tokens each step decodes. All
 * of it is known before anything runs, since no count depends on a sampled value. With an entropy rule (unmasking.ts)
 * the counts are the fewest, and what is known is the most that can run.
 *
 * N grid tokens, N0 of them masked at the start, K steps k = 0..K-1, r = (k+1)/K, p downscale factor.
 */
import { requireInput } from "../core/errors.ts";
import { invalidValue, type Path, type Where } from "../core/validate.ts";
import { guidanceScaleAt, unconditionalFactorFor } from "./guidance.ts";
import { maskedAfterSteps } from "./mask-schedule.ts";
import type { DecodePlan } from "./plan.ts";

/** What resolving needs to know of a model. */
export interface ModelFacts {
  /** N. */
  readonly gridTokens: number;
  /** The downscale factors that the model was trained for. */
  readonly factors: readonly number[];
  /** Attention heads of the full model; given, every factor used must divide it. */
  readonly heads?: number;
}

export interface ResolvedPlan {
  readonly gridTokens: number;
  /** N0. */
  readonly maskedTokens: number;
  /** The steps that run, in order: those that decode a token, without those left out. */
  readonly steps: readonly ResolvedStep[];
}

export interface ResolvedStep {
  /** k, the index in the plan. */
  readonly step: number;
  readonly factor: number;
  /** Null: no unconditional pass. */
  readonly unconditionalFactor: number | null;
  /** Every position and the class token run; see `resolvePlan` for when. */
  readonly isFull: boolean;
  /** The next step is partial, so it reads this one's keys and values; with an entropy rule, it may be. */
  readonly isCacheRead: boolean;
  /** A: grid positions that run; N in a full step. */
  readonly active: number;
  /** Masked tokens when the step begins. */
  readonly maskedBefore: number;
  /** M: how many of them get logits and a sampled id; all, or with `cache.runs` "needed" those that the step decodes. */
  readonly predicted: number;
  /** How many of them keep their id; at least 1. With an entropy rule, the fewest. */
  readonly unmaskCount: number;
  /** s; 0 exactly when there is no unconditional pass. */
  readonly guidanceScale: number;
  /** T (1 - r). */
  readonly choiceTemperature: number;
  readonly tokenTemperature: number;
}

/**
 * The steps of a plan.
 *
 * A step is full when a cache it would read does not follow on from the step before: the first step; a branch's
 * factor changed; the unconditional branch sets in, or comes back after steps without it (its entries are missing or
 * stale). Both branches are then refilled, so that they always hold the same positions and one list of active
 * positions serves both. A full step is also made when the cache is off, and when the plan's refresh rule asks.
 *
 * A partial step runs the positions that were masked at the start of the step before: those still masked, and those
 * decoded in that step, which are thus encoded once with their real ids. With `cache.runs` "needed" it runs only the
 * latter and those that it decodes itself: of those still masked after it, the entries stay as the last full step made
 * them.
 *
 * Steps left out change nothing else: those that run keep their index k, and with it their temperatures, guidance and
 * number of tokens still masked after them. The same goes for steps that find nothing to decode: the first K - N0 when
 * there are fewer tokens than steps, and those whose tokens an entropy rule decoded before.
 *
 * @param maskedTokens  N0, in 1..N; all tokens unless editing
 * @param maskedAfter   [K] tokens still masked after each step, never rising, 0 after the last; default: those of the
 *   mask schedule
 * @throws InputError for a number of masked tokens that is not in 1..N. Whether the plan fits the model is not asked
 *   here: {@link requirePlanFits}
 */
export function resolvePlan(
  plan: DecodePlan,
  model: ModelFacts,
  maskedTokens = model.gridTokens,
  maskedAfter: readonly number[] = maskedAfterSteps(plan.maskSchedule, plan.steps, maskedTokens),
): ResolvedPlan {
  requireInput(
    Number.isInteger(maskedTokens) && maskedTokens >= 1 && maskedTokens <= model.gridTokens,
    `decode: the number of masked tokens must be in 1..${model.gridTokens}, got ${maskedTokens}`,
  );
  const factorOfStep = plan.modelSchedule.flatMap((run) => Array<number>(run.steps).fill(run.factor));
  const isLeftOut = (k: number) => k < plan.steps - 1 && plan.leaveOut?.includes(k) === true;

  const steps: Omit<ResolvedStep, "isCacheRead">[] = [];
  let lastRefresh = 0;
  for (let k = 0; k < plan.steps; k++) {
    const previous = steps.at(-1);
    const maskedBefore = previous ? maskedAfter[previous.step] : maskedTokens;
    if (isLeftOut(k) || maskedAfter[k] === maskedBefore) continue;
    const remaining = 1 - (k + 1) / plan.steps;
    const factor = factorOfStep[k];
    const guidanceScale = guidanceScaleAt(plan.guidance, k, plan.steps);
    const unconditionalFactor =
      guidanceScale === 0 ? null : unconditionalFactorFor(plan.guidance, factor, model.factors);

    const followsOn =
      previous !== undefined &&
      previous.factor === factor &&
      (unconditionalFactor === null || previous.unconditionalFactor === unconditionalFactor);
    const { enabled, refresh } = plan.cache;
    const isDue = typeof refresh === "object" && k - lastRefresh >= refresh.every;
    const isFull = !enabled || !followsOn || isDue;
    if (isFull) lastRefresh = k;
    const unmaskCount = maskedBefore - maskedAfter[k];
    const predicted = plan.cache.runs === "needed" ? unmaskCount : maskedBefore;
    // Besides those predicted, a partial step runs what the step before decoded.
    const active = isFull ? model.gridTokens : predicted + previous!.maskedBefore - maskedBefore;

    steps.push({
      step: k,
      factor,
      unconditionalFactor,
      isFull,
      active,
      maskedBefore,
      predicted,
      unmaskCount,
      guidanceScale,
      choiceTemperature: plan.choiceTemperature * remaining,
      tokenTemperature:
        plan.tokenTemperature.kind === "constant"
          ? plan.tokenTemperature.value
          : plan.tokenTemperature.bias + plan.tokenTemperature.scale * remaining,
    });
  }
  const isRead = (i: number) =>
    plan.unmask ? plan.cache.enabled && i + 1 < steps.length : steps[i + 1]?.isFull === false;
  return {
    gridTokens: model.gridTokens,
    maskedTokens,
    steps: steps.map((step, i) => ({ ...step, isCacheRead: isRead(i) })),
  };
}

/**
 * Refuses a plan that a model cannot run, because it has no such sub-model. Asked once, where a plan comes in.
 *
 * @param where  the file or option that the plan came from, which messages begin with
 * @param path   its place there
 * @throws InputError naming the field, the sub-models that there are, and what came
 */
export function requirePlanFits(
  plan: DecodePlan,
  model: ModelFacts,
  where: Where = "plan",
  path: Path = [],
): void {
  const requireFactor = (factor: number, place: Path) => {
    if (!model.factors.includes(factor)) {
      const must = `must name the model's sub-models, p = ${model.factors.join(", ")}`;
      throw invalidValue(where, [...path, ...place], must, factor);
    }
    if (model.heads !== undefined && model.heads % factor !== 0) {
      throw invalidValue(where, [...path, ...place], `must divide the model's ${model.heads} heads`, factor);
    }
  };
  for (const { factor } of plan.modelSchedule) requireFactor(factor, ["modelSchedule"]);
  const { guidance, steps } = plan;
  const isGuided = Array.from({ length: steps }).some((_, k) => guidanceScaleAt(guidance, k, steps) > 0);
  if (isGuided && typeof guidance.unconditionalFactor === "number") {
    requireFactor(guidance.unconditionalFactor, ["guidance", "unconditionalFactor"]);
  }
}
