/**
 * Several transformers on one tokenizer and one set of token ids, to be compared: what differs between two of them is
 * the doing of their configurations. All of it can be stopped and gone on with; what is finished is not done again.
 *
 *     OUT/lock.json           who is at work there, while somebody is
 *     OUT/data.json           what the run calls a folder of data
 *     OUT/opening.json        which files of a folder could be read
 *     OUT/tokens/             the images as token ids
 *     OUT/NAME/transformer/   run folder of a variant's transformer
 *     OUT/NAME/model/         its model folder
 */
import { join } from "node:path";
import { requireInput } from "../core/errors.ts";
import { withFolderLocked } from "../core/node/folder-lock.ts";
import { foldIn, keyFromSeed } from "../core/random.ts";
import { writeModel } from "../pipelines/node/model-folder.ts";
import type { Device } from "../runtime/device.ts";
import { createNodeRunner } from "../runtime/node/runner.ts";
import { type TrainConfig, transformerConfigOf } from "../training/config.ts";
import type { LoopOptions } from "../training/loop.ts";
import { finalMean, readMetrics } from "../training/metrics.ts";
import { openRunFolder } from "../training/run-folder.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import { writeJson } from "../weights/node/json-file.ts";
import { initialTransformer, readTokenizer } from "./initial-weights.ts";
import { readTokens } from "./token-files.ts";
import { tokeniseImages, tokensFolder } from "./tokenise-images.ts";
import { trainTransformer } from "./train-transformer.ts";
import { openImages } from "./training-images.ts";

/** Which transformers to train on the tokens of one tokenizer, and where. */
export interface TrainVariantsOptions extends LoopOptions {
  /** By name, one at least; as {@link onTokenizer} gives them, and equal in all but the transformer. */
  readonly variants: Readonly<Record<string, TrainConfig>>;
  /** The model folder whose tokenizer it is. */
  readonly tokenizer: string;
  readonly out: string;
  /** CPU threads; default: all cores. */
  readonly threads?: number;
  /** Where to compute; default: the CPU. */
  readonly device?: Device;
  /** One line about what happens next. */
  readonly onMessage?: (message: string) => void;
  /** Called for every variant when it is trained, or was before. */
  readonly onTrained?: (variant: TrainedVariant) => void;
}

/** A trained variant: where its model is and how its sub-models ended. */
export interface TrainedVariant {
  readonly name: string;
  /** Its model folder. */
  readonly folder: string;
  /** By downscale factor: cross-entropy with the truth in nats per masked token, the mean over the last tenth of the steps. */
  readonly losses: Readonly<Record<number, number>>;
  /** Spent in the training loop. */
  readonly seconds: number;
}

/**
 * A configuration with a model folder's tokenizer in the place of its own.
 *
 * @throws InputError when the folder is no model, or its tokenizer is for images of another size
 */
export async function onTokenizer(config: TrainConfig, folder: string): Promise<TrainConfig> {
  const { config: model } = await readTokenizer(folder);
  const shown = (size: { resolution: number; frames?: number }) =>
    `${size.frames === undefined ? "images" : `videos of ${size.frames} frames`} of ${size.resolution} pixels`;
  requireInput(
    shown(model) === shown(config.data),
    `${folder}: its tokenizer must be for ${shown(config.data)}, as the configuration's data are, got one for ` +
      `${shown(model)}; give another model folder`,
  );
  return { ...config, tokenizer: { ...config.tokenizer, model } };
}

/**
 * Trains the variants one after the other, each from the same first weights on the same batches.
 *
 * @throws InputError for data or folders that cannot be used, a folder that holds other variants of these names, or one
 *   that another process trains in; the signal's reason when aborted, after a checkpoint was saved
 */
export function trainVariants(options: TrainVariantsOptions): Promise<TrainedVariant[]> {
  return withFolderLocked(options.out, () => trainEach(options));
}

async function trainEach(options: TrainVariantsOptions): Promise<TrainedVariant[]> {
  const { variants, out, threads, device, signal, onMessage: say = () => {} } = options;
  const { tensors: tokenizer } = await readTokenizer(options.tokenizer);
  const digest = tensorsDigest(tokenizer);
  const trained: TrainedVariant[] = [];
  const runner = await createNodeRunner({ device, threads });
  try {
    const sources = { ...options, config: Object.values(variants)[0]! };
    const images = await openImages(sources);
    await tokeniseImages(sources, runner, tokenizer, images);
    const dataset = await readTokens(tokensFolder(out), digest);
    for (const [name, config] of Object.entries(variants)) {
      signal?.throwIfAborted();
      const variantFolder = join(out, name.replaceAll(/\W+/g, "-"));
      const [run, model] = [join(variantFolder, "transformer"), join(variantFolder, "model")];
      const shape = transformerConfigOf(config, dataset.classNames.length);
      const initial = await initialTransformer(config.transformer.init, {
        ...{ config: shape, classNames: dataset.classNames, tokenizer },
        key: foldIn(keyFromSeed(config.seed), 8),
      });
      const named = { ...config, data: { ...config.data, source: images.name } };
      const folder = await openRunFolder(run, { ...named, tokenizerDigest: digest }, { resume: true });
      const { steps } = config.transformer.training;
      const isDone = folder.checkpoint?.step === steps;
      say(`${name}: ${isDone ? "trained already" : `${steps} steps on ${dataset.count} images as tokens`}`);
      const made = await trainTransformer({
        ...options,
        config,
        runner,
        folder,
        tokenizer,
        dataset,
        initial,
      });
      await writeModel(model, made.model);
      await writeJson(join(model, "train_config.json"), config);
      trained.push(await trainedVariant(name, config, run, model));
      options.onTrained?.(trained.at(-1)!);
    }
  } finally {
    await runner.close();
  }
  return trained;
}

async function trainedVariant(
  name: string,
  { transformer }: TrainConfig,
  run: string,
  folder: string,
): Promise<TrainedVariant> {
  const lines = await readMetrics(join(run, "metrics.jsonl"));
  const factors = transformer.training.factors ?? transformer.model.factors;
  const losses = factors.map((factor) => [factor, finalMean(lines, `loss.p${factor}`)]);
  return { name, folder, losses: Object.fromEntries(losses), seconds: lines.at(-1)!.seconds! };
}
