/**
 * The sizes of a nested masked transformer, with their defaults and checks: what `transformer/config.json` holds.
 *
 * N grid tokens, V codebook size, D width, L layers, H heads, F hidden units, p downscale factor: sub-model p has
 * the leading H/p heads and F/p hidden units of every layer.
 */
import { z } from "zod";
import { requireInput } from "../../core/errors.ts";
import { sizeOf } from "../../core/tensor.ts";
import { addIssue, type Path, parse, type Where } from "../../core/validate.ts";

const positive = z.int().min(1);

/** Completions of a video: the frames after the given first ones, or those between the first and the last. */
export const tasks = ["predict", "interpolate"] as const;
/**
 * How a video is completed: `predict` the frames after the given first ones, or `interpolate` those between the
 * first and the last.
 */
export type Task = (typeof tasks)[number];

/**
 * Every field of a configuration; what they mean together, {@link checkTransformer} checks. The training configuration
 * offers those that do not follow from the data.
 */
export const transformerFields = z.strictObject({
  grid: z.array(positive).min(1).default([8, 8]).describe("Extents of the token grid, outermost first"),
  codebookSize: positive.describe("V: token ids are 0..V-1, and V stands for a masked token"),
  classes: z.int().min(0).default(0).describe("Number of classes; 0 for a model without conditioning"),
  tasks: z
    .array(z.enum(tasks))
    .default([])
    .describe("What it can do beside generating: complete videos of which some frames are given"),
  width: positive.describe("D: width of the residual stream"),
  depth: positive.describe("L: number of layers"),
  heads: positive.describe("H: attention heads of the full model; must divide the width"),
  hidden: positive.optional().describe("F: hidden units of the full MLP; default 4 D"),
  factors: z
    .array(positive)
    .min(1)
    .default([1, 2, 4, 8])
    .describe("Downscale factors p of the trained sub-models, ascending; each must divide H and F"),
  norm: z.enum(["pre", "post"]).default("pre").describe("LayerNorm before each layer, or after (as BERT)"),
  layerNormEpsilon: z.number().positive().default(1e-6).describe("Added to the variance in LayerNorm"),
  headHidden: z
    .boolean()
    .default(false)
    .describe("A hidden layer (dense, gelu, norm) before the logits, as in MaskGIT"),
  tieEmbeddings: z
    .boolean()
    .default(true)
    .describe("The output matrix is the token embedding; else it has weights of its own"),
});
/** What the sub-models are slices of must divide by their factors: a schema's `superRefine`. */
export function checkTransformer(
  config: Pick<z.output<typeof transformerFields>, "factors" | "heads" | "hidden" | "width">,
  context: z.core.$RefinementCtx,
): void {
  const { factors, heads, width, hidden = defaultHidden(width) } = config;
  checkAscending(factors, ["factors"], context);
  if (width % heads !== 0) {
    addIssue(context, { path: ["heads"], must: `must divide the width ${width}`, got: heads });
  }
  for (const [key, value] of Object.entries({ heads, hidden })) {
    const wrong = factors.find((factor) => value % factor !== 0);
    if (wrong === undefined) continue;
    addIssue(context, {
      path: ["factors"],
      must: `must all divide ${key} = ${value}`,
      got: wrong,
      remedy: `leave it out or choose ${key} divisible by it`,
    });
  }
}

/** Refuses factors that are not in the order of the models' sizes, the largest first. */
export function checkAscending(
  factors: readonly number[],
  path: PropertyKey[],
  context: z.core.$RefinementCtx,
): void {
  if (factors.every((factor, i) => i === 0 || factor > factors[i - 1]!)) return;
  addIssue(context, {
    path,
    must: "must ascend, the largest model (1 is the full one) first",
    got: factors,
  });
}

/** F where none is given. */
export const defaultHidden = (width: number): number => 4 * width;

const schema = transformerFields
  .superRefine(checkTransformer)
  .transform((config) => ({ ...config, hidden: config.hidden ?? defaultHidden(config.width) }));

export type TransformerConfig = Readonly<z.output<typeof schema>>;
export type TransformerConfigInput = z.input<typeof schema>;

/**
 * A whole, checked configuration from a part of one; also the reader of `config.json`.
 *
 * @param input  not trusted, whatever its type says
 * @param where  the file, which messages begin with
 * @param path   its place there
 * @throws InputError naming the field, what it must be, and what came
 */
export function transformerConfig(
  input: TransformerConfigInput,
  where: Where = "transformer",
  path: Path = [],
): TransformerConfig {
  return parse(schema, input, where, path);
}

/** N: the number of grid tokens. */
export const gridTokens = (config: TransformerConfig): number => sizeOf(config.grid);

/** The token id that stands for a masked token: V. */
export const maskId = (config: TransformerConfig): number => config.codebookSize;

/** The class id of the unconditional pass: the row of the class table behind the classes. */
export const nullClass = (config: TransformerConfig): number => config.classes;

/**
 * The id that takes the class's place in a completion: the rows of the class table behind the null class.
 *
 * @throws InputError for a task that the model was not trained for
 */
export function taskClass(config: TransformerConfig, task: Task): number {
  const index = config.tasks.indexOf(task);
  requireInput(
    index >= 0,
    `transformer: was not trained to ${task}, only ${["to generate", ...config.tasks].join(", ")}; use a model whose tasks include it`,
  );
  return config.classes + 1 + index;
}

/** Rows of the class table: classes, the null class, tasks. */
export const classRows = (config: TransformerConfig): number => config.classes + 1 + config.tasks.length;

/** The width of one attention head, the same in every sub-model. */
export const headWidth = (config: TransformerConfig): number => config.width / config.heads;
