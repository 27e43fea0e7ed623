/**
 * From a model to images: the calls that most people need.
 *
 * N grid tokens.
 */
import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { parse } from "../core/validate.ts";
import type { Raster } from "../data/source.ts";
import type { DecodePlan } from "../decoding/plan.ts";
import type { Precision } from "../models/transformer/precision.ts";
import { composite, madeShare } from "./composite.ts";
import type { TimedPlan } from "./deadlines.ts";
import { type PixelMask, tokenMask } from "./mask.ts";
import type { GenerativeModel } from "./model.ts";
import { type Classes, type RequestOptions, type RequestSubject, requestFields } from "./request.ts";
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

export interface GenerateOptions extends RequestOptions, DecodeHooks {
  /** A name or number, several that take turns over the images, or "all"; null or left out: no condition. */
  readonly classes?: Classes;
  /** [N], or [count, N]: start tokens, the mask id (see {@link ImagePipeline.maskId}) where a token is wanted. */
  readonly startTokens?: Int32Array;
}

/** What to make again of an image, and as what. */
export interface EditOptions extends RequestOptions, DecodeHooks {
  /** Of the model's size. */
  readonly image: Raster;
  /** Of the model's size; set where the image shall be made again. */
  readonly mask: PixelMask;
  /** What to draw there; left out: no condition. */
  readonly class?: string | number;
  /**
   * Default true: what is kept shows the pixels of `image`, blended into what is made along the edge of the changed tokens.
   * False: everything is shown as the model renders its tokens, which changes kept pixels a little.
   */
  readonly isComposited?: boolean;
}

const isRaster = (value: unknown): boolean => {
  const { width, height, pixels } = (value ?? {}) as Partial<Raster>;
  return pixels instanceof Uint8Array && pixels.length === 3 * width! * height!;
};

const isMask = (value: unknown): boolean => {
  const { width, height, data } = (value ?? {}) as Partial<PixelMask>;
  return data instanceof Uint8Array && data.length === width! * height!;
};

/** What an edit may hold; the request it becomes is read where every request is. */
const editSchema = z.strictObject({
  image: z.custom<Raster>(isRaster).meta({ allowed: "an image { width, height, pixels }, RGB bytes" }),
  mask: z
    .custom<PixelMask>(isMask)
    .meta({ allowed: "a mask { width, height, data }, such as boxMask makes" }),
  class: z.union([z.string(), z.number()]).optional(),
  isComposited: z.boolean().optional(),
  signal: z.custom<AbortSignal>().optional(),
  onStep: z.custom<EditOptions["onStep"]>().optional(),
  ...requestFields,
});

/** What a deadline is asked for: everything that would be asked of the decode. */
export interface PlanInTimeOptions extends Pick<RequestSubject, "task"> {
  readonly deadlineMs: number;
}

/** Images, with what is needed to make them again and what they cost. */
export type GeneratedImages = Decoded;

/** A model of images, ready to decode; `dispose` it when done. */
export interface ImagePipeline extends AsyncDisposable {
  readonly model: GenerativeModel;
  /** The id of a masked token in `startTokens`. */
  readonly maskId: number;
  /** Side of its images, in pixels. */
  readonly resolution: number;
  readonly precision: Precision;
  /**
   * Makes new images.
   *
   * @throws InputError for an unknown class, a plan that does not fit the model, a bad count, seed or start, a memory
   *   budget that holds no image
   */
  generate(options?: GenerateOptions): Promise<GeneratedImages>;
  /**
   * Makes the masked part of an image again, in `count` versions: every token with a masked pixel. The other tokens, and
   * with `isComposited` their pixels, stay as they are.
   */
  edit(options: EditOptions): Promise<GeneratedImages>;
  /** What `generate` would decode, sample by sample; throws as it does. */
  prepare(options?: GenerateOptions): PreparedRequest;
  /** What `edit` would decode, sample by sample; throws as it does. */
  prepareEdit(options: EditOptions): Promise<PreparedRequest>;
  /** Decodes what was prepared; what `generate` and `edit` do then. */
  decode(prepared: PreparedRequest, hooks?: DecodeHooks): Promise<GeneratedImages>;
  /**
   * Decodes samples of one or several prepared requests as one batch, each the same as alone.
   *
   * @param plan     that of all of them
   * @param samples  with equally many masked tokens; one alone where the plan has an entropy rule
   * @example
   * const [cat, dog] = [pipeline.prepare({ classes: "cat", seed: 1 }), pipeline.prepare({ classes: "dog", seed: 2 })];
   * const made = await pipeline.decodeTogether(cat.request.plan, [...cat.samples, ...dog.samples]);
   */
  decodeTogether(plan: DecodePlan, samples: readonly Sample[], hooks?: BatchHooks): Promise<DecodedSample[]>;
  /** The token ids of images of the model's size, [N] each. */
  encode(images: readonly Raster[]): Promise<Int32Array[]>;
  /** The images of token ids, [N] each. */
  decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]>;
  /** The plan that a call with a deadline would begin with, and what it is predicted to take. */
  planInTime(options: RequestOptions & PlanInTimeOptions & DecodeHooks): Promise<TimedPlan>;
  /** Waits for calls in progress, then frees what the pipeline holds. Later calls are refused. Safe to call twice. */
  dispose(): Promise<void>;
}

/**
 * A pipeline over a model that is in memory, e.g. one in training.
 *
 * @throws InputError for a model of videos, or where the runner's device lacks the precision
 */
export async function openImagePipeline(
  model: GenerativeModel,
  options: SessionOptions,
): Promise<ImagePipeline> {
  return imagePipelineOver(await openSession(model, options));
}

/** A pipeline over a session, which it then owns. */
export async function imagePipelineOver(session: Session): Promise<ImagePipeline> {
  const { model, maskId, tokenizer } = session;
  const { resolution, frames } = model.tokenizer.config;
  if (frames !== undefined) {
    await session.dispose();
    throw new InputError(
      "ImagePipeline: this model makes videos, not images; they are for VideoPipeline and the commands sample, " +
        "predict and interpolate",
    );
  }

  const prepare = (options: GenerateOptions = {}): PreparedRequest =>
    prepareRequest(session.resolve(withoutHooks("generate", options).asked));

  async function prepareEdit(options: EditOptions): Promise<PreparedRequest> {
    session.requireOpen();
    parse(editSchema, options, "edit"); // plain JavaScript may hold anything
    const { asked } = withoutHooks("edit", options);
    const { image, mask, class: wanted, isComposited = true, ...rest } = asked;
    const grid = tokenizer.grid as [number, number];
    const isWanted = tokenMask(mask, resolution, grid);
    const [known] = await session.encode([image]);
    const startTokens = known!.map((id, i) => (isWanted[i] ? maskId : id));
    const share = madeShare(image, isWanted, grid);
    const classes = wanted === undefined ? null : [wanted];
    return prepareRequest(session.resolve({ ...rest, startTokens, classes }), {
      show: (made) => (isComposited ? composite(image, made, share) : made),
    });
  }

  const dispose = () => session.dispose();
  return {
    model,
    maskId,
    resolution,
    precision: session.precision,
    generate: async (options = {}) => session.decode(prepare(options), options),
    edit: async (options) => session.decode(await prepareEdit(options), options),
    prepare,
    prepareEdit,
    decode: (prepared, hooks) => session.decode(prepared, hooks),
    decodeTogether: (plan, samples, hooks) => session.decodeTogether(plan, samples, hooks),
    encode: (images) => session.encode(images),
    decodeTokens: (tokens) => session.decodeTokens(tokens),
    planInTime: (options) => session.planInTime(options),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}
