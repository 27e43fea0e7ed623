/**
 * From a model to videos: new ones by class, and given ones gone on with (frame prediction) or filled in between their ends
 * (interpolation).
 */
import { z } from "zod";
import { InputError, requireInput } from "../core/errors.ts";
import { parse, show } from "../core/validate.ts";
import { type Completion, filledIn, onlyKnown, withGivenFrames } from "../data/completion.ts";
import type { Image, Video } from "../data/source.ts";
import type { DecodePlan } from "../decoding/plan.ts";
import type { Task } from "../models/transformer/config.ts";
import type { Precision } from "../models/transformer/precision.ts";
import type { TimedPlan } from "./deadlines.ts";
import type { PlanInTimeOptions } from "./image-pipeline.ts";
import type { GenerativeModel } from "./model.ts";
import type { Classes, RequestOptions } from "./request.ts";
import { type PreparedRequest, prepareRequest, type Sample } from "./samples.ts";
import {
  type BatchHooks,
  type Decoded,
  type DecodedSample,
  type DecodeHooks,
  openSession,
  type Session,
  type SessionOptions,
  withoutHooks,
} from "./session.ts";

export interface GenerateVideoOptions extends RequestOptions, DecodeHooks {
  /** A name or number, several that take turns over the videos, or "all"; null or left out: no condition. */
  readonly classes?: Classes;
}

export interface CompleteOptions extends RequestOptions, DecodeHooks {
  /** Of the model's size; only the given frames are read, so that they need no others. */
  readonly videos: readonly Video[];
  /** Versions of each video, default 1; those of a video follow one another. */
  readonly count?: number;
  /** Whether the given frames stand in the result as they are (the default), or as the model rebuilt them. */
  readonly isPasted?: boolean;
}

export interface PredictOptions extends CompleteOptions {
  /** How many first frames are given; the others are predicted. */
  readonly given: number;
}

/** Videos, with what is needed to make them again and what they cost. */
export interface GeneratedVideos extends Omit<Decoded, "images"> {
  readonly videos: readonly (Image & Video)[];
}

/** A model of videos, ready to decode; `dispose` it when done. */
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
   * Predicts the frames after the given ones; by default by the model's plan for completions.
   *
   * @throws InputError when the model was not trained to, and for videos of another size or with too few frames
   */
  predict(options: PredictOptions): Promise<GeneratedVideos>;
  /** Makes the frames between the first and the last one of each video; throws as `predict` does. */
  interpolate(options: CompleteOptions): Promise<GeneratedVideos>;
  /** What `generate` would decode, sample by sample; throws as it does. */
  prepare(options?: GenerateVideoOptions): PreparedRequest;
  /** What `predict` would decode; throws as it does. */
  preparePredict(options: PredictOptions): Promise<PreparedRequest>;
  /** What `interpolate` would decode; throws as it does. */
  prepareInterpolate(options: CompleteOptions): Promise<PreparedRequest>;
  /** Decodes what was prepared; what `generate`, `predict` and `interpolate` do then. */
  decode(prepared: PreparedRequest, hooks?: DecodeHooks): Promise<GeneratedVideos>;
  /** Decodes samples of prepared requests as one batch, each the same as alone; see `ImagePipeline`. */
  decodeTogether(plan: DecodePlan, samples: readonly Sample[], hooks?: BatchHooks): Promise<DecodedSample[]>;
  /** The token ids of videos of the model's size, [N] each. */
  encode(videos: readonly Video[]): Promise<Int32Array[]>;
  /** The videos of token ids, [N] each. */
  decodeTokens(tokens: readonly Int32Array[]): Promise<Video[]>;
  /** The plan that a call with a deadline would begin with, and what it is predicted to take. */
  planInTime(options: RequestOptions & PlanInTimeOptions & DecodeHooks): Promise<TimedPlan>;
  /** Waits for calls in progress, then frees what the pipeline holds. Later calls are refused. Safe to call twice. */
  dispose(): Promise<void>;
}

/**
 * A pipeline over a model that is in memory, e.g. one in training.
 *
 * @throws InputError for a model of images, or where the runner's device lacks the precision
 */
export async function openVideoPipeline(
  model: GenerativeModel,
  options: SessionOptions,
): Promise<VideoPipeline> {
  return videoPipelineOver(await openSession(model, options));
}

/** A pipeline over a session, which it then owns. */
export async function videoPipelineOver(session: Session): Promise<VideoPipeline> {
  const { model, tokenizer, maskId } = session;
  const { resolution, frames } = model.tokenizer.config;
  if (frames === undefined) {
    await session.dispose();
    throw new InputError(
      "VideoPipeline: this model makes images, not videos; they are for ImagePipeline and the commands sample and edit",
    );
  }

  const prepare = (options: GenerateVideoOptions = {}): PreparedRequest =>
    prepareRequest(session.resolve(withoutHooks("generate", options).asked));

  async function prepareCompletion(
    options: CompleteOptions,
    completion: Completion,
    length: number,
  ): Promise<PreparedRequest> {
    const { asked } = withoutHooks(completion.task, options);
    const { videos: given, count = 1, isPasted = true, ...rest } = asked;
    checkVideos(given, completion.task, resolution, length);
    const request = session.resolve({
      ...rest,
      task: completion.task,
      count: Number.isSafeInteger(count) ? count * given.length : count,
    });
    const versions = given.flatMap((video, i) => Array.from({ length: count }, () => ({ video, i })));
    const filled = given.map((video) => filledIn(video, completion, frames));
    const known = (await session.encode(filled)).map((ids) =>
      onlyKnown(ids, [completion], { frames: frames!, grid: tokenizer.grid, maskId }),
    );
    const condition = Int32Array.from(versions.flatMap(({ i }) => [...known[i]!]));
    const show = (made: Image, i: number): Image =>
      isPasted ? { ...made, ...withGivenFrames(made as Video, versions[i]!.video, completion) } : made;
    return prepareRequest(request, { condition, show });
  }

  async function preparePredict(asked: PredictOptions): Promise<PreparedRequest> {
    session.requireOpen();
    parse(completionSchema, asked, "predict");
    const { given, ...options } = asked;
    requireInput(
      Number.isInteger(given) && given >= 1 && given < frames!,
      `predict: given must be a whole number in 1..${frames! - 1}, fewer than the model's ${frames} frames, got ${show(given)}`,
    );
    return prepareCompletion(options, { task: "predict", given }, given);
  }

  async function prepareInterpolate(options: CompleteOptions): Promise<PreparedRequest> {
    session.requireOpen();
    parse(completionSchema, options, "interpolate");
    return prepareCompletion(options, { task: "interpolate" }, 2);
  }

  const dispose = () => session.dispose();
  return {
    model,
    resolution,
    frames,
    precision: session.precision,
    generate: async (options = {}) => asVideos(await session.decode(prepare(options), options)),
    predict: async (options) => asVideos(await session.decode(await preparePredict(options), options)),
    interpolate: async (options) =>
      asVideos(await session.decode(await prepareInterpolate(options), options)),
    prepare,
    preparePredict,
    prepareInterpolate,
    decode: async (prepared, hooks) => asVideos(await session.decode(prepared, hooks)),
    decodeTogether: (plan, samples, hooks) => session.decodeTogether(plan, samples, hooks),
    encode: (videos) => session.encode(videos),
    decodeTokens: async (tokens) => (await session.decodeTokens(tokens)) as Video[],
    planInTime: (options) => session.planInTime(options),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

const side = z.int().min(1);
const completionSchema = z.looseObject({
  videos: z
    .array(z.looseObject({ width: side, height: side, frames: side, pixels: z.instanceof(Uint8Array) }))
    .meta({
      allowed: "a list of videos, { width, height, frames, pixels } each",
      remedy: "readVideo reads one",
    }),
});

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
