/**
 * From a model folder to videos: new ones by class, and given ones gone on with (frame prediction) or filled in between
 * their ends (interpolation).
 */
import { InputError, requireInput } from "../core/errors.ts";
import { type Completion, filledIn, onlyKnown, withGivenFrames } from "../data/completion.ts";
import type { Image, Video } from "../data/source.ts";
import { type Task, taskClass } from "../models/transformer/config.ts";
import type { Precision } from "../models/transformer/precision.ts";
import { classIds } from "./classes.ts";
import type { TimedPlan } from "./deadlines.ts";
import { type GenerativeModel, planFor } from "./model.ts";
import {
  type DecodeChoices,
  type Decoded,
  type Generator,
  openGenerator,
  openGeneratorFrom,
  type PipelineOptions,
  type PlanInTimeOptions,
  planInput,
  requirePositive,
} from "./session.ts";

export interface GenerateVideoOptions extends DecodeChoices {
  /** Names or numbers that take turns over the videos, or "all"; null or left out: no condition. */
  readonly classes?: readonly (string | number)[] | null;
  /** Videos, 1 unless told. */
  readonly count?: number;
}

export interface CompleteOptions extends DecodeChoices {
  /** Of the model's size; only the given frames are read, so that they need no others. */
  readonly videos: readonly Video[];
  /** Versions of each video, 1 unless told; those of a video follow one another. */
  readonly count?: number;
  /** Whether the given frames stand in the result as they are (the default), or as the model rebuilt them. */
  readonly isPasted?: boolean;
}

export interface PredictOptions extends CompleteOptions {
  /** How many first frames are given; the others are predicted. */
  readonly given: number;
}

export interface GeneratedVideos extends Omit<Decoded, "images"> {
  readonly videos: readonly (Image & Video)[];
}

export interface VideoPipeline extends AsyncDisposable {
  readonly model: GenerativeModel;
  /** Side of its videos, in pixels. */
  readonly resolution: number;
  /** T of its videos. */
  readonly frames: number;
  readonly precision: Precision;
  /**
   * Makes new videos.
   *
   * @throws InputError for an unknown class, a plan that does not fit the model, a bad count or seed, a memory budget
   *   that holds no video
   */
  generate(options?: GenerateVideoOptions): Promise<GeneratedVideos>;
  /**
   * Predicts the frames after the given ones, by the model's plan for completions unless told otherwise.
   *
   * @throws InputError when the model was not trained to, and for videos of another size or with too few frames
   */
  predict(options: PredictOptions): Promise<GeneratedVideos>;
  /** Makes the frames between the first and the last one of each video; throws as `predict` does. */
  interpolate(options: CompleteOptions): Promise<GeneratedVideos>;
  /** The token ids of videos of the model's size, [N] each. */
  encode(videos: readonly Video[]): Promise<Int32Array[]>;
  /** The videos of token ids, [N] each. */
  decodeTokens(tokens: readonly Int32Array[]): Promise<Video[]>;
  /** The plan that a call with a deadline would begin with, and what it is predicted to take. */
  planInTime(options: PlanInTimeOptions): Promise<TimedPlan>;
  /** Frees what the pipeline holds, and its runner unless that was given. Safe to call twice. */
  dispose(): Promise<void>;
}

export const VideoPipeline = {
  /**
   * Opens a model folder.
   *
   * @throws InputError when the folder is not a whole model of videos, or the device is not there or lacks the precision
   * @example
   * const pipeline = await VideoPipeline.fromPretrained("models/motions");
   * const { videos } = await pipeline.generate({ classes: ["cat bounce"], count: 4, seed: 7 });
   * const continued = await pipeline.predict({ videos: videos, given: 5 });
   * await pipeline.dispose();
   */
  async fromPretrained(folder: string, options: PipelineOptions = {}): Promise<VideoPipeline> {
    return videoPipelineOver(await openGeneratorFrom(folder, options));
  },
};

/** A pipeline over a model that is in memory, e.g. one in training. */
export async function openVideoPipeline(
  model: GenerativeModel,
  options: PipelineOptions = {},
): Promise<VideoPipeline> {
  return videoPipelineOver(await openGenerator(model, options));
}

/** A pipeline over an opened model, which it then owns. */
export async function videoPipelineOver(generator: Generator): Promise<VideoPipeline> {
  const { model, tokenizer, maskId, encode, dispose } = generator;
  const { resolution, frames } = model.tokenizer.config;
  if (frames === undefined) {
    await dispose();
    throw new InputError(
      "VideoPipeline: this model makes images; they are for ImagePipeline and the commands sample and edit",
    );
  }

  async function generate(options: GenerateVideoOptions = {}): Promise<GeneratedVideos> {
    const { count = 1, firstIndex } = options;
    requirePositive("count", count);
    const made = await generator.decode({
      ...options,
      decodePlan: planFor(model, planInput(options)),
      ids: classIds(options.classes ?? null, model.classNames, count, firstIndex),
    });
    return asVideos(made);
  }

  async function complete(
    options: CompleteOptions,
    completion: Completion,
    length: number,
  ): Promise<GeneratedVideos> {
    const { videos, count = 1, isPasted = true } = options;
    requirePositive("count", count);
    checkVideos(videos, completion.task, resolution, length);
    const plan = planFor(model, planInput(options), completion.task);
    const task = taskClass(model.transformer.config, completion.task);
    const known = (await encode(videos.map((video) => filledIn(video, completion, frames)))).map((ids) =>
      onlyKnown(ids, [completion], { frames: frames!, grid: tokenizer.grid, maskId }),
    );
    const versions = videos.flatMap((video, i) => Array.from({ length: count }, () => ({ video, i })));
    const made = asVideos(
      await generator.decode({
        ...options,
        decodePlan: plan,
        ids: versions.map(() => task),
        condition: Int32Array.from(versions.flatMap(({ i }) => [...known[i]!])),
      }),
    );
    if (!isPasted) return made;
    const pasted = made.videos.map((video, i) => ({
      ...video,
      ...withGivenFrames(video, versions[i]!.video, completion),
    }));
    return { ...made, videos: pasted };
  }

  return {
    model,
    resolution,
    frames,
    precision: generator.precision,
    generate,
    predict: async ({ given, ...options }) => {
      requireInput(
        Number.isInteger(given) && given >= 1 && given < frames,
        `predict: given must be a whole number in 1..${frames - 1}, fewer than the model's ${frames} frames, got ${given}`,
      );
      return complete(options, { task: "predict", given }, given);
    },
    interpolate: (options) => complete(options, { task: "interpolate" }, 2),
    encode,
    decodeTokens: async (tokens) => (await generator.decodeTokens(tokens)) as Video[],
    planInTime: generator.planInTime,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** What a video model decodes has frames. */
function asVideos({ images, ...made }: Decoded): GeneratedVideos {
  return { ...made, videos: images as readonly (Image & Video)[] };
}

function checkVideos(videos: readonly Video[], task: Task, resolution: number, length: number): void {
  requireInput(videos.length > 0, `${task}: needs at least one video, got none`);
  for (const { width, height, frames } of videos) {
    requireInput(
      width === resolution && height === resolution && frames >= length,
      `${task}: videos must be ${resolution} x ${resolution} pixels with at least ${length} frames, ` +
        `got ${width} x ${height} with ${frames}`,
    );
  }
}
