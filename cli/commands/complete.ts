/** `magnets predict` and `magnets interpolate`: given frames of a video gone on with, or filled in between. */
import { type Command, Option } from "commander";
import type { Clip, Completion, VideoPipeline } from "../../src/index.ts";
import { addBatchOptions, type BatchOptions, batchingOf } from "../batch-options.ts";
import { addClipOptions, type ClipOptions } from "../clip-options.ts";
import { deadlineLine } from "../deadline-line.ts";
import { addMachineOptions, calibrationFolder, type MachineOptions } from "../machine-options.ts";
import { decimalNumber, finishCommand, wholeNumber } from "../options.ts";
import { addPlanOptions, type PlanOptions, planInputOf } from "../plan-options.ts";
import { openReport } from "../report.ts";
import { writeVideos } from "../write-clips.ts";
import type { OutOptions } from "../write-pictures.ts";

interface CompleteOptions extends PlanOptions, BatchOptions, MachineOptions, OutOptions, ClipOptions {
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
    .argument("<model>", "a model folder of clips that was trained to predict");
  addVideoOptions(command)
    .option("--given <n>", "first frames that are given; no others are looked at", wholeNumber(1), 5)
    .option("--out <folder>", "for the clips, the comparison, the film strip", "out/predict");
  finishCommand(command, "predict models/motions --video clip.mp4 --given 5 --count 3").action(
    (model: string, { given, ...options }: PredictOptions) =>
      complete(model, { task: "predict", given }, given, options, signal),
  );
}

export function addInterpolateCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("interpolate")
    .description("make the frames between the first and the last one of a video")
    .argument("<model>", "a model folder of clips that was trained to interpolate");
  addVideoOptions(command).option(
    "--out <folder>",
    "for the clips, the comparison, the film strip",
    "out/interpolate",
  );
  finishCommand(command, "interpolate models/motions --video clip.gif").action(
    (model: string, options: CompleteOptions) => complete(model, { task: "interpolate" }, 2, options, signal),
  );
}

function addVideoOptions(command: Command): Command {
  command
    .requiredOption(
      "--video <path>",
      "MP4, AVI, WebM, MKV, MOV (these by ffmpeg), GIF, WebP, or a folder of numbered frames; resized and cropped",
    )
    .option("--start <n>", "its first frame that counts, from 0", wholeNumber(0))
    .option("--stride <n>", "take every n-th frame of it", wholeNumber(1))
    .addOption(
      new Option("--frame-rate <n>", "resample it to so many frames per second")
        .argParser(decimalNumber(0, true))
        .conflicts("stride"),
    )
    .option("--count <n>", "versions", wholeNumber(1), 1)
    .option("--no-paste", "show the given frames as the model rebuilds them, not as they are");
  return addClipOptions(addMachineOptions(addBatchOptions(addPlanOptions(command)))).addOption(
    new Option("--tokens <format>", "also write the token ids").choices(["json", "npy"]),
  );
}

async function complete(
  folder: string,
  completion: Completion,
  least: number,
  options: CompleteOptions,
  signal: AbortSignal,
): Promise<void> {
  const report = openReport(options);
  const { ensureWritableFolder, filledIn, sideBySide, VideoPipeline } = await import("../../src/index.ts");
  const { startProgress } = await import("../progress.ts");
  await ensureWritableFolder(options.out);
  const pipeline = await VideoPipeline.fromPretrained(folder, { ...options, calibrationFolder });
  try {
    const clip = await readGiven(pipeline, least, options, signal);
    const request = {
      clips: [clip],
      count: options.count,
      isPasted: options.paste,
      seed: options.seed,
      plan: await planInputOf(options, pipeline.model, completion.task),
      ...batchingOf(options),
      signal,
    };
    const progress = startProgress("decoding", pipeline.model.plan.steps);
    const onStep = ({ step, total, factor }: { step: number; total: number; factor: number }) =>
      progress.update(Math.min(step, total), { model: `1/${factor}` });
    const result = await (completion.task === "predict"
      ? pipeline.predict({ ...request, given: completion.given, onStep })
      : pipeline.interpolate({ ...request, onStep })
    ).finally(() => progress.stop());
    const seen = filledIn(clip, completion, pipeline.frames);
    const truth = clip.frames === pipeline.frames ? [clip] : [];
    const comparisons = result.videos.map((video, i) => ({
      name: `comparison-${i}`,
      clip: sideBySide([seen, video, ...truth]),
    }));
    const written = await writeVideos(result, pipeline, options, report, signal, comparisons);
    report.say(
      `${options.count === 1 ? "1 version" : `${options.count} versions`} in ${result.stats.seconds.toFixed(1)} s: ` +
        `${written.extra.join(", ")} (what was given | what was made${truth.length > 0 ? " | what really came" : ""})`,
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

/** The video's clip in the model's length, or as long as the video is; at least what must be given. */
async function readGiven(
  { frames, resolution }: VideoPipeline,
  least: number,
  { video, start = 0, stride, frameRate }: CompleteOptions,
  signal: AbortSignal,
): Promise<Clip> {
  const { clipLength, readClip } = await import("../../src/index.ts");
  const there =
    Math.floor(((await clipLength(video, { stride, frameRate })) - 1 - start) / (stride ?? 1)) + 1;
  return readClip(video, {
    frames: Math.max(least, Math.min(there, frames)),
    resolution,
    start,
    stride,
    frameRate,
    signal,
  });
}
