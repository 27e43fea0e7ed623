/** `magnets study`: one question of the paper's study, measured on a model and written up. */
import { basename, join } from "node:path";
import { Argument, type Command, InvalidArgumentError } from "commander";
import type { StudyName, TuningOptions } from "../../src/evaluate.ts";
import {
  addEvaluationOptions,
  type EvaluationOptions,
  measuringOptionsOf,
} from "../options/evaluation-options.ts";
import { finishCommand, several, wholeNumber } from "../options/parse.ts";
import { openEvaluationBars } from "../output/evaluation-progress.ts";
import { reportStudy } from "../output/evaluation-report.ts";
import { openReport } from "../output/report.ts";
import { addDistillationStudy } from "./study-distillation.ts";

interface StudyFlags extends EvaluationOptions {
  tune?: number;
  tuneSamples?: number;
  tuneReferenceImages?: number;
  tuneSeed?: number;
  decodeSteps?: number[];
  json?: boolean;
}

export function addStudyCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("study")
    .description(
      "measure what the method brings, question by question, and write it up in a folder (default: out/ and the names " +
        "of the model and the study)",
    )
    .addArgument(
      new Argument(
        "<name>",
        "main: schedule and cache; few-steps: the default plan, and without the full model, beside baseline decodes of few " +
          "steps; direction: of the model schedule; refresh: of the cache; steps: how many; guidance: when, and by which sub-model; unmask: as many tokens a " +
          "step as scheduled, or as entropies allow; order: which tokens a step decodes, by confidence or in the Halton " +
          "order, where steps may run only what is needed",
      ).choices(["main", "few-steps", "direction", "refresh", "steps", "guidance", "unmask", "order"]),
    )
    .argument(
      "<models...>",
      "a model folder; several trainings of one configuration give error bars between trainings",
    )
    .option(
      "--tune <tries>",
      "first tune every way with equal effort, so many settings each (24 is usual), and compare best with best; not for " +
        "the study of guidance",
      wholeNumber(2, 1000),
    )
    .option(
      "--tune-samples <n>",
      "images of each setting and model in the last round (default: 500)",
      wholeNumber(16),
    )
    .option(
      "--tune-reference-images <n>",
      "real images, none of the report's (default: 2000)",
      wholeNumber(4),
    )
    .option("--tune-seed <n>", "of settings and images, none of the report's (default: 2^31)", wholeNumber(0))
    .option(
      "--decode-steps <list>",
      "the numbers of steps that are compared, e.g. 4,8,12 (default of few-steps: 6,8,12; of steps: " +
        "4,6,8,12,16,24,32; of order: 6,12,24)",
      several(wholeNumber(1)),
    );
  addDistillationStudy(command, signal);
  finishCommand(
    addEvaluationOptions(command),
    "study main models/sprites --seeds 3 --out docs/results/sprites-main",
    "study main models/sprites --seeds 3 --tune 24",
    "study order models/sprites --seeds 3",
    "study main runs/seed-0/model runs/seed-1/model runs/seed-2/model --seeds 3 --tune 24",
    "study steps models/motions --given 5 --samples 240 --seeds 3",
    "study steps models/sprites --seeds 3 --decode-steps 4,8,12 --tune 24",
  ).action((name: StudyName, models: string[], options: StudyFlags) => run(name, models, options, signal));
}

async function run(
  name: StudyName,
  models: readonly string[],
  given: StudyFlags,
  signal: AbortSignal,
): Promise<void> {
  const report = openReport(given);
  const options = { ...given, out: given.out ?? join("out", `${basename(models[0]!)}-${name}`) };
  const { runStudyOver } = await import("../../src/evaluate.ts");
  const bars = openEvaluationBars();
  try {
    const onProgress = bars.show;
    const result = await runStudyOver(name, models, {
      ...measuringOptionsOf(options, signal),
      tuning: tuningOf(options),
      decodeSteps: options.decodeSteps,
      onProgress,
    });
    bars.stop();
    await reportStudy(report, result, options);
  } finally {
    bars.stop();
  }
}

/** The tuning that is asked for; null: none is. */
function tuningOf({ tune, tuneSamples, tuneReferenceImages, tuneSeed }: StudyFlags): TuningOptions | null {
  const others = { samples: tuneSamples, referenceImages: tuneReferenceImages, seed: tuneSeed };
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  if (tune === undefined && Object.keys(given).length > 0) {
    throw new InvalidArgumentError("--tune-samples, --tune-reference-images and --tune-seed need --tune");
  }
  return tune === undefined ? null : { tries: tune, ...given };
}
