/** `magnets study distillation`: one configuration trained in several ways, and what came of each, written up. */
import { join } from "node:path";
import type { Command } from "commander";
import type { DistillationStudy, GenerationRow, StudyVariant } from "../../src/evaluate.ts";
import type { DecodePlan } from "../../src/index.ts";
import type { TrainConfig, TrainedVariant } from "../../src/train.ts";
import {
  type Measured,
  measureModel,
  networkOf,
  openJudge,
  openRunners,
  openSubject,
  rowsOf,
  worksOf,
} from "../evaluation-run.ts";
import { addMeasuringOptions, type EvaluationOptions } from "../options/evaluation-options.ts";
import { paceOf } from "../options/frame-rate-options.ts";
import { collect, finishCommand, wholeNumber } from "../options/parse.ts";
import { openStages, type PlannedWork, totalWork } from "../output/evaluation-progress.ts";
import { timeLeft } from "../output/progress.ts";
import { openReport, type Report } from "../output/report.ts";
import { reportStudy } from "../output/study-report.ts";
import { markdownTable } from "../output/table.ts";
import { openTimeLeft, type TimeLeft } from "../output/time-left.ts";
import { openTrainingBars } from "../output/training-progress.ts";

interface DistillationOptions extends EvaluationOptions {
  tokenizer: string;
  steps?: number;
  set?: string[];
  runs?: string;
  json?: boolean;
}

/** A variant, ready to train, with what that and its measuring take, in multiply-adds. */
interface Prepared extends StudyVariant {
  readonly config: TrainConfig;
  /** Of a training step, near enough to foresee times. */
  readonly stepWork: number;
  /** Of every plan, for all images of a seed. */
  readonly works: readonly PlannedWork[];
}

export function addDistillationStudy(study: Command, signal: AbortSignal): void {
  const command = study
    .command("distillation")
    .description(
      "train a configuration nested, with each kind of teacher and without, and its sub-models separately; measure all " +
        "of them and write it up. The same command goes on with what was stopped",
    )
    .argument("<config>", "a configuration file (YAML), as for magnets train")
    .requiredOption("--tokenizer <model>", "the model folder whose tokenizer they all share")
    .option("--steps <n>", "of each training (default: the configuration's)", wholeNumber(1))
    .option("--set <key=value>", "change one value of the configuration; repeatable", collect)
    .option(
      "--runs <folder>",
      "keeps the trainings (default: runs/, the configuration's name, -distillation)",
    );
  finishCommand(
    addMeasuringOptions(command),
    "study distillation configs/sprites.yaml --tokenizer models/sprites --steps 1000 --seeds 3 --out out/distillation",
  ).action((config: string, options: DistillationOptions) => runDistillation(config, options, signal));
}

async function runDistillation(path: string, given: DistillationOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(given);
  const { ensureWritableFolder } = await import("../../src/index.ts");
  const { requireFittingClassifier } = await import("../../src/evaluate.ts");
  const config = await configOf(path, given);
  const data = given.data ?? config.data.source;
  const options = {
    ...given,
    data,
    ...paceOf({ ...given, data }, config.data),
    out: given.out ?? join("out", `${config.name}-distillation`),
    runs: given.runs ?? join("runs", `${config.name}-distillation`),
  };
  const { study, variants } = await prepare(path, config, options);
  // What the judge lacks is told before anything trains.
  const { classifier, heldOut } = await openJudge(config.data, options);
  requireFittingClassifier({ ...config.data, classNames: heldOut.classNames }, classifier);
  await ensureWritableFolder(options.out);

  const left = openTimeLeft(
    variants.reduce(
      (sum, variant) => sum + trainingWork(variant) + totalWork(variant.works, options.seeds),
      0,
    ),
  );
  const trained = await trainAll(variants, options, { left, report, signal });
  const measured = await measureAll(
    study,
    { variants, trained, base: config.decoding },
    options,
    left,
    signal,
  );
  await reportStudy(report, study, measured, {
    name: "distillation",
    subject: config.name,
    options,
    extras: { training: trained.map((one, i) => ({ ...one, settings: variants[i]!.settings })) },
    notes: notesOf(config, variants, trained, options.tokenizer),
  });
}

/** The configuration on the tokenizer, with what the options and a variant change in it. */
async function configOf(
  path: string,
  { tokenizer, steps, set = [] }: DistillationOptions,
  settings: readonly string[] = [],
): Promise<TrainConfig> {
  const { loadConfig, onTokenizer } = await import("../../src/train.ts");
  const length = steps === undefined ? [] : [`transformer.training.steps=${steps}`];
  // What is judged is generating, so nothing else is learnt.
  const all = [...set, ...length, "transformer.model.tasks=[]", ...settings];
  return onTokenizer((await loadConfig(path, { set: all })).config, tokenizer);
}

/** The study of a configuration, and what its variants train and take. */
async function prepare(path: string, config: TrainConfig, options: DistillationOptions) {
  const { planDistillation } = await import("../../src/evaluate.ts");
  const { transformerConfigOf } = await import("../../src/train.ts");
  const base = config.decoding;
  // No cost depends on classes and weights.
  const subjectOf = (own: TrainConfig) => ({
    model: { transformer: { config: transformerConfigOf(own, 0), tensors: {} } },
    base,
  });
  const study = planDistillation({ base, factors: transformerConfigOf(config, 0).factors });
  const variants: Prepared[] = [];
  for (const variant of study.variants) {
    const own = await configOf(path, options, variant.settings);
    const works = await worksOf(subjectOf(own), variant.points);
    // Each sub-model runs every position, forward and, at twice the cost, backward.
    const passes = await worksOf(subjectOf(own), variant.factors.map(passOf));
    variants.push({
      ...variant,
      config: own,
      stepWork: 3 * own.transformer.training.batchSize * totalWork(passes, 1),
      works: works.map(({ name, work }) => ({ name, work: work * options.samples })),
    });
  }
  return { study, variants };
}

/** A plan of one pass over every position. */
const passOf = (factor: number) => ({
  ...{ name: `${factor}`, base: "", settings: "" },
  plan: {
    modelSchedule: [{ factor, steps: 1 }],
    cache: { enabled: false },
    guidance: { scale: 0, interval: [0, 1] as const },
  },
});

const trainingWork = ({ config, stepWork }: Prepared): number => config.transformer.training.steps * stepWork;

/** Trains what is not trained yet, with the time left for all of the study beside the bars. */
async function trainAll(
  variants: readonly Prepared[],
  { runs, tokenizer, threads, device }: DistillationOptions & { readonly runs: string },
  {
    left,
    report,
    signal,
  }: { readonly left: TimeLeft; readonly report: Report; readonly signal: AbortSignal },
): Promise<TrainedVariant[]> {
  const { trainVariants } = await import("../../src/train.ts");
  const bars = openTrainingBars();
  let [place, counted, isFirst] = [0, 0, true];
  try {
    return await trainVariants({
      variants: Object.fromEntries(variants.map(({ name, config }) => [name, config])),
      tokenizer,
      out: runs,
      threads,
      device,
      signal,
      onMessage: (message) => report.say(message),
      onProgress(progress) {
        if (progress.job !== "transformer") return bars.show(progress);
        const { name, stepWork } = variants[place]!;
        // Steps before the first report were perhaps made by an earlier command.
        left.finish((progress.step - counted) * stepWork, isFirst);
        [counted, isFirst] = [progress.step, false];
        const seconds = left.seconds(0);
        bars.show(progress, name, seconds === null ? {} : { "in all:": timeLeft(seconds) });
      },
      onTrained() {
        const { config, stepWork } = variants[place]!;
        left.finish((config.transformer.training.steps - counted) * stepWork, true);
        [place, counted, isFirst] = [place + 1, 0, true];
      },
    });
  } finally {
    bars.stop();
  }
}

/** Measures every variant by its plans; what is the same for all, such as real images, is the first one's. */
async function measureAll(
  study: DistillationStudy,
  {
    variants,
    trained,
    base,
  }: {
    readonly variants: readonly Prepared[];
    readonly trained: readonly TrainedVariant[];
    readonly base: DecodePlan;
  },
  options: EvaluationOptions,
  left: TimeLeft,
  signal: AbortSignal,
): Promise<Measured> {
  const { isFullSize } = await import("../../src/evaluate.ts");
  const network = await networkOf(options);
  const stages = openStages(
    variants.flatMap(({ works }) => works),
    options.seeds,
    left,
  );
  const runners = await openRunners(options);
  try {
    const all: (Measured & { readonly task: "generate" })[] = [];
    for (const [i, { points }] of variants.entries()) {
      const subject = await openSubject(trained[i]!.folder, options);
      const facts = { options, runners, network, stages, signal };
      const measured = await measureModel(subject, { base, grid: points }, facts);
      if (measured.task === "generate") all.push(measured); // as without `given` it is
    }
    const plans: GenerationRow[] = all.flatMap(({ result }) => result.plans);
    const rows = await rowsOf(plans, study.points, isFullSize);
    const losses = variants.flatMap(({ points, factors }, i) =>
      points.map((_, at) => trained[i]!.losses[factors[at]!]),
    );
    return {
      ...all[0]!,
      result: { ...all[0]!.result, plans },
      rows: rows.map((row, i) => ({ ...row, ...(losses[i] !== undefined && { trainingLoss: losses[i] }) })),
      cached: stages.cached(),
    };
  } finally {
    stages.stop();
    await runners.close();
  }
}

/** How the variants were trained, how far that brought them, and what the error bars leave out. */
function notesOf(
  { seed, data, transformer }: TrainConfig,
  variants: readonly StudyVariant[],
  trained: readonly TrainedVariant[],
  tokenizer: string,
): string[] {
  const { factors } = transformer.model;
  const { steps, batchSize } = transformer.training;
  const rows = trained.map(({ name, losses, seconds }, i) => [
    name,
    ...factors.map((factor) => losses[factor]?.toFixed(3) ?? ""),
    (seconds / 60).toFixed(1),
    variants[i]!.settings.map((setting) => `\`${setting}\``).join(" "),
  ]);
  return [
    `Every variant was trained once: ${steps} steps of ${batchSize} on ${data.count ?? "all"} of ${data.source}, from the ` +
      `same first weights (training seed ${seed}) on the same batches, with the tokenizer of ${tokenizer}. So the seeds, and ` +
      '± with them, are of the sampling alone: what another training would give is not in them. "To baseline" is beside the ' +
      "full size of the same kind of training.",
    "Training loss of each sub-model (cross-entropy with the truth, nats per masked token, mean over the last tenth of " +
      "the steps), and minutes in the training loop:",
    markdownTable(["training", ...factors.map((factor) => `p = ${factor}`), "minutes", "settings"], rows),
  ];
}
