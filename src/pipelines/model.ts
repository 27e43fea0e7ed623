/**
 * A model's folder, read and written whole (Hugging Face layout):
 *
 *   model_index.json          the parts
 *   tokenizer/, transformer/  config.json and model.safetensors each
 *   generation_config.json    the default decode plans, the names of the classes, and the measured plans, if any
 */
import { join } from "node:path";
import { InputError, requireInput } from "../core/errors.ts";
import { sizeOf } from "../core/tensor.ts";
import {
  basePlan,
  completionPlan,
  type DecodePlan,
  evenModelSchedule,
  makePlan,
  type PlanInput,
  printModelSchedule,
} from "../decoding/plan.ts";
import { requirePlanFits } from "../decoding/resolve-plan.ts";
import { countParameters } from "../models/parameters.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import {
  codebookSize,
  parseTokenizerConfig,
  type TokenizerConfig,
  tokenGrid,
} from "../models/tokenizer/config.ts";
import {
  gridTokens,
  type Task,
  type TransformerConfig,
  taskClass,
  transformerConfig,
} from "../models/transformer/config.ts";
import { rowsUsed, transformerParameters } from "../models/transformer/parameters.ts";
import { arithmeticOf, type Precision } from "../models/transformer/precision.ts";
import { baselineMultiplyAdds, planWithin } from "../planning/budget.ts";
import type { PlanCost } from "../planning/cost.ts";
import { planCost } from "../planning/cost.ts";
import {
  type FindParetoFrontOptions,
  type FoundParetoFront,
  findParetoFront,
} from "../planning/find-pareto-front.ts";
import { type ParetoFront, planReaching, readParetoFront } from "../planning/pareto-front.ts";
import type { Device } from "../runtime/runner.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import { readJson, writeJson } from "../weights/node/json-file.ts";
import {
  readModelIndex,
  readModelPart,
  writeModelIndex,
  writeModelPart,
} from "../weights/node/model-folder.ts";
import type { StoreOptions, Tensors } from "../weights/node/safetensors-file.ts";

export interface GenerativeModel {
  readonly tokenizer: { readonly config: TokenizerConfig; readonly tensors: Tensors };
  readonly transformer: { readonly config: TransformerConfig; readonly tensors: Tensors };
  /** In classId order; empty for a model without classes. */
  readonly classNames: readonly string[];
  /** The default plan. */
  readonly plan: DecodePlan;
  /** The plan of completing videos; null for a model without such tasks. */
  readonly completionPlan: DecodePlan | null;
  /** Measured plans of generating; left out where none were measured. */
  readonly paretoFront?: ParetoFront;
}

const generationName = "generation_config.json";

/**
 * Reads a model folder and checks that its parts belong together.
 *
 * @throws InputError naming the file and what is wrong with it
 */
export async function readModel(folder: string): Promise<GenerativeModel> {
  await readModelIndex(folder);
  const [first, second] = await Promise.all([
    readModelPart(folder, "tokenizer"),
    readModelPart(folder, "transformer"),
  ]);
  const place = (part: string, file: string) => join(folder, part, file);
  const tokenizer = {
    config: parseTokenizerConfig(first.config, place("tokenizer", "config.json")),
    tensors: first.tensors,
  };
  const transformer = {
    config: transformerConfig(
      second.config as Parameters<typeof transformerConfig>[0],
      place("transformer", "config.json"),
    ),
    tensors: second.tensors,
  };
  checkTensors(
    place("tokenizer", "model.safetensors"),
    tokenizer.tensors,
    tokenizerParameters(tokenizer.config),
  );
  checkTensors(
    place("transformer", "model.safetensors"),
    transformer.tensors,
    transformerParameters(transformer.config),
  );
  const made = `${codebookSize(tokenizer.config)} codes on [${tokenGrid(tokenizer.config)}]`;
  const wanted = `${transformer.config.codebookSize} codes on [${transformer.config.grid}]`;
  requireInput(
    made === wanted,
    `${folder}: the transformer must have been trained on this tokenizer: it wants ${wanted}, the tokenizer makes ${made}`,
  );
  return {
    tokenizer,
    transformer,
    ...(await readGeneration(join(folder, generationName), transformer.config)),
  };
}

/** The default plans, the class names and the Pareto front. */
async function readGeneration(path: string, config: TransformerConfig) {
  const given = await readJson(path);
  requireInput(
    typeof given === "object" && given !== null && "plan" in given && "classNames" in given,
    `${path}: must hold "plan" and "classNames"`,
  );
  const { classNames } = given;
  requireInput(
    Array.isArray(classNames) && classNames.every((name) => typeof name === "string"),
    `${path}: classNames must be a list of texts, got ${JSON.stringify(classNames)}`,
  );
  requireInput(
    classNames.length === config.classes,
    `${path}: classNames must name the transformer's ${config.classes} classes, got ${classNames.length}`,
  );
  const plan = makePlan(given.plan as PlanInput, basePlan(config.factors), path, ["plan"]);
  requirePlanFits(plan, modelFacts(config), path, ["plan"]);
  let completion: DecodePlan | null = null;
  if (config.tasks.length > 0) {
    const own = "completionPlan" in given ? (given.completionPlan as PlanInput) : {};
    completion = makePlan(own, completionPlan(plan), path, ["completionPlan"]);
    requirePlanFits(completion, modelFacts(config), path, ["completionPlan"]);
  }
  const paretoFront =
    "paretoFront" in given
      ? {
          paretoFront: checkedParetoFront(
            readParetoFront(given.paretoFront, plan, path, ["paretoFront"]),
            config,
            path,
          ),
        }
      : {};
  return { classNames: classNames as string[], plan, completionPlan: completion, ...paretoFront };
}

/** A Pareto front whose plans the model can run. */
function checkedParetoFront(paretoFront: ParetoFront, config: TransformerConfig, path: string): ParetoFront {
  for (const [i, { plan }] of paretoFront.plans.entries()) {
    requirePlanFits(plan, modelFacts(config), path, ["paretoFront", "plans", i, "plan"]);
  }
  return paretoFront;
}

/**
 * Puts a measured Pareto front into a model folder, in the place of an older one. Nothing else in the folder changes.
 *
 * @throws InputError when the folder has no `generation_config.json`, or cannot be written
 */
export async function writeParetoFront(folder: string, paretoFront: ParetoFront): Promise<void> {
  const path = join(folder, generationName);
  await writeJson(path, { ...((await readJson(path)) as object), paretoFront });
}

/** Whether a folder holds a model with all its parts. */
export async function isWholeModel(folder: string): Promise<boolean> {
  return readModelIndex(folder).then(
    () => true,
    () => false,
  );
}

/** Writes the tokenizer into a model folder that is still in the making. */
export async function writeTokenizer(
  folder: string,
  tokenizer: GenerativeModel["tokenizer"],
  { store = "float16" }: StoreOptions = {},
): Promise<void> {
  await writeModelPart(folder, "tokenizer", { ...tokenizer, store });
}

/**
 * Writes a model folder; the index comes last, so that a folder that has one is whole.
 *
 * @param options.store  how weights are stored; "float16" halves the folder
 */
export async function writeModel(
  folder: string,
  model: GenerativeModel,
  { store = "float16" }: StoreOptions = {},
): Promise<void> {
  await writeTokenizer(folder, model.tokenizer, { store });
  await writeModelPart(folder, "transformer", { ...model.transformer, store });
  await writeJson(join(folder, generationName), {
    plan: model.plan,
    ...(model.completionPlan && { completionPlan: model.completionPlan }),
    classNames: model.classNames,
    ...(model.paretoFront && { paretoFront: model.paretoFront }),
  });
  const isVideo = model.tokenizer.config.frames !== undefined;
  await writeModelIndex(folder, {
    className: isVideo ? "MagnetsVideoPipeline" : "MagnetsImagePipeline",
    parts: { tokenizer: ["magnets", "Tokenizer"], transformer: ["magnets", "NestedTransformer"] },
  });
}

/**
 * A plan for a model from its default for a task and what differs. `steps` without `modelSchedule` spreads the steps evenly over the
 * factors in the default plan's place.
 *
 * @throws InputError for a task that the model was not trained for, for one that is guided, and as {@link makePlan}
 */
export function planFor(
  model: Pick<GenerativeModel, "plan" | "completionPlan" | "transformer">,
  input: PlanInput | string = {},
  task: "generate" | Task = "generate",
): DecodePlan {
  const given = typeof input === "string" ? { modelSchedule: input } : input;
  const { factors } = model.transformer.config;
  if (task !== "generate") taskClass(model.transformer.config, task); // throws where it was not trained for
  const base = (task === "generate" ? null : model.completionPlan) ?? model.plan;
  const steps = given.steps;
  const isSpread = steps !== undefined && given.modelSchedule === undefined && steps !== base.steps;
  if (
    isSpread &&
    !(Number.isSafeInteger(steps) && steps >= 1 && steps <= gridTokens(model.transformer.config))
  ) {
    throw new InputError(
      `plan.steps: must be an integer in 1..${gridTokens(model.transformer.config)}, one per token at most, got ${steps}`,
    );
  }
  const plan = makePlan(
    isSpread ? { ...given, modelSchedule: evenModelSchedule(steps, factors) } : given,
    base,
  );
  requirePlanFits(plan, modelFacts(model.transformer.config));
  requireInput(
    task === "generate" || plan.guidance.scale === 0,
    `plan.guidance.scale: must be 0 to ${task}, since no model learns that without its task, got ${plan.guidance.scale}`,
  );
  return plan;
}

/**
 * Reads a plan from a JSON file: the plan itself, or a record of a decode that holds it as `settings`.
 *
 * @param base  where what the file leaves out comes from
 * @throws InputError naming the file and the field that is wrong
 */
export async function readPlan(path: string, base: DecodePlan): Promise<DecodePlan> {
  const given = await readJson(path);
  const isRecord = typeof given === "object" && given !== null && "settings" in given;
  return makePlan((isRecord ? given.settings : given) as PlanInput, base, path);
}

/**
 * The plan that makes the most of a budget of compute; see {@link planWithin}. The model's measured plans, if it has
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

/** Searches a model's Pareto front of generating, around its default plan; see {@link findParetoFront}. */
export function findModelParetoFront(
  { plan, transformer }: Pick<GenerativeModel, "plan" | "transformer">,
  options: Omit<FindParetoFrontOptions, "model" | "defaults">,
): Promise<FoundParetoFront> {
  return findParetoFront({ ...options, model: transformerFacts(transformer.config), defaults: plan });
}

/** What resolving a plan needs to know of a transformer. */
export function modelFacts(config: TransformerConfig) {
  return { gridTokens: gridTokens(config), factors: config.factors, heads: config.heads };
}

/** What a plan's cost and memory depend on. */
export function transformerFacts(config: TransformerConfig) {
  const { width, depth, hidden, codebookSize, headHidden } = config;
  const sizes = { width, depth, hidden, codebookSize };
  return { ...sizes, ...(headHidden && { headHidden: width }), ...modelFacts(config) };
}

/**
 * The cost of a plan per image, in multiply-adds of the transformer.
 *
 * @param maskedTokens  all tokens unless editing
 */
export function modelPlanCost(config: TransformerConfig, plan: DecodePlan, maskedTokens?: number): PlanCost {
  return planCost(transformerFacts(config), plan, maskedTokens);
}

/** All that tells a model from others that compute alike or decode alike, as JSON. */
export function modelIdentity({
  tokenizer,
  transformer,
}: Pick<GenerativeModel, "tokenizer" | "transformer">) {
  const part = ({ config, tensors }: { readonly config: unknown; readonly tensors: Tensors }) => ({
    config,
    tensors: tensorsDigest(tensors),
  });
  return { tokenizer: part(tokenizer), transformer: part(transformer) };
}

/** All that tells what a model makes on a machine, and how fast, from what others make or it makes elsewhere, as JSON. */
export function decodingIdentity(
  model: Pick<GenerativeModel, "tokenizer" | "transformer">,
  { device, precision, threads }: { device: Device; precision: Precision; threads?: number },
) {
  return {
    ...modelIdentity(model),
    ...{ device, precision: arithmeticOf(precision), threads: threads ?? null },
  };
}

/** What a model is, in numbers: for people to read and for programs to compare. */
export function describeModel({
  tokenizer,
  transformer,
  classNames,
  paretoFront,
  ...plans
}: GenerativeModel) {
  const { config } = transformer;
  const specs = transformerParameters(config);
  const describePlan = (plan: DecodePlan) => {
    const { multiplyAdds, baselineMultiplyAdds, ratio } = modelPlanCost(config, plan);
    return {
      modelSchedule: printModelSchedule(plan.modelSchedule),
      maskSchedule: plan.maskSchedule.kind,
      guidanceScale: plan.guidance.scale,
      multiplyAdds,
      baselineMultiplyAdds,
      ratio,
    };
  };
  return {
    classes: classNames,
    tokenizer: {
      resolution: tokenizer.config.resolution,
      ...(tokenizer.config.frames !== undefined && { frames: tokenizer.config.frames }),
      quantizer: tokenizer.config.quantizer.kind,
      parameters: countParameters(tokenizerParameters(tokenizer.config)),
    },
    transformer: {
      ...config,
      subModels: config.factors.map((factor) => ({
        factor,
        heads: config.heads / factor,
        hidden: config.hidden / factor,
        parameters: specs.reduce(
          (total, spec) => total + rowsUsed(spec, factor) * sizeOf(spec.shape.slice(1)),
          0,
        ),
      })),
    },
    plan: describePlan(plans.plan),
    completionPlan: plans.completionPlan && describePlan(plans.completionPlan),
    paretoFront: paretoFront ? describeParetoFront(paretoFront, config, plans.plan) : null,
  };
}

/** A Pareto front in numbers, each plan beside the baseline decode. */
function describeParetoFront(paretoFront: ParetoFront, config: TransformerConfig, defaults: DecodePlan) {
  const baseline = baselineMultiplyAdds(transformerFacts(config), defaults);
  return {
    ...paretoFront,
    plans: paretoFront.plans.map(({ plan, distance }) => ({
      modelSchedule: printModelSchedule(plan.modelSchedule),
      /** Of the baseline decode's multiply-adds. */
      share: modelPlanCost(config, plan).multiplyAdds / baseline,
      distance,
      distanceToBaseline: distance / paretoFront.baselineDistance,
    })),
  };
}
