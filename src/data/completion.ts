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
 * The clip with its missing frames filled in: the last given frame repeated, or the two given ones blended linearly.
 * Nothing of a missing frame is read.
 */
export function filledIn(clip: Clip, completion: Completion): Clip {
  const { frames } = clip;
  if (completion.task === "predict") {
    const last = completion.given - 1;
    return clipOf(Array.from({ length: frames }, (_, t) => frameOf(clip, Math.min(t, last))));
  }
  const [first, last] = [frameOf(clip, 0).pixels, frameOf(clip, frames - 1).pixels];
  const blend = (share: number): Uint8Array =>
    first.map((value, i) => Math.round(value + share * (last[i]! - value)));
  const { width, height } = clip;
  return clipOf(
    Array.from({ length: frames }, (_, t) => ({ width, height, pixels: blend(t / (frames - 1)) })),
  );
}

/** [t·h·w], true where a token's block of pixels holds at least one given frame. */
export function knownTokens(
  completion: Completion,
  frames: number,
  grid: readonly [number, number, number],
): boolean[] {
  const [depth, rows, columns] = grid;
  const span = frames / depth;
  const isKnown = Array.from({ length: depth }, (_, t) =>
    Array.from({ length: span }, (_, i) => t * span + i).some((frame) => isGiven(completion, frame, frames)),
  );
  return isKnown.flatMap((known) => new Array<boolean>(rows * columns).fill(known));
}

/** The given frames of `clip` put in the place of what a model made of them. */
export function withGivenFrames(made: Clip, clip: Clip, completion: Completion): Clip {
  return clipOf(
    Array.from({ length: made.frames }, (_, t) =>
      frameOf(isGiven(completion, t, made.frames) ? clip : made, t),
    ),
  );
}
