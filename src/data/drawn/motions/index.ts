/**
 * "Motions": the built-in drawn dataset of videos. Eight things in eight kinds of motion, sixty-four classes
 * such as "cat bounce"; as many videos as one asks for, each a pure function of (seed, index). Here they are SVG text;
 * node/draw.ts makes pixels of it.
 *
 * What varies within a class: the hour, place, direction, speed, start phase, gravity and easing, sometimes a slow pan of
 * the camera, sometimes something in front. A thing looks always the same, stays upright and goes round about once: a
 * video is later written with ten bits per 2 frames of 8 x 8 pixels.
 */
import { requireInput } from "../../../core/errors.ts";
import { foldIn, keyFromSeed, type Seed } from "../../../core/random.ts";
import { chanceOf } from "../chance.ts";
import type { DrawnSet } from "../drawn-set.ts";
import { newSketch } from "../svg.ts";
import { film } from "./film.ts";
import { type MotionName, moves } from "./moves.ts";
import { figures, type ThingName } from "./things.ts";

/** What moves, in class order. */
export const motionThings = Object.keys(figures) as readonly ThingName[];

/** How it moves, in class order. */
export const motionKinds = Object.keys(moves) as readonly MotionName[];

/** "cat drive", "cat bounce", ...: the class of a classId is thing * kinds + kind. */
export const motionClasses: readonly string[] = motionThings.flatMap((thing) =>
  motionKinds.map((motion) => `${thing} ${motion}`),
);

/**
 * The thing and the motion of a class.
 *
 * @throws InputError for a classId that is no class
 */
export function motionOf(classId: number): { thing: ThingName; motion: MotionName } {
  requireInput(
    Number.isInteger(classId) && classId >= 0 && classId < motionClasses.length,
    `motions: classId must be a whole number in 0..${motionClasses.length - 1}, got ${classId}`,
  );
  return {
    thing: motionThings[Math.floor(classId / motionKinds.length)]!,
    motion: motionKinds[classId % motionKinds.length]!,
  };
}

export interface MotionOptions {
  /** Forces the class; by default the class is drawn too, all sixty-four equally likely. */
  readonly classId?: number;
  /** Side in pixels, 8..256. Default 64. */
  readonly resolution?: number;
  /** T, 2..64, two and two alike, evenly over the whole motion. Default 16. */
  readonly frames?: number;
}

/** Video `index` of `seed` as a vector drawing: its frames below one another, the first on top. */
export function motionSvg(
  seed: Seed,
  index: number,
  { classId, resolution = 64, frames = 16 }: MotionOptions = {},
): { svg: string; classId: number } {
  requireInput(
    Number.isInteger(index) && index >= 0 && index < 2 ** 32,
    `motions: index must be a whole number in 0..${2 ** 32 - 1}, got ${index}`,
  );
  checkSize(resolution, frames);
  const key = foldIn(keyFromSeed(seed), index);
  const drawn = classId ?? chanceOf(foldIn(key, 0)).whole(0, motionClasses.length - 1);
  const { thing, motion } = motionOf(drawn);
  const sketch = newSketch();
  const frameAt = film(chanceOf(foldIn(key, 1 + drawn)), sketch, thing, motion);
  const strip = Array.from({ length: frames }, (_, i) => frameAt(momentOf(i, frames)));
  return { svg: sketch.strip(resolution, strip), classId: drawn };
}

/** 2-frame holds, as in most hand-drawn films: every drawing stands for two frames, the last one for the end of the motion. */
function momentOf(frame: number, frames: number): number {
  const drawing = (i: number) => i - (i % 2);
  return drawing(frame) / Math.max(1, drawing(frames - 1));
}

/**
 * The drawings of one seed: unlimited, their classes equally likely.
 *
 * @param options.resolution  side in pixels, 8..256
 * @param options.frames  T, 2..64
 * @throws InputError for a resolution or number of frames out of range
 */
export function motionSet({
  seed,
  resolution = 64,
  frames = 16,
}: {
  seed: Seed;
  resolution?: number;
  frames?: number;
}): DrawnSet & { readonly frames: number } {
  checkSize(resolution, frames);
  return {
    name: `motions(seed ${seed})`,
    classNames: motionClasses,
    resolution,
    frames,
    svg: (index) => motionSvg(seed, index, { resolution, frames }),
  };
}

function checkSize(resolution: number, frames: number): void {
  requireInput(
    Number.isInteger(resolution) && resolution >= 8 && resolution <= 256,
    `motions: resolution must be a whole number in 8..256, got ${resolution}`,
  );
  requireInput(
    Number.isInteger(frames) && frames >= 2 && frames <= 64,
    `motions: frames must be a whole number in 2..64, got ${frames}`,
  );
}
