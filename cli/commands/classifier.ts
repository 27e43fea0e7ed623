/** `magnets classifier`: train the judge that `magnets evaluate` asks. */
import { join } from "node:path";
import type { Command } from "commander";
import { addThreadsOption } from "../machine-options.ts";
import { finishCommand, wholeNumber } from "../options.ts";
import { startProgress } from "../progress.ts";
import { openReport } from "../report.ts";

interface ClassifierOptions {
  data: string;
  resolution: number;
  pictures?: number;
  heldOut: number;
  steps?: number;
  resume?: boolean;
  threads?: number;
  run?: string;
  out: string;
  json?: boolean;
}

export function addClassifierCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("classifier")
    .description("train the picture classifier that evaluate measures with")
    .option("--data <source>", '"sprites", or a folder of pictures with one sub-folder per class', "sprites")
    .option("--resolution <n>", "side of the pictures, in pixels", wholeNumber(8, 1024), 64)
    .option("--pictures <n>", "pictures to train on (default: 8000, or what there is)", wholeNumber(1))
    .option("--held-out <n>", "other pictures to measure it on", wholeNumber(1), 2000)
    .option("--steps <n>", "training steps of 32 pictures (default: 1000)", wholeNumber(1))
    .option("--resume", "go on with the run in the run folder");
  addThreadsOption(command)
    .option("--run <folder>", "metrics and checkpoints (default: runs/ and the classifier's name)")
    .option("--out <folder>", "the classifier's folder", "models/sprites-classifier");
  finishCommand(
    command,
    "classifier --out out/classifier",
    "classifier --data pictures/ --out out/my-classifier",
  ).action((options: ClassifierOptions) => classifier(options, signal));
}

async function classifier(options: ClassifierOptions, signal: AbortSignal): Promise<void> {
  const { data, resolution, out, steps, resume, threads } = options;
  const report = openReport(options);
  const { openParts, trainClassifier } = await import("../../src/evaluate.ts");
  const { training, heldOut } = await openParts(data, resolution);
  const name = out.split(/[\\/]/).filter(Boolean).at(-1) ?? "classifier";
  const started = performance.now();
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    const { accuracy } = await trainClassifier({
      run: options.run ?? join("runs", name),
      out,
      source: training,
      count: Math.min(options.pictures ?? 8000, training.length ?? Infinity),
      heldOut,
      heldOutCount: Math.min(options.heldOut, heldOut.length ?? Infinity),
      command: `magnets classifier ${commandLine(options)}`.trim(),
      ...(steps !== undefined && { schedule: { steps } }),
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

/** The options that decide what comes out, for the classifier's card. */
function commandLine({ data, resolution, pictures, steps, out }: ClassifierOptions): string {
  const given = { data, resolution, pictures, steps, out };
  return Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `--${name} ${value}`)
    .join(" ");
}
