/** `magnets search`: the best decode plans of a model, measured and kept in its folder. */
import type { Command } from "commander";
import type { Finalist } from "../../src/index.ts";
import {
  addReferenceOptions,
  type ReferenceOptions,
  subjectOptionsOf,
} from "../options/evaluation-options.ts";
import { addComputeOptions, type ComputeOptions } from "../options/machine-options.ts";
import { decimalNumber, finishCommand, wholeNumber } from "../options/parse.ts";
import { openEvaluationBars } from "../output/evaluation-progress.ts";
import { openReport } from "../output/report.ts";
import { table } from "../output/table.ts";

interface SearchCommandOptions extends ComputeOptions, ReferenceOptions {
  budget: number;
  candidates: number;
  samples: number;
  rounds: number;
  finalSamples: number;
  seed: number;
  replace?: boolean;
  json?: boolean;
}

export function addSearchCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("search")
    .description("find the model's best decode plans for every budget, and keep them in its folder")
    .argument("<model>", "a model folder; its generation_config.json gets the measured plans")
    .option(
      "--budget <fraction>",
      "of the baseline decode's multiply-adds: the most that a plan may cost",
      decimalNumber(0, true),
      0.4,
    )
    .option("--candidates <n>", "plans to begin with", wholeNumber(1), 48)
    .option("--rounds <n>", "halvings: the better half goes on, with twice the images", wholeNumber(1), 3)
    .option("--samples <n>", "images per plan in the last round", wholeNumber(4), 1000)
    .option(
      "--final-samples <n>",
      "images per plan, of another seed, for the figures kept",
      wholeNumber(4),
      2000,
    )
    .option("--seed <n>", "of the plans drawn and of their images", wholeNumber(0, 2 ** 32 - 1), 0)
    .option("--replace", "put the Pareto front in the place of one that was measured on more images, too");
  addComputeOptions(addReferenceOptions(command)).addHelpText(
    "after",
    `
Plans are drawn around the model's default plan and measured by the distance of their images to the reference set, in
the classifier's features. The baseline decode gets as much search by itself: as many settings are tried, of as many
steps as the default plan, half and a third of them, the default plan's own first. What is left in the end is measured
again on another seed, beside the default plan and the best baseline decode; those plans that no other beats are the
Pareto front. With it, --budget and --target-quality of sample, edit and plan choose what was measured best. Every
measurement is cached: a search that was stopped goes on, and equal searches repeat nothing.`,
  );
  finishCommand(
    command,
    "search models/sprites",
    "search models/sprites --budget 0.33 --candidates 24 --samples 400 --final-samples 1000",
  ).action((model: string, options: SearchCommandOptions) => run(model, options, signal));
}

async function run(folder: string, options: SearchCommandOptions, signal: AbortSignal): Promise<void> {
  const { budget, candidates, rounds, samples, finalSamples, seed, replace } = options;
  const report = openReport(options);
  const { searchParetoFront } = await import("../../src/evaluate.ts");
  const bars = openEvaluationBars();
  try {
    const { paretoFront, finalists, reference, warnings } = await searchParetoFront(folder, {
      ...subjectOptionsOf(options, signal),
      budget,
      candidates,
      rounds,
      samples,
      finalSamples,
      seed,
      replace,
      onProgress: bars.show,
    });
    bars.stop();
    report.say(finalistTable(finalists));
    report.say(
      `\n${finalSamples} images each, seed ${paretoFront.seed}, distance to ${reference.images} held-out ones of ` +
        `${reference.source} in the features of ${paretoFront.classifier}\n` +
        `${paretoFront.plans.length} plans on the Pareto front, kept in ${folder}/generation_config.json`,
    );
    for (const warning of warnings) report.say(`warning: ${warning}`);
    report.finish({ model: folder, ...options, warnings, paretoFront, finalists });
  } finally {
    bars.stop();
  }
}

function finalistTable(finalists: readonly Finalist[]): string {
  const rows = finalists.map(({ name, plan, share, distance, distanceToBaseline, isOnParetoFront }) => [
    isOnParetoFront ? "*" : "",
    name,
    plan.modelSchedule.map(({ factor, steps }) => `${factor}x${steps}`).join(),
    Number(plan.choiceTemperature.toPrecision(3)),
    Number(plan.guidance.scale.toPrecision(3)),
    plan.guidance.interval.join("-"),
    String(plan.guidance.unconditionalFactor),
    share.toFixed(3),
    Number(distance.toPrecision(4)),
    distanceToBaseline.toFixed(3),
  ]);
  return table(
    [
      "Pareto",
      "plan",
      "model schedule",
      "choice",
      "guidance",
      "guided",
      "unguided",
      "of baseline",
      "distance",
      "to baseline",
    ],
    rows,
  );
}
