/**
 * A folder of videos as a dataset of videos, by one of three layouts: UCF-101 with its split files, Kinetics with its
 * CSV files, or plain folders. Videos are taken from the middle of each file, or evenly spread over it.
 */
import { join } from "node:path";
import { requireInput, unknownName } from "../../core/errors.ts";
import { type Fold, type Split, splits } from "../choices.ts";
import { list, type WalkOptions } from "../folder-walk.ts";
import { type FolderSource, fileAt } from "../image/image-folder.ts";
import { ffmpegVersion, type Job } from "./ffmpeg.ts";
import { spanOf } from "./footage.ts";
import { kineticsTables, listKinetics } from "./kinetics.ts";
import type { Listing } from "./listing.ts";
import { listPlain } from "./plain.ts";
import { needsFfmpeg, readVideo, requireVideoOptions, type VideoOptions, videoLength } from "./read-video.ts";
import { listUcf101, ucf101Lists } from "./ucf101.ts";

export const layouts = ["plain", "ucf101", "kinetics"] as const;
export type Layout = (typeof layouts)[number];

export interface VideoFolderOptions extends VideoOptions {
  /**
   * How many videos are taken from each file: the middles of so many equal parts. Default 1, the centre video. They
   * overlap, or are equal, where the file is too short for all.
   */
  readonly videosPerFile?: number;
  /** Default: "ucf101" where there is a folder ucfTrainTestlist, "kinetics" where there is its CSV, else "plain". */
  readonly layout?: Layout;
  /** Of UCF-101 ("train", "test") and Kinetics. Default train. */
  readonly split?: Split;
  /** Of UCF-101: 1, 2 or 3. Default 1. */
  readonly fold?: Fold;
}

/** A folder of videos; `files` names one entry per video, so a file comes `videosPerFile` times, in the order of time. */
export interface VideoSource extends FolderSource {
  readonly frames: number;
}

/**
 * Lists the videos below `path`; reads none of them yet.
 *
 * @throws InputError when the folder is missing, holds no video, is not of the layout, an option is out of range, or
 *   ffmpeg is needed and absent; the signal's reason
 */
export async function openVideoFolder(
  path: string,
  options: VideoFolderOptions & WalkOptions,
): Promise<VideoSource> {
  requireVideoOptions(path, options);
  const { videosPerFile = 1, split, fold } = options;
  requireInput(
    Number.isInteger(videosPerFile) && videosPerFile >= 1,
    `${path}: videosPerFile must be a whole number of at least 1, got ${videosPerFile}`,
  );
  if (split !== undefined && !splits.includes(split)) {
    throw unknownName(`${path}: split`, split, splits);
  }
  const layout = options.layout ?? (await layoutOf(path));
  if (!layouts.includes(layout)) throw unknownName(`${path}: layout`, layout, layouts);
  requireInput(
    split === undefined || layout !== "plain",
    `${path}: a plain folder has no splits, got split "${split}"; give the folder of one split instead`,
  );
  requireInput(
    fold === undefined || layout === "ucf101",
    `${path}: folds are of UCF-101 alone, got fold ${fold}; leave it out`,
  );
  const listing =
    layout === "ucf101"
      ? await listUcf101(path, options)
      : layout === "kinetics"
        ? await listKinetics(path, options)
        : await listPlain(path, options);
  // Asked for once, before any video is read: it says what is missing, and every file can do with the answer.
  const isNeeded = listing.files.some((file) => needsFfmpeg(file.path));
  const version = isNeeded ? await ffmpegVersion({ action: `cannot read the videos of ${path}` }) : undefined;
  return videoSource(path, { ...options, version }, videosPerFile, listing);
}

/** Which layout a folder of videos has, by what lies in it. */
export async function layoutOf(path: string): Promise<Layout> {
  const entries = await list(path);
  if (entries.some(({ name, isDirectory }) => isDirectory && name === ucf101Lists)) return "ucf101";
  return (await kineticsTables(path)).length > 0 ? "kinetics" : "plain";
}

function videoSource(
  folder: string,
  options: VideoFolderOptions & Pick<Job, "version">,
  videosPerFile: number,
  { classNames, files: each, warnings }: Listing,
): VideoSource {
  const files = each.flatMap((file) => Array.from({ length: videosPerFile }, () => file));
  const lengths = new Map<string, Promise<number>>();
  const lengthOf = (path: string): Promise<number> => {
    const length = lengths.get(path) ?? videoLength(path, options);
    lengths.set(path, length);
    length.catch(() => lengths.delete(path));
    return length;
  };
  return {
    name: folder,
    classNames,
    resolution: options.resolution,
    frames: options.frames,
    length: files.length,
    files,
    warnings,
    async read(index) {
      const file = fileAt({ name: folder, files }, index);
      const path = join(folder, file.path);
      const length = await lengthOf(path);
      const middle = ((index % videosPerFile) + 0.5) / videosPerFile;
      const span = spanOf(options);
      const start = Math.max(0, Math.min(Math.floor(middle * length - span / 2), length - span));
      return { ...(await readVideo(path, { ...options, start })), classId: file.classId };
    },
  };
}
