/** Weights that a training starts from: those of another model, in the place of random ones or of its own tokenizer. */
import { join } from "node:path";
import type { HostTensor } from "../core/tensor.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import { parseTokenizerConfig, type TokenizerConfig } from "../models/tokenizer/config.ts";
import { inflateWeights } from "../models/tokenizer/inflate.ts";
import type { TransformerConfig } from "../models/transformer/config.ts";
import { transformerParameters } from "../models/transformer/parameters.ts";
import type { TrainingJob } from "../training/loop.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import { readModelPart } from "../weights/model-folder.ts";
import type { Tensors } from "../weights/safetensors.ts";

/** The job, starting from given weights; as it is where there are none. */
export function startingFrom(job: TrainingJob, weights: Tensors | null): TrainingJob {
  if (!weights) return job;
  return { ...job, initialise: async () => ({ ...weights }) as Record<string, HostTensor<"float32">> };
}

/**
 * The tokenizer of a model folder, for one of clips also that of still pictures, inflated; null where none is named.
 *
 * @throws InputError when the folder is no model, or its tokenizer is of another configuration
 */
export async function initialTokenizer(
  folder: string | undefined,
  config: TokenizerConfig,
): Promise<Tensors | null> {
  if (folder === undefined) return null;
  const { config: own, tensors } = await readTokenizer(folder);
  if (own.frames === undefined && config.frames !== undefined) return inflateWeights(tensors, own, config);
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
 * @throws InputError when the folder is no model, or its transformer is of another configuration
 */
export async function initialTransformer(
  folder: string | undefined,
  config: TransformerConfig,
): Promise<Tensors | null> {
  if (folder === undefined) return null;
  const { tensors } = await readModelPart(folder, "transformer");
  checkTensors(join(folder, "transformer", "model.safetensors"), tensors, transformerParameters(config));
  return tensors;
}
