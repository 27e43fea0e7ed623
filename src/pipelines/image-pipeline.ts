/**
 * From a model folder to pictures: the one call that most people need.
 *
 * N grid tokens, S side of a picture in pixels.
 */
import { InputError, requireInput } from "../core/errors.ts";
import { sizeOf } from "../core/tensor.ts";
import type { Picture, Raster } from "../data/source.ts";
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
  /** Names or numbers that take turns over the pictures, or "all"; null or left out: no condition. */
  readonly classes?: readonly (string | number)[] | null;
  /** Pictures, 1 unless told. */
  readonly count?: number;
  /** [N], or [count, N]: start tokens, the mask id (see {@link ImagePipeline.maskId}) where a token is wanted. */
  readonly startTokens?: Int32Array;
}

export interface Generated extends Omit<Decoded, "pictures"> {
  readonly images: readonly Picture[];
}

export interface EditOptions extends Omit<GenerateOptions, "startTokens" | "classes"> {
  /** Of the model's size. */
  readonly image: Raster;
  /** Of the model's size; set where the picture shall be made anew. */
  readonly mask: PixelMask;
  /** What to draw there; left out: no condition. */
  readonly class?: string | number;
}

export interface ImagePipeline extends AsyncDisposable {
  readonly model: GenerativeModel;
  /** The id of a masked token in `startTokens`. */
  readonly maskId: number;
  /** Side of its pictures, in pixels. */
  readonly resolution: number;
  readonly precision: Precision;
  /**
   * Makes new pictures.
   *
   * @throws InputError for an unknown class, a plan that does not fit the model, a bad count, seed or start, a memory
   *   budget that holds no picture
   */
  generate(options?: GenerateOptions): Promise<Generated>;
  /** Makes the masked part of a picture anew, in `count` versions. Unmasked tokens stay as they are. */
  edit(options: EditOptions): Promise<Generated>;
  /** The token ids of pictures of the model's size, [N] each. */
  encode(pictures: readonly Raster[]): Promise<Int32Array[]>;
  /** The pictures of token ids, [N] each. */
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
      "ImagePipeline: this model makes clips, not still pictures; they are for VideoPipeline and the commands sample, " +
        "predict and interpolate",
    );
  }

  async function generate(options: GenerateOptions = {}): Promise<Generated> {
    const { count = 1, firstPicture } = options;
    requirePositive("count", count);
    const { pictures, ...made } = await generator.decode({
      ...options,
      decodePlan: planFor(model, planInput(options)),
      ids: classIds(options.classes ?? null, model.classNames, count, firstPicture),
      start: startOf(options.startTokens, count, sizeOf(generator.tokenizer.grid)),
    });
    return { images: pictures, ...made };
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

/** [count, N] start tokens; one grid serves all pictures. */
function startOf(given: Int32Array | undefined, count: number, size: number): Int32Array | undefined {
  if (!given) return undefined;
  requireInput(
    given.length === size || given.length === count * size,
    `startTokens: must hold ${size} ids, or ${size} for each of ${count} pictures, got ${given.length}`,
  );
  if (given.length === count * size) return given;
  const all = new Int32Array(count * size);
  for (let i = 0; i < count; i++) all.set(given, i * size);
  return all;
}
