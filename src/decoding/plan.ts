/**
 * The decode plan: every choice of a decode in one plain object that can be printed, saved as JSON and read back.
 * {@link makePlan} reads one that a user wrote and fills in defaults; `resolvePlan` (resolve-plan.ts) turns a plan into
 * its steps.
 *
 * K steps; p a downscale factor: p = 1 is the full model, p = 8 has an eighth of its heads and hidden units.
 */
import { z } from "zod";
import { invalidValue, type Path, parse, type Where } from "../core/validate.ts";
import { type Guidance, guidanceOver, guidanceSchedules, hasStepIn } from "./guidance.ts";
import { type MaskSchedule, maskScheduleKinds } from "./mask-schedule.ts";
import {
  evenModelSchedule,
  modelScheduleSchema,
  printModelSchedule,
  type ScheduleRun,
  stepsOf,
} from "./model-schedule.ts";
import type { EntropyRule } from "./unmasking.ts";

/**
 * All settings of a decode: which sub-model runs at which step, what each step decodes, and how tokens are drawn.
 */
export interface DecodePlan {
  /** K. */
  readonly steps: number;
  /** The model-size schedule: which sub-model runs for how many steps, in order; the steps add up to K. */
  readonly modelSchedule: readonly ScheduleRun[];
  /**
   * Steps k that do not run, ascending; the next one that runs decodes their tokens too, and the others stay what they
   * are: step k of K. Never the last one. Absent where all run.
   */
  readonly leaveOut?: readonly number[];
  readonly maskSchedule: MaskSchedule;
  /** Steps may decode more tokens than the schedule says, where the model is sure of them. Absent: they do not. */
  readonly unmask?: EntropyRule;
  /** T of score = log p + T (1 - r) Gumbel, r = (k+1)/K; 0 keeps the likeliest tokens, without chance. */
  readonly choiceTemperature: number;
  readonly tokenTemperature: TokenTemperature;
  /** Sample among the k likeliest ids only, or null. */
  readonly topK: number | null;
  /** Sample among the fewest ids whose probabilities add up to p, in (0, 1], or null. */
  readonly topP: number | null;
  /** Sample among the ids at least so likely as this fraction of the likeliest, in (0, 1], or null. */
  readonly minP: number | null;
  readonly guidance: Guidance;
  readonly cache: CachePlan;
}

/** What logits are divided by before sampling: a constant, or bias + scale (1 - r), r = (k+1)/K. */
export type TokenTemperature =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "annealed"; readonly bias: number; readonly scale: number };

export interface CachePlan {
  /** False: every step runs every position. */
  readonly enabled: boolean;
  /**
   * When every position is encoded again, and no entry of the cache is stale. The first step and every change of a branch's sub-model always refresh,
   * since the caches of two sub-models differ in their number of heads. Beyond that: not at all (`"on-switch"`), or
   * whenever n steps have passed since the last refresh. `"never"` is for plans without a change: with one, it is
   * the same as `"on-switch"`.
   */
  readonly refresh: "on-switch" | "never" | { readonly every: number };
  /**
   * Which masked tokens a step asks the model for. `"all-masked"`, the same as absent: all of them, of which it then
   * decodes some. `"needed"`: those that it decodes and no others. Partial steps then run these and what the step before
   * decoded; every other masked position keeps its keys and values of the last full step (after PGM, ICLR 2026, which
   * leaves such positions out altogether). Only for an order that is known beforehand: the `halton` mask schedule.
   */
  readonly runs?: (typeof cacheRuns)[number];
}

/** What {@link CachePlan.runs} may be. */
export const cacheRuns = ["all-masked", "needed"] as const;

/** 12 steps from the smallest sub-model to the largest, cosine, cached; guidance off until a model sets its scale. */
export const defaultPlan: DecodePlan = {
  steps: 12,
  modelSchedule: [
    { factor: 8, steps: 3 },
    { factor: 4, steps: 3 },
    { factor: 2, steps: 3 },
    { factor: 1, steps: 3 },
  ],
  maskSchedule: { kind: "cosine" },
  choiceTemperature: 4.5,
  tokenTemperature: { kind: "constant", value: 1 },
  topK: null,
  topP: null,
  minP: null,
  guidance: { scale: 0, schedule: "constant", power: 3, interval: [0, 1], unconditionalFactor: "same" },
  cache: { enabled: true, refresh: "on-switch" },
};

/** Any part of a plan, to be laid over a whole one: {@link changePlan}. */
export type PlanChanges = Partial<Omit<DecodePlan, "unmask" | "guidance" | "cache">> & {
  /** Of kind "schedule": as many tokens a step as the schedule says, where the whole plan has it otherwise. */
  readonly unmask?: EntropyRule | { readonly kind: "schedule" };
  readonly guidance?: Partial<Guidance>;
  readonly cache?: Partial<CachePlan>;
};

/** A plan as a user gives it: any part of it, the model schedule also as text, "8x3,4x3,2x3,1x3". */
export type PlanInput = Omit<PlanChanges, "modelSchedule"> & {
  readonly modelSchedule?: readonly ScheduleRun[] | string;
};

const aboveZero = z.number().positive();
const atLeastZero = z.number().min(0);
const atLeastOne = z.int().min(1);
/** A fraction in (0, 1]. */
const portion = z.number().positive().max(1);

/** A part of a plan as a user writes it. Every field may be left out; what they mean together is checked with the rest. */
export const planSchema = z
  .strictObject({
    steps: atLeastOne,
    modelSchedule: modelScheduleSchema,
    leaveOut: z.array(z.int().min(0)),
    maskSchedule: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("pow"), exponent: aboveZero }),
      z.strictObject({ kind: z.enum(maskScheduleKinds).exclude(["pow"]) }),
    ]),
    unmask: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("entropy"), bound: atLeastZero }),
      z.strictObject({ kind: z.literal("schedule") }),
    ]),
    choiceTemperature: atLeastZero,
    tokenTemperature: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("constant"), value: aboveZero }),
      z.strictObject({
        kind: z.literal("annealed"),
        bias: aboveZero.default(0.5),
        scale: atLeastZero.default(0.8),
      }),
    ]),
    topK: atLeastOne.nullable(),
    topP: portion.nullable(),
    minP: portion.nullable(),
    guidance: z
      .strictObject({
        scale: atLeastZero,
        schedule: z.enum(guidanceSchedules),
        power: aboveZero,
        interval: z
          .tuple([z.number().min(0), z.number().max(1)])
          .refine(([from, to]) => from < to)
          .meta({ allowed: "[from, to] with 0 <= from < to <= 1, fractions of the steps" }),
        unconditionalFactor: z.union([z.enum(["same", "smaller"]), atLeastOne]),
      })
      .partial(),
    cache: z
      .strictObject({
        enabled: z.boolean(),
        refresh: z.union([z.enum(["on-switch", "never"]), z.strictObject({ every: atLeastOne })]),
        runs: z.enum(cacheRuns),
      })
      .partial(),
  })
  .partial();

/**
 * The baseline decode that a plan is held against: the full model in both branches of guidance, every position at every
 * step, no cache.
 *
 * @param factor  of a sub-model instead of the full one
 */
export function baselinePlan({ steps }: Pick<DecodePlan, "steps">, factor = 1): PlanChanges {
  return {
    modelSchedule: [{ factor, steps }],
    guidance: { unconditionalFactor: "same" },
    cache: { enabled: false, runs: "all-masked" },
  };
}

/**
 * A whole, checked plan from a part of one; also the reader of plans saved as JSON.
 *
 * @param input  not trusted, whatever its type says: parsed JSON may be passed
 * @param base   where what `input` leaves out comes from; see {@link changePlan}
 * @param where  the file or option that `input` came from, which messages begin with
 * @param path   its place there
 * @throws InputError naming the field, what it must be, and what came
 */
export function makePlan(
  input: PlanInput = {},
  base = defaultPlan,
  where: Where = "plan",
  path: Path = [],
): DecodePlan {
  return completePlan(parse(planSchema, input, where, path), base, where, path);
}

/**
 * {@link makePlan} for a part that {@link planSchema} has read already, as one field of a configuration.
 *
 * @throws InputError where its fields do not go together
 */
export function completePlan(
  changes: PlanChanges,
  base: DecodePlan,
  where: Where,
  path: Path = [],
): DecodePlan {
  const plan = changePlan(base, changes);
  const { steps, modelSchedule, leaveOut = [], guidance } = plan;
  const total = stepsOf(modelSchedule);
  if (total !== steps) {
    throw invalidValue(
      where,
      [...path, "modelSchedule"],
      `must have as many steps as steps says, ${steps}`,
      total,
      `change one of the two; it is "${printModelSchedule(modelSchedule)}"`,
    );
  }
  if (leaveOut.some((step, i) => step >= steps - 1 || (i > 0 && step <= leaveOut[i - 1]))) {
    const must = `must be a list of steps in 0..${steps - 2}, ascending, the last step never among them`;
    throw invalidValue(where, [...path, "leaveOut"], must, leaveOut);
  }
  if (guidance.scale > 0 && !hasStepIn(guidance.interval, steps)) {
    const [from, to] = guidance.interval;
    throw invalidValue(
      where,
      [...path, "guidance", "interval"],
      `must hold a step k of ${steps}, ${from} <= k/${steps} < ${to}`,
      guidance.interval,
      "widen it, or set scale to 0",
    );
  }
  const hindrance = plan.cache.runs === "needed" ? hindranceToNeeded(plan) : null;
  if (hindrance) {
    const must = `must be "all-masked" ${hindrance.where}`;
    throw invalidValue(where, [...path, "cache", "runs"], must, plan.cache.runs, hindrance.remedy);
  }
  return plan;
}

/** Why the steps of a plan cannot run only what is needed, and what to change; null: they can. */
function hindranceToNeeded({
  maskSchedule,
  cache,
  unmask,
}: Pick<DecodePlan, "maskSchedule" | "cache" | "unmask">): { where: string; remedy: string } | null {
  if (maskSchedule.kind !== "halton") {
    const where = `with the ${maskSchedule.kind} mask schedule, which does not say beforehand which tokens a step decodes`;
    return { where, remedy: 'set maskSchedule.kind to "halton"' };
  }
  if (!cache.enabled) return { where: "without the cache", remedy: "set cache.enabled to true" };
  if (unmask) {
    const where = "with an entropy rule, which needs all masked tokens to choose how many a step decodes";
    return { where, remedy: 'leave unmask out, or set its kind to "schedule"' };
  }
  return null;
}

/**
 * A plan with changes. A model schedule without `steps` sets K. Fields of `guidance` and `cache` are changed one by one;
 * the interval of guidance stays only where it still has a step (else guidance is in all), `leaveOut` only where
 * neither steps nor model schedule change, and `cache.runs` only where mask schedule, cache and `unmask` allow it.
 * Nothing is checked: for changes of a user, see `makePlan`.
 */
export function changePlan(base: DecodePlan, changes: PlanChanges): DecodePlan {
  const modelSchedule = changes.modelSchedule ?? base.modelSchedule;
  const steps = changes.steps ?? (changes.modelSchedule ? stepsOf(modelSchedule) : base.steps);
  const isResized = changes.modelSchedule !== undefined || changes.steps !== undefined;
  const leaveOut = changes.leaveOut ?? (isResized ? [] : (base.leaveOut ?? []));
  const unmask = changes.unmask ?? base.unmask;
  const { guidance = {}, cache = {} } = changes;
  const baseGuidance = guidanceOver(base.guidance, steps);
  const maskSchedule = changes.maskSchedule ?? base.maskSchedule;
  const entropyRule = unmask?.kind === "entropy" ? { unmask } : {};
  const changedCache = {
    enabled: cache.enabled ?? base.cache.enabled,
    refresh: cache.refresh ?? base.cache.refresh,
  };
  const isBaseKept = hindranceToNeeded({ maskSchedule, cache: changedCache, ...entropyRule }) === null;
  const runs = cache.runs ?? (isBaseKept ? base.cache.runs : undefined);
  return {
    steps,
    modelSchedule,
    ...(leaveOut.length > 0 && { leaveOut }),
    maskSchedule,
    ...entropyRule,
    choiceTemperature: changes.choiceTemperature ?? base.choiceTemperature,
    tokenTemperature: changes.tokenTemperature ?? base.tokenTemperature,
    topK: changes.topK === undefined ? base.topK : changes.topK,
    topP: changes.topP === undefined ? base.topP : changes.topP,
    minP: changes.minP === undefined ? base.minP : changes.minP,
    guidance: {
      scale: guidance.scale ?? baseGuidance.scale,
      schedule: guidance.schedule ?? baseGuidance.schedule,
      power: guidance.power ?? baseGuidance.power,
      interval: guidance.interval ?? baseGuidance.interval,
      unconditionalFactor: guidance.unconditionalFactor ?? baseGuidance.unconditionalFactor,
    },
    cache: { ...changedCache, ...(runs === "needed" && { runs }) },
  };
}

/** The general default plan over a model's own factors. */
export function basePlan(factors: readonly number[]): DecodePlan {
  return { ...defaultPlan, modelSchedule: evenModelSchedule(defaultPlan.steps, factors) };
}

/**
 * The default for completing videos, from the plan of generating: the uniform schedule and the choice temperature of
 * MAGVIT's frame prediction (Yu et al. 2023, appendix: K600), no guidance.
 */
export function completionPlan(plan: DecodePlan): DecodePlan {
  return changePlan(plan, {
    maskSchedule: { kind: "linear" },
    choiceTemperature: 7.5,
    guidance: { scale: 0 },
  });
}
