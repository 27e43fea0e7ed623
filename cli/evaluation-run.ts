/** One evaluation from its options: everything opened, checked before anything runs, measured, and closed. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type {
  Estimate,
  EvaluateOptions,
  Evaluation,
  GridPoint,
  GenerationRow,
  PredictionEvaluation,
  PredictionRow,
} from "../src/evaluate.ts";
import type { DecodePlan, GenerativeModel } from "../src/index.ts";
import { classifierFolder } from "./commands/classifier.ts";
import type { EvaluationOptions } from "./options/evaluation-options.ts";
import { type PaceOptions, paceOf } from "./options/frame-rate-options.ts";
import { asOptions } from "./options/parse.ts";
import { openStages, type PlannedWork, type Stages } from "./output/evaluation-progress.ts";

/** What plans are chosen by. */
export interface PlanGround {
  readonly model: GenerativeModel;
  /** The default plan of what is asked of the model. */
  readonly base: DecodePlan;
}

/** What rows have beyond what was measured. */
export interface RowExtras {
  /** Its plan's name without the settings. */
  readonly base: string;
  /** The model-size schedule as text. */
  readonly modelSchedule: string;
  /** Fréchet distance over that of the baseline decode under the same settings, where that was measured too. */
  readonly frechetToBaseline?: Estimate;
}

interface Generated {
  readonly task: "generate";
  readonly result: Evaluation;
  readonly rows: readonly (GenerationRow & RowExtras)[];
}

interface Predicted {
  readonly task: "predict";
  readonly result: PredictionEvaluation;
  readonly rows: readonly (PredictionRow & RowExtras)[];
}

export type Measured = (Generated | Predicted) & {
  readonly isVideo: boolean;
  readonly judge: { readonly folder: string; readonly accuracy: number; readonly featureWidth: number };
  /** How many sets of images an earlier evaluation had measured. */
  readonly cached: number;
};

/** @throws InputError for what is wrong with the model, the options or a plan, before the first plan runs */
export async function runEvaluation(
  folder: string,
  options: EvaluationOptions,
  choosePlans: (ground: PlanGround) => readonly GridPoint[] | Promise<readonly GridPoint[]>,
  signal: AbortSignal,
): Promise<Measured> {
  const { ensureWritableFolder, InputError } = await import("../src/index.ts");
  const subject = await openSubject(folder, options);
  const { model } = subject;
  if (options.given !== undefined && !model.completionPlan) {
    throw new InputError(`evaluate: ${folder} was not trained to predict frames; leave out --given`);
  }
  const base = (options.given === undefined ? null : model.completionPlan) ?? model.plan;
  const grid = await choosePlans({ model, base });
  // A mistake in the last one is told before the first runs.
  const works = await worksOf({ model, base }, grid);

  if (options.out !== undefined) await ensureWritableFolder(options.out);
  const network = await networkOf(options);

  const stages = openStages(works, options.seeds);
  const runners = await openRunners(options);
  try {
    return await measureModel(subject, { base, grid }, { options, runners, network, stages, signal });
  } finally {
    stages.stop();
    await runners.close();
  }
}

/**
 * What every plan takes for an image, in multiply-adds.
 *
 * @throws InputError for a plan that does not fit the model
 */
export async function worksOf(
  { model, base }: { readonly model: Pick<GenerativeModel, "transformer">; readonly base: DecodePlan },
  grid: readonly GridPoint[],
): Promise<PlannedWork[]> {
  const { modelPlanCost, planFor } = await import("../src/index.ts");
  const { transformer } = model;
  return grid.map(({ name, plan }) => ({
    name,
    work: modelPlanCost(transformer.config, planFor({ transformer, plan: base, completionPlan: null }, plan))
      .multiplyAdds,
  }));
}

/** Measures plans of one model. */
export async function measureModel(
  { model, judge, classifier, heldOut }: Awaited<ReturnType<typeof openSubject>>,
  { base, grid }: { readonly base: DecodePlan; readonly grid: readonly GridPoint[] },
  {
    options: { samples, seed, seeds, given, batch, real, cacheFolder, threads, device, precision },
    runners: { runner, measuring },
    network,
    stages,
    signal,
  }: {
    readonly options: EvaluationOptions;
    readonly runners: Awaited<ReturnType<typeof openRunners>>;
    readonly network: EvaluateOptions["network"];
    readonly stages: Stages;
    readonly signal: AbortSignal;
  },
): Promise<Measured> {
  const { decodingIdentity, planFor } = await import("../src/index.ts");
  const measured = await measure(model, { runner, precision, given }, grid, {
    runner: measuring,
    classifier,
    plans: Object.fromEntries(grid.map(({ name, plan }) => [name, planFor({ ...model, plan: base }, plan)])),
    samples,
    seed,
    seeds,
    batchSize: batch,
    identity: decodingIdentity(model, { device, precision, threads }),
    real: heldOut,
    referenceImages: real,
    ...(network && { network }),
    cacheFolder,
    signal,
    onProgress: stages.show,
    onRun: stages.finish,
  });
  const { accuracy, config } = classifier;
  return {
    ...measured,
    isVideo: model.tokenizer.config.frames !== undefined,
    judge: { folder: judge, accuracy: accuracy.value, featureWidth: config.featureWidth },
    cached: stages.cached(),
  };
}

/** The network that looks besides the judge, if one is asked for. */
export async function networkOf({
  features,
  referenceStatistics,
  saveStatistics,
}: EvaluationOptions): Promise<EvaluateOptions["network"]> {
  const { InputError } = await import("../src/index.ts");
  const { readFeatureNetwork } = await import("../src/evaluate.ts");
  if (features !== undefined) {
    return { description: await readFeatureNetwork(features), referenceStatistics, saveStatistics };
  }
  const alone = referenceStatistics === undefined ? "--save-statistics" : "--reference-statistics";
  if ((referenceStatistics ?? saveStatistics) !== undefined) {
    throw new InputError(
      `evaluate: ${alone} needs --features, the network whose features they are of; see docs/feature-networks.md`,
    );
  }
  return undefined;
}

/** A model, its judge, and real images that the judge did not train on. */
export async function openSubject(
  folder: string,
  options: Pick<EvaluationOptions, "data" | "classifier"> & PaceOptions,
) {
  const { readModel } = await import("../src/index.ts");
  const model = await readModel(folder);
  const pace = paceOf(options, await trainedOn(folder));
  return { model, ...(await openJudge(model.tokenizer.config, { ...options, ...pace })) };
}

/** What a model's folder says of the data it learned from; nothing where it does not tell. */
async function trainedOn(folder: string): Promise<PaceOptions & { readonly source?: string }> {
  const path = join(folder, "train_config.json");
  if (!existsSync(path)) return {};
  const { readJson } = await import("../src/index.ts");
  const config = (await readJson(path)) as { data?: PaceOptions & { source?: string } } | null;
  return config?.data ?? {};
}

/** The judge of images of a size, and real ones that it did not train on. */
export async function openJudge(
  { resolution, frames }: { readonly resolution: number; readonly frames?: number },
  {
    data: given,
    classifier,
    stride,
    frameRate,
    fold,
  }: Pick<EvaluationOptions, "data" | "classifier"> & PaceOptions,
) {
  const { InputError } = await import("../src/index.ts");
  const { splitData, readClassifier } = await import("../src/evaluate.ts");
  const data = given ?? (frames === undefined ? "sprites" : "motions");
  const judge = classifier ?? classifierFolder(data);
  if (!existsSync(judge)) {
    const told = asOptions({ data, resolution, frames, stride, "frame-rate": frameRate, fold });
    throw new InputError(
      `${judge}: there is no such classifier to judge by; name one with --classifier, or train one: ` +
        `magnets classifier ${told.join(" ")}`,
    );
  }
  const { heldOut } = await splitData(data, { resolution, frames, stride, frameRate, fold });
  return { judge, classifier: await readClassifier(judge), heldOut };
}

/** What computes the images, and what computes the measures: the CPU, which alone has float64. */
export async function openRunners({ device, threads }: Pick<EvaluationOptions, "device" | "threads">) {
  const { createNodeRunner } = await import("../src/index.ts");
  const runner = await createNodeRunner({ device, threads });
  const measuring = device === "cpu" ? runner : await createNodeRunner({ threads });
  const close = async () => {
    await runner.close();
    if (measuring !== runner) await measuring.close();
  };
  return { runner, measuring, close };
}

/** Runs the evaluation that fits the model and the question. */
async function measure(
  model: GenerativeModel,
  { given, ...computing }: Pick<EvaluationOptions, "given" | "precision"> & Pick<EvaluateOptions, "runner">,
  grid: readonly GridPoint[],
  options: Omit<EvaluateOptions, "pipeline">,
): Promise<Generated | Predicted> {
  const { openImagePipeline, openVideoPipeline } = await import("../src/index.ts");
  const { evaluateGeneration, evaluatePrediction } = await import("../src/evaluate.ts");
  if (model.tokenizer.config.frames === undefined) {
    const pipeline = await openImagePipeline(model, computing);
    const result = await evaluateGeneration({ ...options, pipeline });
    return { task: "generate", result, rows: await rowsOf(result.plans, grid) };
  }
  const pipeline = await openVideoPipeline(model, computing);
  if (given === undefined) {
    const result = await evaluateGeneration({ ...options, pipeline });
    return { task: "generate", result, rows: await rowsOf(result.plans, grid) };
  }
  const result = await evaluatePrediction({ ...options, pipeline, given });
  return { task: "predict", result, rows: await rowsOf(result.plans, grid) };
}

/**
 * The rows with their distance relative to the baseline decode's.
 *
 * @param isBaseline  which plans are baseline decodes, one for all plans of equal settings
 */
export async function rowsOf<Plan extends GenerationRow | PredictionRow>(
  plans: readonly Plan[],
  grid: readonly GridPoint[],
  isBaseline = ({ base }: GridPoint): boolean => base === "baseline",
): Promise<(Plan & RowExtras)[]> {
  const { printModelSchedule } = await import("../src/index.ts");
  const { ratioOf } = await import("../src/evaluate.ts");
  return plans.map((row, i) => {
    const { base, settings } = grid[i]!;
    const baseline = plans[grid.findIndex((other) => isBaseline(other) && other.settings === settings)];
    const isBeside = baseline && !isBaseline(grid[i]!);
    return {
      ...row,
      base,
      modelSchedule: printModelSchedule(row.plan.modelSchedule),
      ...(isBeside && { frechetToBaseline: ratioOf(row.runs, baseline.runs, ({ frechet }) => frechet) }),
    };
  });
}
