/**
 * From a model folder to images: the one call that most people need.
 *
 * N grid tokens, S side of an image in pixels.
 */
import { InputError, requireInput } from "../core/errors.ts";
import { sizeOf } from "../core/tensor.ts";
import type { Image, Raster } from "../data/source.ts";
import type { Precision } from "../models/transformer/precision.ts";
import { classIds } from "./classes.ts";
import type { TimedPlan } from "./deadlines.ts";
import { type GenerativeModel, planFor } from "./model.ts";
import { type PixelMask, tokenMask } from "./node/mask-file.ts";
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

export interface GenerateOptions extends DecodeChoices {
  /** Names or numbers that take turns over the images, or "all"; null or left out: no condition. */
  readonly classes?: readonly (string | number)[] | null;
  /** Images, 1 unless told. */
  readonly count?: number;
  /** [N], or [count, N]: start tokens, the mask id (see {@link ImagePipeline.maskId}) where a token is wanted. */
  readonly startTokens?: Int32Array;
}

export interface Generated extends Omit<Decoded, "images"> {
  readonly images: readonly Image[];
}

export interface EditOptions extends Omit<GenerateOptions, "startTokens" | "classes"> {
  /** Of the model's size. */
  readonly image: Raster;
  /** Of the model's size; set where the image shall be made anew. */
  readonly mask: PixelMask;
  /** What to draw there; left out: no condition. */
  readonly class?: string | number;
}

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
  generate(options?: GenerateOptions): Promise<Generated>;
  /** Makes the masked part of an image anew, in `count` versions. Unmasked tokens stay as they are. */
  edit(options: EditOptions): Promise<Generated>;
  /** The token ids of images of the model's size, [N] each. */
  encode(images: readonly Raster[]): Promise<Int32Array[]>;
  /** The images of token ids, [N] each. */
  decodeTokens(tokens: readonly Int32Array[]): Promise<Raster[]>;
  /** The plan that a call with a deadline would begin with, and what it is predicted to take. */
  planInTime(options: PlanInTimeOptions): Promise<TimedPlan>;
  /** Frees what the pipeline holds, and its runner unless that was given. Safe to call twice. */
  dispose(): Promise<void>;
}

export const ImagePipeline = {
  /**
   * Opens a model folder.
   *
   * @throws InputError when the folder is not a whole model, or the device is not there or lacks the precision
   * @example
   * const pipeline = await ImagePipeline.fromPretrained("models/sprites");
   * const { images } = await pipeline.generate({ classes: ["cat"], count: 4, seed: 7 });
   * await pipeline.dispose();
   */
  async fromPretrained(folder: string, options: PipelineOptions = {}): Promise<ImagePipeline> {
    return imagePipelineOver(await openGeneratorFrom(folder, options));
  },
};

/** A pipeline over a model that is in memory, e.g. one in training. */
export async function openImagePipeline(
  model: GenerativeModel,
  options: PipelineOptions = {},
): Promise<ImagePipeline> {
  return imagePipelineOver(await openGenerator(model, options));
}

/** A pipeline over an opened model, which it then owns. */
export async function imagePipelineOver(generator: Generator): Promise<ImagePipeline> {
  const { model, maskId, encode, decodeTokens, dispose } = generator;
  const { resolution, frames } = model.tokenizer.config;
  if (frames !== undefined) {
    await dispose();
    throw new InputError(
      "ImagePipeline: this model makes videos, not images; they are for VideoPipeline and the commands sample, " +
        "predict and interpolate",
    );
  }

  async function generate(options: GenerateOptions = {}): Promise<Generated> {
    const { count = 1, firstIndex } = options;
    requirePositive("count", count);
    const { images, ...made } = await generator.decode({
      ...options,
      decodePlan: planFor(model, planInput(options)),
      ids: classIds(options.classes ?? null, model.classNames, count, firstIndex),
      start: startOf(options.startTokens, count, sizeOf(generator.tokenizer.grid)),
    });
    return { images: images, ...made };
  }

  async function edit({ image, mask, class: asked, ...options }: EditOptions): Promise<Generated> {
    const isWanted = tokenMask(mask, resolution, generator.tokenizer.grid as [number, number]);
    const [known] = await encode([image]);
    const startTokens = known!.map((id, i) => (isWanted[i] ? maskId : id));
    return generate({ ...options, startTokens, classes: asked === undefined ? null : [asked] });
  }

  return {
    model,
    maskId,
    resolution,
    precision: generator.precision,
    generate,
    edit,
    encode,
    decodeTokens,
    planInTime: generator.planInTime,
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** [count, N] start tokens; one grid serves all images. */
function startOf(given: Int32Array | undefined, count: number, size: number): Int32Array | undefined {
  if (!given) return undefined;
  requireInput(
    given.length === size || given.length === count * size,
    `startTokens: must hold ${size} ids, or ${size} for each of ${count} images, got ${given.length}`,
  );
  if (given.length === count * size) return given;
  const all = new Int32Array(count * size);
  for (let i = 0; i < count; i++) all.set(given, i * size);
  return all;
}
