/** `magnets sample`: new images or videos from a model folder. */
import { type Command, Option } from "commander";
import type { GeneratedImages, GeneratedVideos, GenerativeModel } from "../../src/index.ts";
import { addBatchOptions, type BatchOptions, batchingOf } from "../options/batch-options.ts";
import { addFleetOptions, type FleetFlags, fleetOptionsOf, sharesWork } from "../options/fleet-options.ts";
import { addMachineOptions, computingOf, type MachineOptions } from "../options/machine-options.ts";
import { collect, finishCommand, wholeNumber } from "../options/parse.ts";
import { addPlanOptions, type PlanFlags, planOptionsOf } from "../options/plan-options.ts";
import { addVideoOptions, type VideoOptions, videoWritingOf } from "../options/video-options.ts";
import { deadlineLine } from "../output/deadline-line.ts";
import { openReport } from "../output/report.ts";
import { short } from "../output/table.ts";
import { type ModelUsed, type OutOptions, writeGenerated } from "../output/write-images.ts";
import { writeVideos } from "../output/write-videos.ts";

interface SampleOptions
  extends PlanFlags,
    BatchOptions,
    MachineOptions,
    OutOptions,
    VideoOptions,
    FleetFlags {
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
  addFleetOptions(addVideoOptions(addMachineOptions(addBatchOptions(addPlanOptions(command)))))
    .addOption(new Option("--tokens <format>", "also write the token ids").choices(["json", "npy"]))
    .option("--out <folder>", "for the sheet, single images or videos, and sample.json", "out/sample");
  finishCommand(
    command,
    "sample models/sprites --class cat,rocket --count 16 --seed 7 --out out/cats",
    "sample models/sprites --count 8 --deadline 400ms",
    "sample models/sprites --class all --model-schedule 8x3,4x3,2x3,1x3 --guidance 2",
    "sample models/sprites --count 960 --workers 2",
    'sample models/motions --class "cat bounce,rocket orbit" --format gif',
  ).action((model: string, options: SampleOptions) => sample(model, options, signal));
}

async function sample(folder: string, options: SampleOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { countOf, ensureWritableFolder, InputError } = await import("../../src/index.ts");
  const writing = await videoWritingOf(options);
  await ensureWritableFolder(options.out);
  const ask = (model: GenerativeModel, isVideo: boolean) => {
    if (!isVideo && (options.format ?? options.fps) !== undefined) {
      throw new InputError(`--format and --fps are for videos, but ${folder} makes images; leave them out`);
    }
    return requestOf(model, options);
  };
  const { model, precision, made, dispose } = await (sharesWork(options) ? makeByFleet : makeHere)(
    folder,
    options,
    { ask, say: report.say, signal },
  );
  try {
    const by = { model, precision };
    const isVideo = "videos" in made;
    const written = isVideo
      ? await writeVideos(made, by, { ...options, ...writing }, report, signal)
      : await writeGenerated(made, by, { ...options, folder }, report, signal);
    const { seconds, multiplyAdds, ratio, deadline } = made.stats;
    const count = made.tokens.length;
    report.say(
      `${countOf(count, isVideo ? "video" : "image")} in ${seconds.toFixed(1)} s, ${short(multiplyAdds)} multiply-adds ` +
        `(${ratio.toFixed(2)} times less than the baseline decode): ${written.sheet}`,
    );
    if (deadline) report.say(deadlineLine(made));
    report.finish(written);
  } finally {
    await dispose();
  }
}

/** How images are made: what is asked of the model once that is known, whom to tell, who may stop it. */
interface Making {
  readonly ask: (model: GenerativeModel, isVideo: boolean) => Promise<Request>;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** What was made, by what; to be disposed of when it is written. */
interface Result extends ModelUsed {
  readonly made: GeneratedImages | GeneratedVideos;
  dispose(): Promise<void>;
}

type Request = Awaited<ReturnType<typeof requestOf>>;

async function requestOf({ classNames }: GenerativeModel, options: SampleOptions) {
  const { namedClasses } = await import("../../src/index.ts");
  const named = options.class?.flatMap((text) => namedClasses(text, classNames));
  const classes = named ?? (classNames.length > 0 ? ["all"] : null);
  const turn = classes?.includes("all") ? classNames.length : (classes?.length ?? 1);
  return {
    classes,
    count: options.count ?? Math.ceil(16 / turn) * turn,
    seed: options.seed,
    ...(await planOptionsOf(options)),
    ...batchingOf(options),
  };
}

/** By a pipeline of this process. */
async function makeHere(folder: string, options: SampleOptions, { ask, signal }: Making): Promise<Result> {
  const { openPipeline } = await import("../../src/index.ts");
  const { startProgress } = await import("../output/progress.ts");
  const pipeline = await openPipeline(folder, computingOf(options));
  const dispose = () => pipeline.dispose();
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    const made = await pipeline.generate({
      ...(await ask(pipeline.model, "frames" in pipeline)),
      signal,
      onStep: ({ step, total, factor, multiplyAdds }) => {
        void import("sharp"); // while the runner computes, so that writing need not wait for it
        progress ??= startProgress("decoding", total);
        progress.update(step, { model: `1/${factor}`, "multiply-adds": short(multiplyAdds) });
      },
    });
    return { model: pipeline.model, precision: pipeline.precision, made, dispose };
  } catch (error) {
    await dispose();
    throw error;
  } finally {
    progress?.stop();
  }
}

/** By workers, on this machine or others. */
async function makeByFleet(
  folder: string,
  options: SampleOptions,
  { ask, say, signal }: Making,
): Promise<Result> {
  const { openFleet } = await import("../../fleet/open-fleet.ts");
  const { openFleetModel, sampleByFleet } = await import("../../fleet/sample.ts");
  const { startProgress } = await import("../output/progress.ts");
  const by = await openFleetModel(folder, options);
  const request = await ask(by.model, by.model.tokenizer.config.frames !== undefined);
  const fleet = await openFleet(fleetOptionsOf(options, say));
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    const onProgress = (done: number, total: number) => {
      progress ??= startProgress("decoding", total);
      progress.update(done);
    };
    const made = await sampleByFleet(fleet, by, { ...request, signal, onProgress });
    return { model: by.model, precision: by.precision, made, dispose: async () => {} };
  } finally {
    progress?.stop();
    await fleet.close();
  }
}
