/** One evaluation from start to end: everything opened and checked, every plan measured, everything closed. */
import { z } from "zod";
import { ensureWritableFolder } from "../core/node/atomic-file.ts";
import type { Seed } from "../core/random.ts";
import { invalidValue, parse } from "../core/validate.ts";
import { printModelSchedule } from "../decoding/model-schedule.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import type { Precision } from "../models/transformer/precision.ts";
import { modelPlanCost, planFor } from "../pipelines/choose-plan.ts";
import { decodingIdentity } from "../pipelines/node/identity.ts";
import { openImagePipeline, openVideoPipeline } from "../pipelines/node/open-pipeline.ts";
import {
  type EvaluateGenerationOptions,
  evaluateGeneration,
  type GenerationEvaluation,
  type GenerationRow,
  type MakeSet,
} from "./evaluate-generation.ts";
import { evaluatePrediction, type PredictionEvaluation, type PredictionRow } from "./evaluate-prediction.ts";
import { readFeatureNetwork } from "./features/feature-network.ts";
import type { Estimate } from "./metrics/estimate.ts";
import type { NetworkOptions } from "./network-comparison.ts";
import {
  type EvaluationRunners,
  type ModelOrFolder,
  openRunners,
  openSubject,
  type Subject,
  type SubjectOptions,
  subjectFields,
} from "./open-subject.ts";
import { defaultPlanNames, type NamedPlans, type PlanGround, plansByName } from "./plan-names.ts";
import { type RunReport, ratioOf } from "./plan-runs.ts";
import type { EvaluateProgress } from "./reference-set.ts";
import { setSizes } from "./set-sizes.ts";
import { type GridPoint, type GridSettings, planGrid } from "./studies/plan-grid.ts";
import { openTimeLeft, type TimeLeft } from "./time-left.ts";

/** How far an evaluation is. */
export interface EvaluationProgress extends EvaluateProgress {
  /** Until all plans are measured; null while the speed is unknown, and where no plan is being measured. */
  readonly secondsLeft: number | null;
}

/** How plans are measured, whichever they are. */
export interface MeasuringOptions extends SubjectOptions {
  /** Images per plan and seed, at least 4; the classes take turns. Default 2000, or what the held-out images allow. */
  readonly samples?: number;
  /** The first seed, default 0. */
  readonly seed?: Seed;
  /** Seeds in a row, 1..1000, for error bars; the same for all plans. Default 1. */
  readonly seeds?: number;
  /** Measure predictions: the first `given` frames of held-out videos are given. Left out: measure what is generated. */
  readonly given?: number;
  /**
   * Path of an ONNX file, or of its description, in whose features sets are measured too: FID in Inception's, FVD in
   * I3D's (docs/evaluation.md).
   */
  readonly features?: string;
  /** Path of an .npz file with mu and sigma of those features, to compare with in the place of the reference set. */
  readonly referenceStatistics?: string;
  /** Path to write mu and sigma of those features of the reference set to. */
  readonly saveStatistics?: string;
  /** A folder that results will be written to; whether it can be is checked before anything runs. */
  readonly out?: string;
  /** Called as images are made and measured. */
  readonly onProgress?: (progress: EvaluationProgress) => void;
}

/** What to evaluate, and on what. */
export interface EvaluateOptions extends MeasuringOptions {
  /** Names, schedules or files (as `magnets evaluate --plans` takes them), or plans by name; default "default" and "baseline". */
  readonly plans?: readonly string[] | NamedPlans;
  /** Settings to try with every plan. */
  readonly grid?: GridSettings;
  /** What makes the images in the place of the model in this process; not for predictions. */
  readonly makeSet?: MakeSet;
}

/** What every row has beyond the measures. */
export interface RowContext {
  /** Its plan's name without the settings. */
  readonly base: string;
  /** The model schedule as text. */
  readonly modelSchedule: string;
  /** Fréchet distance over that of the baseline decode under the same settings, where that was measured too. */
  readonly frechetToBaseline?: Estimate;
}

interface Generated {
  readonly task: "generate";
  readonly result: GenerationEvaluation;
  readonly rows: readonly (GenerationRow & RowContext)[];
}

interface Predicted {
  readonly task: "predict";
  readonly result: PredictionEvaluation;
  readonly rows: readonly (PredictionRow & RowContext)[];
}

/** The plans of one model, measured. */
export type ModelEvaluation = (Generated | Predicted) & {
  /** What was evaluated: the model's folder, or the name of a study's subject. */
  readonly subject: string;
  readonly isVideo: boolean;
  readonly samples: number;
  readonly seed: Seed;
  readonly seeds: number;
  readonly precision: Precision;
  readonly classifier: {
    readonly folder: string;
    /** On held-out images, in [0, 1]. */
    readonly accuracy: number;
    /** F. */
    readonly featureWidth: number;
  };
  /** How many sets of images were read from the cache. */
  readonly cachedRuns: number;
  /** The models of several trainings whose figures these are, where they are: then error bars are between trainings. */
  readonly trainings?: readonly string[];
  /** What is to be known of the data before its figures are believed. */
  readonly warnings: readonly string[];
};

/**
 * Measures decode plans of a model: the distance of what they make to a reference set, class accuracy, compute, time.
 *
 * @throws InputError for what is wrong with the model, the data, an option or a plan, before the first plan runs; the
 *   signal's reason when aborted
 * @example
 * const evaluation = await evaluate("models/sprites", { plans: ["default", "baseline"], samples: 240, seeds: 3 });
 * for (const { name, frechet, ratio } of evaluation.rows) console.log(name, frechet.mean, `${ratio.toFixed(1)}x`);
 */
export async function evaluate(
  model: ModelOrFolder,
  options: EvaluateOptions = {},
): Promise<ModelEvaluation> {
  const { plans = defaultPlanNames, grid, makeSet, ...measuring } = options;
  if (makeSet && measuring.given !== undefined) {
    const must = "must be left out where others than this process make the images";
    throw invalidValue(
      "evaluate",
      ["given"],
      must,
      measuring.given,
      "predictions are measured by one process",
    );
  }
  const choosePlans = async (ground: PlanGround) => {
    const named = Array.isArray(plans) ? await plansByName(plans, ground) : (plans as NamedPlans);
    return planGrid(named, grid);
  };
  return evaluateChosen(model, measuring, choosePlans, { makeSet });
}

const measuringSchema = z.strictObject({
  ...subjectFields,
  samples: z.int().min(4).optional(),
  seed: z.custom<Seed>().default(0),
  seeds: z.int().min(1).max(1000).default(1),
  given: z.int().min(1).optional(),
  features: z.string().optional(),
  referenceStatistics: z.string().optional(),
  saveStatistics: z.string().optional(),
  out: z.string().optional(),
  onProgress: z.custom<MeasuringOptions["onProgress"]>().optional(),
});

/** {@link MeasuringOptions} with their defaults, but for the sizes, which depend on the data. */
export type CheckedOptions = z.output<typeof measuringSchema>;

/** {@link CheckedOptions} of which the sizes are known, too. */
export type SizedOptions = CheckedOptions & ReturnType<typeof setSizes>;

/** @throws InputError for an unknown option, and for one out of its range */
export function checkedOptions(options: MeasuringOptions): CheckedOptions {
  return parse(measuringSchema, options, "evaluate");
}

/** What plans are measured with, for whoever must measure to choose them. */
export interface Workbench {
  readonly subject: Subject;
  readonly options: SizedOptions;
}

/** What {@link evaluateChosen} is told beyond the options. */
export interface ChosenContext {
  readonly makeSet?: MakeSet;
  /** What else there is to do besides this model's plans, which take so much work; default: nothing. */
  readonly timeLeftOf?: (work: number) => TimeLeft;
}

/** {@link evaluate} of the plans that `choosePlans` gives for the opened model. */
export async function evaluateChosen(
  given: ModelOrFolder,
  unchecked: MeasuringOptions,
  choosePlans: (
    ground: PlanGround,
    workbench: Workbench,
  ) => readonly GridPoint[] | Promise<readonly GridPoint[]>,
  { makeSet, timeLeftOf = openTimeLeft }: ChosenContext = {},
): Promise<ModelEvaluation> {
  const checked = checkedOptions(unchecked);
  const subject = await openSubject(given, checked);
  const options: SizedOptions = { ...checked, ...setSizes(subject.heldOut, checked) };
  const { model, folder } = subject;
  if (options.given !== undefined && !model.completionPlan) {
    const must = "must be left out for a model that was not trained to predict frames";
    throw invalidValue(folder ?? "model", ["given"], must, options.given);
  }
  const base = (options.given === undefined ? null : model.completionPlan) ?? model.plan;
  if (options.out !== undefined) await ensureWritableFolder(options.out);
  const network = await networkOf(options);
  const runners = await openRunners(options);
  try {
    const grid = await choosePlans({ model, base }, { subject, options });
    // The cost of every plan is computed first, so that a mistake in the last one is told before the first runs.
    const work = worksOf({ model, base }, grid);
    return await measureSubject(
      subject,
      { base, grid },
      {
        ...{ options, runners, network, makeSet },
        ...trackWork(work, options, timeLeftOf(totalWork(work, options.seeds))),
      },
    );
  } finally {
    await runners.close();
  }
}

/** A plan, and what a set of images of it takes, in the unit of all others. */
export interface PlannedWork {
  readonly name: string;
  readonly work: number;
}

/** What several plans take, each once per seed. */
export const totalWork = (plans: readonly PlannedWork[], seeds: number): number =>
  seeds * plans.reduce((sum, { work }) => sum + work, 0);

/**
 * What every plan takes for an image, in multiply-adds.
 *
 * @throws InputError for a plan that does not fit the model
 */
export function worksOf(
  { model, base }: { readonly model: Pick<PlanGround["model"], "transformer">; readonly base: DecodePlan },
  grid: readonly GridPoint[],
): PlannedWork[] {
  const { transformer } = model;
  const subject = { transformer, plan: base, completionPlan: null };
  return grid.map(({ name, plan }) => ({
    name,
    work: modelPlanCost(transformer.config, planFor(subject, plan, "generate", `plan "${name}"`))
      .multiplyAdds,
  }));
}

/** Follows the plans as they are measured. */
export interface WorkTracker {
  readonly onProgress: (progress: EvaluateProgress) => void;
  readonly onRun: (run: RunReport) => void;
  /** How many sets of images were read from the cache so far. */
  readonly cachedRuns: () => number;
}

/** @param left  of these plans and whatever else there is to do */
export function trackWork(
  plans: readonly PlannedWork[],
  { onProgress }: Pick<MeasuringOptions, "onProgress">,
  left: TimeLeft,
): WorkTracker {
  const workOf = new Map(plans.map(({ name, work }) => [name, work]));
  let cachedRuns = 0;
  return {
    onProgress(progress) {
      const { plan, done, total } = progress;
      const secondsLeft = plan === undefined ? null : left.seconds(((workOf.get(plan) ?? 0) * done) / total);
      onProgress?.({ ...progress, secondsLeft });
    },
    onRun({ name, isCached }) {
      left.finish(workOf.get(name) ?? 0, isCached);
      if (isCached) cachedRuns++;
    },
    cachedRuns: () => cachedRuns,
  };
}

/** Measures plans of one model that is open. */
export async function measureSubject(
  { model, folder, classifier, classifierFolder, heldOut, warnings }: Subject,
  { base, grid }: { readonly base: DecodePlan; readonly grid: readonly GridPoint[] },
  context: WorkTracker & {
    readonly options: SizedOptions;
    readonly runners: EvaluationRunners;
    readonly network: NetworkOptions | undefined;
    readonly makeSet?: MakeSet;
  },
): Promise<ModelEvaluation> {
  const { options, runners, network, makeSet, onProgress, onRun } = context;
  const { samples, seed, seeds, given, precision, device, threads } = options;
  const common: Omit<EvaluateGenerationOptions, "pipeline"> = {
    runner: runners.measuring,
    classifier,
    plans: plansOf(grid, (plan) => planFor({ ...model, plan: base }, plan)),
    samples,
    seed,
    seeds,
    batchSize: options.batchSize,
    identity: decodingIdentity(model, { device, precision, threads }),
    heldOut,
    referenceImages: options.referenceImages,
    ...(network && { network }),
    cacheFolder: options.cacheFolder,
    signal: options.signal,
    onProgress,
    onRun,
  };
  const computing = { runner: runners.runner, precision };
  const isVideo = model.tokenizer.config.frames !== undefined;
  let measured: Generated | Predicted;
  if (isVideo && given !== undefined) {
    const pipeline = await openVideoPipeline(model, computing);
    const result = await evaluatePrediction({ ...common, pipeline, given });
    measured = { task: "predict", result, rows: withContext(result.plans, grid) };
  } else {
    const pipeline = await (isVideo ? openVideoPipeline : openImagePipeline)(model, computing);
    const result = await evaluateGeneration({ ...common, pipeline, makeSet });
    measured = { task: "generate", result, rows: withContext(result.plans, grid) };
  }
  return {
    ...measured,
    subject: folder ?? "model",
    isVideo,
    samples,
    seed,
    seeds,
    precision,
    classifier: {
      folder: classifierFolder,
      accuracy: classifier.accuracy.value,
      featureWidth: classifier.config.featureWidth,
    },
    cachedRuns: context.cachedRuns(),
    warnings: [...warnings, ...options.warnings],
  };
}

const plansOf = (
  grid: readonly GridPoint[],
  resolve: (plan: PlanInput) => DecodePlan,
): Record<string, DecodePlan> => Object.fromEntries(grid.map(({ name, plan }) => [name, resolve(plan)]));

/**
 * The feature network besides the classifier, if one is asked for.
 *
 * @throws InputError for statistics without a network, and as {@link readFeatureNetwork}
 */
export async function networkOf({
  features,
  referenceStatistics,
  saveStatistics,
}: MeasuringOptions): Promise<NetworkOptions | undefined> {
  if (features !== undefined) {
    return { description: await readFeatureNetwork(features), referenceStatistics, saveStatistics };
  }
  const [name, path] = referenceStatistics
    ? ["referenceStatistics", referenceStatistics]
    : ["saveStatistics", saveStatistics];
  if (path === undefined) return undefined;
  const remedy = "name the network whose features they are of as features; see docs/evaluation.md";
  throw invalidValue("evaluate", [name!], "must be left out where features is", path, remedy);
}

/**
 * The rows with their distance relative to the baseline decode's.
 *
 * @param grid        the plans of the rows, in their order
 * @param isBaseline  which plans are baseline decodes, one for all plans of equal settings
 */
export function withContext<Row extends GenerationRow | PredictionRow>(
  rows: readonly Row[],
  grid: readonly GridPoint[],
  isBaseline = ({ base }: GridPoint): boolean => base === "baseline",
): (Row & RowContext)[] {
  return rows.map((row, i) => {
    const { base, settings } = grid[i]!;
    const baseline = rows[grid.findIndex((other) => isBaseline(other) && other.settings === settings)];
    const isBeside = baseline && !isBaseline(grid[i]!);
    return {
      ...row,
      base,
      modelSchedule: printModelSchedule(row.plan.modelSchedule),
      ...(isBeside && { frechetToBaseline: ratioOf(row.runs, baseline.runs, ({ frechet }) => frechet) }),
    };
  });
}
