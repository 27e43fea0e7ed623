/** Weights that a training starts from: those of another model, in the place of random ones or of its own tokenizer. */
import { join } from "node:path";
import { requireInput } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import { parseTokenizerConfig, type TokenizerConfig } from "../models/tokenizer/config.ts";
import { inflateWeights } from "../models/tokenizer/inflate.ts";
import { codebookName } from "../models/tokenizer/quantizer.ts";
import type { TransformerConfig } from "../models/transformer/config.ts";
import { transformerParameters } from "../models/transformer/parameters.ts";
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

/**
 * The transformer of a model folder; null where none is named.
 *
 * @param tokenizer  of the run: what its ids mean must be what they meant to the transformer
 * @throws InputError when the folder is no model, its transformer is of another configuration, or its tokenizer's
 *   codebook has other codes (of implied ones, FSQ's, that cannot be seen)
 */
export async function initialTransformer(
  folder: string | undefined,
  config: TransformerConfig,
  tokenizer: Tensors,
): Promise<Tensors | null> {
  if (folder === undefined) return null;
  const { tensors: theirs } = await readTokenizer(folder);
  requireInput(
    haveLikeCodes(tokenizer, theirs),
    `transformer.init: ${folder} was trained on other codes than this run's tokenizer has, so its weights would mean ` +
      `nothing here; let the tokenizer start there too: tokenizer.init ${folder}, tokenizer.training.steps 0`,
  );
  const { tensors } = await readModelPart(folder, "transformer");
  checkTensors(join(folder, "transformer", "model.safetensors"), tensors, transformerParameters(config));
  return tensors;
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
