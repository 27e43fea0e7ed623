/** `magnets search`: decode plans that find themselves, measured and kept in the model folder. */
import { basename } from "node:path";
import type { Command } from "commander";
import type { Finalist, FindParetoFrontProgress, FoundParetoFront } from "../../src/index.ts";
import { openRunners, openSubject } from "../evaluation-run.ts";
import { addJudgeOptions, type ClassifyOptions } from "../options/evaluation-options.ts";
import { addComputeOptions, type ComputeOptions } from "../options/machine-options.ts";
import { decimalNumber, finishCommand, wholeNumber } from "../options/parse.ts";
import { type Progress, startProgress } from "../output/progress.ts";
import { openReport } from "../output/report.ts";
import { table } from "../output/table.ts";

interface SearchOptions extends ComputeOptions, ClassifyOptions {
  budget: number;
  candidates: number;
  samples: number;
  rounds: number;
  heldOut: number;
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
    .option("--held-out <n>", "images per plan, of another seed, for the figures kept", wholeNumber(4), 2000)
    .option("--seed <n>", "of the plans drawn and of their images", wholeNumber(0, 2 ** 32 - 1), 0)
    .option("--replace", "put the Pareto front in the place of one that was measured on more images, too");
  addComputeOptions(addJudgeOptions(command)).addHelpText(
    "after",
    `
Plans are drawn around the model's default plan and measured by the distance of their images to real ones, in the
judge's features. What is left in the end is measured anew on another seed, beside the default plan and the baseline
decode; those plans that no other beats are the paretoFront. With it, --budget and --target-quality of sample, edit and plan
choose what was measured best. Every measurement is kept: a search that was stopped goes on, and equal searches repeat
nothing.`,
  );
  finishCommand(
    command,
    "search models/sprites",
    "search models/sprites --budget 0.33 --candidates 24 --samples 400 --held-out 1000",
  ).action((model: string, options: SearchOptions) => search(model, options, signal));
}

async function search(folder: string, options: SearchOptions, signal: AbortSignal): Promise<void> {
  const { budget, candidates, rounds, samples, heldOut, seed, batch, threads, device, precision } = options;
  const report = openReport(options);
  const {
    decodingIdentity,
    ensureWritableFolder,
    findModelParetoFront,
    InputError,
    openImagePipeline,
    openVideoPipeline,
    writeParetoFront,
  } = await import("../../src/index.ts");
  const { openPlanScorer } = await import("../../src/evaluate.ts");
  const subject = await openSubject(folder, options);
  const { model, judge, classifier } = subject;
  const { paretoFront: kept } = model;
  if (kept && kept.samples > heldOut && !options.replace) {
    throw new InputError(
      `search: ${folder} keeps plans measured on ${kept.samples} images, more than --held-out ${heldOut}; ask for as many, ` +
        "or give --replace",
    );
  }
  await ensureWritableFolder(folder);
  const width = classifier.config.featureWidth;
  if (heldOut <= width) {
    report.say(`warning: ${heldOut} images are too few for ${width} features; distances mean little`);
  }
  const { runner, measuring, close } = await openRunners(options);
  const stages = openBars();
  let found: FoundParetoFront;
  try {
    const openPipeline = model.tokenizer.config.frames === undefined ? openImagePipeline : openVideoPipeline;
    const planJudge = await openPlanScorer({
      pipeline: await openPipeline(model, { runner, precision }),
      runner: measuring,
      classifier,
      batchSize: batch,
      identity: decodingIdentity(model, { device, precision, threads }),
      real: subject.heldOut,
      referenceImages: options.real,
      cacheFolder: options.cacheFolder,
      signal,
      onProgress: stages.show,
    });
    found = await findModelParetoFront(model, {
      budget,
      count: candidates,
      rounds,
      samples,
      heldOutSamples: heldOut,
      seed,
      measure: (plan, images) =>
        planJudge.distance(plan, images, ({ step, total }) =>
          stages.advance((images.samples * step) / total),
        ),
      onProgress: stages.show,
    });
  } finally {
    stages.stop();
    await close();
  }
  const paretoFront = { judge: basename(judge), ...found.paretoFront };
  await writeParetoFront(folder, paretoFront);

  report.say(finalistTable(found.finalists));
  report.say(
    `\n${heldOut} images each, seed ${paretoFront.seed}, distance to ${options.real} real ones of ${subject.heldOut.name} in ` +
      `the features of ${paretoFront.judge}\n` +
      `${paretoFront.plans.length} plans on the Pareto front, kept in ${folder}/generation_config.json`,
  );
  report.finish({ model: folder, ...options, precision, paretoFront, finalists: found.finalists });
}

/** One bar per stage, each with the time left. */
function openBars() {
  let bar: Progress | undefined;
  let stage = "";
  let done = 0;
  return {
    show(progress: Omit<FindParetoFrontProgress, "stage"> & { readonly stage: string }) {
      if (progress.stage !== stage) {
        bar?.stop();
        bar = startProgress(progress.stage, progress.total);
        stage = progress.stage;
      }
      done = progress.done;
      bar?.update(done);
    },
    /** Images of the plan that is being measured. */
    advance: (images: number) => bar?.update(done + Math.floor(images)),
    stop: () => bar?.stop(),
  };
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
      "paretoFront",
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
