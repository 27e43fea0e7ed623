/**
 * From pictures to a model folder: train the tokenizer, tokenise the pictures once, train the nested transformer,
 * write the model. Every stage can be stopped and resumed; a finished one is not done again.
 *
 *     OUT/tokenizer/          run folder of the tokenizer
 *     OUT/tokens.safetensors  the pictures as token ids
 *     OUT/transformer/        run folder of the transformer
 *     OUT/model/              the model folder
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { InputError, requireInput } from "../core/errors.ts";
import { foldIn, keyFromSeed, permutation } from "../core/random.ts";
import { sizeOf } from "../core/tensor.ts";
import { type FolderSource, verifyFolder } from "../data/folder.ts";
import { openSource } from "../data/open-source.ts";
import { pictureSheet } from "../data/sheet.ts";
import { mirror, type PictureSource, toPlanes } from "../data/source.ts";
import { fromTensors, type TokenDataset, toTensors } from "../data/tokens.ts";
import { pictureBatches, remembered, selected } from "../data/views.ts";
import { loadTokenizer, tokenizerParameters } from "../models/tokenizer/codec.ts";
import { codebookSize, tokenGrid } from "../models/tokenizer/config.ts";
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
import { readSafetensors, type Tensors, writeSafetensors } from "../weights/safetensors.ts";
import { openImagePipeline } from "./image-pipeline.ts";
import { type GenerativeModel, writeModel } from "./model.ts";
import { writeModelCard } from "./model-card.ts";

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
    if (pictures && wants("tokenise")) await tokenise(options, runner, tokenizer, pictures, say);
    if (!wants("transformer")) return null;
    const dataset = await readTokens(out, tokenizer);
    say(`transformer: ${config.transformer.training.steps} steps on ${dataset.count} pictures as tokens`);
    signal?.throwIfAborted();
    const model = transformerConfigOf(config, dataset.classNames.length);
    const imageModel = (tensors: Tensors): GenerativeModel => ({
      tokenizer: { config: config.tokenizer.model, tensors: tokenizer },
      transformer: { config: model, tensors },
      classNames: dataset.classNames,
      plan: config.decoding,
    });
    const folder = await openRunFolder(join(out, "transformer"), { ...config }, { resume: options.resume });
    const names = stateNames(transformerParameters(model));
    const job = transformerJob({
      config: model,
      training: config.transformer.training,
      dataset,
      key: foldIn(key, 2),
      sample: async () => sampleSheet(imageModel(averagedWeights(await runner.get(names))), runner),
    });
    const state = await train(runner, folder, job, options);
    const path = join(out, "model");
    const trained = imageModel(averagedWeights(state));
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
  { config: { data }, signal }: TrainModelOptions,
  say: (message: string) => void,
): Promise<Pictures> {
  const source = await openSource(data);
  for (const warning of source.warnings) say(`warning: ${warning}`);
  if (!("files" in source)) {
    const count = data.count!; // the configuration's reader asks for it where a source has no end
    return { source, count, description: JSON.stringify({ ...data, count }) };
  }
  const { source: good, unreadable } = await verifyFolder(source as FolderSource, { signal });
  for (const { path, reason } of unreadable) say(`warning: left out ${path}: ${reason}`);
  say(`${good.length} pictures, ${unreadable.length} unreadable, ${good.classNames.length} classes`);
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
  const job = tokenizerJob({
    runner,
    config: config.tokenizer.model,
    training: config.tokenizer.training,
    source,
    count,
    isFlipped: config.data.flip,
    key: foldIn(keyFromSeed(config.seed), 1),
  });
  await train(runner, folder, job, options);
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

const tokensFile = (out: string): string => join(out, "tokens.safetensors");

async function readTokens(out: string, tokenizer: Tensors): Promise<TokenDataset> {
  const path = tokensFile(out);
  return fromTensors(await readSafetensors(path), path, tensorsDigest(tokenizer));
}

/** Writes every picture's token ids to a file, unless the file is there already and of this tokenizer and data. */
async function tokenise(
  { config, out, signal, onProgress }: TrainModelOptions,
  runner: Runner,
  tensors: Tensors,
  { source, count, description }: Pictures,
  say: (message: string) => void,
): Promise<void> {
  const existing = await readTokens(out, tensors).catch((error: unknown) => {
    if (error instanceof InputError) return null; // absent, damaged or of another tokenizer: made anew
    throw error;
  });
  if (existing?.source === description) return say(`tokens: ${tokensFile(out)} is there already`);
  say(`tokens: ${count} pictures${config.data.flip ? ", each also mirrored" : ""}`);
  const tokenizer = await loadTokenizer(runner, config.tokenizer.model, tensors);
  const grid = tokenGrid(config.tokenizer.model);
  const perPicture = sizeOf(grid);
  const versions = config.data.flip ? 2 : 1;
  const ids = new Uint16Array(count * versions * perPicture);
  const labels = new Int32Array(count * versions);
  const used = new Set<number>();
  let done = 0;
  for await (const pictures of pictureBatches(source.read, { count, size: 64, signal })) {
    const planes = toPlanes(pictures);
    for (let version = 0; version < versions; version++) {
      if (version === 1) mirror(planes);
      const encoded = await tokenizer.encode(planes);
      const at = version * count + done;
      ids.set(encoded.data, at * perPicture);
      labels.set(
        pictures.map(({ label }) => label),
        at,
      );
      for (const id of encoded.data) used.add(id);
    }
    done += pictures.length;
    onProgress?.({
      job: "tokens",
      step: done,
      total: count,
      metrics: { codebookUse: used.size / tokenizer.codebookSize },
    });
  }
  await tokenizer.dispose();
  const dataset: TokenDataset = {
    grid,
    codebookSize: codebookSize(config.tokenizer.model),
    classNames: source.classNames,
    count: count * versions,
    ids,
    labels,
    source: description,
    tokenizer: tensorsDigest(tensors),
  };
  const { tensors: stored, metadata } = toTensors(dataset);
  await writeSafetensors(tokensFile(out), stored, { metadata });
}

/** Eight pictures of each of the first classes by the model's own plan, always the same seed. */
async function sampleSheet(model: GenerativeModel, runner: Runner): Promise<Uint8Array> {
  const pipeline = await openImagePipeline(model, { runner });
  const rows = Math.max(1, Math.min(8, model.classNames.length));
  const classes = Array.from({ length: rows * 8 }, (_, i) => Math.floor(i / 8));
  const { images } = await pipeline.generate({
    ...(model.classNames.length > 0 ? { classes } : {}),
    count: classes.length,
    seed: 0,
  });
  await pipeline.dispose();
  return pictureSheet(images, { columns: 8, scale: 2 });
}
