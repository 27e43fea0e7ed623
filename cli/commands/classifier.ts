/** `magnets classifier`: train the classifier that `magnets evaluate` measures with. */
import type { Command } from "commander";
import { addVideoSamplingOptions, type VideoSampling } from "../options/frame-rate-options.ts";
import { addThreadsOption } from "../options/machine-options.ts";
import { finishCommand, wholeNumber } from "../options/parse.ts";
import { openReport } from "../output/report.ts";
import { openTrainingBars } from "../output/training-progress.ts";

interface ClassifierCommandOptions extends VideoSampling {
  data: string;
  resolution: number;
  frames?: number;
  images?: number;
  heldOut: number;
  steps?: number;
  flip: boolean;
  shift?: number;
  degrade?: boolean;
  resume?: boolean;
  threads?: number;
  run?: string;
  out?: string;
  json?: boolean;
}

export function addClassifierCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("classifier")
    .description("train the classifier of images or videos that evaluate measures with")
    .option(
      "--data <source>",
      '"sprites", "scenes", "motions", or a folder with one sub-folder per class',
      "sprites",
    )
    .option("--resolution <n>", "side of the images, in pixels", wholeNumber(8, 1024), 64)
    .option("--frames <n>", "frames of videos (default: as the data has them)", wholeNumber(2, 1024));
  addVideoSamplingOptions(command)
    .option("--images <n>", "images to train on (default: 8000, or what there is)", wholeNumber(1))
    .option("--held-out <n>", "other images to measure it on", wholeNumber(1), 2000)
    .option("--steps <n>", "training steps of 32 images (default: 1000)", wholeNumber(1))
    .option("--no-flip", "never flip images left to right: where that would change their class")
    .option(
      "--shift <n>",
      "move training images by up to so many pixels, so that fewer are learnt by heart",
      wholeNumber(0, 1024),
    )
    .option("--degrade", "train on images of less detail and uneven shade: look past a tokenizer's blocks")
    .option("--resume", "go on with the run in the run folder");
  addThreadsOption(command)
    .option("--run <folder>", "metrics and checkpoints (default: runs/ and the classifier's name)")
    .option("--out <folder>", "the classifier's folder (default: models/ and the data's name)");
  finishCommand(
    command,
    "classifier --data motions --out out/motions-classifier",
    "classifier --data images/ --out out/my-classifier",
  ).action((options: ClassifierCommandOptions) => run(options, signal));
}

async function run(options: ClassifierCommandOptions, signal: AbortSignal): Promise<void> {
  const { heldOut, flip, degrade } = options;
  const report = openReport(options);
  const { makeClassifier } = await import("../../src/evaluate.ts");
  const started = performance.now();
  const bars = openTrainingBars();
  try {
    const { out, accuracy } = await makeClassifier({
      ...options,
      heldOutImages: heldOut,
      randomFlip: flip,
      isDegraded: degrade,
      signal,
      onMessage: report.say,
      onProgress: bars.show,
    });
    bars.stop();
    const seconds = (performance.now() - started) / 1000;
    report.say(
      `${(100 * accuracy.value).toFixed(2)} % of ${accuracy.images} held-out images right, in ` +
        `${seconds.toFixed(0)} s: ${out}`,
    );
    report.finish({ out, accuracy: accuracy.value, heldOut: accuracy.images, seconds });
  } finally {
    bars.stop();
  }
}
