/** `magnets evaluate`: how good decode plans are, and what they cost, on one model. */
import { basename } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Evaluation, PlanFigures, PredictionEvaluation, Verdict } from "../../src/evaluate.ts";
import type { PlanInput } from "../../src/index.ts";
import { frameTable, generationTable, predictionTable } from "../evaluation-tables.ts";
import { addMachineOptions, type MachineOptions } from "../machine-options.ts";
import { collect, decimalNumber, finishCommand, wholeNumber } from "../options.ts";
import { openReport } from "../report.ts";
import { classifierFolder } from "./classifier.ts";

interface EvaluateCommandOptions extends MachineOptions {
  plan?: string[];
  samples: number;
  real: number;
  given?: number;
  data?: string;
  classifier?: string;
  guidance?: number[];
  choiceTemperature?: number[];
  tokenTemperature?: number[];
  cacheFolder: string;
  batch: number;
  json?: boolean;
}

/** Values between commas, each read by `read`. */
const several =
  (read: (text: string) => number) =>
  (text: string): number[] =>
    text.split(",").map(read);

export function addEvaluateCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("evaluate")
    .description("compare decode plans: class accuracy, distance to real pictures, compute")
    .argument("<model>", "a model folder")
    .option(
      "--plan <name=sizes>",
      'a plan to judge; repeatable. "default" and "flat" name the model\'s own and the flat decode ' +
        "(default: these two)",
      collect,
    )
    .option("--samples <n>", "pictures per plan; the classes take turns", wholeNumber(2), 2000)
    .option("--real <n>", "held-out real pictures to compare with", wholeNumber(2), 10_000)
    .option(
      "--given <n>",
      "judge predictions: the first n frames of held-out clips are given",
      wholeNumber(1),
    )
    .option("--data <source>", 'the data of the model (default: "sprites", or "motions" if it makes clips)')
    .option(
      "--classifier <folder>",
      "the judge; see magnets classifier (default: models/ and the data's name)",
    )
    .option("--guidance <s,...>", "guidance scales to try", several(decimalNumber(0)))
    .option("--choice-temperature <t,...>", "choice temperatures to try", several(decimalNumber(0)))
    .option("--token-temperature <t,...>", "token temperatures to try", several(decimalNumber(0, true)))
    .option("--cache-folder <folder>", "keeps the features of drawn real pictures", ".cache/evaluation");
  addMachineOptions(command).option("--batch <n>", "pictures decoded together", wholeNumber(1, 4096), 64);
  finishCommand(
    command,
    "evaluate models/sprites",
    "evaluate models/sprites --plan default --plan late=8x2,1x10 --choice-temperature 4,9,14 --samples 240",
    "evaluate models/motions --given 5 --samples 240",
  ).action((model: string, options: EvaluateCommandOptions) => evaluate(model, options, signal));
}

async function evaluate(folder: string, options: EvaluateCommandOptions, signal: AbortSignal): Promise<void> {
  const { samples, seed, given, batch, threads, device, precision } = options;
  const report = openReport(options);
  const {
    createNodeRunner,
    InputError,
    openImagePipeline,
    openVideoPipeline,
    planFor,
    printSizes,
    readModel,
  } = await import("../../src/index.ts");
  const { evaluateModel, evaluatePrediction, flatPlan, openParts, planGrid, readClassifier } = await import(
    "../../src/evaluate.ts"
  );
  const { startProgress } = await import("../progress.ts");
  const model = await readModel(folder);
  const { resolution, frames } = model.tokenizer.config;
  if (given !== undefined && !model.completionPlan) {
    throw new InputError(`evaluate: ${folder} was not trained to predict frames; leave out --given`);
  }
  const data = options.data ?? (frames === undefined ? "sprites" : "motions");
  const judge = options.classifier ?? classifierFolder(data);
  const classifier = await readClassifier(judge);
  const { heldOut } = await openParts(data, resolution, frames);
  const base = (given === undefined ? null : model.completionPlan) ?? model.plan;
  const known: Record<string, PlanInput> = { default: {}, flat: flatPlan(base) };
  const grid = planGrid(plansOf(options.plan ?? ["default", "flat"], known), {
    guidanceScale: options.guidance,
    choiceTemperature: options.choiceTemperature,
    tokenTemperature: options.tokenTemperature,
  });
  const plans = Object.fromEntries(grid.map(({ name, plan }) => [name, plan]));
  // A mistake in the last one is told before the first runs.
  for (const plan of Object.values(plans)) planFor({ ...model, plan: base }, plan);

  const runner = await createNodeRunner({ device, threads });
  let progress: ReturnType<typeof startProgress> | undefined;
  let stage = "";
  const asked = {
    runner,
    classifier,
    plans,
    samples,
    seed,
    batchSize: batch,
    real: heldOut,
    realCount: options.real,
    cacheFolder: options.cacheFolder,
    signal,
    onProgress(next: { stage: string; done: number; total: number }) {
      if (next.stage !== stage) {
        progress?.stop();
        progress = startProgress(next.stage, next.total);
        stage = next.stage;
      }
      progress?.update(next.done);
    },
  };
  let result: Evaluation | PredictionEvaluation;
  try {
    if (frames === undefined) {
      result = await evaluateModel({
        ...asked,
        pipeline: await openImagePipeline(model, { runner, precision }),
      });
    } else {
      const pipeline = await openVideoPipeline(model, { runner, precision });
      result =
        given === undefined
          ? await evaluateModel({ ...asked, pipeline })
          : await evaluatePrediction({ ...asked, pipeline, given });
    }
  } finally {
    progress?.stop();
    await runner.close();
  }

  const rowOf = <Row extends Verdict & PlanFigures>(row: Row, i: number, all: readonly Row[]) => {
    const { base, settings } = grid[i]!;
    const flat = all[grid.findIndex((other) => other.base === "flat" && other.settings === settings)];
    const toFlat = flat && base !== "flat" ? { frechetToFlat: row.frechet / flat.frechet } : {};
    return { ...row, ...toFlat, sizes: printSizes(row.plan.sizes) };
  };
  const { pictures, source } = result.reference;
  const facts =
    `seed ${seed}; distance to ${pictures} real ones of ${source} in the features of ${basename(judge)} ` +
    `(not ${frames === undefined ? "FID" : "FVD"})`;
  if ("given" in result) {
    report.say(predictionTable(result, result.plans.map(rowOf)));
    report.say(`\nPSNR in dB of each predicted frame:\n\n${frameTable(result)}`);
    report.say(
      `\n${samples} held-out clips, the first ${given} frames of each given, ${facts}\n` +
        "± is the standard error over the clips",
    );
  } else {
    const { psnr, codebookUse } = result.tokenizer;
    report.say(generationTable(result, result.plans.map(rowOf)));
    report.say(
      `\n${samples} pictures each, ${facts}\n` +
        `tokenizer: ${psnr.toFixed(2)} dB, ${(100 * codebookUse).toFixed(1)} % of the codebook used`,
    );
  }
  if (result.real.isUnderSampled) {
    report.say(
      `warning: ${samples} pictures are too few for ${classifier.config.featureWidth} features; distances mean little`,
    );
  }
  report.finish({
    model: folder,
    samples,
    seed,
    precision,
    classifier: { folder: judge, accuracy: classifier.accuracy.value },
    ...result,
    plans: "given" in result ? result.plans.map(rowOf) : result.plans.map(rowOf),
  });
}

/** Plans by name from `name=sizes`, `sizes` or the name of a known plan. */
function plansOf(
  texts: readonly string[],
  known: Readonly<Record<string, PlanInput>>,
): Record<string, PlanInput> {
  const plans: Record<string, PlanInput> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = at < 0 ? text : text.slice(0, at);
    if (name === "" || Object.hasOwn(plans, name)) {
      throw new InvalidArgumentError(`--plan: every plan needs a name of its own, got "${text}" again.`);
    }
    plans[name] = at < 0 ? (known[text] ?? { sizes: text }) : { sizes: text.slice(at + 1) };
  }
  return plans;
}
