/**
 * Videos of which only some frames are given, as a model that completes them sees them (COMMIT: Yu et al. 2023, MAGVIT,
 * section 3.2). The missing frames are filled in plainly so that the tokenizer can read the video; of its tokens, those
 * whose block of pixels holds at least one given frame tell something, the others nothing.
 *
 * T frames of a video, [t, h, w] its token grid.
 */
import { frameOf, type Video, videoOf } from "./source.ts";

/** Which frames of a video are given: the first `given` ones, or only the first and the last. */
export type Completion =
  | { readonly task: "predict"; readonly given: number }
  | { readonly task: "interpolate" };

/** Whether frame `t` of `frames` is given. */
export function isGiven(completion: Completion, t: number, frames: number): boolean {
  return completion.task === "predict" ? t < completion.given : t === 0 || t === frames - 1;
}

/**
 * A video of `frames` frames with the missing ones filled in: the last given frame repeated, or the video's two ends
 * blended linearly. Nothing of a missing frame is read, so that a video of the given ones alone will do.
 */
export function filledIn(video: Video, completion: Completion, frames = video.frames): Video {
  if (completion.task === "predict") {
    const last = completion.given - 1;
    return videoOf(Array.from({ length: frames }, (_, t) => frameOf(video, Math.min(t, last))));
  }
  const [first, last] = [frameOf(video, 0).pixels, frameOf(video, video.frames - 1).pixels];
  const blend = (share: number): Uint8Array =>
    first.map((value, i) => Math.round(value + share * (last[i]! - value)));
  const { width, height } = video;
  return videoOf(
    Array.from({ length: frames }, (_, t) => ({ width, height, pixels: blend(t / (frames - 1)) })),
  );
}

/** [t·h·w], true where a token's block of pixels holds at least one given frame. */
export function knownTokens(completion: Completion, frames: number, grid: readonly number[]): boolean[] {
  const [depth, rows, columns] = grid as [number, number, number];
  const span = frames / depth;
  const isKnown = Array.from({ length: depth }, (_, t) =>
    Array.from({ length: span }, (_, i) => t * span + i).some((frame) => isGiven(completion, frame, frames)),
  );
  return isKnown.flatMap((known) => new Array<boolean>(rows * columns).fill(known));
}

/**
 * What is known of videos before they are completed: the tokens of the filled-in videos where a given frame has a part
 * in them, the mask id elsewhere.
 *
 * @param ids  [B, t·h·w] of the filled-in videos; changed in place
 */
export function onlyKnown<T extends Uint16Array | Int32Array>(
  ids: T,
  completions: readonly Completion[],
  { frames, grid, maskId }: { frames: number; grid: readonly number[]; maskId: number },
): T {
  const size = ids.length / completions.length;
  for (const [b, completion] of completions.entries()) {
    for (const [n, isKnown] of knownTokens(completion, frames, grid).entries()) {
      if (!isKnown) ids[b * size + n] = maskId;
    }
  }
  return ids;
}

/** The given frames of `video` (of its ends, where they are what was given) in the place of what a model made of them. */
export function withGivenFrames(made: Video, video: Video, completion: Completion): Video {
  return videoOf(
    Array.from({ length: made.frames }, (_, t) => {
      if (!isGiven(completion, t, made.frames)) return frameOf(made, t);
      return frameOf(video, completion.task === "interpolate" && t > 0 ? video.frames - 1 : t);
    }),
  );
}
