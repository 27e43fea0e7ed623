/** The part of a video file that a completion is made of: frames that are given, and those to compare with. */
import { InputError } from "../../core/errors.ts";
import type { Completion } from "../completion.ts";
import { sizeOfImage } from "../image/image-folder.ts";
import { type Video, videoOf } from "../source.ts";
import { animation } from "./animation.ts";
import { readVideo, videoExtent } from "./read-video.ts";

/** Which frames of a video to take, and how they are fitted to a model. */
export interface GivenVideoOptions {
  /** T of the model's videos. */
  readonly frames: number;
  /** Side of the model's videos, in pixels. */
  readonly resolution: number;
  /** The first frame that counts, default 0. */
  readonly start?: number;
  /** Take every n-th frame; default 1, of what is to be filled in as many as reach the video's end. */
  readonly stride?: number;
  /** Resample to so many frames per second. */
  readonly frameRate?: number;
  readonly signal?: AbortSignal;
  /** Told when frames to compare with are not there or cannot be read. */
  readonly onWarning?: (text: string) => void;
}

/** Which frames of a file were taken, for the record. */
export interface TakenFrames {
  readonly start: number;
  readonly stride: number;
  readonly frameRate?: number;
  readonly frames: number;
  /** Frames per second at which what is made of them moves as fast as the video, where that is known. */
  readonly rate?: number;
}

/**
 * Reads the part of a video that a completion takes: as many frames as the model's videos have, or all of a shorter one,
 * but at least those that must be given. By default what is to be filled in reaches to the video's last frame.
 *
 * @throws InputError when fewer frames are there than must be given, saying what to change, and for a file that is no video
 */
export async function readGivenVideo(
  path: string,
  completion: Completion,
  options: GivenVideoOptions,
): Promise<{ readonly video: Video; readonly taken: TakenFrames }> {
  const { frames: most, resolution, start = 0, stride: asked, frameRate, signal, onWarning } = options;
  const isPrediction = completion.task === "predict";
  const { length, rate: own } = await videoExtent(path, { stride: asked, frameRate, signal });
  const reach = !isPrediction && frameRate === undefined ? (length - 1 - start) / (most - 1) : 1;
  const stride = asked ?? Math.max(1, reach);
  const there = Math.max(0, Math.floor((length - 1 - start) / stride + 1e-9) + 1);
  const least = isPrediction ? completion.given : 2;
  if (there < least) {
    const remedies = [
      isPrediction && there >= 1 && `--given ${Math.min(there, most - 1)}`,
      stride > 1 && "a smaller --stride",
      "a longer video",
      start > 0 && "a smaller --start",
    ].filter((remedy) => remedy !== false);
    throw new InputError(
      `${path}: ${least} frames must be given, but ${there === 1 ? "1 is" : `${there} are`} there ` +
        `from frame ${start} of ${length} on${stride > 1 ? ` at stride ${stride}` : ""}; use ${remedies.join(" or ")}`,
    );
  }
  const wanted = Math.max(least, Math.min(there, most));
  const takenRate = frameRate ?? (own === null ? undefined : own / stride);
  // What is filled in has all frames of a video between two ends, however many were there.
  const rate = takenRate && (isPrediction ? takenRate : (takenRate * (most - 1)) / (wanted - 1));
  const read = async (frames: number, every: number) => ({
    video: await readVideo(path, {
      frames,
      resolution,
      start,
      signal,
      ...(frameRate === undefined ? { stride: every } : { frameRate }),
    }),
    taken: {
      start,
      stride: every,
      frames,
      ...(frameRate !== undefined && { frameRate }),
      ...(rate !== undefined && { rate }),
    },
  });
  if (wanted < most) {
    onWarning?.(
      `${path}: ${wanted} frames from frame ${start} on, of ${most} in a video; what really came is left out`,
    );
  }
  try {
    return await read(wanted, stride);
  } catch (error) {
    // Frames that are not given are for comparison alone; but at a frame rate the ends cannot be read by themselves.
    const canSkip = isPrediction || frameRate === undefined;
    if (wanted === least || !canSkip || !(error instanceof InputError)) throw error;
    const given = await (isPrediction ? read(least, stride) : read(2, (wanted - 1) * stride));
    onWarning?.(`warning: ${error.message}; the given frames are whole, what really came is left out`);
    return given;
  }
}

/**
 * The given frames of an animated GIF or WebP, from its bytes: the first ones, or of what is to be filled in the first and
 * the last one.
 *
 * @param name        what messages call it
 * @param mostPixels  of one frame
 * @throws InputError when it holds fewer frames than must be given, is no such file, or too large
 */
export async function givenFrames(
  bytes: Uint8Array,
  name: string,
  completion: Completion,
  { resolution, mostPixels }: { readonly resolution: number; readonly mostPixels: number },
): Promise<Video> {
  const { width, height } = await sizeOfImage(bytes, name);
  if (width * height > mostPixels) {
    throw new InputError(`${name}: frames must have at most ${mostPixels} pixels, got ${width} x ${height}`);
  }
  const footage = animation(name, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const { length } = await footage.extent({});
  const isPrediction = completion.task === "predict";
  const least = isPrediction ? completion.given : 2;
  if (length < least) {
    throw new InputError(`${name}: must hold at least the ${least} frames that are given, got ${length}`);
  }
  const stride = isPrediction ? 1 : length - 1;
  return videoOf(await footage.read({ start: 0, frames: least, stride, resolution, resampler: "lanczos3" }));
}
