/**
 * The schema of a training configuration: everything that a run can choose, with defaults and meanings, and the rules
 * between its fields. Where the values come from is the reader's matter, read-config.ts.
 */
import { z } from "zod";
import { sizeOf } from "../core/tensor.ts";
import { addIssue, parse, type Where } from "../core/validate.ts";
import { folds, isDrawnSource, resamplers, splits } from "../data/choices.ts";
import { basePlan, completePlan, completionPlan, type DecodePlan, planSchema } from "../decoding/plan.ts";
import { requirePlanFits } from "../decoding/resolve-plan.ts";
import { checkTokenizer, codebookSize, tokenGrid, tokenizerFields } from "../models/tokenizer/config.ts";
import {
  checkAscending,
  checkTransformer,
  defaultHidden,
  type TransformerConfig,
  transformerFields,
} from "../models/transformer/config.ts";

const count = z.int().min(1);
const byte = z.int().min(0).max(255);
const fraction = z.number().min(0).max(1);

/** What the optimisation of either network can choose. */
function optimisation(defaults: {
  steps: z.ZodDefault<z.ZodInt>;
  batchSize: number;
  learningRate: number;
  warmupSteps: number;
  betas?: [number, number];
  emaDecay?: number;
}) {
  return {
    steps: defaults.steps,
    batchSize: count.default(defaults.batchSize).describe("images per step"),
    learningRate: z
      .number()
      .positive()
      .default(defaults.learningRate)
      .describe("peak, reached after warm-up"),
    warmupSteps: z.int().min(0).default(defaults.warmupSteps).describe("linear rise from 0"),
    schedule: z
      .strictObject({
        kind: z.literal("cosine").default("cosine"),
        finalFraction: fraction.default(0).describe("of the peak learning rate, at the end"),
      })
      .prefault({}),
    betas: z
      .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
      .default(defaults.betas ?? [0.9, 0.96])
      .describe("AdamW's decay of its two moments"),
    weightDecay: z.number().min(0).default(0.045).describe("on matrices only"),
    clipNorm: z.number().positive().nullable().default(1).describe("of the whole gradient; null: never"),
    emaDecay: z
      .number()
      .min(0)
      .lt(1)
      .default(defaults.emaDecay ?? 0.999)
      .describe("of the averaged weights that are kept"),
    optimiser: z
      .enum(["adamw", "muon"])
      .default("adamw")
      .describe("muon: matrices of hidden layers move by orthogonal directions, all else as with adamw"),
    stepsPerRun: count
      .optional()
      .describe(
        "steps that the engine computes in one go, at most; default: what suits the device; changes no result",
      ),
    checkpointEvery: count.default(500).describe("steps"),
    sampleEvery: count.default(1000).describe("steps"),
    logEvery: count.default(20).describe("steps"),
  };
}

const dataSchema = z.strictObject({
  source: z
    .string()
    .min(1)
    .default("sprites")
    .describe('"sprites", "scenes", "motions", or the path of a folder of images or videos'),
  resolution: z.int().min(8).max(1024).default(64).describe("side of the square images, in pixels"),
  frames: z.int().min(2).max(1024).optional().describe("of a video; left out: images"),
  stride: count.optional().describe("take every n-th frame of a video"),
  frameRate: z.number().positive().optional().describe("resample videos to so many frames per second"),
  videosPerFile: count.optional().describe("videos evenly spread over each video; default: the middle one"),
  split: z.enum(splits).optional().describe("of UCF-101 and Kinetics"),
  fold: z.literal(folds).optional().describe("of UCF-101's three ways to split; default 1"),
  given: z
    .array(count)
    .min(1)
    .default([5])
    .describe("how many first frames are given where a model learns to predict, each as often"),
  count: count.nullable().default(60_000).describe("images used for training; null: all of a folder"),
  seed: z.int().min(0).default(0).describe("of the drawn images, and of a folder's order"),
  resampler: z.enum(resamplers).default("lanczos3"),
  randomFlip: z.boolean().default(false).describe("also train on mirrored images"),
  background: z
    .tuple([byte, byte, byte])
    .optional()
    .describe("red, green and blue of what a folder's transparent images are laid on; default white"),
  augment: z
    .strictObject({
      variants: z
        .union([z.literal("auto"), z.int().min(1).max(64)])
        .default("auto")
        .describe(
          "of every image, the first as it is; with randomFlip each also mirrored; auto: 8, fewer of more than 1,000 images",
        ),
      shift: z
        .int()
        .min(0)
        .default(0)
        .describe("pixels, at most, in either direction; the border continues its colours"),
      hue: z
        .union([z.literal("auto"), z.number().min(0).max(180)])
        .default("auto")
        .describe("degrees, at most, that colours turn; auto: 15, or 0 where colours tell the classes apart"),
    })
    .nullish()
    .describe("what the transformer trains on beside the images as they are: for few images"),
});

const tokenizerChoices = tokenizerFields
  .extend({ quantizer: tokenizerFields.shape.quantizer.prefault({ kind: "vq" }) })
  .superRefine(checkTokenizer);

/** What a run chooses of the transformer; its grid, codebook and classes follow from the tokenizer and the data. */
const transformerChoices = transformerFields
  .omit({ grid: true, codebookSize: true, classes: true })
  .extend({
    width: transformerFields.shape.width.default(256),
    depth: transformerFields.shape.depth.default(8),
    heads: transformerFields.shape.heads.default(8),
  })
  .superRefine(checkTransformer);

const fields = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]+$/)
    .meta({ allowed: "made of letters, digits, and . _ -" }),
  seed: z.int().min(0).default(0),
  data: dataSchema.prefault({}),
  tokenizer: z
    .strictObject({
      model: tokenizerChoices.prefault({}),
      init: z
        .string()
        .optional()
        .describe(
          "a model folder whose tokenizer training starts from (OUT/model, after --stage tokenizer too); one of images is inflated",
        ),
      training: z
        .strictObject({
          ...optimisation({
            steps: z
              .int()
              .min(0)
              .default(20_000)
              .describe("optimiser steps in all; 0: the tokenizer of init, as it is"),
            batchSize: 16,
            learningRate: 4e-4,
            warmupSteps: 500,
          }),
          l1Weight: z.number().min(0).default(1).describe("of the absolute beside the squared error"),
          edgeWeight: z
            .number()
            .min(0)
            .default(0)
            .describe("of the absolute error of steps from pixel to pixel, at three scales"),
          perturbation: z
            .strictObject({
              images: fraction.default(0).describe("of the images that are perturbed"),
              tokens: fraction.default(0.75).describe("of a perturbed image's tokens that are"),
            })
            .prefault({})
            .describe(
              "of FSQ only: tokens that are moved by one level of one channel before they are decoded, as a transformer that errs would move them (RobusTok)",
            ),
        })
        .prefault({}),
    })
    .prefault({}),
  transformer: z
    .strictObject({
      model: transformerChoices.prefault({}),
      init: z.string().optional().describe("a model folder whose transformer training starts from"),
      training: z
        .strictObject({
          ...optimisation({
            steps: z
              .int()
              .min(0)
              .default(40_000)
              .describe("optimiser steps in all; 0: the transformer of init, as it is"),
            batchSize: 32,
            learningRate: 1e-3,
            warmupSteps: 1000,
          }),
          labelSmoothing: z
            .number()
            .min(0)
            .lt(1)
            .default(0.1)
            .describe(
              "the share of every id's probability that is spread over all; what minP cuts off again",
            ),
          classDropout: fraction.default(0.1).describe("how often the class becomes the null class"),
          taskShare: fraction
            .default(0.5)
            .describe(
              "of the images that train one of the model's tasks, if it has any; the others generation",
            ),
          subModels: z
            .enum(["all", "in-turn"])
            .default("in-turn")
            .describe("that a step trains: all, or the largest and one smaller, which take turns"),
          stepsPerSubModel: count
            .default(1)
            .describe("steps from one choice of a smaller sub-model to the next; a run has one choice"),
          sequenceShare: z
            .number()
            .gt(0)
            .max(1)
            .default(1)
            .describe(
              "of an image's tokens that its sequence has in training, at random; the others are left out",
            ),
          teacher: z.enum(["next-larger", "full"]).default("next-larger"),
          lambda: z
            .strictObject({
              start: fraction.default(1),
              end: fraction.default(0),
              endSmallest: fraction.optional().describe("of the smallest sub-model; default: end"),
            })
            .prefault({})
            .describe("weight of the true tokens against the teacher, linear over the training"),
          factors: z
            .array(count)
            .min(1)
            .optional()
            .describe("sub-models that train, and that the trained model then has; default: all"),
          maskSchedule: z.literal("cosine").default("cosine"),
          masks: z
            .enum(["independent", "complementary"])
            .default("independent")
            .describe(
              "complementary: each image twice in a batch, the second time with what the first shows masked",
            ),
          heldOut: z
            .strictObject({
              share: z
                .number()
                .gt(0)
                .max(0.5)
                .default(0.1)
                .describe("of the images of each class that are held out, one at least"),
              every: count.default(50).describe("steps from one look at them to the next"),
              patience: count
                .default(400)
                .describe("steps without a lower loss on them, after which training stops"),
            })
            .nullish()
            .describe(
              "images that the transformer does not train on: their loss chooses the weights that are kept, and tells when to stop",
            ),
        })
        .prefault({}),
    })
    .prefault({}),
  decoder: z
    .strictObject({
      training: z
        .strictObject({
          ...optimisation({
            steps: z
              .int()
              .min(0)
              .default(0)
              .describe("optimiser steps in all; 0: the decoder stays as it is"),
            batchSize: 16,
            learningRate: 3e-4,
            warmupSteps: 20,
            betas: [0.5, 0.95],
            emaDecay: 0.98,
          }),
          images: count
            .default(3200)
            .describe("how many images the model makes to learn from; no more than the training has"),
          adversarialWeight: z
            .number()
            .min(0)
            .default(0.003)
            .describe("of the discriminator's scores beside the error of reconstructions"),
          colourWeight: z
            .number()
            .min(0)
            .default(4)
            .describe(
              "of the squared difference to what the decoder made before, of mean colours over half a token's sides",
            ),
        })
        .prefault({}),
    })
    .prefault({})
    .describe(
      "at last: the tokenizer's decoder alone, on tokens that the trained model makes and on those of real images",
    ),
  decoding: planSchema
    .prefault({})
    .describe("the decode plan of the trained model, and of its samples during training"),
  completionDecoding: planSchema
    .nullable()
    .prefault({})
    .describe("what completing videos changes in it; null: the model completes nothing"),
});

/** With the rules between fields. */
const schema = fields
  .superRefine(checkSizes)
  .superRefine(checkData)
  .superRefine(checkPerturbation)
  .superRefine(checkMasks)
  .superRefine(checkFactors);

type Parsed = Omit<z.output<typeof fields>, "decoding" | "completionDecoding">;

/** A whole, checked configuration; every field carries its meaning in the schema. */
export type TrainConfig = Parsed & {
  /** The decode plan of the trained model, and of its samples during training. */
  readonly decoding: DecodePlan;
  /** The plan by which it completes videos; null where it has no such task. */
  readonly completionDecoding: DecodePlan | null;
};
/** The `data` part of a configuration: what the images are and how they are read. */
export type DataConfig = TrainConfig["data"];
/** What both networks' optimisations have in common. */
export type TrainingConfig = TrainConfig["tokenizer"]["training"];

/**
 * Checks a configuration and fills in defaults; the images and the tokenizer have one size, which need be given once.
 *
 * @param raw    not trusted
 * @param where  the file or option that each part came from, which messages begin with
 * @throws InputError naming the key, what it must be and what came; for an unknown key also the nearest known one
 */
export function parseConfig(raw: unknown, where: Where): TrainConfig {
  const config = parse(schema, raw, where);
  const { factors } = transformerConfigOf(config, 1);
  const facts = {
    gridTokens: sizeOf(tokenGrid(config.tokenizer.model)),
    factors,
    heads: config.transformer.model.heads,
  };
  const decoding = completePlan(config.decoding, basePlan(factors), where, ["decoding"]);
  requirePlanFits(decoding, facts, where, ["decoding"]);
  if (config.transformer.model.tasks.length === 0) return { ...config, decoding, completionDecoding: null };
  const changes = config.completionDecoding ?? {};
  const completionDecoding = completePlan(changes, completionPlan(decoding), where, ["completionDecoding"]);
  requirePlanFits(completionDecoding, facts, where, ["completionDecoding"]);
  return { ...config, decoding, completionDecoding };
}

/** The tokenizer is of the images' size, and both networks come from somewhere. */
function checkSizes({ data, tokenizer, transformer }: Parsed, context: z.core.$RefinementCtx): void {
  for (const key of ["resolution", "frames"] as const) {
    if (data[key] === tokenizer.model[key]) continue;
    addIssue(context, {
      path: ["tokenizer", "model", key],
      must: `must equal data.${key}, ${data[key] ?? "which is not given"}`,
      got: tokenizer.model[key],
      remedy: "leave it out and it follows",
    });
  }
  for (const [part, { init, training }] of Object.entries({ tokenizer, transformer })) {
    if (training.steps > 0 || init !== undefined) continue;
    addIssue(context, {
      path: [part, "init"],
      must: `must name the model whose ${part} is taken as it is, since ${part}.training.steps is 0`,
      got: undefined,
    });
  }
}

function checkData({ data, transformer }: Parsed, context: z.core.$RefinementCtx): void {
  const { source, count, frames, given, augment, background, resolution } = data;
  const { tasks } = transformer.model;
  if (isDrawnSource(source) && count === null) {
    const must = `must be a number, since the drawn ${source} have no end`;
    addIssue(context, { path: ["data", "count"], must, got: null });
  }
  if (source === "motions" && frames === undefined) {
    const must = "must be a number, since motions are videos";
    addIssue(context, { path: ["data", "frames"], must, got: frames, remedy: "16 is usual" });
  }
  if (["sprites", "scenes"].includes(source) && frames !== undefined) {
    const must = `must be left out, since ${source} are images`;
    addIssue(context, { path: ["data", "frames"], must, got: frames, remedy: 'videos are "motions"' });
  }
  if (tasks.length > 0 && frames === undefined) {
    const must = "must be empty where data.frames is not given, since only videos can be completed";
    addIssue(context, { path: ["transformer", "model", "tasks"], must, got: tasks });
  }
  if (augment && augment.shift > resolution / 4) {
    const must = `must be at most a quarter of data.resolution, ${resolution / 4}`;
    addIssue(context, { path: ["data", "augment", "shift"], must, got: augment.shift });
  }
  if (background && (frames !== undefined || isDrawnSource(source))) {
    const must = "must be left out, since only a folder of images has transparent ones";
    addIssue(context, { path: ["data", "background"], must, got: background });
  }
  const tooMany = given.find((first) => tasks.length > 0 && frames !== undefined && first >= frames);
  if (tooMany !== undefined) {
    addIssue(context, {
      path: ["data", "given"],
      must: `must be fewer than the ${frames} frames of a video`,
      got: tooMany,
    });
  }
}

/** Only the levels of finite scalar quantisation have neighbours to move a token to. */
function checkPerturbation({ tokenizer }: Parsed, context: z.core.$RefinementCtx): void {
  const { images } = tokenizer.training.perturbation;
  if (images === 0 || tokenizer.model.quantizer.kind === "fsq") return;
  const must = `must be 0 with a quantizer of kind "${tokenizer.model.quantizer.kind}", which has no neighbouring levels`;
  addIssue(context, { path: ["tokenizer", "training", "perturbation", "images"], must, got: images });
}

/** Complementary masks come in twos. */
function checkMasks({ transformer }: Parsed, context: z.core.$RefinementCtx): void {
  const { masks, batchSize } = transformer.training;
  if (masks === "complementary" && batchSize % 2 !== 0) {
    const must = "must be even with complementary masks, two of which an image has";
    addIssue(context, { path: ["transformer", "training", "batchSize"], must, got: batchSize });
  }
}

/** Which sub-models train. */
function checkFactors({ transformer: { model, training } }: Parsed, context: z.core.$RefinementCtx): void {
  const path = ["transformer", "training", "factors"];
  const { factors = model.factors } = training;
  const unknown = factors.find((factor) => !model.factors.includes(factor));
  if (unknown !== undefined) {
    const must = `must be among the model's ${model.factors.join(", ")}`;
    addIssue(context, { path, must, got: unknown });
  } else if (training.factors) checkAscending(factors, path, context);
}

/**
 * The transformer's configuration: what the run chose, on the tokenizer's grid and codes, for so many classes. Of its
 * sub-models, those that train: by others it must not decode.
 */
export function transformerConfigOf(
  { tokenizer, transformer }: Pick<TrainConfig, "tokenizer" | "transformer">,
  classes: number,
): TransformerConfig {
  const { model, training } = transformer;
  return {
    grid: tokenGrid(tokenizer.model),
    codebookSize: codebookSize(tokenizer.model),
    classes,
    ...model,
    hidden: model.hidden ?? defaultHidden(model.width),
    factors: training.factors ?? model.factors,
  };
}
