/** `magnets predict` and `magnets interpolate`: given frames of a video gone on with, or filled in between. */
import { type Command, Option } from "commander";
import type { Completion, Video, VideoPipeline } from "../../src/index.ts";
import { addBatchOptions, type BatchOptions, batchingOf } from "../options/batch-options.ts";
import { frameRateOption } from "../options/frame-rate-options.ts";
import { addMachineOptions, calibrationFolder, type MachineOptions } from "../options/machine-options.ts";
import { finishCommand, wholeNumber } from "../options/parse.ts";
import { addCompletionPlanOptions, type PlanFlags, planOptionsOf } from "../options/plan-options.ts";
import { addVideoOptions, type VideoOptions, videoWritingOf } from "../options/video-options.ts";
import { deadlineLine } from "../output/deadline-line.ts";
import { openReport, type Report } from "../output/report.ts";
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
  const { countOf, ensureWritableFolder, filledIn, sideBySide, VideoPipeline } = await import(
    "../../src/index.ts"
  );
  const { startProgress } = await import("../output/progress.ts");
  await videoWritingOf(options); // what cannot be written is told before anything is made
  await ensureWritableFolder(options.out);
  const pipeline = await VideoPipeline.fromPretrained(folder, { ...options, calibrationFolder });
  try {
    const { video, taken } = await readGiven(pipeline, completion, options, report, signal);
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
    const seen = filledIn(video, completion, pipeline.frames);
    const truth = video.frames === pipeline.frames ? [video] : [];
    const comparisons = result.videos.map((video, i) => ({
      name: `comparison-${i}`,
      video: sideBySide([seen, video, ...truth]),
    }));
    const source = { ...completion, video: options.video, ...taken };
    const written = await writeVideos(result, pipeline, { ...options, ...writing }, report, signal, {
      extra: comparisons,
      source,
    });
    report.say(
      `${countOf(options.count, "version")} in ${result.stats.seconds.toFixed(1)} s: ` +
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

/** Which frames of a video a video was made of, for the record. */
interface Taken {
  readonly start: number;
  readonly stride: number;
  readonly frameRate?: number;
  readonly frames: number;
  /** Frames per second at which what is made of them keeps the video's pace, where that is known. */
  readonly rate?: number;
}

/**
 * The video's video in the model's length, or as long as the video is; at least what must be given. What is to be
 * filled in reaches to the video's last frame, unless told how many frames to skip.
 */
async function readGiven(
  { frames: most, resolution }: VideoPipeline,
  completion: Completion,
  { video, start = 0, stride: asked, frameRate }: CompleteOptions,
  report: Report,
  signal: AbortSignal,
): Promise<{ readonly video: Video; readonly taken: Taken }> {
  const { videoExtent, InputError, readVideo } = await import("../../src/index.ts");
  const isPrediction = completion.task === "predict";
  const { length, rate: own } = await videoExtent(video, { stride: asked, frameRate, signal });
  const reach = !isPrediction && frameRate === undefined ? (length - 1 - start) / (most - 1) : 1;
  const stride = asked ?? Math.max(1, reach);
  const there = Math.max(0, Math.floor((length - 1 - start) / stride + 1e-9) + 1);
  const least = isPrediction ? completion.given : 2;
  if (there < least) {
    const remedies = [
      isPrediction && there >= 1 && `--given ${there}`,
      stride > 1 && "a smaller --stride",
      "a longer video",
      start > 0 && "a smaller --start",
    ].filter((remedy) => remedy !== false);
    throw new InputError(
      `${video}: ${least} frames must be given, but ${there === 1 ? "1 is" : `${there} are`} there ` +
        `from frame ${start} of ${length} on${stride > 1 ? ` at stride ${stride}` : ""}; use ${remedies.join(" or ")}`,
    );
  }
  const wanted = Math.max(least, Math.min(there, most));
  const takenRate = frameRate ?? (own === null ? undefined : own / stride);
  // What is filled in has all frames of a video between two ends, however many were there.
  const rate = takenRate && (isPrediction ? takenRate : (takenRate * (most - 1)) / (wanted - 1));
  const read = async (frames: number, every: number) => ({
    video: await readVideo(video, {
      ...{ frames, resolution, start, signal },
      ...(frameRate === undefined ? { stride: every } : { frameRate }),
    }),
    taken: {
      ...{ start, stride: every, frames },
      ...(frameRate !== undefined && { frameRate }),
      ...(rate !== undefined && { rate }),
    },
  });
  if (wanted < most) {
    report.say(
      `${video}: ${wanted} frames from frame ${start} on, of ${most} in a video; what really came is left out`,
    );
  }
  try {
    return await read(wanted, stride);
  } catch (error) {
    // Frames that are not given are for comparison alone; but at a frame rate the ends cannot be read by themselves.
    const canSkip = isPrediction || frameRate === undefined;
    if (wanted === least || !canSkip || !(error instanceof InputError)) throw error;
    const given = await (isPrediction ? read(least, stride) : read(2, (wanted - 1) * stride));
    report.say(`warning: ${error.message}; the given frames are whole, what really came is left out`);
    return given;
  }
}
