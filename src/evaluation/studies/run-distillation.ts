/**
 * The study of how sub-models are trained, from start to end: one configuration trained in several ways, every model
 * measured, the claims answered. What is trained or measured already is not done again.
 */
import { join } from "node:path";
import { ensureWritableFolder } from "../../core/node/atomic-file.ts";
import { invalidValue } from "../../core/validate.ts";
import type { DecodePlan } from "../../decoding/plan.ts";
import { onTokenizer, type TrainedVariant, trainVariants } from "../../runs/train-variants.ts";
import { type TrainConfig, transformerConfigOf } from "../../training/config.ts";
import type { TrainingProgress } from "../../training/loop.ts";
import { loadConfig } from "../../training/read-config.ts";
import { combineTrainings } from "../combine-trainings.ts";
import {
  checkedOptions,
  type MeasuringOptions,
  type ModelEvaluation,
  measureSubject,
  networkOf,
  type PlannedWork,
  type SizedOptions,
  totalWork,
  trackWork,
  withContext,
  worksOf,
} from "../evaluate.ts";
import type { GenerationRow } from "../evaluate-generation.ts";
import { openClassifierData, openRunners, openSubject } from "../open-subject.ts";
import { requireFittingClassifier } from "../reference-set.ts";
import { setSizes } from "../set-sizes.ts";
import { markdownTable } from "../tables.ts";
import { openTimeLeft, type TimeLeft } from "../time-left.ts";
import { samplingLike } from "../video-sampling.ts";
import { answersOf } from "./answers.ts";
import { type DistillationStudy, isFullSize, planDistillation, type StudyVariant } from "./distillation.ts";
import type { GridPoint } from "./plan-grid.ts";
import type { StudyResult } from "./study-page.ts";

/** Which ways of training to compare, on what, and for how long. */
export interface DistillationOptions extends Omit<MeasuringOptions, "given"> {
  /** The model folder whose tokenizer all variants share. */
  readonly tokenizer: string;
  /** Of each training; default the configuration's. */
  readonly steps?: number;
  /** How often every variant is trained, 1..100, with seeds in a row from the configuration's on; default 1. */
  readonly trainings?: number;
  /** Changes of the configuration, `key=value` as `magnets train --set` takes them. */
  readonly set?: readonly string[];
  /** Keeps the trainings; default `runs/<configuration's name>-distillation`. */
  readonly runs?: string;
  /**
   * How far the training of a variant is, or what is prepared for it.
   *
   * @param secondsLeft  until the whole study is done; null while the speed is unknown
   */
  readonly onTraining?: (progress: TrainingProgress, variant: string, secondsLeft: number | null) => void;
  /** One line about what happens next. */
  readonly onMessage?: (message: string) => void;
  /** All is trained; measuring begins. */
  readonly onTrained?: () => void;
}

/** A variant, ready to train, with what its training and measuring take, in multiply-adds. */
interface Prepared extends StudyVariant {
  /** The variant's name, from the second training on with its number, so that more trainings can be added to a first one. */
  readonly run: string;
  readonly config: TrainConfig;
  /** Of a training step, near enough to foresee times. */
  readonly stepWork: number;
  /** Of every plan, for all images of a seed. */
  readonly works: readonly PlannedWork[];
}

/**
 * Trains a configuration nested, with each kind of teacher and without one, and its sub-models separately; measures all
 * of them by their plans.
 *
 * @param path  a configuration file (YAML), as for `magnets train`
 * @throws InputError for what is wrong with configuration, tokenizer, classifier or data, before anything trains
 */
export async function runDistillationStudy(path: string, options: DistillationOptions): Promise<StudyResult> {
  const {
    tokenizer,
    steps,
    set,
    runs,
    trainings = 1,
    onTraining,
    onMessage,
    onTrained,
    ...measuring
  } = options;
  if (!Number.isInteger(trainings) || trainings < 1 || trainings > 100) {
    throw invalidValue("study", ["trainings"], "must be an integer in 1..100", trainings);
  }
  const config = await variantConfig(path, options);
  const data = options.data ?? config.data.source;
  const checked = checkedOptions({
    ...measuring,
    data,
    ...samplingLike({ ...options, data }, config.data),
  });
  const { classifier, heldOut } = await openClassifierData(config.data, checked);
  const sized = { ...checked, ...setSizes(heldOut, checked) };
  const study = studyOf(config);
  const groups: Prepared[][] = [];
  for (let training = 0; training < trainings; training++) {
    groups.push(await prepare(path, study, { ...options, training }, sized.samples));
  }
  const variants = groups.flat();
  requireFittingClassifier({ ...config.data, classNames: heldOut.classNames }, classifier);
  if (checked.out !== undefined) await ensureWritableFolder(checked.out);

  const trainingWork = variants.reduce((sum, variant) => sum + workOfTraining(variant), 0);
  const measuringWork = variants.reduce((sum, { works }) => sum + totalWork(works, checked.seeds), 0);
  const left = openTimeLeft(trainingWork + measuringWork);
  const training = { ...options, runs: runs ?? join("runs", `${config.name}-distillation`) };
  const trained = await trainAll(variants, training, left);
  onTrained?.();
  const evaluations = await measureAll(study, { groups, trained, config }, sized, left);
  const evaluation = { ...combineTrainings(evaluations), subject: config.name };
  return {
    name: "distillation",
    study,
    evaluation,
    answers: answersOf(study, evaluation.rows, { unit: evaluation.trainings ? "training" : "seed" }),
    notes: notesOf(config, variants, trained, { tokenizer, trainings }),
    extras: { training: trained.map((one, i) => ({ ...one, settings: variants[i]!.settings })) },
  };
}

/** The configuration on the shared tokenizer, with what the options and a variant change in it. */
async function variantConfig(
  path: string,
  { tokenizer, steps, set = [] }: Pick<DistillationOptions, "tokenizer" | "steps" | "set">,
  settings: readonly string[] = [],
): Promise<TrainConfig> {
  const length = steps === undefined ? [] : [`transformer.training.steps=${steps}`];
  // Only generating is measured, so nothing else is trained.
  const all = [...set, ...length, "transformer.model.tasks=[]", ...settings];
  return onTokenizer((await loadConfig(path, { set: all })).config, tokenizer);
}

// No cost depends on classes and weights.
const groundOf = (config: TrainConfig) => ({
  model: { transformer: { config: transformerConfigOf(config, 0), tensors: {} } },
  base: config.decoding,
});

/** The study of a configuration. */
const studyOf = (config: TrainConfig): DistillationStudy =>
  planDistillation({ base: config.decoding, factors: transformerConfigOf(config, 0).factors });

/** What is to be trained for the study with one seed of several, and what that takes. */
async function prepare(
  path: string,
  study: DistillationStudy,
  options: Pick<DistillationOptions, "tokenizer" | "steps" | "set"> & {
    /** Which of the trainings, from 0 on. */
    readonly training: number;
  },
  samples: number,
): Promise<Prepared[]> {
  const { training } = options;
  const variants: Prepared[] = [];
  for (const variant of study.variants) {
    const config = await variantConfig(path, options, variant.settings);
    const own = withSeedAndLength(config, config.seed + training, variant.length);
    const works = worksOf(groundOf(own), variant.points);
    // Each sub-model runs every position, forward and, at twice the cost, backward.
    const passes = worksOf(groundOf(own), variant.factors.map(onePass));
    variants.push({
      ...variant,
      run: training === 0 ? variant.name : `${variant.name}, training ${training + 1}`,
      config: own,
      stepWork: 3 * own.transformer.training.batchSize * totalWork(passes, 1),
      works: works.map(({ name, work }) => ({ name, work: work * samples })),
    });
  }
  return variants;
}

/** A configuration with another seed, and so many times as many steps of its transformer. */
function withSeedAndLength(
  { transformer, ...config }: TrainConfig,
  seed: number,
  length: number,
): TrainConfig {
  const { training, ...rest } = transformer;
  const steps = Math.round(length * training.steps);
  return { ...config, seed, transformer: { ...rest, training: { ...training, steps } } };
}

/** A plan of one pass over every position. */
const onePass = (factor: number): GridPoint => ({
  name: `${factor}`,
  base: "",
  settings: "",
  plan: {
    modelSchedule: [{ factor, steps: 1 }],
    cache: { enabled: false },
    guidance: { scale: 0, interval: [0, 1] },
  },
});

const workOfTraining = ({ config, stepWork }: Prepared): number =>
  config.transformer.training.steps * stepWork;

/** Trains what is not trained yet. */
async function trainAll(
  variants: readonly Prepared[],
  options: DistillationOptions & { readonly runs: string },
  left: TimeLeft,
): Promise<TrainedVariant[]> {
  const { runs, tokenizer, threads, device, signal, onMessage, onTraining } = options;
  let place = 0; // of the variant that trains
  let counted = 0; // its steps that `left` knows of
  let isFirst = true; // whether it has not reported yet
  return trainVariants({
    variants: Object.fromEntries(variants.map(({ run, config }) => [run, config])),
    tokenizer,
    out: runs,
    threads,
    device,
    signal,
    onMessage,
    onProgress(progress) {
      const { run, stepWork } = variants[place]!;
      if (progress.job !== "transformer") return onTraining?.(progress, progress.job, null);
      // Steps before the first report may be those of an earlier call.
      left.finish((progress.step - counted) * stepWork, isFirst);
      [counted, isFirst] = [progress.step, false];
      onTraining?.(progress, run, left.seconds(0));
    },
    onTrained() {
      const { config, stepWork } = variants[place]!;
      left.finish((config.transformer.training.steps - counted) * stepWork, true);
      [place, counted, isFirst] = [place + 1, 0, true];
    },
  });
}

/** Measures every variant by its plans, seed by seed; what is the same for all, such as held-out images, is the first one's. */
async function measureAll(
  study: DistillationStudy,
  {
    groups,
    trained,
    config,
  }: {
    /** The variants of each seed. */
    readonly groups: readonly (readonly Prepared[])[];
    /** All of them, in the same order. */
    readonly trained: readonly TrainedVariant[];
    readonly config: TrainConfig;
  },
  options: SizedOptions,
  left: TimeLeft,
): Promise<ModelEvaluation[]> {
  const base: DecodePlan = config.decoding;
  const network = await networkOf(options);
  const works = groups.flat().flatMap((variant) => variant.works);
  const tracker = trackWork(works, options, left);
  const runners = await openRunners(options);
  const evaluations: ModelEvaluation[] = [];
  try {
    for (const [g, variants] of groups.entries()) {
      const own = trained.slice(g * variants.length, (g + 1) * variants.length);
      const all: Extract<ModelEvaluation, { task: "generate" }>[] = [];
      for (const [i, { points }] of variants.entries()) {
        const subject = await openSubject(own[i]!.folder, options);
        const context = { options, runners, network, ...tracker };
        const evaluation = await measureSubject(subject, { base, grid: points }, context);
        if (evaluation.task === "generate") all.push(evaluation); // always: no frames are given
      }
      const plans: GenerationRow[] = all.flatMap(({ result }) => result.plans);
      const losses = variants.flatMap(({ points, factors }, i) =>
        points.map((_, at) => own[i]!.losses[factors[at]!]),
      );
      const rows = withContext(plans, study.points, isFullSize).map((row, i) => ({
        ...row,
        ...(losses[i] !== undefined && { trainingLoss: losses[i] }),
      }));
      const first = all[0]!;
      evaluations.push({
        ...first,
        subject: `${config.name} ${g + 1}`,
        result: { ...first.result, plans },
        rows,
        cachedRuns: g === groups.length - 1 ? tracker.cachedRuns() : 0,
      });
    }
    return evaluations;
  } finally {
    await runners.close();
  }
}

/** How the variants were trained, how far that brought them, and what the error bars leave out. */
function notesOf(
  { seed, data, transformer }: TrainConfig,
  variants: readonly Prepared[],
  trained: readonly TrainedVariant[],
  { tokenizer, trainings }: { readonly tokenizer: string; readonly trainings: number },
): string[] {
  const { factors } = transformer.model;
  const { steps, batchSize } = transformer.training;
  const head = ["training", ...factors.map((factor) => `p = ${factor}`), "steps", "minutes", "settings"];
  const rows = trained.map(({ name, losses, seconds }, i) => [
    name,
    ...factors.map((factor) => losses[factor]?.toFixed(3) ?? ""),
    `${variants[i]!.config.transformer.training.steps}`,
    (seconds / 60).toFixed(1),
    variants[i]!.settings.map((setting) => `\`${setting}\``).join(" "),
  ]);
  const how =
    `${steps} steps of ${batchSize} on ${data.count ?? "all"} of ${data.source}, the longer one for as much compute as a nested ` +
    `training, with the tokenizer of ${tokenizer}.`;
  const beside = '"To baseline" is beside the full size of the same kind of training.';
  return [
    trainings === 1
      ? `Every variant was trained once: ${how} All begin with the same first weights (training seed ${seed}) and see the same ` +
        "batches. So the seeds, and ± with them, are of the sampling alone: what another training would give is not in them. " +
        beside
      : `Every variant was trained ${trainings} times: ${how} All begin with the same first weights and see the same batches in ` +
        `each of the training seeds ${seed}..${seed + trainings - 1}, so that differences are paired. ${beside}`,
    "Training loss of each sub-model (cross-entropy with the true tokens, nats per masked token, mean over the last tenth " +
      "of the steps), and minutes in the training loop:",
    markdownTable({ head, rows }),
  ];
}
