/** Videos as files to look at: animated WebP or GIF, MP4, a strip of frames, several videos in one image. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireInput } from "../../core/errors.ts";
import { decodeRgb, loadSharp } from "../image/sharp.ts";
import { imageSheet, type SheetOptions } from "../image/sheet.ts";
import { frameOf, type Raster, type Video, videoOf } from "../source.ts";
import { fileName, type Job, run } from "./ffmpeg.ts";

/** Frames per second that a format of videos can have: 0.1 up to these. Browsers slow down faster animations. */
export const fastest = { webp: 50, gif: 50, mp4: 240 } as const;

export interface AnimationOptions {
  readonly format: "webp" | "gif";
  /** Frames per second, 0.1..50: browsers slow down what is faster. */
  readonly frameRate: number;
  /** Whole-number enlargement, nearest neighbour. Default 1. */
  readonly scale?: number;
  /** Of a WebP, 1..100; left out: lossless. A GIF has 256 colours per frame. */
  readonly quality?: number;
}

/**
 * A video as the bytes of an animated image that repeats for ever. Frames equal to the one before may be stored as a
 * longer delay (WebP).
 *
 * @throws InputError when the frame rate or quality is out of range
 */
export async function encodeAnimation(
  video: Video,
  { format, frameRate, scale = 1, quality }: AnimationOptions,
): Promise<Uint8Array> {
  requireInput(
    frameRate >= 0.1 && frameRate <= fastest[format],
    `the frame rate of an animated image must be in 0.1..${fastest[format]} frames per second, got ${frameRate}; ` +
      "browsers slow down what is faster",
  );
  requireInput(
    quality === undefined || (Number.isInteger(quality) && quality >= 1 && quality <= 100),
    `the quality of an animated WebP must be a whole number in 1..100, got ${quality}; leave it out for lossless`,
  );
  const { width, height, frames, pixels } = await enlarged(video, scale);
  const sharp = await loadSharp();
  const pages = { width, height: height * frames, channels: 3, pageHeight: height } as const;
  const image = sharp(pixels, { raw: pages });
  const delay = delaysOf(frames, frameRate, format === "gif" ? 10 : 1);
  return format === "gif"
    ? image.gif({ delay, loop: 0, keepDuplicateFrames: true }).toBuffer()
    : image
        .webp({ delay, loop: 0, ...(quality === undefined ? { lossless: true } : { quality }) })
        .toBuffer();
}

export interface Mp4Options extends Pick<Job, "signal" | "timeoutMs"> {
  /** Frames per second, 0.1..240. */
  readonly frameRate: number;
  /** Whole-number enlargement, nearest neighbour; doubled where a side would be odd. Default 1. */
  readonly scale?: number;
  /** The constant rate factor of H.264, 0 (lossless but for the colours) to 51 (worst). Default 18. */
  readonly quality?: number;
}

/**
 * A video as the bytes of an MP4 file that every browser plays: H.264, 4:2:0 colours by BT.709, index in front.
 *
 * @throws InputError when an option is out of range, or ffmpeg is absent, has no H.264 encoder or fails; the signal's
 *   reason
 */
export async function encodeMp4(
  video: Video,
  { frameRate, scale = 1, quality = 18, signal, timeoutMs }: Mp4Options,
): Promise<Uint8Array> {
  requireInput(
    frameRate >= 0.1 && frameRate <= fastest.mp4,
    `the frame rate of an MP4 must be in 0.1..${fastest.mp4} frames per second, got ${frameRate}`,
  );
  requireInput(
    Number.isInteger(quality) && quality >= 0 && quality <= 51,
    `the quality of an MP4 must be a whole number in 0..51 (0 is best), got ${quality}`,
  );
  // 4:2:0 stores colour for squares of 2 x 2 pixels.
  const isOdd = (video.width * scale) % 2 === 1 || (video.height * scale) % 2 === 1;
  const { width, height, pixels } = await enlarged(video, isOdd ? 2 * scale : scale);
  const folder = await mkdtemp(join(tmpdir(), "video-"));
  try {
    const path = join(folder, "video.mp4"); // a file, since the index is moved to the front at the end
    const args = [
      ...["-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`],
      ...["-framerate", `${frameRate}`, "-i", "pipe:0"],
      ...["-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"],
      ...["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"],
      ...["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", `${quality}`, "-movflags", "+faststart"],
      fileName(path),
    ];
    const job = {
      action: "cannot write the video as MP4",
      remedy: "install an ffmpeg with libx264, or write WebP or GIF instead",
      signal,
      timeoutMs,
    };
    for await (const _ of run("ffmpeg", args, job, pixels)); // it writes to the file alone
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The frames of videos side by side, one row a video, as PNG bytes.
 *
 * @throws when there is no video, or their numbers of frames differ
 */
export async function filmStrip(
  videos: readonly Video[],
  {
    scale,
    gap,
    label,
  }: {
    scale?: number;
    gap?: number;
    /** The text below frame t. */
    label?: (t: number) => string;
  } = {},
): Promise<Uint8Array> {
  requireAlike("filmStrip", videos);
  const columns = videos[0]!.frames;
  const frames = videos.flatMap(framesOf);
  const labels = label && frames.map((_, i) => label(i % columns));
  return imageSheet(frames, { columns, scale, gap, labels });
}

/**
 * Videos beside one another as one video, e.g. given, predicted and true; each as it is, pixels of white between.
 *
 * @throws when there is none, or they differ in height or number of frames
 */
export function sideBySide(
  videos: readonly Video[],
  { gap = 4 }: { /** Pixels between the videos, default 4. */ gap?: number } = {},
): Video {
  requireAlike("sideBySide", videos);
  const { height, frames } = videos[0]!;
  const odd = videos.find((video) => video.height !== height);
  if (odd) throw new Error(`sideBySide: videos must share one height, got ${height} and ${odd.height}`);
  const width = videos.reduce((sum, video) => sum + video.width, gap * (videos.length - 1));
  const pixels = new Uint8Array(width * height * frames * 3).fill(255);
  for (let row = 0; row < height * frames; row++) {
    let at = row * width * 3;
    for (const video of videos) {
      const length = video.width * 3;
      pixels.set(video.pixels.subarray(row * length, (row + 1) * length), at);
      at += length + gap * 3;
    }
  }
  return { width, height, frames, pixels };
}

/**
 * A contact sheet that moves: frame t shows frame t of every video, laid out and labelled as {@link imageSheet} does.
 *
 * @throws when there is no video, their numbers of frames differ, or an option is not a whole number in range
 */
export async function animatedSheet(videos: readonly Video[], options: SheetOptions = {}): Promise<Video> {
  requireAlike("animatedSheet", videos);
  const sheets: Raster[] = [];
  for (let t = 0; t < videos[0]!.frames; t++) {
    const sheet = await imageSheet(
      videos.map((video) => frameOf(video, t)),
      options,
    );
    sheets.push(await decodeRgb(sheet));
  }
  return videoOf(sheets);
}

function requireAlike(where: string, videos: readonly Video[]): void {
  if (videos.length === 0) throw new Error(`${where}: needs at least one video, got none`);
  const counts = new Set(videos.map(({ frames }) => frames));
  if (counts.size > 1) {
    throw new Error(`${where}: videos must have equally many frames, got ${[...counts].join(" and ")}`);
  }
}

const framesOf = (video: Video): Raster[] =>
  Array.from({ length: video.frames }, (_, t) => frameOf(video, t));

/** Every pixel as a square of `scale`. */
async function enlarged(video: Video, scale: number): Promise<Video> {
  if (!Number.isInteger(scale) || scale < 1) {
    throw new Error(`a video's scale must be a whole number of at least 1, got ${scale}`);
  }
  if (scale === 1) return video;
  const { width, height, frames } = video;
  const sharp = await loadSharp();
  const tall = sharp(video.pixels, { raw: { width, height: height * frames, channels: 3 } });
  const pixels = await tall
    .resize(width * scale, height * frames * scale, { kernel: "nearest", fit: "fill" })
    .raw()
    .toBuffer();
  return { width: width * scale, height: height * scale, frames, pixels };
}

/** Delays in ms whose sums are nearest to the true times, where each must be a multiple of `unit`. */
function delaysOf(frames: number, frameRate: number, unit: number): number[] {
  const time = (t: number): number => Math.round((t * 1000) / frameRate / unit) * unit;
  return Array.from({ length: frames }, (_, t) => time(t + 1) - time(t));
}
