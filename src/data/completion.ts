/**
 * Clips of which only some frames are given, as a model that completes them sees them (COMMIT: Yu et al. 2023, MAGVIT,
 * section 3.2). The missing frames are filled in plainly so that the tokenizer can read the clip; of its tokens, those
 * whose block of pixels holds at least one given frame tell something, the others nothing.
 *
 * T frames of a clip, [t, h, w] its token grid.
 */
import { type Clip, clipOf, frameOf } from "./source.ts";

/** Which frames of a clip are given: the first `given` ones, or only the first and the last. */
export type Completion =
  | { readonly task: "predict"; readonly given: number }
  | { readonly task: "interpolate" };

/** Whether frame `t` of `frames` is given. */
export function isGiven(completion: Completion, t: number, frames: number): boolean {
  return completion.task === "predict" ? t < completion.given : t === 0 || t === frames - 1;
}

/**
 * A clip of `frames` frames with the missing ones filled in: the last given frame repeated, or the clip's two ends
 * blended linearly. Nothing of a missing frame is read, so that a clip of the given ones alone will do.
 */
export function filledIn(clip: Clip, completion: Completion, frames = clip.frames): Clip {
  if (completion.task === "predict") {
    const last = completion.given - 1;
    return clipOf(Array.from({ length: frames }, (_, t) => frameOf(clip, Math.min(t, last))));
  }
  const [first, last] = [frameOf(clip, 0).pixels, frameOf(clip, clip.frames - 1).pixels];
  const blend = (share: number): Uint8Array =>
    first.map((value, i) => Math.round(value + share * (last[i]! - value)));
  const { width, height } = clip;
  return clipOf(
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
 * What is known of clips before they are completed: the tokens of the filled-in clips where a given frame has a part
 * in them, the mask id elsewhere.
 *
 * @param ids  [B, t·h·w] of the filled-in clips; changed in place
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

/** The given frames of `clip` (of its ends, where they are what was given) in the place of what a model made of them. */
export function withGivenFrames(made: Clip, clip: Clip, completion: Completion): Clip {
  return clipOf(
    Array.from({ length: made.frames }, (_, t) => {
      if (!isGiven(completion, t, made.frames)) return frameOf(made, t);
      return frameOf(clip, completion.task === "interpolate" && t > 0 ? clip.frames - 1 : t);
    }),
  );
}
