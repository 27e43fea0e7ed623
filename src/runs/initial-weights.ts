/** Weights that a training starts from: those of another model, in the place of random ones or of its own tokenizer. */
import { join } from "node:path";
import { requireInput } from "../core/errors.ts";
import { foldIn, type Key, normals } from "../core/random.ts";
import { type HostTensor, tensor } from "../core/tensor.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import { parseTokenizerConfig, type TokenizerConfig } from "../models/tokenizer/config.ts";
import { inflateWeights } from "../models/tokenizer/inflate.ts";
import { codebookName } from "../models/tokenizer/quantizer.ts";
import { nullClass, type TransformerConfig, taskClass } from "../models/transformer/config.ts";
import { initialStd, transformerParameters } from "../models/transformer/parameters.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import { readModel } from "../pipelines/node/model-folder.ts";
import type { TrainingJob } from "../training/loop.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import { readModelPart } from "../weights/node/model-folder.ts";
import type { Tensors } from "../weights/node/safetensors-file.ts";

/** The job, starting from given weights; as it is where there are none. */
export function startingFrom(job: TrainingJob, weights: Tensors | null): TrainingJob {
  if (!weights) return job;
  return { ...job, initialise: async () => ({ ...weights }) as Record<string, HostTensor<"float32">> };
}

/**
 * The tokenizer of a model folder, for one of videos also that of images, inflated; null where none is named.
 *
 * @throws InputError when the folder is no model, or its tokenizer is of another configuration
 */
export async function initialTokenizer(
  folder: string | undefined,
  config: TokenizerConfig,
): Promise<Tensors | null> {
  if (folder === undefined) return null;
  const { config: source, tensors } = await readTokenizer(folder);
  if (source.frames === undefined && config.frames !== undefined)
    return inflateWeights(tensors, source, config);
  checkTensors(tokenizerFile(folder), tensors, tokenizerParameters(config));
  return tensors;
}

/**
 * The tokenizer of a model folder.
 *
 * @throws InputError when the folder is no model, or its tokenizer is damaged
 */
export async function readTokenizer(folder: string): Promise<{ config: TokenizerConfig; tensors: Tensors }> {
  const part = await readModelPart(folder, "tokenizer");
  const config = parseTokenizerConfig(part.config, join(folder, "tokenizer", "config.json"));
  checkTensors(tokenizerFile(folder), part.tensors, tokenizerParameters(config));
  return { config, tensors: part.tensors };
}

const tokenizerFile = (folder: string): string => join(folder, "tokenizer", "model.safetensors");

/** Whose transformer, and for what. */
export interface InitialTransformer {
  readonly config: TransformerConfig;
  readonly classNames: readonly string[];
  /** Of the run: what its ids mean must be what they meant to the transformer. */
  readonly tokenizer: Tensors;
  /** Of what is made new. */
  readonly key: Key;
}

/**
 * The transformer of a model folder; null where none is named. Its classes may be others: a class that it has by name goes
 * on from what was learned of it, a new one starts near the null class, which stands for any image.
 *
 * @throws InputError when the folder is no model, its transformer is of another configuration, or its tokenizer's
 *   codebook has other codes (of implied ones, FSQ's, that cannot be seen)
 */
export async function initialTransformer(
  folder: string | undefined,
  { config, classNames, tokenizer, key }: InitialTransformer,
): Promise<Tensors | null> {
  if (folder === undefined) return null;
  const model = await readModel(folder);
  requireInput(
    haveLikeCodes(tokenizer, model.tokenizer.tensors),
    `transformer.init: ${folder} was trained on other codes than this run's tokenizer has, so its weights would mean ` +
      `nothing here; let the tokenizer start there too: tokenizer.init ${folder}, tokenizer.training.steps 0`,
  );
  const { tensors } = model.transformer;
  const specs = transformerParameters(config);
  const table = model.transformer.config.width === config.width && classTable(model, config, classNames, key);
  const fitted = table ? { ...tensors, [classTableName]: table } : tensors;
  checkTensors(join(folder, "transformer", "model.safetensors"), fitted, specs);
  return fitted;
}

const classTableName = "classes.weight";

/** The rows of a model's classes, its null class and its tasks, in the order of another model's. */
function classTable(
  { transformer: { config: theirs, tensors }, classNames: known }: GenerativeModel,
  config: TransformerConfig,
  classNames: readonly string[],
  key: Key,
): HostTensor<"float32"> {
  const { dims, data } = tensors[classTableName]!;
  const width = dims[1]!;
  const wanted = [...classNames, null, ...config.tasks.map((task) => ({ task }))];
  const table = new Float32Array(wanted.length * width);
  for (const [row, what] of wanted.entries()) {
    const from =
      what === null
        ? nullClass(theirs)
        : typeof what === "string"
          ? known.indexOf(what)
          : theirs.tasks.includes(what.task)
            ? taskClass(theirs, what.task)
            : -1;
    const noise = from < 0 ? normals(foldIn(key, row), width) : null;
    const start = (from < 0 ? nullClass(theirs) : from) * width;
    for (let i = 0; i < width; i++) {
      table[row * width + i] = Number(data[start + i]) + (noise ? noise[i]! * initialStd : 0);
    }
  }
  return tensor("float32", [wanted.length, width], table);
}

/**
 * Whether two tokenizers mean about the same by an id: codes of one id lie less than half as far apart (squared) as
 * those of an id and the next, which leaves room for some further training. Implied codes have nothing to compare.
 */
function haveLikeCodes(ours: Tensors, theirs: Tensors): boolean {
  const [a, b] = [ours[codebookName], theirs[codebookName]];
  if (!a || !b) return !a && !b;
  if (a.data.length !== b.data.length) return false;
  const distance = (shift: number): number => {
    let sum = 0;
    for (let i = 0; i < a.data.length; i++) {
      sum += (Number(a.data[i]) - Number(b.data[(i + shift) % b.data.length])) ** 2;
    }
    return sum;
  };
  return distance(0) < distance(a.dims[1]!) / 2;
}
