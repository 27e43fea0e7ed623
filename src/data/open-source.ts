/** A dataset by the name that configurations and the command line use: "sprites", "scenes", "motions", or the path of a folder. */
import { AbsentError, InputError, requireInput } from "../core/errors.ts";
import { countOf } from "../core/nouns.ts";
import { keyFromSeed, permutation } from "../core/random.ts";
import { isDrawnSource, type Resampler } from "./choices.ts";
import { motionsSource, scenesSource, spritesSource } from "./drawn/node/draw.ts";
import type { WalkOptions } from "./folder-walk.ts";
import { idxSource, isIdxFolder, type PackedSource } from "./image/idx.ts";
import { type FolderSource, folderSource } from "./image/image-folder.ts";
import type { ImageSource } from "./source.ts";
import type { Timing } from "./video/footage.ts";
import { listPlain } from "./video/plain.ts";
import { openVideoFolder, type VideoFolderOptions } from "./video/video-folder.ts";

/** `stride`, `frameRate`, `videosPerFile`, `split` and `fold` are of folders of videos; `split` of IDX files, too. */
export interface SourceChoice extends Timing, Pick<VideoFolderOptions, "videosPerFile" | "split" | "fold"> {
  /** "sprites", "scenes", "motions", or a folder of images, IDX files or videos (`./sprites` for a folder of that name). */
  readonly source: string;
  readonly resolution: number;
  /** T of videos; left out: what the dataset has by itself, of a folder stills. */
  readonly frames?: number;
  /** Of the drawn images. */
  readonly seed: number;
  readonly resampler?: Resampler;
}

/**
 * Opens a dataset; reads no image yet.
 *
 * @returns the source, with warnings that are ready to print
 * @throws InputError for a folder that holds no images or videos, or that cannot be read; the signal's reason
 */
export async function openSource(
  { source, resolution, frames, seed, resampler, ...video }: SourceChoice,
  { signal }: WalkOptions = {},
): Promise<(ImageSource | FolderSource | PackedSource) & { readonly warnings: readonly string[] }> {
  const isStill = source === "sprites" || source === "scenes";
  const isDrawn = isDrawnSource(source);
  if (!isDrawn && frames !== undefined) {
    return openVideoFolder(source, { resolution, frames, resampler, ...video, signal });
  }
  const { stride, frameRate, videosPerFile, split, fold } = video;
  const isIdx = !isDrawn && (await isIdxFolder(source));
  const ofVideos = { stride, frameRate, videosPerFile, fold, ...(!isIdx && { split }) };
  for (const [name, value] of Object.entries(ofVideos)) {
    requireInput(
      value === undefined,
      `${source}: ${name} is for a folder of videos, got ${value}; ` +
        (isDrawn ? "leave it out" : "say how many frames a video has, or leave it out"),
    );
  }
  requireInput(
    !isStill || frames === undefined,
    `${source}: images have no frames, got ${frames}; leave it out, or use motions`,
  );
  if (source === "sprites") return { ...spritesSource({ seed, resolution }), warnings: [] };
  if (source === "scenes") return { ...scenesSource({ seed, resolution }), warnings: [] };
  if (source === "motions") return { ...motionsSource({ seed, resolution, frames }), warnings: [] };
  if (isIdx) return { ...(await idxSource(source, { resolution, resampler, split })), warnings: [] };
  return folderSource(source, { resolution, resampler, signal }).catch(async (error: unknown) => {
    // Any other refusal tells what is wrong with the images that there are.
    if (!(error instanceof AbsentError)) throw error;
    const videos = await listPlain(source, { signal }).catch(() => null);
    if (!videos) throw error;
    throw new InputError(
      `${source}: holds ${countOf(videos.files.length, "video")} and no images; say how many frames of each to take, ` +
        "e.g. --frames 16 (in a configuration data.frames)",
      { cause: error },
    );
  });
}

/** `count` indices worth a look: the first ones of an endless source, a random choice of a finite one, ascending. */
export function previewIndexes(source: ImageSource, count: number, seed: number): number[] {
  if (source.length === null) return Array.from({ length: count }, (_, i) => i);
  return [...permutation(keyFromSeed(seed), source.length).subarray(0, count)].sort((a, b) => a - b);
}
