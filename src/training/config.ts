/**
 * The training configuration: one schema for everything a run can choose, and its reader. A value comes from, in
 * rising precedence, the schema's default, the configuration file, the file's `quick:` block (when asked for), and
 * `--set key=value`. Files are YAML (JSON is YAML too); nothing in them is ever executed.
 */
import { readFile } from "node:fs/promises";
import { parseDocument } from "yaml";
import { z } from "zod";
import { InputError, requireInput, unknownName } from "../core/errors.ts";
import { fileError } from "../core/file-error.ts";
import { sizeOf } from "../core/tensor.ts";
import { resamplers } from "../data/folder.ts";
import { splits } from "../data/video/listing.ts";
import { folds } from "../data/video/ucf101.ts";
import { basePlan, completionPlan, type DecodePlan, makePlan } from "../decoding/plan.ts";
import { resolvePlan } from "../decoding/resolve-plan.ts";
import {
  codebookSize,
  parseTokenizerConfig,
  tokenGrid,
  tokenizerConfigSchema,
} from "../models/tokenizer/config.ts";
import {
  requireAscending,
  type TransformerConfig,
  transformerConfig,
  transformerFields,
} from "../models/transformer/config.ts";

const count = z.int().min(1);
const fraction = z.number().min(0).max(1);

/** What the optimisation of either network can choose. */
function optimisation(own: {
  steps: z.ZodDefault<z.ZodInt>;
  batchSize: number;
  learningRate: number;
  warmupSteps: number;
}) {
  return {
    steps: own.steps,
    batchSize: count.default(own.batchSize).describe("pictures per step"),
    learningRate: z.number().positive().default(own.learningRate).describe("peak, reached after warm-up"),
    warmupSteps: z.int().min(0).default(own.warmupSteps).describe("linear rise from 0"),
    schedule: z
      .strictObject({
        kind: z.literal("cosine").default("cosine"),
        finalFraction: fraction.default(0).describe("of the peak learning rate, at the end"),
      })
      .prefault({}),
    betas: z
      .tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)])
      .default([0.9, 0.96])
      .describe("AdamW's decay of its two moments"),
    weightDecay: z.number().min(0).default(0.045).describe("on matrices only"),
    clipNorm: z.number().positive().nullable().default(1).describe("of the whole gradient; null: never"),
    emaDecay: z.number().min(0).lt(1).default(0.999).describe("of the averaged weights that are kept"),
    optimiser: z
      .enum(["adamw", "muon"])
      .default("adamw")
      .describe("muon: matrices of hidden layers move by orthogonal directions, all else as with adamw"),
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
    .describe('"sprites", "scenes", "motions", or the path of a folder of pictures or videos'),
  resolution: z.int().min(8).max(1024).default(64).describe("side of the square pictures, in pixels"),
  frames: z.int().min(2).max(1024).optional().describe("of a clip; left out: still pictures"),
  stride: count.optional().describe("take every so-manieth frame of a video"),
  frameRate: z.number().positive().optional().describe("resample videos to so many frames per second"),
  clipsPerFile: count.optional().describe("clips evenly spread over each video; the middle one unless told"),
  split: z.enum(splits).optional().describe("of UCF-101 and Kinetics"),
  fold: z.literal(folds).optional().describe("of UCF-101's three ways to split, 1 unless told"),
  given: z
    .array(count)
    .min(1)
    .default([5])
    .describe("how many first frames are given where a model learns to predict, each as often"),
  count: count.nullable().default(60_000).describe("pictures used for training; null: all of a folder"),
  seed: z.int().min(0).default(0).describe("of the drawn pictures, and of a folder's order"),
  resampler: z.enum(resamplers).default("lanczos3"),
  flip: z.boolean().default(false).describe("also train on mirrored pictures"),
});

const tokenizerChoices = tokenizerConfigSchema.extend({
  quantizer: tokenizerConfigSchema.shape.quantizer.prefault({ kind: "vq" }),
});

/** What a run chooses of the transformer; its grid, codebook and classes follow from the tokenizer and the data. */
const transformerChoices = transformerFields.omit({ grid: true, codebookSize: true, classes: true }).extend({
  width: transformerFields.shape.width.default(256),
  depth: transformerFields.shape.depth.default(8),
  heads: transformerFields.shape.heads.default(8),
});

const schema = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/, "must be made of letters, digits, and . _ -"),
  seed: z.int().min(0).default(0),
  data: dataSchema.prefault({}),
  tokenizer: z
    .strictObject({
      model: tokenizerChoices.prefault({}),
      init: z
        .string()
        .optional()
        .describe(
          "a model folder whose tokenizer training starts from (OUT/model, after --stage tokenizer too); one of still pictures is inflated",
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
          absoluteWeight: z.number().min(0).default(1).describe("of the absolute beside the squared error"),
          edgeWeight: z
            .number()
            .min(0)
            .default(0)
            .describe("of the absolute error of steps from pixel to pixel, at three scales"),
          perturbation: z
            .strictObject({
              pictures: fraction.default(0).describe("of the pictures that are perturbed"),
              tokens: fraction.default(0.75).describe("of a perturbed picture's tokens that are"),
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
            steps: count.default(40_000).describe("optimiser steps in all"),
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
              "of the pictures that train one of the model's tasks, if it has any; the others generation",
            ),
          teacher: z.enum(["next-larger", "full"]).default("next-larger"),
          lambda: z
            .strictObject({ start: fraction.default(1), end: fraction.default(0) })
            .prefault({})
            .describe("weight of the truth against the teacher, linear over the training"),
          factors: z
            .array(count)
            .min(1)
            .optional()
            .describe("sub-models that train, and that the trained model then has; all unless told"),
          maskSchedule: z.literal("cosine").default("cosine"),
        })
        .prefault({}),
    })
    .prefault({}),
  /** Checked by makePlan, which knows plans best. */
  decoding: z.record(z.string(), z.unknown()).default({}),
  /** What completing clips changes in it. */
  completionDecoding: z.record(z.string(), z.unknown()).nullable().default({}), // null: the model completes nothing
});

type Parsed = z.output<typeof schema>;

/** A whole, checked configuration; every field carries its meaning in the schema. */
export type TrainConfig = Omit<Parsed, "decoding" | "completionDecoding"> & {
  /** The decode plan of the trained model, and of its samples during training. */
  readonly decoding: DecodePlan;
  /** The plan by which it completes clips; null where it has no such task. */
  readonly completionDecoding: DecodePlan | null;
};
export type DataConfig = TrainConfig["data"];
/** What both networks' optimisations have in common. */
export type TrainingConfig = TrainConfig["tokenizer"]["training"];

export interface ConfigOptions {
  /** `a.b=value` each; the value is YAML, so numbers, lists and null are what they look like. Later ones win. */
  readonly set?: readonly string[];
  /** Apply the file's `quick:` block. */
  readonly quick?: boolean;
}

/** A value that `--set` changed. */
export interface Override {
  readonly key: string;
  readonly value: unknown;
  /** What the file said; undefined: the default stood. */
  readonly before: unknown;
}

export interface LoadedConfig {
  readonly config: TrainConfig;
  readonly overrides: readonly Override[];
}

type Raw = Readonly<Record<string, unknown>>;

/**
 * Reads a configuration file.
 *
 * @throws InputError when the file cannot be read, is not YAML, or as {@link resolveConfig}
 */
export async function loadConfig(path: string, options: ConfigOptions = {}): Promise<LoadedConfig> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("cannot read the configuration", path, error);
  });
  return resolveConfig(parseYaml(text, path), path, options);
}

/**
 * A whole configuration from a part of one.
 *
 * A block with a `kind` is replaced, not merged, when the kind changes: the fields of one kind mean nothing to another.
 *
 * @param raw   parsed YAML or JSON; not trusted
 * @param file  where it came from, for messages
 * @throws InputError naming the file (or `--set`), the key, what it must be and what came; for an unknown key also
 *   the nearest known one
 */
export function resolveConfig(raw: unknown, file: string, options: ConfigOptions = {}): LoadedConfig {
  requireInput(isBlock(raw), `${file}: must hold keys and values, e.g. "name: sprites", got ${show(raw)}`);
  const { quick, ...base } = raw;
  requireInput(
    quick === undefined || isBlock(quick),
    `${file}: quick must hold the keys that --quick changes, got ${show(quick)}`,
  );
  requireInput(!options.quick || quick, `${file}: has no quick: block, so --quick has nothing to apply`);
  // Also without --quick: a mistake in the block should not wait for the day it is used.
  if (quick) check(merge(base, quick), (path) => (has(quick, path) ? `${file}, quick` : file));

  const given = options.quick ? merge(base, quick as Raw) : base;
  const settings = (options.set ?? []).map(parseSetting);
  const all = settings.reduce<Raw>((block, { path, value }) => put(block, path, value), given);
  const config = check(all, (path) =>
    settings.some((setting) => setting.path.every((key, i) => i >= path.length || key === path[i]))
      ? "--set"
      : file,
  );
  return {
    config,
    overrides: settings.map(({ path, value }) => ({ key: path.join("."), value, before: get(given, path) })),
  };
}

/** Everything that one value alone or two together can get wrong. */
function check(raw: Raw, originOf: (path: readonly string[]) => string): TrainConfig {
  // The pictures and the tokenizer have one size: say it once.
  const isOpen = (path: string[]) => get(raw, path) === undefined || isBlock(get(raw, path));
  const filled = ["resolution", "frames"].reduce((block, key) => {
    const size = get(raw, ["data", key]);
    const place = ["tokenizer", "model", key];
    const follows =
      size !== undefined && isOpen(["tokenizer"]) && isOpen(["tokenizer", "model"]) && !has(raw, place);
    return follows ? put(block, place, size) : block;
  }, raw);
  const parsed = schema.safeParse(filled);
  if (!parsed.success) throw explain(parsed.error.issues[0]!, filled, originOf);
  const config = parsed.data;
  const where = (...path: string[]) => `${originOf(path)}: ${path.join(".")}`;

  const { quantizer } = parseTokenizerConfig(config.tokenizer.model, where("tokenizer", "model"));
  const { pictures } = config.tokenizer.training.perturbation;
  requireInput(
    pictures === 0 || quantizer.kind === "fsq",
    `${where("tokenizer", "training", "perturbation", "pictures")}: only the levels of fsq have neighbours, so with a ` +
      `quantizer of kind ${quantizer.kind} it must be 0, got ${pictures}`,
  );
  for (const key of ["resolution", "frames"] as const) {
    const [wanted, got] = [config.data[key], config.tokenizer.model[key]];
    requireInput(
      wanted === got,
      `${where("tokenizer", "model", key)}: must equal data.${key}, ${wanted ?? "which is not given"}, got ` +
        `${got ?? "nothing"}; leave it out and it follows`,
    );
  }
  requireInput(
    config.tokenizer.training.steps > 0 || config.tokenizer.init !== undefined,
    `${where("tokenizer", "training", "steps")}: 0 takes the tokenizer of a model as it is, so tokenizer.init must ` +
      "name one, got nothing",
  );
  checkData(config, where);
  const { model, training } = config.transformer;
  const { factors } = transformerConfigOf(config, 1, where("transformer", "model"));
  const trained = where("transformer", "training", "factors");
  for (const factor of training.factors ?? []) {
    requireInput(
      model.factors.includes(factor),
      `${trained}: must be among the model's ${model.factors.join(", ")}, got ${factor}`,
    );
  }
  requireAscending(factors, trained);
  const decoding = makePlan(config.decoding, basePlan(factors), where("decoding"));
  const completionDecoding =
    model.tasks.length > 0
      ? makePlan(config.completionDecoding ?? {}, completionPlan(decoding), where("completionDecoding"))
      : null;
  const facts = {
    gridTokens: sizeOf(tokenGrid(config.tokenizer.model)),
    factors,
    heads: model.heads,
  };
  resolvePlan(decoding, facts);
  if (completionDecoding) resolvePlan(completionDecoding, facts);
  return { ...config, decoding, completionDecoding };
}

function checkData({ data, transformer }: Parsed, where: (...path: string[]) => string): void {
  const { source, count, frames, given } = data;
  requireInput(
    !["sprites", "scenes", "motions"].includes(source) || count !== null,
    `${where("data", "count")}: the drawn ${source} have no end, so it must be a number, got null`,
  );
  requireInput(
    source !== "motions" || frames !== undefined,
    `${where("data", "frames")}: motions are clips, so it must be a number, got nothing; 16 is usual`,
  );
  requireInput(
    !["sprites", "scenes"].includes(source) || frames === undefined,
    `${where("data", "frames")}: ${source} are still pictures, so it must be left out, got ${frames}; clips are "motions"`,
  );
  const { tasks } = transformer.model;
  requireInput(
    tasks.length === 0 || frames !== undefined,
    `${where("transformer", "model", "tasks")}: only clips can be completed, so data.frames must be given, got nothing`,
  );
  const tooMany = given.find((first) => tasks.length > 0 && first >= (frames ?? 0));
  requireInput(
    tooMany === undefined,
    `${where("data", "given")}: must be fewer than the ${frames} frames of a clip, got ${tooMany}`,
  );
}

/**
 * The transformer's configuration: what the run chose, on the tokenizer's grid and codes, for so many classes. Of its
 * sub-models, those that train: by others it must not decode.
 */
export function transformerConfigOf(
  { tokenizer, transformer }: Pick<TrainConfig, "tokenizer" | "transformer">,
  classes: number,
  where = "transformer.model",
): TransformerConfig {
  const grid = tokenGrid(tokenizer.model);
  const config = transformerConfig(
    { ...transformer.model, grid, codebookSize: codebookSize(tokenizer.model), classes },
    where,
  );
  return { ...config, factors: transformer.training.factors ?? config.factors };
}

/** The error for what the schema refused. */
function explain(
  issue: z.core.$ZodIssue,
  raw: Raw,
  originOf: (path: readonly string[]) => string,
): InputError {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0]!;
    const place = path.length > 0 ? `: in ${path.join(".")}` : "";
    return unknownName(`${originOf([...path, key])}${place}: unknown key`, key, knownKeys(path));
  }
  const must = issue.message.replace(/^Invalid input: /, "").replace(/, received .*$/, "");
  return new InputError(`${originOf(path)}: ${path.join(".")}: ${must}, got ${show(get(raw, path))}`);
}

/** The keys that the schema knows at a place. */
function knownKeys(path: readonly string[]): string[] {
  const objects = (type: unknown): z.ZodObject[] => {
    if (type instanceof z.ZodObject) return [type];
    if (type instanceof z.ZodDiscriminatedUnion) return type.options.flatMap(objects);
    if (type instanceof z.ZodDefault || type instanceof z.ZodPrefault || type instanceof z.ZodOptional) {
      return objects(type.unwrap());
    }
    return [];
  };
  let places = objects(schema);
  for (const key of path) places = places.flatMap((place) => objects(place.shape[key]));
  return [...new Set(places.flatMap((place) => Object.keys(place.shape)))];
}

function parseYaml(text: string, where: string): unknown {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new InputError(`${where}: not valid YAML: ${error.message.split("\n")[0]}`);
  try {
    return document.toJS();
  } catch (reason) {
    throw new InputError(`${where}: not valid YAML: ${(reason as Error).message}`); // e.g. too many aliases
  }
}

function parseSetting(text: string): { path: string[]; value: unknown } {
  const at = text.indexOf("=");
  const path = text.slice(0, at).split(".");
  requireInput(
    at > 0 && path.every((key) => key.length > 0),
    `--set: must be key=value with dots between the parts of the key, e.g. transformer.training.steps=100, got "${text}"`,
  );
  return { path, value: parseYaml(text.slice(at + 1), `--set ${path.join(".")}`) };
}

function isBlock(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `over` laid over `base`, block by block. */
function merge(base: Raw, over: Raw): Raw {
  if (over.kind !== undefined && base.kind !== undefined && over.kind !== base.kind) return over;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const below = merged.get(key);
    merged.set(key, isBlock(below) && isBlock(value) ? merge(below, value) : value);
  }
  return Object.fromEntries(merged);
}

const put = (block: Raw, path: readonly string[], value: unknown): Raw =>
  merge(block, path.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value) as Raw);

function get(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null && Object.hasOwn(inner, key)
        ? (inner as Raw)[key]
        : undefined,
    value,
  );
}

const has = (block: Raw, path: readonly string[]): boolean => get(block, path) !== undefined;

/** A value as it reads in a message. */
function show(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
