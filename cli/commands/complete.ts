/** `magnets predict` and `magnets interpolate`: given frames of a video gone on with, or filled in between. */
import { type Command, Option } from "commander";
import type { Completion } from "../../src/index.ts";
import { addBatchOptions, type BatchOptions, batchingOf } from "../options/batch-options.ts";
import { frameRateOption } from "../options/frame-rate-options.ts";
import { addMachineOptions, computingOf, type MachineOptions } from "../options/machine-options.ts";
import { finishCommand, wholeNumber } from "../options/parse.ts";
import { addCompletionPlanOptions, type PlanFlags, planOptionsOf } from "../options/plan-options.ts";
import { addVideoOptions, type VideoOptions, videoWritingOf } from "../options/video-options.ts";
import { deadlineLine } from "../output/deadline-line.ts";
import { openReport } from "../output/report.ts";
import type { OutOptions } from "../output/write-images.ts";
import { writeVideos } from "../output/write-videos.ts";

interface CompleteOptions extends PlanFlags, BatchOptions, MachineOptions, OutOptions, VideoOptions {
  video: string;
  start?: number;
  stride?: number;
  frameRate?: number;
  count: number;
  paste: boolean;
  json?: boolean;
}

interface PredictOptions extends CompleteOptions {
  given: number;
}

export function addPredictCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("predict")
    .description("go on with a video whose first frames are given")
    .argument("<model>", "a model folder of videos that was trained to predict");
  addGivenVideoOptions(command)
    .option("--given <n>", "first frames that are given; the model sees no others", wholeNumber(1), 5)
    .option("--out <folder>", "for the videos, the comparison, the film strip", "out/predict");
  finishCommand(command, "predict models/motions --video video.mp4 --given 5 --count 3").action(
    (model: string, { given, ...options }: PredictOptions) =>
      complete(model, { task: "predict", given }, options, signal),
  );
}

export function addInterpolateCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("interpolate")
    .description("make the frames between the first and the last one of a video, however long it is")
    .argument("<model>", "a model folder of videos that was trained to interpolate");
  addGivenVideoOptions(command).option(
    "--out <folder>",
    "for the videos, the comparison, the film strip",
    "out/interpolate",
  );
  finishCommand(command, "interpolate models/motions --video video.gif").action(
    (model: string, options: CompleteOptions) => complete(model, { task: "interpolate" }, options, signal),
  );
}

function addGivenVideoOptions(command: Command): Command {
  command
    .requiredOption(
      "--video <path>",
      "MP4, AVI, WebM, MKV, MOV (these by ffmpeg), GIF, WebP, or a folder of numbered frames; resized and cropped",
    )
    .option("--start <n>", "its first frame that counts, from 0", wholeNumber(0))
    .option(
      "--stride <n>",
      "take every n-th frame of it (interpolate: as many as reach its end)",
      wholeNumber(1),
    )
    .addOption(frameRateOption("it"))
    .option("--count <n>", "versions", wholeNumber(1), 1)
    .option("--no-paste", "show the given frames as the model rebuilds them, not as they are");
  return addVideoOptions(addMachineOptions(addBatchOptions(addCompletionPlanOptions(command)))).addOption(
    new Option("--tokens <format>", "also write the token ids").choices(["json", "npy"]),
  );
}

async function complete(
  folder: string,
  completion: Completion,
  options: CompleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const report = openReport(options);
  const { countOf, ensureWritableFolder, filledIn, readGivenVideo, sideBySide, VideoPipeline } = await import(
    "../../src/index.ts"
  );
  const { startProgress } = await import("../output/progress.ts");
  await videoWritingOf(options); // what cannot be written is told before anything is made
  await ensureWritableFolder(options.out);
  const pipeline = await VideoPipeline.fromPretrained(folder, computingOf(options));
  try {
    const { video, taken } = await readGivenVideo(options.video, completion, {
      frames: pipeline.frames,
      resolution: pipeline.resolution,
      start: options.start,
      stride: options.stride,
      frameRate: options.frameRate,
      signal,
      onWarning: (text) => report.say(text),
    });
    const writing = await videoWritingOf(options, taken.rate);
    let progress: ReturnType<typeof startProgress> | undefined;
    const request = {
      videos: [video],
      count: options.count,
      isPasted: options.paste,
      seed: options.seed,
      ...(await planOptionsOf(options)),
      ...batchingOf(options),
      signal,
      onStep({ step, total, factor }: { step: number; total: number; factor: number }) {
        progress ??= startProgress("decoding", total);
        progress.update(step, { model: `1/${factor}` });
      },
    };
    const result = await (completion.task === "predict"
      ? pipeline.predict({ ...request, given: completion.given })
      : pipeline.interpolate(request)
    ).finally(() => progress?.stop());
    const given = filledIn(video, completion, pipeline.frames);
    const reality = video.frames === pipeline.frames ? [video] : [];
    const comparisons = result.videos.map((made, i) => ({
      name: `comparison-${i}`,
      video: sideBySide([given, made, ...reality]),
    }));
    const source = { ...completion, video: options.video, ...taken };
    const written = await writeVideos(result, pipeline, { ...options, ...writing }, report, signal, {
      extra: comparisons,
      source,
    });
    report.say(
      `${countOf(options.count, "version")} in ${result.stats.seconds.toFixed(1)} s: ` +
        `${written.extra.join(", ")} (what was given | what was made${reality.length > 0 ? " | what really came" : ""})`,
    );
    if (result.stats.deadline) report.say(deadlineLine(result));
    report.finish({
      ...written,
      given: completion.task === "predict" ? completion.given : [0, pipeline.frames - 1],
    });
  } finally {
    await pipeline.dispose();
  }
}
