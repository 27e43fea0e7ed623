/**
 * From pictures to a model folder: train the tokenizer, tokenise the pictures once, train the nested transformer,
 * write the model. Every stage can be stopped and resumed; a finished one is not done again.
 *
 *     OUT/tokenizer/          run folder of the tokenizer
 *     OUT/tokens/             the pictures as token ids
 *     OUT/transformer/        run folder of the transformer
 *     OUT/model/              the model folder
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { requireInput } from "../core/errors.ts";
import { foldIn, keyFromSeed, permutation } from "../core/random.ts";
import { type FolderSource, verifyFolder } from "../data/folder.ts";
import { openSource } from "../data/open-source.ts";
import { pictureSheet } from "../data/sheet.ts";
import { type Clip, frameOf, type PictureSource, type Raster } from "../data/source.ts";
import { remembered, selected } from "../data/views.ts";
import { loadTokenizer, tokenizerParameters } from "../models/tokenizer/codec.ts";
import { transformerParameters } from "../models/transformer/parameters.ts";
import { createNodeRunner } from "../runtime/node.ts";
import type { Device, Runner } from "../runtime/runner.ts";
import { type TrainConfig, transformerConfigOf } from "../training/config.ts";
import { type TrainingProgress, train } from "../training/loop.ts";
import { averagedWeights, stateNames } from "../training/optimiser.ts";
import { openRunFolder, readCheckpoint } from "../training/run-folder.ts";
import { tokenizerJob } from "../training/tokenizer-job.ts";
import { transformerJob } from "../training/transformer-job.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import { tensorsDigest } from "../weights/digest.ts";
import { writeJson } from "../weights/json-file.ts";
import type { Tensors } from "../weights/safetensors.ts";
import { openGenerator } from "./generator.ts";
import { initialTokenizer, initialTransformer, startingFrom } from "./initial-weights.ts";
import { type GenerativeModel, writeModel } from "./model.ts";
import { writeModelCard } from "./model-card.ts";
import { readTokens, tokenise } from "./token-files.ts";

export const stages = ["tokenizer", "tokenise", "transformer"] as const;
export type Stage = (typeof stages)[number];

export interface TrainModelOptions {
  readonly config: TrainConfig;
  /** The run's folder. */
  readonly out: string;
  /** One stage, or all in order. */
  readonly stage?: Stage | "all";
  /** Go on with the run that the folder holds. */
  readonly resume?: boolean;
  /** CPU threads; all cores unless told. */
  readonly threads?: number;
  /** Where to compute; the CPU unless told. */
  readonly device?: Device;
  /** Saves a checkpoint and stops. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** One line about what happens next. */
  readonly onMessage?: (message: string) => void;
}

/**
 * Runs the stages.
 *
 * @returns the model folder's path when the transformer was trained, else null
 * @throws InputError for data or folders that cannot be used; the signal's reason when aborted
 */
export async function trainModel(options: TrainModelOptions): Promise<string | null> {
  const { config, out, stage = "all", threads, device, signal } = options;
  const say = options.onMessage ?? (() => {});
  const wants = (name: Stage): boolean => stage === "all" || stage === name;
  // The transformer trains from the token file alone.
  const pictures = stage === "transformer" ? null : await openPictures(options, say);
  const runner = await createNodeRunner({ device, threads });
  try {
    const key = keyFromSeed(config.seed);
    if (pictures && wants("tokenizer")) {
      const { count, source } = pictures;
      say(`tokenizer: ${config.tokenizer.training.steps} steps on ${count} pictures of ${source.name}`);
      await trainTokenizer(options, runner, pictures);
    }
    const tokenizer = await trainedTokenizer(options);
    if (pictures && wants("tokenise")) await tokenisePictures(options, runner, tokenizer, pictures, say);
    if (!wants("transformer")) return null;
    const dataset = await readTokens(tokensFolder(out), tensorsDigest(tokenizer));
    say(`transformer: ${config.transformer.training.steps} steps on ${dataset.count} pictures as tokens`);
    signal?.throwIfAborted();
    const model = transformerConfigOf(config, dataset.classNames.length);
    const modelWith = (tensors: Tensors): GenerativeModel => ({
      tokenizer: { config: config.tokenizer.model, tensors: tokenizer },
      transformer: { config: model, tensors },
      classNames: dataset.classNames,
      plan: config.decoding,
      completionPlan: config.completionDecoding,
    });
    const folder = await openRunFolder(join(out, "transformer"), { ...config }, { resume: options.resume });
    const names = stateNames(transformerParameters(model));
    const initial = await initialTransformer(config.transformer.init, model);
    const job = transformerJob({
      config: model,
      training: config.transformer.training,
      dataset,
      key: foldIn(key, 2),
      sample: async () => sampleSheet(modelWith(averagedWeights(await runner.get(names))), runner),
    });
    const state = await train(runner, folder, startingFrom(job, initial), options);
    const path = join(out, "model");
    const trained = modelWith(averagedWeights(state));
    await writeModel(path, trained);
    await writeJson(join(path, "train_config.json"), config);
    await writeModelCard(path, { config, model: trained, run: out });
    return path;
  } finally {
    await runner.close();
  }
}

/** What a run trains on: pictures 0..count-1 of the source. */
interface Pictures {
  readonly source: PictureSource;
  readonly count: number;
  /** Tells these pictures from others. */
  readonly description: string;
}

/** The dataset; a folder's pictures are all opened once, so that a broken one is named now and not at step 9,000. */
async function openPictures(
  { config: { data }, signal, onProgress }: TrainModelOptions,
  say: (message: string) => void,
): Promise<Pictures> {
  const source = await openSource(data);
  for (const warning of source.warnings) say(`warning: ${warning}`);
  if (!("files" in source)) {
    const count = data.count!; // the configuration's reader asks for it where a source has no end
    return { source: remembered(source), count, description: JSON.stringify({ ...data, count }) };
  }
  const { source: good, unreadable } = await verifyFolder(source as FolderSource, {
    signal,
    onFile: (step, total) => onProgress?.({ job: "opening", step, total, metrics: {} }),
  });
  for (const { path, reason } of unreadable) say(`warning: left out ${path}: ${reason}`);
  say(
    `${good.length} ${good.frames === undefined ? "pictures" : "clips"}, ${unreadable.length} unreadable, ${good.classNames.length} classes`,
  );
  const count = Math.min(data.count ?? Infinity, good.length);
  const files = await fingerprint(good);
  // A folder lists its files class by class; in random order the first ones are of all classes.
  const order = permutation(keyFromSeed(data.seed), good.length);
  return {
    source: remembered(selected(good, order)),
    count,
    description: JSON.stringify({ ...data, count, files }),
  };
}

/** A digest of names, sizes and times: files added, removed, renamed or replaced change it. */
async function fingerprint({ name, files }: FolderSource): Promise<string> {
  const hash = createHash("sha256");
  for (const { path } of files) {
    const { size, mtimeMs } = await stat(join(name, path));
    hash.update(JSON.stringify([path, size, mtimeMs]));
  }
  return hash.digest("hex").slice(0, 16);
}

/** What a tokenizer's run depends on, and so what must be equal to resume it. */
function tokenizerConfiguration({ seed, data, tokenizer }: TrainConfig) {
  return { seed, data, tokenizer };
}

async function trainTokenizer(
  options: TrainModelOptions,
  runner: Runner,
  { source, count }: Pictures,
): Promise<void> {
  const { config, out, resume } = options;
  const folder = await openRunFolder(join(out, "tokenizer"), tokenizerConfiguration(config), { resume });
  const initial = await initialTokenizer(config.tokenizer.init, config.tokenizer.model);
  const job = tokenizerJob({
    runner,
    config: config.tokenizer.model,
    training: config.tokenizer.training,
    source,
    count,
    isFlipped: config.data.flip,
    key: foldIn(keyFromSeed(config.seed), 1),
  });
  await train(runner, folder, startingFrom(job, initial), options);
  await runner.drop(stateNames(tokenizerParameters(config.tokenizer.model)));
}

/** The averaged weights of the finished tokenizer. */
async function trainedTokenizer({ config, out }: TrainModelOptions): Promise<Tensors> {
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

const tokensFolder = (out: string): string => join(out, "tokens");

/** Writes every picture's token ids to files, but for those that are there already and of this tokenizer and data. */
async function tokenisePictures(
  { config, out, signal, onProgress }: TrainModelOptions,
  runner: Runner,
  tensors: Tensors,
  { source, count, description }: Pictures,
  say: (message: string) => void,
): Promise<void> {
  const { tasks } = config.transformer.model;
  const extras = [
    ...(config.data.flip ? ["each also mirrored"] : []),
    ...tasks.map((task) => `each also as given to ${task}`),
  ];
  say(`tokens: ${[`${count} pictures`, ...extras].join(", ")}`);
  const tokenizer = await loadTokenizer(runner, config.tokenizer.model, tensors);
  const encoded = await tokenise({
    folder: tokensFolder(out),
    tokenizer,
    digest: tensorsDigest(tensors),
    source,
    count,
    description: JSON.stringify([description, tasks]),
    isFlipped: config.data.flip,
    tasks,
    given: config.data.given,
    key: foldIn(keyFromSeed(config.seed), 4),
    signal,
    onProgress: (done, codebookUse) =>
      onProgress?.({ job: "tokens", step: done, total: count, metrics: { codebookUse } }),
  });
  if (encoded < count) say(`tokens: ${count - encoded} pictures were in ${tokensFolder(out)} already`);
  await tokenizer.dispose();
}

/** How many frames of a clip a sheet shows. */
const shownFrames = 8;

/** Pictures of the first classes by the model's own plan, always the same seed: eight each, or one clip's frames. */
async function sampleSheet(model: GenerativeModel, runner: Runner): Promise<Uint8Array> {
  const generator = await openGenerator(model, { runner });
  const isMoving = model.tokenizer.config.frames !== undefined;
  const rows = Math.max(1, Math.min(8, model.classNames.length));
  const count = isMoving ? rows : 8 * rows;
  // Of many classes, some from everywhere in the list.
  const label = (row: number) => Math.floor((row * model.classNames.length) / rows);
  const { pictures } = await generator.decode({
    decodePlan: model.plan,
    ids: Array.from({ length: count }, (_, i) => label(isMoving ? i : Math.floor(i / 8))),
    seed: 0,
  });
  await generator.dispose();
  return pictureSheet(isMoving ? pictures.flatMap((clip) => framesOf(clip as Clip)) : pictures, {
    columns: 8,
    scale: 2,
  });
}

/** Frames evenly spread over a clip. */
function framesOf(clip: Clip): Raster[] {
  return Array.from({ length: shownFrames }, (_, i) =>
    frameOf(clip, Math.round((i * (clip.frames - 1)) / (shownFrames - 1))),
  );
}
