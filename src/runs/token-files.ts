/**
 * A dataset's images as token ids in files: a folder of parts, each whole, so that memory does not grow with the
 * dataset, and tokenising that was stopped goes on with the next part.
 *
 *     tokens/0003-of-0010.safetensors
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { requireInput, unlessRefused } from "../core/errors.ts";
import { fileError } from "../core/node/file-error.ts";
import { integerAt, type Key } from "../core/random.ts";
import { type Completion, filledIn, onlyKnown } from "../data/completion.ts";
import { type Image, type ImageSource, mirror, toPlanes, type Video } from "../data/source.ts";
import { fromTensors, joinTokens, type TokenDataset, type TokenTensors } from "../data/tokens.ts";
import { imageBatches } from "../data/views.ts";
import type { Tokenizer } from "../models/tokenizer/codec.ts";
import type { Task } from "../models/transformer/config.ts";
import { readSafetensors, writeSafetensors } from "../weights/node/safetensors-file.ts";

/** Images of a dataset that a file holds. */
const perPart = 2048;

/** Images read and encoded together. */
const batch = 64;

/** What of a dataset is encoded, by what. */
export interface EncodeOptions {
  readonly tokenizer: Tokenizer;
  /** Tells this tokenizer from others. */
  readonly digest: string;
  readonly source: ImageSource;
  /** Images 0..count-1 of the source. */
  readonly count: number;
  /** Tells these images, and what was done with them, from others. */
  readonly description: string;
  /** Every image also mirrored. */
  readonly randomFlip: boolean;
  /** What a model shall learn to complete, for which the known tokens are stored too. */
  readonly tasks: readonly Task[];
  /** How many frames are given where the task is to predict; drawn for each video, each as often. */
  readonly given: readonly number[];
  readonly key: Key;
  readonly signal?: AbortSignal;
}

/** Parts that a dataset of so many images is encoded in. */
export const partsOf = (count: number): number => Math.ceil(count / perPart);

/** Images that some parts of a dataset of `count` hold. */
export const imagesIn = (parts: readonly number[], count: number): number =>
  parts.reduce((sum, part) => sum + Math.min(perPart, count - part * perPart), 0);

/**
 * Encodes part `part` of a dataset, 0 <= part < partsOf(count): a function of the options and nothing else.
 *
 * @param onBatch  called after every batch, with its tokens
 * @throws what reading an image throws; the signal's reason
 */
export async function encodePart(
  options: EncodeOptions,
  part: number,
  onBatch?: (tokens: TokenDataset) => void,
): Promise<TokenDataset> {
  const { source, count, signal } = options;
  const from = part * perPart;
  const size = Math.min(perPart, count - from);
  const collected: TokenDataset[] = [];
  for await (const images of imageBatches(source.read, { from, count: size, size: batch, signal })) {
    const tokens = await encodeAll(options, images, from + collected.length * batch);
    collected.push(tokens);
    onBatch?.(tokens);
  }
  return joinTokens(collected);
}

export interface TokeniseOptions extends Pick<EncodeOptions, "digest" | "description" | "count"> {
  /** Where the parts go. */
  readonly folder: string;
  /** Encodes parts; gives them in the order asked for. */
  readonly encode: (parts: readonly number[]) => AsyncIterable<TokenTensors>;
}

/**
 * Writes every image's token ids, but for the parts that are there already and of this tokenizer and description.
 *
 * @returns how many images were encoded by this call
 * @throws what `encode` throws, InputError when a file cannot be written; finished parts stay
 */
export async function tokenise(options: TokeniseOptions): Promise<number> {
  const { folder, count, encode } = options;
  const parts = partsOf(count);
  const missing: number[] = [];
  for (let part = 0; part < parts; part++) {
    if (!(await isThere(join(folder, partName(part, parts)), options))) missing.push(part);
  }
  let written = 0;
  for await (const { tensors, metadata } of encode(missing)) {
    await writeSafetensors(join(folder, partName(missing[written]!, parts)), tensors, { metadata });
    written++;
  }
  await removeOthers(folder, parts);
  return imagesIn(missing, count);
}

/**
 * All parts of a folder as one dataset.
 *
 * @param digest  the tokenizer's, which must have made them
 * @throws InputError naming the folder or file that is missing, damaged, or of another tokenizer or run
 */
export async function readTokens(folder: string, digest: string): Promise<TokenDataset> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError("cannot read the tokens", folder, error, { ENOENT: "tokenise first: --stage tokenise" });
  });
  const found = names.map((name) => partPattern.exec(name)).filter((match) => match !== null);
  const parts = Number(found[0]?.[1] ?? 1);
  const read: TokenDataset[] = [];
  for (let part = 0; part < parts; part++) {
    const path = join(folder, partName(part, parts));
    const dataset = fromTensors(await readSafetensors(path), path, digest);
    requireInput(
      read.every(({ source }) => source === dataset.source),
      `${path}: must hold images of the same run as the other parts; tokenise the dataset again`,
    );
    read.push(dataset);
  }
  return joinTokens(read);
}

const partPattern = /^\d{4,}-of-(\d{4,})\.safetensors$/;
const digits = (number: number): string => String(number).padStart(4, "0");
const partName = (part: number, parts: number): string =>
  `${digits(part + 1)}-of-${digits(parts)}.safetensors`;

/** False too for tokens that are damaged or of another tokenizer: they are made again. */
async function isThere(
  path: string,
  { digest, description }: Pick<TokeniseOptions, "digest" | "description">,
): Promise<boolean> {
  const reading = readSafetensors(path).then((content) => fromTensors(content, path, digest));
  return (await unlessRefused(reading))?.source === description;
}

/** Parts of an earlier division of the dataset. */
async function removeOthers(folder: string, parts: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const match = partPattern.exec(name);
    if (match && Number(match[1]) !== parts) await rm(join(folder, name));
  }
}

/** A batch's tokens, its mirrored versions behind the others. */
async function encodeAll(
  { tokenizer, digest, source, description, randomFlip, tasks, given, key }: EncodeOptions,
  images: readonly Image[],
  first: number,
): Promise<TokenDataset> {
  const encode = async (rasters: Parameters<typeof toPlanes>[0], isFlipped: boolean) => {
    const planes = toPlanes(rasters);
    if (isFlipped) mirror(planes);
    return Uint16Array.from((await tokenizer.encode(planes)).data);
  };
  // The file's format has a number for every image; 0 where the data have no classes.
  const classIds = Int32Array.from(images, ({ classId }) => classId ?? 0);
  const common = {
    grid: tokenizer.grid,
    codebookSize: tokenizer.codebookSize,
    classNames: source.classNames,
  };
  const versions: TokenDataset[] = [];
  for (const isFlipped of randomFlip ? [false, true] : [false]) {
    const conditions: Record<string, Uint16Array> = {};
    for (const task of tasks) {
      const completions = images.map((_, i): Completion => {
        const draw = integerAt(key, first + i, given.length);
        return task === "predict" ? { task, given: given[draw]! } : { task };
      });
      const filled = images.map((image, i) => filledIn(image as Video, completions[i]!));
      conditions[task] = onlyKnown(await encode(filled, isFlipped), completions, {
        frames: tokenizer.config.frames!,
        grid: tokenizer.grid,
        maskId: tokenizer.codebookSize,
      });
    }
    const ids = await encode(images, isFlipped);
    versions.push({
      ...common,
      count: images.length,
      ids,
      classIds,
      conditions,
      source: description,
      tokenizer: digest,
    });
  }
  return joinTokens(versions);
}
