/** The images that trainings learn from, opened and checked once. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { requireInput } from "../core/errors.ts";
import { countOf, few, nounOf } from "../core/nouns.ts";
import { keyFromSeed, permutation } from "../core/random.ts";
import type { PackedSource } from "../data/image/idx.ts";
import {
  type FolderSource,
  type Looked,
  lookThrough,
  type VerifyOptions,
  withoutUnreadable,
} from "../data/image/image-folder.ts";
import { openSource } from "../data/open-source.ts";
import type { ImageSource } from "../data/source.ts";
import { keptInMemory, selected } from "../data/views.ts";
import type { TrainConfig } from "../training/config.ts";
import type { LoopOptions } from "../training/loop.ts";
import { readJsonIfWhole, writeJson } from "../weights/node/json-file.ts";
import { dataName, filesDigest } from "./data-name.ts";

/** Whose images, and whom to tell. */
export interface ImageOptions extends LoopOptions {
  readonly config: Pick<TrainConfig, "seed" | "data" | "tokenizer" | "transformer">;
  /** The run's folder. */
  readonly out: string;
  /** One line about what happens next. */
  readonly onMessage?: (message: string) => void;
}

/** What a run trains on: images 0..count-1 of the source. */
export interface Images {
  readonly source: ImageSource;
  readonly count: number;
  /** What the run calls the data, however they were asked for. */
  readonly name: string;
  /** Tells these images from others. */
  readonly description: string;
  /** Which images of a folder they are; null: they are drawn. */
  readonly chosen: ChosenImages | null;
}

/** Images of a folder, in a random order. */
export interface ChosenImages {
  /** Tells them from others, wherever the folder lies. */
  readonly digest: string;
  /** Which files were found to be readable; left out: IDX files, which hold all images. */
  readonly looked?: Looked;
}

/** The dataset; of a folder, those that are trained on are opened once in a run: a broken one is named now, not at step 9,000. */
export async function openImages({
  config: { data },
  out,
  signal,
  onProgress,
  onMessage: say = () => {},
}: ImageOptions): Promise<Images> {
  const source = await openSource(data, { signal });
  for (const warning of source.warnings) say(`warning: ${warning}`);
  if ("digest" in source) return openPacked(source, data, out, say);
  if (!("files" in source)) {
    say(classesOf(source));
    const count = data.count!; // the configuration's reader asks for it where a source has no end
    const description = JSON.stringify({ ...data, count });
    return { source: keptInMemory(source), count, name: data.source, description, chosen: null };
  }
  const folder = source;
  const all = shuffled(folder, data.seed);
  const enough = data.count ?? undefined;
  const name = await dataName(out, folder);
  const named = { ...data, source: name };
  const { stamps, ...looked } = await lookThroughOnce(join(out, "opening.json"), all, named, {
    enough,
    signal,
    onFile: (step, total) => onProgress?.({ job: "opening", step, total, metrics: {} }),
  });
  const { source: good, unreadable } = withoutUnreadable(all, looked, { enough });
  for (const { path, reason } of unreadable) say(`warning: left out ${path}: ${reason}`);
  say(`${countOf(good.length, nounOf(good))}, ${unreadable.length} unreadable; ${classesOf(good)}`);
  const count = good.length;
  const description = JSON.stringify({ ...named, count, files: fingerprint(good.files, stamps) });
  const chosen = { digest: await filesDigest(folder.name, good.files), looked };
  return { source: keptInMemory(good), count, name, description, chosen };
}

/** A folder lists its files class by class; in random order the first ones are of all classes. */
function shuffled(folder: FolderSource, seed: number): FolderSource {
  const order = permutation(keyFromSeed(seed), folder.length);
  return { ...selected(folder, order), files: Array.from(order, (index) => folder.files[index]!) };
}

/**
 * The images that {@link openImages} found, on any machine that sees the same files; none is looked at again.
 *
 * @throws InputError when the folder is not there, or holds other images
 */
export async function reopenImages(
  data: TrainConfig["data"],
  chosen: ChosenImages | null,
): Promise<ImageSource> {
  const source = await openSource(data);
  if (!chosen) return source;
  const same = (digest: string): void =>
    requireInput(
      digest === chosen.digest,
      `${source.name}: its files have the digest ${digest}, those of this run have ${chosen.digest}; copy the same files there`,
    );
  if ("digest" in source) {
    same(source.digest);
    return firstPacked(source, data);
  }
  const { looked } = chosen;
  requireInput(
    looked && "files" in source && source.length >= looked.seen,
    `${source.name}: must hold the files that this run has chosen, got others; copy the same files there`,
  );
  const { source: good } = withoutUnreadable(shuffled(source, data.seed), looked, {
    enough: data.count ?? undefined,
  });
  same(await filesDigest(source.name, good.files));
  return good;
}

/** Images of IDX files, which were all read as they were opened: in random order, like those of a folder. */
async function openPacked(
  packed: PackedSource,
  data: TrainConfig["data"],
  out: string,
  say: (message: string) => void,
): Promise<Images> {
  const source = firstPacked(packed, data);
  const count = source.length;
  const name = await dataName(out, packed);
  say(`${countOf(count, nounOf(packed))}; ${classesOf(packed)}`);
  return {
    source,
    count,
    name,
    description: JSON.stringify({ ...data, source: name, count, digest: packed.digest }),
    chosen: { digest: packed.digest },
  };
}

function firstPacked(packed: PackedSource, { seed, count }: TrainConfig["data"]) {
  const order = permutation(keyFromSeed(seed), packed.length);
  return selected(packed, order.subarray(0, Math.min(count ?? packed.length, packed.length)));
}

/** What will be told apart: a glance shows whether the right folder was given. */
const classesOf = ({ classNames }: ImageSource): string =>
  classNames.length === 0
    ? "no classes"
    : `${classNames.length} ${classNames.length === 1 ? "class" : "classes"}: ${few(classNames, 40)}`;

/** What was found when a run began, by which it goes on. */
interface KeptLook extends Looked {
  /** Tells the list of all files, and how they are read, from others. */
  readonly listed: string;
  /** The fingerprint of those that were looked at. */
  readonly stamps: string;
}

/**
 * Looks through a folder's files, or takes what `file` says of an earlier look where they are what they were. What could
 * not be read is looked at again: that may have been the machine's doing.
 */
async function lookThroughOnce(
  file: string,
  source: FolderSource,
  data: object,
  options: VerifyOptions,
): Promise<Looked & { readonly stamps: Stamps }> {
  const { files } = source;
  const stampsOf = (seen: number) => readStamps(source.name, files.slice(0, seen), options.signal);
  const printed = (seen: number, stamps: Stamps) => fingerprint(files.slice(0, seen), stamps);
  const listed = createHash("sha256")
    .update(JSON.stringify([data, files]))
    .digest("hex")
    .slice(0, 16);
  const kept = await readKeptLook(file);
  const before = kept?.listed === listed ? await stampsOf(kept.seen) : null;
  if (kept && before && kept.stamps === printed(kept.seen, before)) {
    const bad = new Set(kept.unreadable.map(({ path }) => path));
    const again = Array.from({ length: kept.seen }, (_, i) => i).filter((i) => bad.has(files[i]!.path));
    const doubtful = { ...selected(source, again), files: again.map((i) => files[i]!) };
    const { unreadable } = await lookThrough(doubtful, { signal: options.signal });
    return { seen: kept.seen, unreadable, stamps: before };
  }
  const looked = await lookThrough(source, options);
  const stamps = await stampsOf(looked.seen);
  await writeJson(file, { listed, stamps: printed(looked.seen, stamps), ...looked });
  return { ...looked, stamps };
}

/** Null where there is no such file, or it holds something else. */
async function readKeptLook(file: string): Promise<KeptLook | null> {
  const kept = (await readJsonIfWhole(file)) as Partial<KeptLook> | null;
  const isWhole = Array.isArray(kept?.unreadable) && Number.isInteger(kept.seen);
  return isWhole ? (kept as KeptLook) : null;
}

/** By path: size and time; undefined for what is not there, such as a link to nowhere. */
type Stamps = ReadonlyMap<string, readonly [size: number | undefined, time: number | undefined]>;

async function readStamps(
  folder: string,
  files: FolderSource["files"],
  signal?: AbortSignal,
): Promise<Stamps> {
  const stamps = new Map<string, readonly [number | undefined, number | undefined]>();
  for (const { path } of files) {
    signal?.throwIfAborted();
    if (stamps.has(path)) continue; // a video is there once for each of its videos
    const found = await stat(join(folder, path)).catch(() => null);
    stamps.set(path, [found?.size, found?.mtimeMs]);
  }
  return stamps;
}

/** A digest of names, sizes and times: files added, removed, renamed or replaced change it. */
function fingerprint(files: FolderSource["files"], stamps: Stamps): string {
  const hash = createHash("sha256");
  for (const { path } of files) hash.update(JSON.stringify([path, ...stamps.get(path)!]));
  return hash.digest("hex").slice(0, 16);
}
