/** `magnets study distillation`: one configuration trained in several ways, every model measured, and written up. */
import { join } from "node:path";
import type { Command } from "commander";
import {
  addMeasuringOptions,
  type EvaluationOptions,
  measuringOptionsOf,
} from "../options/evaluation-options.ts";
import { collect, finishCommand, wholeNumber } from "../options/parse.ts";
import { openEvaluationBars } from "../output/evaluation-progress.ts";
import { reportStudy } from "../output/evaluation-report.ts";
import { timeLeft } from "../output/progress.ts";
import { openReport } from "../output/report.ts";
import { openTrainingBars } from "../output/training-progress.ts";

interface DistillationCommandOptions extends EvaluationOptions {
  tokenizer: string;
  steps?: number;
  trainings: number;
  set?: string[];
  runs?: string;
  json?: boolean;
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
    .option(
      "--trainings <n>",
      "train every variant so often, with seeds in a row: error bars are then between trainings",
      wholeNumber(1, 100),
      1,
    )
    .option("--set <key=value>", "change one value of the configuration; repeatable", collect)
    .option(
      "--runs <folder>",
      "keeps the trainings (default: runs/, the configuration's name, -distillation)",
    );
  finishCommand(
    addMeasuringOptions(command),
    "study distillation configs/sprites.yaml --tokenizer models/sprites --steps 1000 --seeds 3 --out out/distillation",
  ).action((config: string, options: DistillationCommandOptions) => run(config, options, signal));
}

async function run(config: string, options: DistillationCommandOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { runDistillationStudy } = await import("../../src/evaluate.ts");
  const trainingBars = openTrainingBars();
  const bars = openEvaluationBars();
  const { tokenizer, steps, trainings, set, runs } = options;
  try {
    const result = await runDistillationStudy(config, {
      ...measuringOptionsOf(options, signal),
      tokenizer,
      steps,
      trainings,
      set,
      runs,
      onMessage: (message) => report.say(message),
      onTraining: (progress, variant, seconds) =>
        trainingBars.show(progress, variant, seconds === null ? {} : { "in all:": timeLeft(seconds) }),
      onTrained: trainingBars.stop,
      onProgress: bars.show,
    });
    bars.stop();
    const out = options.out ?? join("out", `${result.evaluation.subject}-distillation`);
    await reportStudy(report, result, { ...options, out });
  } finally {
    trainingBars.stop();
    bars.stop();
  }
}
