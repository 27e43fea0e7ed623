/**
 * What requests hold and what answers hold, once: requests are read by these schemas, and the OpenAPI document is made
 * from them.
 */
import { z } from "zod";
import { planSchema } from "../src/index.ts";

/** The most images of one request. */
export const mostImages = 64;
/** The largest side of an image as it is answered, in pixels; the model's own images are enlarged to it. */
export const largestSide = 2048;

const word = (allowed: string, description: string) => ({ allowed, description });

/** What every request has in common. */
const common = {
  model: z
    .string()
    .max(200)
    .optional()
    .meta(word("a model's name, see GET /v1/models", "Default: the first one that makes what is asked for.")),
  n: z.int().min(1).max(mostImages).nullish().meta({ description: "How many to make. Default 1." }),
  seed: z
    .union([z.int().min(0), z.string().regex(/^\d{1,20}$/)])
    .optional()
    .meta(
      word(
        "a whole number in 0..18446744073709551615, above 2^53 as text",
        "The same seed, model and plan give the same images. Default: a random one, which the answer tells.",
      ),
    ),
  first_index: z
    .int()
    .min(0)
    .max(2 ** 31)
    .optional()
    .meta({ description: "Index of the first image in the seed's series. Default 0." }),
  steps: z
    .int()
    .min(1)
    .optional()
    .meta({ description: "Decode steps, at most one per token. Default: as the model's plan." }),
  budget: z.number().positive().optional().meta({
    description: "Fraction of the baseline decode's multiply-adds: the plan that makes the most of it.",
  }),
  deadline: z
    .number()
    .positive()
    .max(3_600_000)
    .optional()
    .meta({
      description:
        "Milliseconds from here on within which the answer shall be there, waiting included. The plan is chosen by what " +
        "this machine is measured to do in the time that is left.",
    }),
  plan: z
    .union([z.string().max(1000), planSchema])
    .optional()
    .meta({
      description:
        'What differs from the model\'s plan, or only the model schedule as text: "8x3,4x3,2x3,1x3".',
    }),
  stream: z.boolean().nullish().meta({ description: "Answer with server-sent events." }),
  user: z.string().max(1000).optional().meta({ description: "Not used, and not logged." }),
};

const prompt = z
  .string()
  .max(4000)
  .regex(/\S/)
  .meta(
    word(
      'a class name, or "none" to ask for no class',
      'A class name, several between commas that take turns, "all", or "none" for images of no class.',
    ),
  );

/** What is said of how images come back. */
const imageAnswer = {
  size: z
    .string()
    .regex(/^(auto|\d{1,4}x\d{1,4})$/)
    .nullish()
    .meta(
      word(
        '"auto" or a size such as "64x64"',
        `The model's own size, or a whole multiple of it up to ${largestSide}, to which images are enlarged by repeating ` +
          "pixels. Default: the model's own.",
      ),
    ),
  response_format: z
    .enum(["b64_json", "url"])
    .nullish()
    .meta({ description: "Base64, or a data URL. Default b64_json." }),
  output_format: z.enum(["png", "jpeg", "webp"]).nullish().meta({ description: "Default png." }),
  output_compression: z.int().min(1).max(100).nullish().meta({ description: "Quality of JPEG and WebP." }),
  partial_images: z
    .int()
    .min(0)
    .max(3)
    .nullish()
    .meta({ description: "With stream: how often each image is shown while it is decoded. Default 0." }),
  quality: z
    .enum(["auto", "standard"])
    .nullish()
    .meta({ description: "Other values are refused: steps, budget and plan decide quality here." }),
  background: z.enum(["auto", "opaque"]).nullish().meta({ description: "Images have no transparency." }),
  moderation: z.enum(["auto", "low"]).nullish().meta({ description: "Nothing is moderated." }),
};

export const generationSchema = z.strictObject({ prompt, ...common, ...imageAnswer });
export type Generation = z.output<typeof generationSchema>;

const videoAnswer = {
  output_format: z.enum(["webp", "gif"]).nullish().meta({ description: "Default webp, lossless." }),
  frame_rate: z.number().min(0.1).max(50).nullish().meta({ description: "Frames per second. Default 8." }),
  response_format: imageAnswer.response_format,
};

export const videoSchema = z.strictObject({ prompt, ...common, ...videoAnswer });
export type VideoGeneration = z.output<typeof videoSchema>;

export const editSchema = z.strictObject({
  prompt: prompt.optional().meta({ description: "What to draw there, a class name. Default: anything." }),
  ...common,
  ...imageAnswer,
  input_fidelity: z.enum(["high", "low"]).nullish().meta({
    description: "high, the default: kept pixels stay as they are. low: everything as the model renders it.",
  }),
});
export type Edit = z.output<typeof editSchema>;

export const predictionSchema = z.strictObject({
  task: z.enum(["predict", "interpolate"]).optional().meta({
    description: "Go on after the first frames (default), or fill in between the first and the last one.",
  }),
  given: z
    .int()
    .min(1)
    .optional()
    .meta({ description: "How many first frames are given; default half of them." }),
  ...common,
  ...videoAnswer,
});
export type Prediction = z.output<typeof predictionSchema>;

/** What came of a request, besides the images. */
const madeFields = {
  created: z.int().meta({ description: "Unix time, seconds." }),
  model: z.string(),
  plan: z
    .looseObject({})
    .meta({ description: "Every choice of the decode, as it ran; can be sent as plan." }),
  seconds: z.looseObject({ waited: z.number(), decoding: z.number() }),
  deadline_kept: z
    .boolean()
    .optional()
    .meta({ description: "Only with a deadline: whether the images were there in time, waiting included." }),
  output_format: z.string(),
  size: z.string(),
  usage: z.looseObject({
    input_tokens: z.int(),
    output_tokens: z.int().meta({ description: "Image tokens that were decoded." }),
    total_tokens: z.int(),
  }),
};

export const madeSchema = z.object({
  ...madeFields,
  data: z.array(
    z.object({
      b64_json: z.string().optional(),
      url: z.string().optional().meta({ description: "A data URL." }),
      seed: z.union([z.int(), z.string()]),
      index: z.int().meta({ description: "Index in the seed's series." }),
      class: z.string().nullable(),
    }),
  ),
});
export type Made = z.output<typeof madeSchema>;

export const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string(),
  }),
});

export const modelSchema = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  makes: z.enum(["images", "videos"]),
  size: z.string(),
  frames: z.int().nullable(),
  classes: z.array(z.string()),
  tokens: z.int(),
  tasks: z.array(z.string()),
  plan: z.looseObject({}),
  pareto_front: z.array(z.looseObject({ plan: z.looseObject({}), distance: z.number() })),
});
export type ModelAnswer = z.output<typeof modelSchema>;

export const modelListSchema = z.object({ object: z.literal("list"), data: z.array(modelSchema) });
