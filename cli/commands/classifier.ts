/** `magnets classifier`: train the judge that `magnets evaluate` asks. */
import { basename, join } from "node:path";
import type { Command } from "commander";
import { addThreadsOption } from "../machine-options.ts";
import { asOptions, finishCommand, wholeNumber } from "../options.ts";
import { addPaceOptions, type PaceOptions } from "../pace-options.ts";
import { startProgress } from "../progress.ts";
import { openReport } from "../report.ts";

interface ClassifierOptions extends PaceOptions {
  data: string;
  resolution: number;
  frames?: number;
  pictures?: number;
  heldOut: number;
  steps?: number;
  mirror: boolean;
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
    .description("train the classifier of pictures or clips that evaluate measures with")
    .option(
      "--data <source>",
      '"sprites", "scenes", "motions", or a folder with one sub-folder per class',
      "sprites",
    )
    .option("--resolution <n>", "side of the pictures, in pixels", wholeNumber(8, 1024), 64)
    .option("--frames <n>", "frames of clips (default: as the data has them)", wholeNumber(2, 1024));
  addPaceOptions(command)
    .option("--pictures <n>", "pictures to train on (default: 8000, or what there is)", wholeNumber(1))
    .option("--held-out <n>", "other pictures to measure it on", wholeNumber(1), 2000)
    .option("--steps <n>", "training steps of 32 pictures (default: 1000)", wholeNumber(1))
    .option("--no-mirror", "never turn pictures left to right: where that would change their class")
    .option("--degrade", "train on pictures of less detail and uneven shade: look past a tokenizer's blocks")
    .option("--resume", "go on with the run in the run folder");
  addThreadsOption(command)
    .option("--run <folder>", "metrics and checkpoints (default: runs/ and the classifier's name)")
    .option("--out <folder>", "the classifier's folder (default: models/ and the data's name)");
  finishCommand(
    command,
    "classifier --data motions --out out/motions-classifier",
    "classifier --data pictures/ --out out/my-classifier",
  ).action((options: ClassifierOptions) => classifier(options, signal));
}

async function classifier(options: ClassifierOptions, signal: AbortSignal): Promise<void> {
  const { data, resolution, frames, stride, frameRate, fold, steps, mirror, degrade, resume, threads } =
    options;
  const out = options.out ?? classifierFolder(data);
  const report = openReport(options);
  const { openParts, trainClassifier } = await import("../../src/evaluate.ts");
  const { training, heldOut } = await openParts(data, { resolution, frames, stride, frameRate, fold });
  const started = performance.now();
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    const { accuracy } = await trainClassifier({
      run: options.run ?? join("runs", basename(out)),
      out,
      source: training,
      count: Math.min(options.pictures ?? 8000, training.length ?? Infinity),
      heldOut,
      heldOutCount: Math.min(options.heldOut, heldOut.length ?? Infinity),
      command: `magnets classifier ${commandLine({ ...options, out })}`,
      ...(steps !== undefined && { schedule: { steps } }),
      isMirrored: mirror,
      isDegraded: degrade,
      resume,
      threads,
      signal,
      onProgress({ step, total, metrics }) {
        progress ??= startProgress("classifier", total);
        progress.update(step, { loss: metrics.loss!.toFixed(3), accuracy: metrics.accuracy!.toFixed(3) });
      },
    });
    progress?.stop();
    const seconds = (performance.now() - started) / 1000;
    report.say(
      `${(100 * accuracy.value).toFixed(2)} % of ${accuracy.pictures} held-out pictures right, in ` +
        `${seconds.toFixed(0)} s: ${out}`,
    );
    report.finish({ out, accuracy: accuracy.value, heldOut: accuracy.pictures, seconds });
  } finally {
    progress?.stop();
  }
}

/** Where the classifier of a dataset is, unless told: beside the shipped ones. */
export function classifierFolder(data: string): string {
  return join("models", `${basename(data)}-classifier`);
}

/** The options that decide what comes out, for the classifier's card. */
function commandLine({
  data,
  resolution,
  frames,
  stride,
  frameRate,
  fold,
  pictures,
  steps,
  mirror,
  degrade,
  out,
}: ClassifierOptions): string {
  const given = { data, resolution, frames, stride, "frame-rate": frameRate, fold, pictures, steps, out };
  const words = asOptions(given);
  return [...words, ...(mirror ? [] : ["--no-mirror"]), ...(degrade ? ["--degrade"] : [])].join(" ");
}
