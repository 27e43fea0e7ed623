/**
 * The decode plan: every choice of a decode in one plain object that can be printed, saved as JSON and read back.
 * {@link makePlan} fills in defaults and checks; `resolvePlan` (resolve-plan.ts) turns a plan into its steps.
 *
 * K steps; p a downscale factor: p = 1 is the full model, p = 8 has an eighth of its heads and hidden units.
 */
import { InputError, requireInput, unknownName } from "../core/errors.ts";
import { type Guidance, guidanceOver, guidanceSchedules, hasStepIn } from "./guidance.ts";
import { type MaskSchedule, maskScheduleKinds } from "./mask-schedule.ts";
import type { EntropyRule } from "./unmasking.ts";

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

/** `steps` steps in a row at downscale factor `factor`. */
export interface ScheduleRun {
  readonly factor: number;
  readonly steps: number;
}

/** What logits are divided by before sampling: a constant, or bias + scale (1 - r), r = (k+1)/K. */
export type TokenTemperature =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "annealed"; readonly bias: number; readonly scale: number };

export interface CachePlan {
  /** False: every step runs every position. */
  readonly enabled: boolean;
  /**
   * When every position is encoded anew. The first step and every change of a branch's sub-model always refresh,
   * since the caches of two sub-models differ in their number of heads. Beyond that: not at all (`"on-switch"`), or
   * whenever n steps have passed since the last refresh. `"never"` is for plans without a change: with one, it is
   * the same as `"on-switch"`.
   */
  readonly refresh: "on-switch" | "never" | { readonly every: number };
}

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

/**
 * What {@link makePlan} takes: any part of a plan; sizes also as text, "8x3,4x3,2x3,1x3"; `unmask` also of kind
 * "schedule", for as many tokens as the schedule says where the base has it otherwise.
 */
export type PlanInput = Partial<Omit<DecodePlan, "modelSchedule" | "unmask" | "guidance" | "cache">> & {
  readonly modelSchedule?: readonly ScheduleRun[] | string;
  readonly unmask?: EntropyRule | { readonly kind: "schedule" };
  readonly guidance?: Partial<Guidance>;
  readonly cache?: Partial<CachePlan>;
};

/**
 * The baseline decode that a plan is held against: the full model in both branches of guidance, every position at every
 * step, no cache.
 *
 * @param factor  of a sub-model instead of the full one
 */
export function baselinePlan({ steps }: Pick<DecodePlan, "steps">, factor = 1): PlanInput {
  return {
    modelSchedule: [{ factor, steps }],
    guidance: { unconditionalFactor: "same" },
    cache: { enabled: false },
  };
}

/**
 * A whole, checked plan from a part of one; also the reader of plans saved as JSON.
 *
 * @param input  not trusted, whatever its type says: parsed JSON may be passed. `modelSchedule` without `steps` sets K.
 * @param base   where what `input` leaves out comes from; fields of `guidance` and `cache` one by one, the interval of
 *   guidance only where it has a step (else guidance is in all), `leaveOut` only where steps and sizes are not given
 *   anew
 * @param where  what error messages begin with, e.g. `generation_config.json`
 * @throws InputError naming the field, what it must be, and what came
 */
export function makePlan(input: PlanInput = {}, base = defaultPlan, where = "plan"): DecodePlan {
  const given = fieldsOf(where, input, [...Object.keys(defaultPlan), "leaveOut", "unmask"]);
  const guidance = fieldsOf(`${where}.guidance`, given.guidance ?? {}, Object.keys(defaultPlan.guidance));
  const cache = fieldsOf(`${where}.cache`, given.cache ?? {}, Object.keys(defaultPlan.cache));
  const modelSchedule = modelScheduleFrom(
    `${where}.modelSchedule`,
    given.modelSchedule ?? base.modelSchedule,
  );
  const total = modelSchedule.reduce((sum, run) => sum + run.steps, 0);
  const steps = integer(`${where}.steps`, given.steps ?? (given.modelSchedule ? total : base.steps), 1);
  requireInput(
    total === steps,
    `${where}.modelSchedule: the steps must add up to ${steps} (steps), but ${printModelSchedule(modelSchedule)} has ${total}; ` +
      "change one of the two",
  );
  const isResized = given.modelSchedule !== undefined || given.steps !== undefined;
  const leaveOut = leaveOutFrom(
    `${where}.leaveOut`,
    given.leaveOut ?? (isResized ? [] : (base.leaveOut ?? [])),
    steps,
  );
  const unmask = unmaskFrom(`${where}.unmask`, given.unmask ?? base.unmask ?? { kind: "schedule" });
  return {
    steps,
    modelSchedule,
    ...(leaveOut.length > 0 && { leaveOut }),
    maskSchedule: maskScheduleFrom(`${where}.maskSchedule`, given.maskSchedule ?? base.maskSchedule),
    ...(unmask && { unmask }),
    choiceTemperature: atLeastZero(
      `${where}.choiceTemperature`,
      given.choiceTemperature ?? base.choiceTemperature,
    ),
    tokenTemperature: tokenTemperatureFrom(
      `${where}.tokenTemperature`,
      given.tokenTemperature ?? base.tokenTemperature,
    ),
    topK: orNull(given.topK === undefined ? base.topK : given.topK, (v) => integer(`${where}.topK`, v, 1)),
    topP: orNull(given.topP === undefined ? base.topP : given.topP, (v) => portion(`${where}.topP`, v)),
    minP: orNull(given.minP === undefined ? base.minP : given.minP, (v) => portion(`${where}.minP`, v)),
    guidance: guidanceFrom(
      `${where}.guidance`,
      { ...guidanceOver(base.guidance, steps), ...guidance },
      steps,
    ),
    cache: cacheFrom(`${where}.cache`, { ...base.cache, ...cache }),
  };
}

/** Reads "8x3,4x3,2x3,1x3": factor x steps, comma between. Throws InputError naming the part that is wrong. */
export function parseModelSchedule(text: string, where = "plan.modelSchedule"): ScheduleRun[] {
  return text.split(",").map((part) => {
    const match = /^\s*(\d+)\s*x\s*(\d+)\s*$/i.exec(part);
    requireInput(
      match !== null,
      `${where}: must be factor x steps pairs such as 8x3,4x3,2x3,1x3, got "${part}" in "${text}"`,
    );
    return {
      factor: integer(`${where}, factor of "${part}"`, Number(match[1]), 1),
      steps: integer(`${where}, steps of "${part}"`, Number(match[2]), 1),
    };
  });
}

/** The text that {@link parseModelSchedule} reads. */
export function printModelSchedule(modelSchedule: readonly ScheduleRun[]): string {
  return modelSchedule.map((run) => `${run.factor}x${run.steps}`).join(",");
}

/** K steps spread evenly over a model's factors, smallest sub-model first; what is left over goes to the small ones. */
export function evenModelSchedule(steps: number, factors: readonly number[]): ScheduleRun[] {
  return [...factors]
    .sort((a, b) => b - a)
    .map((factor, i) => ({ factor, steps: Math.ceil((steps - i) / factors.length) }))
    .filter((run) => run.steps > 0);
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
  return {
    ...plan,
    maskSchedule: { kind: "linear" },
    choiceTemperature: 7.5,
    guidance: { ...plan.guidance, scale: 0 },
  };
}

function modelScheduleFrom(where: string, value: unknown): ScheduleRun[] {
  if (typeof value === "string") return parseModelSchedule(value, where);
  requireInput(
    Array.isArray(value) && value.length > 0,
    `${where}: must be text such as "8x3,1x9" or a list of {factor, steps}, got ${show(value)}`,
  );
  return value.map((run: unknown, i) => {
    const given = fieldsOf(`${where}[${i}]`, run, ["factor", "steps"]);
    return {
      factor: integer(`${where}[${i}].factor`, given.factor, 1),
      steps: integer(`${where}[${i}].steps`, given.steps, 1),
    };
  });
}

function leaveOutFrom(where: string, value: unknown, steps: number): readonly number[] {
  const isStep = (step: unknown) =>
    Number.isInteger(step) && (step as number) >= 0 && (step as number) < steps - 1;
  requireInput(
    Array.isArray(value) && value.every((step, i) => isStep(step) && (i === 0 || step > value[i - 1])),
    `${where}: must be a list of steps in 0..${steps - 2}, ascending, the last step never among them, got ${show(value)}`,
  );
  return value;
}

function maskScheduleFrom(where: string, value: unknown): MaskSchedule {
  const given = fieldsOf(where, value, ["kind", "exponent"]);
  const kind = oneOf(`${where}.kind`, given.kind, maskScheduleKinds);
  if (kind === "pow") return { kind, exponent: aboveZero(`${where}.exponent`, given.exponent) };
  requireInput(
    given.exponent === undefined,
    `${where}.exponent: only "pow" has one, but kind is "${kind}"; leave it out`,
  );
  return { kind };
}

function unmaskFrom(where: string, value: unknown): EntropyRule | null {
  const given = fieldsOf(where, value, ["kind", "bound"]);
  const kind = oneOf(`${where}.kind`, given.kind, ["schedule", "entropy"]);
  if (kind === "entropy") return { kind, bound: atLeastZero(`${where}.bound`, given.bound) };
  requireInput(
    given.bound === undefined,
    `${where}.bound: only "entropy" has one, but kind is "${kind}"; leave it out`,
  );
  return null;
}

function tokenTemperatureFrom(where: string, value: unknown): TokenTemperature {
  const { kind, ...rest } = fieldsOf(where, value, ["kind", "value", "bias", "scale"]);
  if (oneOf(`${where}.kind`, kind, ["constant", "annealed"]) === "constant") {
    const given = fieldsOf(where, rest, ["value"]);
    return { kind: "constant", value: aboveZero(`${where}.value`, given.value) };
  }
  const given = fieldsOf(where, rest, ["bias", "scale"]);
  return {
    kind: "annealed",
    bias: aboveZero(`${where}.bias`, given.bias ?? 0.5),
    scale: atLeastZero(`${where}.scale`, given.scale ?? 0.8),
  };
}

function guidanceFrom(where: string, given: Record<string, unknown>, steps: number): Guidance {
  const interval = given.interval;
  requireInput(
    Array.isArray(interval) &&
      interval.length === 2 &&
      interval.every((end) => typeof end === "number") &&
      0 <= interval[0] &&
      interval[0] < interval[1] &&
      interval[1] <= 1,
    `${where}.interval: must be [from, to] with 0 <= from < to <= 1, fractions of the steps, got ${show(interval)}`,
  );
  const [from, to] = interval as [number, number];
  const scale = atLeastZero(`${where}.scale`, given.scale);
  requireInput(
    scale === 0 || hasStepIn([from, to], steps),
    `${where}.interval: no step k of ${steps} has ${from} <= k/${steps} < ${to}; widen it, or set scale to 0`,
  );
  const factor = given.unconditionalFactor;
  return {
    scale,
    schedule: oneOf(`${where}.schedule`, given.schedule, guidanceSchedules),
    power: aboveZero(`${where}.power`, given.power),
    interval: [from, to],
    unconditionalFactor:
      typeof factor === "number"
        ? integer(`${where}.unconditionalFactor`, factor, 1)
        : oneOf(`${where}.unconditionalFactor`, factor, ["same", "smaller"] as const),
  };
}

function cacheFrom(where: string, given: Record<string, unknown>): CachePlan {
  requireInput(
    typeof given.enabled === "boolean",
    `${where}.enabled: must be true or false, got ${show(given.enabled)}`,
  );
  if (typeof given.refresh !== "object") {
    const refresh = oneOf(
      `${where}.refresh`,
      given.refresh,
      ["on-switch", "never"] as const,
      ', or {"every": n}',
    );
    return { enabled: given.enabled, refresh };
  }
  const { every } = fieldsOf(`${where}.refresh`, given.refresh, ["every"]);
  return { enabled: given.enabled, refresh: { every: integer(`${where}.refresh.every`, every, 1) } };
}

/** `value` as an object that has no other keys than `known`. */
function fieldsOf(where: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  requireInput(
    typeof value === "object" && value !== null && !Array.isArray(value),
    `${where}: must be an object with ${known.join(", ")}, got ${show(value)}`,
  );
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw unknownName(`${where}: unknown key`, key, known);
  }
  return value as Record<string, unknown>;
}

function oneOf<T extends string>(where: string, value: unknown, known: readonly T[], also = ""): T {
  if (known.includes(value as T)) return value as T;
  if (typeof value === "string") throw unknownName(`${where}: unknown name`, value, known);
  throw new InputError(`${where}: must be one of ${known.join(", ")}${also}, got ${show(value)}`);
}

function integer(where: string, value: unknown, least: number): number {
  requireInput(
    Number.isSafeInteger(value) && (value as number) >= least,
    `${where}: must be an integer of at least ${least}, got ${show(value)}`,
  );
  return value as number;
}

function aboveZero(where: string, value: unknown): number {
  requireInput(
    Number.isFinite(value) && (value as number) > 0,
    `${where}: must be above 0, got ${show(value)}`,
  );
  return value as number;
}

/** A number in (0, 1]. */
function portion(where: string, value: unknown): number {
  requireInput(
    Number.isFinite(value) && (value as number) > 0 && (value as number) <= 1,
    `${where}: must be in (0, 1], got ${show(value)}`,
  );
  return value as number;
}

function atLeastZero(where: string, value: unknown): number {
  requireInput(
    Number.isFinite(value) && (value as number) >= 0,
    `${where}: must be 0 or above, got ${show(value)}`,
  );
  return value as number;
}

function orNull<T>(value: unknown, check: (value: unknown) => T): T | null {
  return value === null ? null : check(value);
}

/** A value as it reads in a message: NaN and undefined by name, text in quotes. */
function show(value: unknown): string {
  return typeof value === "number" || value === undefined ? String(value) : JSON.stringify(value);
}
