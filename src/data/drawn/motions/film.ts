/** One video: the scene, the thing that moves in it, its shadow, and what it may pass behind. */
import type { Chance } from "../chance.ts";
import { type Colour, darker, lighter, type Mood, type MoodName, mix, moods, paints } from "../palette.ts";
import { box, circle, ellipse, faint, line, path, placed, type Sketch } from "../svg.ts";
import { type MotionName, type Move, moves, type Pose, type Stage } from "./moves.ts";
import { figurePaints, figures, type ThingName } from "./things.ts";

/** Three hours of the day: few enough that short codes tell them apart in every corner of the image. */
const hours: readonly MoodName[] = ["morning", "dusk", "night"];

/** Side of a thing's box, unless it grows. */
const size = 50;

const ground = 87.5;

/**
 * Places are multiples of a sixteenth of the frame, 4 of 64 pixels, so that a block of pixels shows one of few parts of
 * a thing.
 */
const lattice = 6.25;

const onLattice = (place: number) => Math.round(place / lattice) * lattice;

const darkRope = darker(paints.bark, 0.3);

/** Draws the video of a class; returns what its page shows at time t in [0, 1]. */
export function film(
  chance: Chance,
  sketch: Sketch,
  thing: ThingName,
  motion: MotionName,
): (t: number) => string {
  const mood = moods[chance.pick(hours)];
  const [colour, second] = figurePaints[thing];
  const { elements, foot } = figures[thing](sketch, paints[colour], paints[second]);
  const stage: Stage = { size, foot: (foot * size) / 100, ground };
  const move = moves[motion](chance, stage);

  // The camera follows the thing in part: the hills and what stands in front go by, the motion stays as it is.
  const pan = chance.happens(0.25) ? chance.pick([-1, 1]) * chance.between(14, 24) : 0;
  const hasObstacle = chance.happens(0.15);
  const figure = sketch.symbol(...elements);
  const sky = sketch.symbol(box(0, 0, 100, 100, sketch.fade(mood.skyTop, mood.skyLow)));
  const hills = sketch.symbol(...hillsOf(chance, mood, ground, pan !== 0));
  const land = sketch.symbol(
    box(0, ground - 6, 100, 106 - ground, sketch.fade(mood.groundTop, mood.groundLow)),
    move.centre ? circle(move.centre.x, move.centre.y, 6.5, lighter(mood.glow, 0.2)) : "",
  );
  const rope = contrast(darkRope, mood.skyTop) > 100 ? darkRope : paints.cream;
  const shadow = sketch.glow("#38395c", 0.42);
  const obstacle = hasObstacle ? sketch.symbol(obstacleOf(chance, sketch, mood, stage, move)) : "";

  return (t) => {
    const pose = placedOnLattice(move.at(t), stage);
    const shift = onLattice(pan * (t - 0.5));
    return [
      sky,
      placed({ x: shift, y: 0 }, hills),
      land,
      shadowOf(pose, stage, shadow),
      ropeOf(pose, move, rope),
      figureAt(pose, stage, move.facing, figure),
      obstacle && placed({ x: shift, y: 0 }, obstacle),
    ].join("");
  };
}

/** The pose with its middle and its foot at lattice places, the ground being one. */
function placedOnLattice(pose: Pose, { foot, ground }: Stage): Pose {
  const height = ground - pose.y - foot * (pose.scale ?? 1);
  return { ...pose, x: onLattice(pose.x), y: pose.y + height - onLattice(height) };
}

/** Distance of two colours in RGB, 0..441. */
function contrast(first: Colour, second: Colour): number {
  const channel = (colour: Colour, at: number) => Number.parseInt(colour.slice(at, at + 2), 16);
  return Math.hypot(...[1, 3, 5].map((at) => channel(first, at) - channel(second, at)));
}

/** Two broad hills on the horizon where the camera moves, to show that it does. */
function hillsOf(chance: Chance, mood: Mood, ground: number, isPanned: boolean): string[] {
  if (!isPanned) return [];
  const hill = (x: number) => ellipse(x, ground, chance.between(26, 38), chance.between(16, 28), mood.hills);
  const x = chance.between(5, 35);
  return [hill(x), hill(x + chance.between(50, 65))];
}

/** A post that what moves sideways passes behind, or a bush before the feet of what does not. */
function obstacleOf(chance: Chance, sketch: Sketch, mood: Mood, { ground, size }: Stage, move: Move): string {
  const goesSideways =
    Math.max(...[0, 0.25, 0.5, 0.75, 1].map((t) => Math.abs(move.at(t).x - move.at(0).x))) > 20;
  if (goesSideways) {
    const wide = chance.between(9, 12);
    const paint = sketch.fade(
      mix(mood.hills, paints.bark, 0.55),
      darker(mix(mood.groundLow, paints.bark, 0.55), 0.1),
    );
    return box(
      chance.pick([chance.between(24, 36), chance.between(64, 76)]) - wide / 2,
      -2,
      wide,
      ground + 6,
      paint,
    );
  }
  const x = move.at(0.5).x + chance.pick([-1, 1]) * chance.between(0.3, 0.5) * size;
  return ellipse(x, ground + 2, 21, 11, sketch.shaded(mix(mood.groundLow, paints.moss, 0.65), 0.18));
}

/** Soft on the ground below the thing, fainter the higher it is. */
function shadowOf(
  { x, y, scale = 1, opacity = 1 }: Pose,
  { size, foot, ground }: Stage,
  paint: string,
): string {
  const height = ground - y - foot * scale;
  const strength = opacity * Math.max(0, 1 - height / 50);
  const reach = size * scale * 0.5;
  return strength > 0.02 ? faint(strength, ellipse(x, ground, reach, reach * 0.16, paint)) : "";
}

/** What the thing hangs on. */
const ropeOf = ({ x, y }: Pose, { pivot }: Move, colour: Colour): string =>
  pivot ? line(path`M${pivot.x} ${pivot.y}L${x} ${y}`, colour, 2) : "";

/** The thing in its pose; squashed, it keeps its foot where it is and its area. */
function figureAt(
  { x, y, turn = 1, scale = 1, opacity = 1, squash = 1 }: Pose,
  { size, foot }: Stage,
  facing: number,
  figure: string,
): string {
  const tall = (size / 100) * scale * squash;
  const wide = ((size / 100) * scale * turn) / squash;
  const drawn = placed({ x, y: y + foot * scale * (1 - squash), scale: tall, scaleX: facing * wide }, figure);
  return opacity < 1 ? faint(opacity, drawn) : drawn;
}
