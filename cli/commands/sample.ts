/** `magnets sample`: new images or videos from a model folder. */
import { type Command, Option } from "commander";
import type { GeneratedImages, GeneratedVideos } from "../../src/index.ts";
import { addBatchOptions, type BatchOptions, batchingOf } from "../options/batch-options.ts";
import { addMachineOptions, computingOf, type MachineOptions } from "../options/machine-options.ts";
import { collect, finishCommand, wholeNumber } from "../options/parse.ts";
import { addPlanOptions, type PlanFlags, planOptionsOf } from "../options/plan-options.ts";
import { addVideoOptions, type VideoOptions, videoWritingOf } from "../options/video-options.ts";
import { deadlineLine } from "../output/deadline-line.ts";
import { openReport } from "../output/report.ts";
import { short } from "../output/table.ts";
import { type OutOptions, writeGenerated } from "../output/write-images.ts";
import { writeVideos } from "../output/write-videos.ts";

interface SampleOptions extends PlanFlags, BatchOptions, MachineOptions, OutOptions, VideoOptions {
  class?: string[];
  count?: number;
  json?: boolean;
}

export function addSampleCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("sample")
    .description("make new images, or videos with a model of those")
    .argument("<model>", "a model folder")
    .option("--class <names>", 'names or numbers, comma-separated or repeated; "all" or "none"', collect)
    .option(
      "--count <n>",
      "images in all; the classes take turns (default: 16, or whole turns)",
      wholeNumber(1),
    );
  addVideoOptions(addMachineOptions(addBatchOptions(addPlanOptions(command))))
    .addOption(new Option("--tokens <format>", "also write the token ids").choices(["json", "npy"]))
    .option("--out <folder>", "for the sheet, single images or videos, and sample.json", "out/sample");
  finishCommand(
    command,
    "sample models/sprites --class cat,rocket --count 16 --seed 7 --out out/cats",
    "sample models/sprites --count 8 --deadline 400ms",
    "sample models/sprites --class all --model-schedule 8x3,4x3,2x3,1x3 --guidance 2",
    'sample models/motions --class "cat bounce,rocket orbit" --format gif',
  ).action((model: string, options: SampleOptions) => sample(model, options, signal));
}

async function sample(folder: string, options: SampleOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { countOf, ensureWritableFolder, InputError, namedClasses, openPipeline } = await import(
    "../../src/index.ts"
  );
  const { startProgress } = await import("../output/progress.ts");
  const writing = await videoWritingOf(options);
  await ensureWritableFolder(options.out);
  const pipeline = await openPipeline(folder, computingOf(options));
  try {
    const isVideo = "frames" in pipeline;
    if (!isVideo && (options.format ?? options.fps) !== undefined) {
      throw new InputError(`--format and --fps are for videos, but ${folder} makes images; leave them out`);
    }
    const { classNames } = pipeline.model;
    const named = options.class?.flatMap((text) => namedClasses(text, classNames));
    const classes = named ?? (classNames.length > 0 ? ["all"] : null);
    const turn = classes?.includes("all") ? classNames.length : (classes?.length ?? 1);
    const count = options.count ?? Math.ceil(16 / turn) * turn;
    let progress: ReturnType<typeof startProgress> | undefined;
    let result: Awaited<ReturnType<typeof pipeline.generate>>;
    try {
      result = await pipeline.generate({
        classes,
        count,
        seed: options.seed,
        ...(await planOptionsOf(options)),
        ...batchingOf(options),
        signal,
        onStep: ({ step, total, factor, multiplyAdds }) => {
          void import("sharp"); // while the runner computes, so that writing need not wait for it
          progress ??= startProgress("decoding", total);
          progress.update(step, { model: `1/${factor}`, "multiply-adds": short(multiplyAdds) });
        },
      });
    } finally {
      progress?.stop();
    }
    const written = isVideo
      ? await writeVideos(result as GeneratedVideos, pipeline, { ...options, ...writing }, report, signal)
      : await writeGenerated(result as GeneratedImages, pipeline, { ...options, folder }, report, signal);
    const { seconds, multiplyAdds, ratio, deadline } = result.stats;
    report.say(
      `${countOf(count, isVideo ? "video" : "image")} in ${seconds.toFixed(1)} s, ${short(multiplyAdds)} multiply-adds ` +
        `(${ratio.toFixed(2)} times less than the baseline decode): ${written.sheet}`,
    );
    if (deadline) report.say(deadlineLine(result));
    report.finish(written);
  } finally {
    await pipeline.dispose();
  }
}
