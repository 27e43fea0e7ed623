/**
 * A video out of a file: a video (by ffmpeg), an animated GIF or WebP, or a folder of numbered frames (both without).
 *
 * Its frames are made square as the stills of a folder are: the short side is resized to the resolution, the centre
 * is cropped.
 */
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { InputError, requireInput } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { type FolderOptions, requireFolderOptions } from "../image/image-folder.ts";
import { type Video, videoOf } from "../source.ts";
import { animation } from "./animation.ts";
import type { Job } from "./ffmpeg.ts";
import { type Extent, type Footage, placesOf, spanOf, type Timing } from "./footage.ts";
import { frameFolder } from "./frame-folder.ts";
import { videoFile } from "./video-file.ts";

/** Files that ffmpeg decodes. */
const videos = [".mp4", ".avi", ".webm", ".mkv", ".mov"];
/** Files that sharp decodes. */
const animations = [".gif", ".webp"];
/** The files that hold videos, by the end of their names. */
export const videoExtensions: readonly string[] = [...videos, ...animations];

const extensionOf = (path: string): string => extname(path).toLowerCase();

export const isVideoPath = (path: string): boolean => videoExtensions.includes(extensionOf(path));
export const needsFfmpeg = (path: string): boolean => videos.includes(extensionOf(path));

/** `resolution` is the side of the square frames, `resampler` defaults to lanczos3; of stride and rate, one at most. */
export interface VideoOptions extends FolderOptions, Timing {
  /** T, 1..1024. */
  readonly frames: number;
}

/** Which frames of a video to read, and at which size and rate. */
export interface ReadVideoOptions extends VideoOptions, Pick<Job, "signal" | "timeoutMs" | "version"> {
  /** The first frame, counted in the file's frames, or with `frameRate` in frames of that rate. Default 0. */
  readonly start?: number;
}

/**
 * Reads one video; keeps only the frames asked for in memory.
 *
 * @returns `frames` frames of `resolution` x `resolution` pixels
 * @throws InputError when an option is out of range, the file is missing, broken, no video or too short, or ffmpeg is
 *   needed and absent; the signal's reason
 */
export async function readVideo(path: string, options: ReadVideoOptions): Promise<Video> {
  requireVideoOptions(path, options);
  const { start = 0, resampler = "lanczos3", signal } = options;
  requireInput(
    Number.isInteger(start) && start >= 0,
    `${path}: start must be a whole number of frames, 0 or more, got ${start}`,
  );
  signal?.throwIfAborted();
  const footage = await footageOf(path, options);
  const frames = await footage.read({ ...options, start, resampler });
  if (frames.length < options.frames)
    throw tooShort(path, await footage.count(options), { ...options, start });
  return videoOf(frames);
}

/**
 * How many frames a file has to choose from, its own or at `frameRate`, and how many of its own it shows per second, on
 * average (null for a folder of frames, which have no times); quick, but a broken index may mislead.
 *
 * @throws InputError when an option is out of range, the file is missing or no video, or its frame rate varies and none
 *   is given to resample to
 */
export async function videoExtent(
  path: string,
  { signal, version, ...timing }: Timing & Pick<Job, "signal" | "version">,
): Promise<Extent> {
  requireTiming(path, timing);
  return (await footageOf(path, { signal, version })).extent(timing);
}

/** The first half of {@link videoExtent}. */
export const videoLength = async (...asked: Parameters<typeof videoExtent>): Promise<number> =>
  (await videoExtent(...asked)).length;

/** @throws InputError when an option is out of range */
export function requireVideoOptions(path: string, options: VideoOptions): void {
  const { frames } = options;
  requireFolderOptions(path, options);
  requireInput(
    Number.isInteger(frames) && frames >= 1 && frames <= 1024,
    `${path}: frames must be a whole number in 1..1024, got ${frames}`,
  );
  requireTiming(path, options);
}

function requireTiming(path: string, { stride, frameRate }: Timing): void {
  requireInput(
    stride === undefined || (Number.isFinite(stride) && stride >= 1),
    `${path}: stride must be a number of at least 1, got ${stride}`,
  );
  requireInput(
    frameRate === undefined || (frameRate >= 0.01 && frameRate <= 1000),
    `${path}: frameRate must be in 0.01..1000 frames per second, got ${frameRate}`,
  );
  requireInput(
    frameRate === undefined || stride === undefined,
    `${path}: give either a stride or a frame rate, got stride ${stride} and frame rate ${frameRate}`,
  );
}

async function footageOf(
  path: string,
  options: Pick<Job, "signal" | "timeoutMs" | "version">,
): Promise<Footage> {
  const found = await stat(path).catch((error: unknown) => {
    throw fileError("cannot read video", path, error);
  });
  if (found.isDirectory()) return frameFolder(path);
  requireInput(
    found.isFile() && isVideoPath(path),
    `${path}: required a video (${videoExtensions.join(", ")}) or a folder of numbered PNG or JPEG frames, ` +
      `got ${found.isFile() ? `a file ending in "${extname(path)}"` : "neither file nor folder"}`,
  );
  return needsFfmpeg(path) ? videoFile(path, options) : animation(path);
}

/** The error for a video that does not fit, with what would. */
function tooShort(path: string, count: number, cut: VideoOptions & { readonly start: number }): InputError {
  const { frames, start, frameRate } = cut;
  const stride = frameRate === undefined ? (cut.stride ?? 1) : 1;
  const rate = frameRate === undefined ? "" : ` at ${frameRate} frames per second`;
  const most = placesOf({ start, frames, stride }).filter((place) => place < count).length;
  const widest = Math.floor((count - 1 - start) / (frames - 1));
  const remedies = [
    most >= 1 && `at most ${most === 1 ? "1 frame" : `${most} frames`}`,
    widest >= 1 && widest < stride && `a stride of at most ${widest}`,
    start > 0 && count >= spanOf(cut) && `a start of at most ${count - spanOf(cut)}`,
  ].filter(Boolean);
  return new InputError(
    `${path}: has ${count === 1 ? "1 frame" : `${count} frames`}${rate}, but a video of ${frames}` +
      `${stride > 1 ? ` at stride ${Number(stride.toFixed(2))}` : ""} from frame ${start} on takes ${start + spanOf(cut)}; ` +
      (remedies.length > 0 ? `ask for ${remedies.join(" or ")}` : "choose a longer video"),
  );
}
