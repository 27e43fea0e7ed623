/** Clips as files to look at: animated WebP or GIF, MP4, a strip of frames, several clips in one picture. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requireInput } from "../../core/errors.ts";
import { decodeRgb, loadSharp } from "../image/sharp.ts";
import { pictureSheet, type SheetOptions } from "../image/sheet.ts";
import { type Clip, clipOf, frameOf, type Raster } from "../source.ts";
import { fileName, type Job, run } from "./ffmpeg.ts";

/** Frames per second that a format of clips can have: 0.1 up to these. Browsers slow down faster animations. */
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
 * A clip as the bytes of an animated picture that repeats for ever. Frames equal to the one before may be stored as a
 * longer delay (WebP).
 *
 * @throws InputError when the frame rate or quality is out of range
 */
export async function encodeAnimation(
  clip: Clip,
  { format, frameRate, scale = 1, quality }: AnimationOptions,
): Promise<Uint8Array> {
  requireInput(
    frameRate >= 0.1 && frameRate <= fastest[format],
    `the frame rate of an animated picture must be in 0.1..${fastest[format]} frames per second, got ${frameRate}; ` +
      "browsers slow down what is faster",
  );
  requireInput(
    quality === undefined || (Number.isInteger(quality) && quality >= 1 && quality <= 100),
    `the quality of an animated WebP must be a whole number in 1..100, got ${quality}; leave it out for lossless`,
  );
  const { width, height, frames, pixels } = await enlarged(clip, scale);
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
 * A clip as the bytes of an MP4 file that every browser plays: H.264, 4:2:0 colours by BT.709, index in front.
 *
 * @throws InputError when an option is out of range, or ffmpeg is absent, has no H.264 encoder or fails; the signal's
 *   reason
 */
export async function encodeMp4(
  clip: Clip,
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
  const isOdd = (clip.width * scale) % 2 === 1 || (clip.height * scale) % 2 === 1;
  const { width, height, pixels } = await enlarged(clip, isOdd ? 2 * scale : scale);
  const folder = await mkdtemp(join(tmpdir(), "clip-"));
  try {
    const path = join(folder, "clip.mp4"); // a file, since the index is moved to the front at the end
    const args = [
      ...["-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`],
      ...["-framerate", `${frameRate}`, "-i", "pipe:0"],
      ...["-vf", "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int"],
      ...["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"],
      ...["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", `${quality}`, "-movflags", "+faststart"],
      fileName(path),
    ];
    const job = {
      action: "cannot write the clip as MP4",
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
 * The frames of clips side by side, one row a clip, as PNG bytes.
 *
 * @param options.label  text below frame t
 * @throws when there is no clip, or their numbers of frames differ
 */
export async function filmStrip(
  clips: readonly Clip[],
  { scale, gap, label }: { scale?: number; gap?: number; label?: (t: number) => string } = {},
): Promise<Uint8Array> {
  requireAlike("filmStrip", clips);
  const columns = clips[0]!.frames;
  const frames = clips.flatMap(framesOf);
  const labels = label && frames.map((_, i) => label(i % columns));
  return pictureSheet(frames, { columns, scale, gap, labels });
}

/**
 * Clips beside one another as one clip, e.g. given, predicted and true; each as it is, pixels of white between.
 *
 * @param options.gap  pixels between the clips, default 4
 * @throws when there is none, or they differ in height or number of frames
 */
export function sideBySide(clips: readonly Clip[], { gap = 4 }: { gap?: number } = {}): Clip {
  requireAlike("sideBySide", clips);
  const { height, frames } = clips[0]!;
  const odd = clips.find((clip) => clip.height !== height);
  if (odd) throw new Error(`sideBySide: clips must share one height, got ${height} and ${odd.height}`);
  const width = clips.reduce((sum, clip) => sum + clip.width, gap * (clips.length - 1));
  const pixels = new Uint8Array(width * height * frames * 3).fill(255);
  for (let row = 0; row < height * frames; row++) {
    let at = row * width * 3;
    for (const clip of clips) {
      const length = clip.width * 3;
      pixels.set(clip.pixels.subarray(row * length, (row + 1) * length), at);
      at += length + gap * 3;
    }
  }
  return { width, height, frames, pixels };
}

/**
 * A contact sheet that moves: frame t shows frame t of every clip, laid out and labelled as {@link pictureSheet} does.
 *
 * @throws when there is no clip, their numbers of frames differ, or an option is not a whole number in range
 */
export async function animatedSheet(clips: readonly Clip[], options: SheetOptions = {}): Promise<Clip> {
  requireAlike("animatedSheet", clips);
  const sheets: Raster[] = [];
  for (let t = 0; t < clips[0]!.frames; t++) {
    const sheet = await pictureSheet(
      clips.map((clip) => frameOf(clip, t)),
      options,
    );
    sheets.push(await decodeRgb(sheet));
  }
  return clipOf(sheets);
}

function requireAlike(where: string, clips: readonly Clip[]): void {
  if (clips.length === 0) throw new Error(`${where}: needs at least one clip, got none`);
  const counts = new Set(clips.map(({ frames }) => frames));
  if (counts.size > 1) {
    throw new Error(`${where}: clips must have equally many frames, got ${[...counts].join(" and ")}`);
  }
}

const framesOf = (clip: Clip): Raster[] => Array.from({ length: clip.frames }, (_, t) => frameOf(clip, t));

/** Every pixel as a square of `scale`. */
async function enlarged(clip: Clip, scale: number): Promise<Clip> {
  if (!Number.isInteger(scale) || scale < 1) {
    throw new Error(`a clip's scale must be a whole number of at least 1, got ${scale}`);
  }
  if (scale === 1) return clip;
  const { width, height, frames } = clip;
  const sharp = await loadSharp();
  const tall = sharp(clip.pixels, { raw: { width, height: height * frames, channels: 3 } });
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
