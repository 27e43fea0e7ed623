/** Weights that a training starts from: those of another model, in the place of random ones or of its own tokenizer. */
import { join } from "node:path";
import { InputError, requireInput } from "../core/errors.ts";
import { foldIn, type Key, normals } from "../core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";
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
  const { config: source, tensors } = await underKey("tokenizer.init", readTokenizer(folder));
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

/** What is wrong with a folder, told with the key of the configuration that names it: it may have come from a file of others. */
async function underKey<T>(key: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${key}: ${error.message}`) : error;
  }
}

const tokenizerFile = (folder: string): string => join(folder, "tokenizer", "model.safetensors");

/** For what a transformer's weights are wanted. */
export interface InitialTransformer {
  readonly config: TransformerConfig;
  readonly classNames: readonly string[];
  /** Of the run: what its ids mean must be what they meant to the transformer. */
  readonly tokenizer: Tensors;
  /** Of what is made new. */
  readonly key: Key;
  /** One line about what is not as it was. */
  readonly onMessage?: (message: string) => void;
}

/**
 * The transformer of a model folder; null where none is named. Its classes may be others: a class that it has by name goes
 * on from what was learned of it, a new one starts near the null class, which stands for any image. Its grid may be
 * larger or smaller: positions are then interpolated.
 *
 * @throws InputError when the folder is no model, its transformer is of another configuration, or its tokenizer's
 *   codebook has other codes (of implied ones, FSQ's, that cannot be seen)
 */
export async function initialTransformer(
  folder: string | undefined,
  { config, classNames, tokenizer, key, onMessage: say = () => {} }: InitialTransformer,
): Promise<Tensors | null> {
  if (folder === undefined) return null;
  const model = await underKey("transformer.init", readModel(folder));
  requireInput(
    haveLikeCodes(tokenizer, model.tokenizer.tensors),
    `transformer.init: ${folder} was trained on other codes than this run's tokenizer has, so its weights would mean ` +
      `nothing here; let the tokenizer start there too: tokenizer.init ${folder}, tokenizer.training.steps 0`,
  );
  const { config: theirs, tensors } = model.transformer;
  const fitted = { ...tensors };
  if (theirs.width === config.width) fitted[tables.classes] = classTable(model, config, classNames, key);
  if (theirs.grid.length === config.grid.length && theirs.grid.join() !== config.grid.join()) {
    fitted[tables.positions] = positionTable(tensors[tables.positions]!, theirs.grid, config.grid);
    say(
      `positions: learned for ${theirs.grid.join(" x ")} tokens, interpolated to ${config.grid.join(" x ")}`,
    );
  }
  checkTensors(join(folder, "transformer", "model.safetensors"), fitted, transformerParameters(config));
  return fitted;
}

const tables = { classes: "classes.weight", positions: "positions.weight" };

/** The rows of a model's classes, its null class and its tasks, in the order of another model's. */
function classTable(
  { transformer: { config: theirs, tensors }, classNames: known }: GenerativeModel,
  config: TransformerConfig,
  classNames: readonly string[],
  key: Key,
): HostTensor<"float32"> {
  const { dims, data } = tensors[tables.classes]!;
  const width = dims[1]!;
  const rows = [
    ...classNames.map((name) => known.indexOf(name)),
    nullClass(theirs),
    ...config.tasks.map((task) => (theirs.tasks.includes(task) ? taskClass(theirs, task) : -1)),
  ];
  const table = new Float32Array(rows.length * width);
  for (const [row, from] of rows.entries()) {
    const isNew = from < 0;
    const start = (isNew ? nullClass(theirs) : from) * width;
    const noise = normals(foldIn(key, row), width);
    for (let i = 0; i < width; i++) {
      table[row * width + i] = Number(data[start + i]) + (isNew ? noise[i]! * initialStd : 0);
    }
  }
  return tensor("float32", [rows.length, width], table);
}

/** The rows of a grid's places as those of another grid over the same image, linearly; the first row is no place. */
function positionTable(
  { dims, data }: HostTensor,
  from: readonly number[],
  to: readonly number[],
): HostTensor<"float32"> {
  const width = dims[1]!;
  const all = Float32Array.from(data as Float32Array);
  let places: Float32Array = all.subarray(width);
  for (const [axis, extent] of to.entries()) {
    const outer = sizeOf(to.slice(0, axis));
    const inner = sizeOf(from.slice(axis + 1)) * width;
    places = resampled(places, [outer, from[axis]!, inner], extent);
  }
  const table = new Float32Array(width + places.length);
  table.set(all.subarray(0, width));
  table.set(places, width);
  return tensor("float32", [1 + sizeOf(to), width], table);
}

/** [outer, before, inner] to [outer, after, inner]: linear between the middles of the cells along the second axis. */
function resampled(
  values: Float32Array,
  [outer, before, inner]: readonly [number, number, number],
  after: number,
): Float32Array {
  const made = new Float32Array(outer * after * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < after; i++) {
      const at = Math.max(0, Math.min(before - 1, ((i + 0.5) * before) / after - 0.5));
      const low = Math.floor(at);
      const high = Math.min(before - 1, low + 1);
      for (let k = 0; k < inner; k++) {
        const [a, b] = [values[(o * before + low) * inner + k]!, values[(o * before + high) * inner + k]!];
        made[(o * after + i) * inner + k] = a + (at - low) * (b - a);
      }
    }
  }
  return made;
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
