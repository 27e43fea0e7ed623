/** A dataset by the name that configurations and the command line use: "sprites", "scenes", "motions", or the path of a folder. */
import { InputError, requireInput } from "../core/errors.ts";
import { countOf } from "../core/nouns.ts";
import { keyFromSeed, permutation } from "../core/random.ts";
import { folderSource, type Resampler } from "./folder.ts";
import { motionsSource } from "./motions/index.ts";
import { scenesSource } from "./scenes/index.ts";
import type { PictureSource } from "./source.ts";
import { spritesSource } from "./sprites/index.ts";
import { openVideoFolder, type VideoFolderOptions } from "./video/folder.ts";
import type { Timing } from "./video/footage.ts";
import { listPlain } from "./video/plain.ts";

/** `stride`, `frameRate`, `clipsPerFile`, `split` and `fold` are of folders of videos. */
export interface SourceChoice extends Timing, Pick<VideoFolderOptions, "clipsPerFile" | "split" | "fold"> {
  /** "sprites", "scenes", "motions", or a folder of pictures or videos (`./sprites` for a folder of that name). */
  readonly source: string;
  readonly resolution: number;
  /** T of moving pictures; left out: what the dataset has by itself, of a folder stills. */
  readonly frames?: number;
  /** Of the drawn pictures. */
  readonly seed: number;
  readonly resampler?: Resampler;
}

/**
 * Opens a dataset; reads no picture yet.
 *
 * @returns the source, with warnings that are ready to print
 * @throws InputError as {@link folderSource} and {@link openVideoFolder}
 */
export async function openSource({
  source,
  resolution,
  frames,
  seed,
  resampler,
  ...video
}: SourceChoice): Promise<PictureSource & { readonly warnings: readonly string[] }> {
  const isStill = source === "sprites" || source === "scenes";
  const isDrawn = isStill || source === "motions";
  if (!isDrawn && frames !== undefined) {
    return openVideoFolder(source, { resolution, frames, resampler, ...video });
  }
  const { stride, frameRate, clipsPerFile, split, fold } = video;
  for (const [name, value] of Object.entries({ stride, frameRate, clipsPerFile, split, fold })) {
    requireInput(
      value === undefined,
      `${source}: ${name} is for a folder of videos, got ${value}; ` +
        (isDrawn ? "leave it out" : "say how many frames a clip has, or leave it out"),
    );
  }
  requireInput(
    !isStill || frames === undefined,
    `${source}: still pictures have no frames, got ${frames}; leave it out, or use motions`,
  );
  if (source === "sprites") return { ...spritesSource({ seed, resolution }), warnings: [] };
  if (source === "scenes") return { ...scenesSource({ seed, resolution }), warnings: [] };
  if (source === "motions") return { ...motionsSource({ seed, resolution, frames }), warnings: [] };
  return folderSource(source, { resolution, resampler }).catch(async (error: unknown) => {
    const clips = await listPlain(source).catch(() => null);
    if (!clips) throw error;
    throw new InputError(
      `${source}: holds ${countOf(clips.files.length, "clip")} and no pictures; say how many frames of each to take, ` +
        "e.g. --frames 16 (in a configuration data.frames)",
      { cause: error },
    );
  });
}

/** `count` indices worth a look: the first ones of an endless source, a random choice of a finite one, ascending. */
export function previewIndexes(source: PictureSource, count: number, seed: number): number[] {
  if (source.length === null) return Array.from({ length: count }, (_, i) => i);
  return [...permutation(keyFromSeed(seed), source.length).subarray(0, count)].sort((a, b) => a - b);
}
