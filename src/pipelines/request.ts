/**
 * A request: what somebody asks of a model (text, numbers, what differs from its defaults), and what becomes of it. This is
 * the only place where a plan, classes, counts and memory enter; behind it everything is known and costed, and nothing is
 * checked again.
 *
 * N grid tokens.
 */
import { z } from "zod";
import { requireInput } from "../core/errors.ts";
import type { Seed } from "../core/random.ts";
import { parse, show } from "../core/validate.ts";
import type { ScheduleRun } from "../decoding/model-schedule.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import { gridTokens, maskId, type Task, taskClass, tasks } from "../models/transformer/config.ts";
import type { PlanCost } from "../planning/cost.ts";
import { fittingBatchSize, modelPlanMemory } from "./batch-size.ts";
import { modelPlanCost, planFor, planForBudget, planForQuality } from "./choose-plan.ts";
import { classRows } from "./classes.ts";
import type { GenerativeModel } from "./model.ts";

/** How a plan is asked for. Everything left out is as in the model's default plan. */
export interface PlanOptions {
  /** Which sub-model runs for how many steps, in order: "8x3,4x3,2x3,1x3", or a list of {factor, steps}. */
  readonly modelSchedule?: string | readonly ScheduleRun[];
  /** Any part of a plan. The named options beside it go before the same thing in it. */
  readonly plan?: PlanInput;
  /** What messages call `plan`, e.g. the file that it came from; default "plan". */
  readonly planName?: string;
  /** K; spread evenly over the sub-models where there is no model schedule. */
  readonly steps?: number;
  /** s of logits = cond + s (cond - uncond); 0 is the conditional pass alone. */
  readonly guidanceScale?: number;
  /** T, 0 or above: chance in which tokens are kept. */
  readonly choiceTemperature?: number;
  /** Above 0: chance in what a token becomes. A constant; schedules go into `plan`. */
  readonly tokenTemperature?: number;
  /**
   * Fraction of the multiply-adds of the default plan's baseline decode, above 0: the plan that makes the most of it. Not
   * beside a model schedule or steps.
   */
  readonly budget?: number;
  /**
   * The most that the plan's Fréchet distance may be, as a multiple of the baseline decode's, above 0: the cheapest measured
   * plan that is as good. Not beside anything else of a plan.
   */
  readonly targetQuality?: number;
  /**
   * Milliseconds within which the images shall be there: from the first decode step to their pixels, the tokenizer's
   * decoder included, but not what comes before, which happens once per batch size (calibrating, compiling). The plan is
   * then chosen by what this device is predicted to do in that time: among the model's measured plans, or where the
   * options change its default plan, among model schedules for that. It shrinks while it runs where time runs out
   * faster. All images are decoded together.
   */
  readonly deadlineMs?: number;
}

/** What every way of making images can choose. */
export interface RequestOptions extends PlanOptions {
  /** 0 to 2^64 - 1, default 0. Image i of a seed is the same whatever count and batch size are. */
  readonly seed?: Seed;
  /** Images, 1 to 1,000,000; default 1. A longer series is made in parts, by `firstIndex`. */
  readonly count?: number;
  /**
   * Index of the first image in the seed's series, default 0: images 100 to 199 are the same whether they are made after
   * the first hundred or by themselves. Classes take turns by that index.
   */
  readonly firstIndex?: number;
  /**
   * Images decoded together, default 16; changes memory and speed, never an image. "auto": as many as fit into
   * `memoryBudget`, at most 64. By a plan with an entropy rule each is decoded alone, whatever is asked for.
   */
  readonly batchSize?: number | "auto";
  /**
   * Bytes that generating may take at its peak beyond the loaded model, for batches of size "auto"; default half of what
   * the process could still get. Kept by an estimate that measured peaks on the CPU stay below.
   */
  readonly memoryBudget?: number;
}

/** A name or number, several, or "all"; null: no condition. */
export type Classes = string | number | readonly (string | number)[] | null;

/** What is asked beside {@link RequestOptions}, by the way of making images. */
export interface RequestSubject extends RequestOptions {
  /** Default "generate". */
  readonly task?: "generate" | Task;
  /** A name or number, several that take turns, or "all"; null or left out: no condition. For generating only. */
  readonly classes?: Classes;
  /** [N], or [count, N]: start tokens, the mask id where a token is wanted, equally many for every image. */
  readonly startTokens?: Int32Array;
}

const positive = z.int().min(1);

/** Of one request; a longer series is made in parts, by `firstIndex`. */
const mostImages = 1_000_000;

/** {@link RequestOptions} as a schema, for options that extend them; the plan itself is read where every plan is. */
export const requestFields = {
  count: positive.max(mostImages).default(1),
  seed: z
    .union([
      z.int().min(0),
      z
        .bigint()
        .min(0n)
        .max(2n ** 64n - 1n),
    ])
    .default(0)
    .meta({
      allowed: "a whole number in 0..18446744073709551615, a bigint above 2^53",
    }),
  firstIndex: z.int().min(0).default(0),
  batchSize: z.union([positive, z.literal("auto")]).optional(),
  memoryBudget: z.number().positive().optional(),
  modelSchedule: z.unknown().optional(),
  plan: z.record(z.string(), z.unknown()).default({}).meta({
    allowed: "an object with parts of a plan",
    remedy: 'a model schedule such as "8x3,4x3,2x3,1x3" is modelSchedule',
  }),
  planName: z.string().optional(),
  steps: z.unknown().optional(),
  guidanceScale: z.unknown().optional(),
  choiceTemperature: z.unknown().optional(),
  tokenTemperature: z.unknown().optional(),
  budget: z.number().positive().optional(),
  targetQuality: z.number().positive().optional(),
  deadlineMs: z.number().positive().optional(),
};

/** What a request may hold. */
const requestSchema = z.strictObject({
  task: z.enum(["generate", ...tasks]).default("generate"),
  classes: z
    .union([z.string(), z.number(), z.array(z.union([z.string(), z.number()]))])
    .nullable()
    .default(null)
    .meta({ allowed: 'a class name or number, a list of them, "all", or null' }),
  startTokens: z.instanceof(Int32Array).optional().meta({ allowed: "an Int32Array of token ids" }),
  ...requestFields,
});

/** A request of which everything is known. */
export interface ResolvedRequest {
  readonly seed: Seed;
  readonly firstIndex: number;
  /** [count] the row of the class table that each image is conditioned on: a class, the null class, or a task. */
  readonly classRows: readonly number[];
  /** Every choice of the decode; a deadline begins with another one made from it. */
  readonly plan: DecodePlan;
  /** Its steps and what they cost per image, in multiply-adds. */
  readonly cost: PlanCost;
  /** N0, per image. */
  readonly maskedTokens: number;
  /** [count, N], or null: all masked. */
  readonly startTokens: Int32Array | null;
  /** Images decoded together. */
  readonly batchSize: number;
  readonly deadlineMs: number | null;
}

/**
 * Turns what is asked into what will run.
 *
 * @param availableMemory  bytes that this process could still get, for batches of size "auto"
 * @throws InputError naming the option, what it must be and what came: an unknown class, a plan that does not fit the
 *   model, a bad count, seed, first index, batch size, memory budget or start
 */
export function resolveRequest(
  options: RequestSubject,
  model: GenerativeModel,
  availableMemory: () => number = () => 2 ** 31,
): ResolvedRequest {
  const asked = parse(requestSchema, options, options.task === undefined ? "generate" : String(options.task));
  const { task, seed, count, firstIndex, deadlineMs = null } = asked;
  const { config } = model.transformer;
  requireInput(
    task === "generate" || asked.classes === null,
    `${task}: classes: must be left out, since what is given decides, got ${show(asked.classes)}`,
  );
  const startTokens = startOf(asked.startTokens, count, gridTokens(config), maskId(config));
  const maskedTokens = startTokens
    ? maskedCount(startTokens, gridTokens(config), maskId(config))
    : gridTokens(config);
  const plan = choosePlan(options, model, task);
  return {
    seed,
    firstIndex,
    classRows:
      task === "generate"
        ? classRows(classesOf(asked.classes), model.classNames, count, firstIndex)
        : Array<number>(count).fill(taskClass(config, task)),
    plan,
    cost: modelPlanCost(config, plan, maskedTokens),
    maskedTokens,
    startTokens,
    batchSize: batchSizeOf(asked, model, { plan, count, maskedTokens, availableMemory }),
    deadlineMs,
  };
}

/**
 * The plan that is asked for: the model's default with what differs, the best within a budget, or the cheapest that is good
 * enough. A deadline's plan is made from it, by what the device is measured to do.
 *
 * @throws InputError for options that exclude each other, and as {@link planFor}
 */
export function choosePlan(
  options: PlanOptions,
  model: Pick<GenerativeModel, "plan" | "completionPlan" | "transformer" | "paretoFront">,
  task: "generate" | Task = "generate",
): DecodePlan {
  const { budget, targetQuality, deadlineMs } = options;
  const input = planInputOf(options);
  const isSized = input.modelSchedule !== undefined || input.steps !== undefined;
  if (targetQuality !== undefined) {
    requireInput(
      Object.keys(input).length === 0 && budget === undefined && deadlineMs === undefined,
      "targetQuality: measured plans bring all their settings; leave out every other option of the plan",
    );
    return planForQuality(model, targetQuality, task);
  }
  if (budget !== undefined) {
    requireInput(!isSized, "budget: decides the model schedule and the steps; leave out one of the two");
    return planForBudget(model, budget, task, input);
  }
  const plan = planFor(model, input, task, options.planName);
  if (deadlineMs !== undefined) requireForeseen(plan);
  return plan;
}

/** The named options as parts of a plan. */
function planInputOf(options: PlanOptions): PlanInput {
  const { plan = {}, modelSchedule, steps, guidanceScale, choiceTemperature, tokenTemperature } = options;
  return {
    ...plan,
    ...(modelSchedule !== undefined && { modelSchedule }),
    ...(steps !== undefined && { steps }),
    ...(guidanceScale !== undefined && { guidance: { ...plan.guidance, scale: guidanceScale } }),
    ...(choiceTemperature !== undefined && { choiceTemperature }),
    ...(tokenTemperature !== undefined && {
      tokenTemperature: { kind: "constant", value: tokenTemperature } as const,
    }),
  };
}

/** A text is one class. */
const classesOf = (asked: z.output<typeof requestSchema>["classes"]): readonly (string | number)[] | null =>
  typeof asked === "string" || typeof asked === "number" ? [asked] : asked;

/** How many images are decoded together. */
function batchSizeOf(
  { batchSize, memoryBudget, deadlineMs }: Pick<RequestOptions, "batchSize" | "memoryBudget" | "deadlineMs">,
  model: GenerativeModel,
  {
    plan,
    count,
    maskedTokens,
    availableMemory,
  }: { plan: DecodePlan; count: number; maskedTokens: number; availableMemory: () => number },
): number {
  const asked = batchSize ?? (deadlineMs === undefined ? 16 : count);
  requireInput(
    memoryBudget === undefined || asked === "auto",
    `generate: memoryBudget is for batchSize "auto", got batchSize ${asked}; leave one of them out`,
  );
  const most = plan.unmask ? 1 : count; // by entropies, each image has counts of its own
  const together =
    asked === "auto"
      ? fittingBatchSize(
          modelPlanMemory(model, plan, maskedTokens),
          most,
          memoryBudget ?? availableMemory() / 2,
        )
      : plan.unmask
        ? 1
        : asked;
  requireInput(
    deadlineMs === undefined || count <= together,
    `generate: with a deadline all images are decoded together, but ${count} do not fit into a batch of ${together}; ` +
      "ask for fewer, or leave out the batch size",
  );
  return together;
}

/** [count, N] start tokens; one grid serves all images. */
function startOf(
  given: Int32Array | undefined,
  count: number,
  size: number,
  masked: number,
): Int32Array | null {
  if (!given) return null;
  requireInput(
    given.length === size || given.length === count * size,
    `startTokens: must hold ${size} ids, or ${size} for each of ${count} images, got ${given.length}`,
  );
  const wrong = given.findIndex((id) => id < 0 || id > masked);
  requireInput(
    wrong === -1,
    `startTokens: must be ids in 0..${masked - 1}, or the mask id ${masked} where a token is wanted, got ` +
      `${given[wrong]} at place ${wrong}; take what encode gives for this model`,
  );
  if (given.length === count * size) return given;
  const all = new Int32Array(count * size);
  for (let i = 0; i < count; i++) all.set(given, i * size);
  return all;
}

/** N0, which must be the same for every image: one cost and one list of steps hold for all. */
function maskedCount(start: Int32Array, size: number, masked: number): number {
  const counts = Array.from(
    { length: start.length / size },
    (_, i) => start.subarray(i * size, (i + 1) * size).filter((id) => id === masked).length,
  );
  const other = counts.findIndex((count) => count !== counts[0]);
  requireInput(
    other === -1,
    `startTokens: every image must have the same number of masked tokens, but image 0 has ${counts[0]} and ` +
      `image ${other} has ${counts[other]}; generate them apart`,
  );
  return counts[0]!;
}

function requireForeseen({ unmask }: DecodePlan): void {
  requireInput(
    !unmask,
    "generate: a deadline is kept by steps that are known beforehand, and with an entropy bound they are not; leave " +
      'out one of the two, the bound by unmask: { kind: "schedule" }',
  );
}
