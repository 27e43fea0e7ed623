/** From a request's fields to what is decoded, and from decoded images to what is answered. */
import {
  decodeImage,
  decodeMask,
  encodeAnimation,
  encodeImage,
  fittedMask,
  givenFrames,
  type Image,
  type ImagePipeline,
  InputError,
  namedClasses,
  type PixelMask,
  type PreparedRequest,
  prepareRequest,
  type RequestOptions,
  resolveRequest,
  sizeOfImage,
  type Video,
  type VideoPipeline,
} from "../src/index.ts";
import type { Pipeline, ServedModel } from "./models.ts";
import { type Edit, type Generation, largestSide, type Prediction, type VideoGeneration } from "./schemas.ts";

/** What a request asks for. */
export interface Making {
  /** How many images or videos. */
  readonly count: number;
  readonly seed: number | bigint;
  /** Milliseconds from the request's arrival; null: none. */
  readonly deadlineMs: number | null;
  readonly isStreamed: boolean;
  /** How often each image is shown while it is decoded. */
  readonly partialImages: number;
  /**
   * Makes ready what is decoded.
   *
   * @param use  lends the loaded model, for what the model itself computes
   */
  prepare(use: <T>(work: (pipeline: Pipeline) => Promise<T>) => Promise<T>): Promise<PreparedRequest>;
  /** What is said of every image. */
  readonly facts: { readonly output_format: string; readonly size: string };
  /** An image as a file's bytes in Base64, or as a data URL. */
  encode(image: Image, making: FileRecord | null): Promise<{ b64_json?: string; url?: string }>;
}

/** What goes into the file of an image. */
interface FileRecord {
  readonly index: number;
  readonly plan: object;
}

/** Files of a form by their field. */
export type Files = ReadonlyMap<string, Uint8Array>;

type Common = Generation | Edit | VideoGeneration | Prediction;

/** An uploaded image may have so many pixels: a small file can hold very many, and all are decoded. */
const mostPixels = 4096 * 4096;

/** @throws InputError for a size that no image can have */
export function generation(body: Generation, served: ServedModel, newSeed: () => number): Making {
  const asked = askedOf(body, newSeed);
  return {
    ...asked,
    ...imageAnswer(body, served, asked.seed),
    prepare: async () => {
      const classes = classesOf(body.prompt, served);
      return prepareRequest(resolveRequest({ ...asked.options, classes }, served.model));
    },
  };
}

/** @throws as {@link generation} */
export function edit(body: Edit, served: ServedModel, newSeed: () => number, files: Files): Making {
  const asked = askedOf(body, newSeed);
  const { resolution } = served;
  return {
    ...asked,
    ...imageAnswer(body, served, asked.seed),
    prepare: async (use) => {
      const classes = body.prompt === undefined ? ["none"] : classesOf(body.prompt, served);
      if (classes.length !== 1) {
        throw new InputError(`body: prompt: must be one class for an edit, got ${classes.length}`);
      }
      const options = { ...asked.options, class: classes[0]! };
      resolveRequest({ ...asked.options, classes }, served.model); // what is wrong is told before anything is computed
      const uploaded = files.get("image")!;
      requireType("image", uploaded, ["png", "jpeg", "webp"]);
      const image = await decodeImage(uploaded, 'in the field "image"', { resolution, mostPixels });
      const mask = await maskOf(files, resolution);
      const isComposited = body.input_fidelity !== "low";
      return use((pipeline) =>
        (pipeline as ImagePipeline).prepareEdit({ ...options, image, mask, isComposited }),
      );
    },
  };
}

/** @throws InputError for a seed that is too large */
export function videoGeneration(body: VideoGeneration, served: ServedModel, newSeed: () => number): Making {
  const asked = askedOf(body, newSeed);
  return {
    ...asked,
    ...videoAnswer(body, served),
    prepare: async () => {
      const classes = classesOf(body.prompt, served);
      return prepareRequest(resolveRequest({ ...asked.options, classes }, served.model));
    },
  };
}

/** @throws InputError for frames that the model has not */
export function prediction(
  body: Prediction,
  served: ServedModel,
  newSeed: () => number,
  files: Files,
): Making {
  const asked = askedOf(body, newSeed);
  const { resolution, model } = served;
  const frames = model.tokenizer.config.frames!;
  const { task = "predict", given = Math.ceil(frames / 2) } = body;
  if (task === "interpolate" && body.given !== undefined) {
    throw new InputError(
      "body: given: must be left out to interpolate, where the first and the last frame are given",
    );
  }
  if (given >= frames) {
    throw new InputError(
      `body: given: must be in 1..${frames - 1}, fewer than the model's ${frames} frames, got ${given}`,
    );
  }
  return {
    ...asked,
    ...videoAnswer(body, served),
    prepare: async (use) => {
      const { options } = asked;
      resolveRequest({ ...options, task }, model); // what is wrong is told before anything is computed
      const uploaded = files.get("video")!;
      requireType("video", uploaded, ["gif", "webp"]);
      const completion = task === "predict" ? ({ task, given } as const) : { task };
      const video = await givenFrames(uploaded, 'in the field "video"', completion, {
        resolution,
        mostPixels,
      });
      return use((pipeline) => {
        const videos = pipeline as VideoPipeline;
        return task === "predict"
          ? videos.preparePredict({ ...options, videos: [video], given })
          : videos.prepareInterpolate({ ...options, videos: [video] });
      });
    },
  };
}

/** What all ways of making have in common, and the library's options for it. */
function askedOf(body: Common, newSeed: () => number) {
  const { first_index, steps, budget, deadline, plan } = body;
  const count = body.n ?? 1;
  const seed = body.seed === undefined ? newSeed() : seedOf(body.seed);
  const options: RequestOptions = {
    count,
    seed,
    ...(first_index !== undefined && { firstIndex: first_index }),
    ...(steps !== undefined && { steps }),
    ...(budget !== undefined && { budget }),
    ...(deadline !== undefined && { deadlineMs: deadline }),
    ...(typeof plan === "string" && { modelSchedule: plan }),
    ...(typeof plan === "object" && { plan, planName: "body: plan" }),
  };
  const partialImages = ("partial_images" in body && body.partial_images) || 0;
  if (partialImages > 0 && !body.stream) {
    throw new InputError("body: partial_images: must come with stream: true, got no stream");
  }
  return {
    count,
    seed,
    options,
    deadlineMs: deadline ?? null,
    isStreamed: body.stream ?? false,
    partialImages,
  };
}

function seedOf(given: number | string): number | bigint {
  const seed = BigInt(given);
  if (seed >= 1n << 64n) {
    throw new InputError(`body: seed: must be a whole number in 0..18446744073709551615, got ${seed}`);
  }
  return seed <= Number.MAX_SAFE_INTEGER ? Number(seed) : seed;
}

/**
 * An error of the library in the request's words: its options are called otherwise here.
 *
 * @param body  what was asked; `steps`, and a plan as text, are parts of the library's plan
 */
export function inFieldsOf(body: { steps?: unknown; plan?: unknown }, error: unknown): unknown {
  if (!(error instanceof InputError)) return error;
  const words: readonly (readonly [RegExp, string])[] = [
    [/^classes: /, "body: prompt: "],
    ...(body.steps === undefined ? [] : ([[/^(body: )?plan: steps: /, "body: steps: "]] as const)),
    [/^(plan|budget): /, "body: $1: "],
  ];
  const [pattern, field] = words.find(([pattern]) => pattern.test(error.message)) ?? [];
  return pattern ? new InputError(error.message.replace(pattern, field!), { cause: error }) : error;
}

/** A seed as JSON holds it. */
export const seedInJson = (seed: number | bigint): number | string =>
  typeof seed === "bigint" ? String(seed) : seed;

function classesOf(prompt: string, { model }: ServedModel): string[] {
  if (prompt.trim() === "none") return ["none"];
  return namedClasses(prompt, model.classNames);
}

/** The class's name; null where there was no condition. */
export const classOf = ({ classId }: Image, { model }: ServedModel): string | null =>
  classId === null ? null : model.classNames[classId]!;

/** How images come back. */
function imageAnswer(body: Generation | Edit, served: ServedModel, seed: number | bigint) {
  const format = body.output_format ?? "png";
  const scale = scaleOf(body.size ?? "auto", served.resolution);
  const quality = body.output_compression ?? undefined;
  if (quality !== undefined && format === "png") {
    throw new InputError(
      "body: output_compression: is for jpeg and webp, got png, which keeps every pixel; leave it out",
    );
  }
  const side = served.resolution * scale;
  return {
    facts: { output_format: format, size: `${side}x${side}` },
    encode: async (image: Image, making: FileRecord | null) => {
      const record = making && {
        ...{ model: served.id, seed, index: making.index },
        ...{ class: classOf(image, served), plan: making.plan },
      };
      const bytes = await encodeImage(image, { format, scale, quality, ...(record && { making: record }) });
      return inText(bytes, `image/${format}`, body.response_format);
    },
  };
}

/** How videos come back. */
function videoAnswer(body: VideoGeneration | Prediction, { resolution }: ServedModel) {
  const format = body.output_format ?? "webp";
  const frameRate = body.frame_rate ?? 8;
  return {
    facts: { output_format: format, size: `${resolution}x${resolution}` },
    encode: async (image: Image) => {
      const bytes = await encodeAnimation(image as Image & Video, { format, frameRate });
      return inText(bytes, `image/${format}`, body.response_format);
    },
  };
}

function inText(bytes: Uint8Array, type: string, format: "b64_json" | "url" | null | undefined) {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
  return format === "url" ? { url: `data:${type};base64,${text}` } : { b64_json: text };
}

function scaleOf(size: string, resolution: number): number {
  if (size === "auto") return 1;
  const [width, height] = size.split("x").map(Number) as [number, number];
  const scale = width / resolution;
  if (width !== height || !Number.isInteger(scale) || scale < 1 || width > largestSide) {
    const example = Math.min(1024, Math.floor(largestSide / resolution) * resolution);
    throw new InputError(
      `body: size: must be "auto" or a whole multiple of the model's ${resolution}x${resolution} up to ` +
        `${largestSide}, such as ${example}x${example}, got "${size}"`,
    );
  }
  return scale;
}

const signatures = {
  png: /^.PNG\r\n/,
  jpeg: /^\xff\xd8\xff/,
  webp: /^RIFF.{4}WEBP/s,
  gif: /^GIF8[79]a/,
} as const;

/** Refuses files by their first bytes: the decoder knows many more formats than somebody unknown should reach. */
function requireType(field: string, bytes: Uint8Array, types: readonly (keyof typeof signatures)[]): void {
  const start = Buffer.from(bytes.subarray(0, 16)).toString("latin1");
  if (types.some((type) => signatures[type].test(start))) return;
  throw new InputError(
    `body: ${field}: must be a file of the type ${types.join(", ")}, got ${bytes.length} bytes of another type`,
  );
}

/** The mask of an edit: a file, or where the image itself is transparent. */
async function maskOf(files: Files, resolution: number): Promise<PixelMask> {
  const image = files.get("image")!;
  const given = files.get("mask");
  if (given) requireType("mask", given, ["png", "jpeg", "webp"]);
  const file = given ?? image;
  const name = `in the field "${given ? "mask" : "image"}"`;
  const transparent = await decodeMask(file, name, { byTransparency: true, mostPixels });
  const byTransparency = transparent.data.includes(1);
  if (!given && !byTransparency) {
    throw new InputError(
      "body: mask: must be an image that marks what is made again, or the image be transparent there",
    );
  }
  const mask = byTransparency ? transparent : await decodeMask(file, name, { mostPixels });
  if (mask.width === resolution && mask.height === resolution) return mask;
  const whole = await sizeOfImage(image, 'in the field "image"');
  if (mask.width !== whole.width || mask.height !== whole.height) {
    throw new InputError(
      `body: mask: must be as large as the image, ${whole.width} x ${whole.height} pixels, or as the model's images, ` +
        `${resolution} x ${resolution}, got ${mask.width} x ${mask.height}`,
    );
  }
  return fittedMask(mask, resolution);
}
