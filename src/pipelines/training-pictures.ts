/** What trainings learn from: pictures, opened and checked once, and their token ids, made once. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { countOf, nounOf } from "../core/nouns.ts";
import { foldIn, keyFromSeed, permutation } from "../core/random.ts";
import { type FolderSource, lookThrough, withoutUnreadable } from "../data/folder.ts";
import { openSource } from "../data/open-source.ts";
import type { PictureSource } from "../data/source.ts";
import { keptInMemory, selected } from "../data/views.ts";
import { loadTokenizer } from "../models/tokenizer/codec.ts";
import type { Runner } from "../runtime/runner.ts";
import type { TrainConfig } from "../training/config.ts";
import type { LoopOptions } from "../training/loop.ts";
import { tensorsDigest } from "../weights/digest.ts";
import { remembered } from "../weights/remembered.ts";
import type { Tensors } from "../weights/safetensors.ts";
import { tokenise } from "./token-files.ts";

/** Whose pictures, and whom to tell. */
export interface PictureOptions extends LoopOptions {
  readonly config: Pick<TrainConfig, "seed" | "data" | "tokenizer" | "transformer">;
  /** The run's folder. */
  readonly out: string;
  /** One line about what happens next. */
  readonly onMessage?: (message: string) => void;
}

/** What a run trains on: pictures 0..count-1 of the source. */
export interface Pictures {
  readonly source: PictureSource;
  readonly count: number;
  /** Tells these pictures from others. */
  readonly description: string;
}

/** The dataset; of a folder, those that are trained on are opened once in a run: a broken one is named now, not at step 9,000. */
export async function openPictures({
  config: { data },
  out,
  signal,
  onProgress,
  onMessage: say = () => {},
}: PictureOptions): Promise<Pictures> {
  const source = await openSource(data);
  for (const warning of source.warnings) say(`warning: ${warning}`);
  if (!("files" in source)) {
    const count = data.count!; // the configuration's reader asks for it where a source has no end
    return { source: keptInMemory(source), count, description: JSON.stringify({ ...data, count }) };
  }
  // A folder lists its files class by class; in random order the first ones are of all classes.
  const folder = source as FolderSource;
  const order = permutation(keyFromSeed(data.seed), folder.length);
  const files = Array.from(order, (index) => folder.files[index]!);
  const all = { ...selected(folder, order), files };
  const enough = data.count ?? undefined;
  // Files that were looked through, and are what they were, need not be again when a run goes on.
  const facts = { data, files: await fingerprint(all) };
  const { found: looked } = await remembered(join(out, "opening"), facts, () =>
    lookThrough(all, {
      ...{ enough, signal },
      onFile: (step, total) => onProgress?.({ job: "opening", step, total, metrics: {} }),
    }),
  );
  const { source: good, unreadable } = withoutUnreadable(all, looked, { enough });
  for (const { path, reason } of unreadable) say(`warning: left out ${path}: ${reason}`);
  say(
    `${countOf(good.length, nounOf(good))}, ${unreadable.length} unreadable, ${good.classNames.length} classes`,
  );
  const count = good.length;
  const description = JSON.stringify({ ...data, count, files: await fingerprint(good) });
  return { source: keptInMemory(good), count, description };
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

/** Where the token ids of a run are. */
export const tokensFolder = (out: string): string => join(out, "tokens");

/** Writes every picture's token ids to files, but for those that are there already and of this tokenizer and data. */
export async function tokenisePictures(
  { config, out, signal, onProgress, onMessage: say = () => {} }: PictureOptions,
  runner: Runner,
  tensors: Tensors,
  { source, count, description }: Pictures,
): Promise<void> {
  const { tasks } = config.transformer.model;
  const extras = [
    ...(config.data.flip ? ["each also mirrored"] : []),
    ...tasks.map((task) => `each also as given to ${task}`),
  ];
  say(`tokens: ${[countOf(count, nounOf(source)), ...extras].join(", ")}`);
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
  if (encoded < count) say(`tokens: ${count - encoded} of them were in ${tokensFolder(out)} already`);
  await tokenizer.dispose();
}
