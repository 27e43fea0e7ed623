/**
 * From images to a model folder: train the tokenizer, tokenise the images once, train the nested transformer, at last
 * the tokenizer's decoder on what that makes, where the configuration asks for it; write the model. Every stage can be stopped and resumed; a finished one is not done again.
 *
 *     OUT/lock.json           who is at work there, while somebody is
 *     OUT/data.json           what the run calls a folder of data
 *     OUT/opening.json        which files of a folder could be read
 *     OUT/tokenizer/          run folder of the tokenizer
 *     OUT/tokens/             the images as token ids
 *     OUT/variants.png        a few images in the variants that they are there in, where they are augmented
 *     OUT/transformer/        run folder of the transformer
 *     OUT/decoder/            run folder of the decoder, with the tokens that it learned from
 *     OUT/model/              the model folder; its tokenizer is there once that is trained
 *     OUT/nearest.png         samples beside their nearest training images, where images were held out
 */
import { join } from "node:path";
import { requireInput, unlessRefused } from "../core/errors.ts";
import { withFolderLocked } from "../core/node/folder-lock.ts";
import { countOf, nounOf } from "../core/nouns.ts";
import { foldIn, keyFromSeed } from "../core/random.ts";
import { openSource } from "../data/open-source.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import { isWholeModel, readModel, writeModel, writeTokenizer } from "../pipelines/node/model-folder.ts";
import { type Device, factsOf } from "../runtime/device.ts";
import { createNodeRunner } from "../runtime/node/runner.ts";
import type { Runner } from "../runtime/runner.ts";
import { type TrainConfig, transformerConfigOf } from "../training/config.ts";
import type { SplitTokens } from "../training/held-out.ts";
import { train } from "../training/loop.ts";
import { averagedWeights, stateNames } from "../training/optimiser-state.ts";
import { openRunFolder, type RunFolder, readCheckpoint } from "../training/run-folder.ts";
import { tokenizerJob } from "../training/tokenizer-job.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import { readJsonIfWhole, writeJson } from "../weights/node/json-file.ts";
import type { Tensors } from "../weights/node/safetensors-file.ts";
import { checkForCopies } from "./copies.ts";
import { dataName } from "./data-name.ts";
import { initialTokenizer, initialTransformer, startingFrom } from "./initial-weights.ts";
import { writeModelCard } from "./model-card.ts";
import { readTokens } from "./token-files.ts";
import { type TokeniseImagesOptions, tokeniseImages, tokensFolder } from "./tokenise-images.ts";
import { trainDecoder } from "./train-decoder.ts";
import { trainTransformer } from "./train-transformer.ts";
import { type Images, openImages } from "./training-images.ts";

/** The stages of a training, in order: the tokenizer, all images as tokens, the transformer, the tokenizer's decoder alone. */
export const stages = ["tokenizer", "tokenise", "transformer", "decoder"] as const;
/** One of {@link stages}. */
export type Stage = (typeof stages)[number];

/** The signal saves a checkpoint and stops. */
export interface TrainModelOptions extends TokeniseImagesOptions {
  readonly config: TrainConfig;
  /** One stage, or all in order. */
  readonly stage?: Stage | "all";
  /** Go on with the run that the folder holds. */
  readonly resume?: boolean;
  /** CPU threads; default: all cores. */
  readonly threads?: number;
  /** Where to compute; default: the CPU. */
  readonly device?: Device;
}

/**
 * Runs the stages.
 *
 * @returns the model folder's path when the transformer or the decoder was trained, else null
 * @throws InputError for data or folders that cannot be used, and for a folder that another process trains in; the signal's
 *   reason when aborted
 */
export function trainModel(options: TrainModelOptions): Promise<string | null> {
  return withFolderLocked(options.out, () => runStages(options));
}

async function runStages(options: TrainModelOptions): Promise<string | null> {
  const { config, out, stage = "all", threads, device } = options;
  const say = options.onMessage ?? (() => {});
  const wants = (name: Stage): boolean => stage === "all" || stage === name;
  requireInput(
    stage !== "decoder" || config.decoder.training.steps > 0,
    "decoder.training.steps: must be above 0 for --stage decoder, got 0; e.g. --set decoder.training.steps=400",
  );
  requireInput(
    stage !== "all" || config.transformer.init === undefined || config.tokenizer.init !== undefined,
    `transformer.init: the transformer of a model speaks of its tokenizer's codes; let the tokenizer start there too: ` +
      `tokenizer.init ${config.transformer.init}, tokenizer.training.steps 0`,
  );
  // The transformer trains from the token file alone.
  const images = stage === "transformer" ? null : await openImages(options);
  const name = images ? images.name : await nameOfData(options);
  const named: TrainConfig = { ...config, data: { ...config.data, source: name } };
  const runner = await createNodeRunner({ device, threads });
  try {
    if (images && wants("tokenizer")) {
      const { count, source } = images;
      const { init, training } = config.tokenizer;
      const from = `${countOf(count, nounOf(source))} of ${source.name}`;
      say(
        training.steps === 0 ? `tokenizer: that of ${init}` : `tokenizer: ${training.steps} steps on ${from}`,
      );
      await trainTokenizer(options, named, runner, images);
    }
    const tokenizer = await trainedTokenizer(out, named);
    const path = join(out, "model");
    // Of a whole model, no part is replaced by itself.
    if (wants("tokenizer") && !(await isWholeModel(path))) {
      await writeTokenizer(path, { config: config.tokenizer.model, tensors: tokenizer });
    }
    if (images && wants("tokenise")) await tokeniseImages(options, runner, tokenizer, images);
    const split = wants("transformer") ? await makeModel(options, named, runner, tokenizer) : null;
    const isDecoderTrained = wants("decoder") && config.decoder.training.steps > 0;
    if (images && isDecoderTrained) {
      const model = await untuned(path, tokenizer);
      await writeModel(path, await trainDecoder({ ...options, runner, images, model }));
    }
    if (stage === "transformer" && config.decoder.training.steps > 0) {
      say(
        "decoder: still that of the tokenizer's training; --stage decoder --resume trains it for this transformer",
      );
    }
    if (!wants("transformer") && !wants("decoder")) return null;
    await writeJson(join(path, "train_config.json"), config);
    const model = await readModel(path);
    const copies = split && images && (await checkForCopies({ ...options, runner, model, split, images }));
    await writeModelCard(path, { config, model, run: out, copies, isDecoderTrained });
    return path;
  } finally {
    await runner.close();
  }
}

/**
 * Trains the transformer, and writes the model of it and the tokenizer.
 *
 * @returns which images were held out, if any were
 */
async function makeModel(
  options: TrainModelOptions,
  named: TrainConfig,
  runner: Runner,
  tokenizer: Tensors,
): Promise<SplitTokens | null> {
  const { config, out, resume, signal, onMessage: say = () => {} } = options;
  const dataset = await readTokens(tokensFolder(out), tensorsDigest(tokenizer));
  const noun = nounOf(config.tokenizer.model);
  const shown = dataset.images ? new Set(dataset.images).size : dataset.count;
  const rows = shown < dataset.count ? `, ${dataset.count} with their variants` : "";
  const { init, training } = config.transformer;
  say(
    training.steps === 0
      ? `transformer: that of ${init}`
      : `transformer: ${training.steps} steps on ${countOf(shown, noun)} as tokens${rows}`,
  );
  signal?.throwIfAborted();
  const { classNames } = dataset;
  const initial = await initialTransformer(init, {
    ...{ config: transformerConfigOf(config, classNames.length), classNames, tokenizer },
    key: foldIn(keyFromSeed(config.seed), 8),
    onMessage: say,
  });
  const { decoder: _later, ...own } = named;
  const folder = await openRunFolder(join(out, "transformer"), own, {
    resume,
    mayGrow: "transformer.training.steps",
  });
  sayGrown(options, "transformer", folder);
  const { model, split } = await trainTransformer({
    ...options,
    ...{ runner, folder, tokenizer, dataset, initial },
  });
  await writeModel(join(out, "model"), model);
  return split;
}

/** The run's model with its tokenizer as it was trained, before its decoder was tuned. */
async function untuned(path: string, tokenizer: Tensors): Promise<GenerativeModel> {
  requireInput(
    await isWholeModel(path),
    `${path}: holds no whole model, whose decoder could be trained; train it first, with --stage transformer --resume`,
  );
  const model = await readModel(path);
  return { ...model, tokenizer: { ...model.tokenizer, tensors: tokenizer } };
}

/** What the run calls data that need not be there any more. */
async function nameOfData({ config: { data }, out }: TrainModelOptions): Promise<string> {
  const source = await unlessRefused(openSource(data));
  return source ? dataName(out, source) : data.source;
}

/** What a tokenizer's run depends on, and so what must be equal to resume it. */
function tokenizerConfiguration({ seed, data, tokenizer }: TrainConfig) {
  return { seed, data, tokenizer };
}

async function trainTokenizer(
  options: TrainModelOptions,
  named: TrainConfig,
  runner: Runner,
  { source, count }: Images,
): Promise<void> {
  const { config, out, resume } = options;
  // First, so that weights that do not fit leave no run behind.
  const initial = await initialTokenizer(config.tokenizer.init, config.tokenizer.model);
  // Another tokenizer has other tokens, on which no transformer can go on.
  const hasTransformer = (await readJsonIfWhole(join(out, "transformer", "config.json"))) !== null;
  const folder = await openRunFolder(join(out, "tokenizer"), tokenizerConfiguration(named), {
    resume,
    ...(!hasTransformer && { mayGrow: "tokenizer.training.steps" }),
  });
  sayGrown(options, "tokenizer", folder);
  const isFitted = config.tokenizer.model.quantizer.kind === "vq" && !initial && !folder.checkpoint;
  if (isFitted) options.onMessage?.("tokenizer: a first codebook is fitted, which can take a minute");
  const job = tokenizerJob({
    runner,
    config: config.tokenizer.model,
    training: config.tokenizer.training,
    source,
    count,
    randomFlip: config.data.randomFlip,
    key: foldIn(keyFromSeed(config.seed), 1),
  });
  await train(runner, folder, startingFrom(job, initial), {
    ...options,
    stepsPerRun: factsOf(runner.device).stepsPerRun,
  });
  await runner.drop(stateNames(tokenizerParameters(config.tokenizer.model)));
}

/** Tells of a training that goes on for more steps than it was begun with. */
function sayGrown(
  { config, onMessage }: TrainModelOptions,
  job: "tokenizer" | "transformer",
  { checkpoint, grownFrom }: RunFolder,
): void {
  if (grownFrom === null) return;
  const { steps } = config[job].training;
  onMessage?.(
    `${job}: goes on from step ${checkpoint?.step ?? 0}, for ${steps} steps instead of ${grownFrom}; from here on the ` +
      `learning rate follows the schedule of ${steps} steps`,
  );
}

/** The averaged weights of the finished tokenizer. */
async function trainedTokenizer(out: string, config: TrainConfig): Promise<Tensors> {
  const path = join(out, "tokenizer");
  const checkpoint = await readCheckpoint(path, tokenizerConfiguration(config));
  const { steps } = config.tokenizer.training;
  requireInput(
    checkpoint?.step === steps,
    `${path}: holds no finished tokenizer (${checkpoint?.step ?? 0} of ${steps} steps); train it first, with --stage tokenizer --resume`,
  );
  const weights = averagedWeights(checkpoint.tensors);
  checkTensors(`${path}: its checkpoint`, weights, tokenizerParameters(config.tokenizer.model));
  return weights;
}
