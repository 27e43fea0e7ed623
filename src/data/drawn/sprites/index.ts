/**
 * "Sprites": the built-in drawn dataset. Twelve classes of storybook images, as many as one asks for, each a pure
 * function of (seed, index): no download, no licence question, and every test machine draws the same images. Here they
 * are SVG text; node/draw.ts makes pixels of it.
 */
import { requireInput } from "../../../core/errors.ts";
import { foldIn, keyFromSeed, type Seed } from "../../../core/random.ts";
import { type Chance, chanceOf } from "../chance.ts";
import type { DrawnSet } from "../drawn-set.ts";
import { newSketch, type Sketch } from "../svg.ts";
import { butterfly, cat, face, fish } from "./creatures.ts";
import { flower, house, mushroom, tree } from "./garden.ts";
import { balloon, boat, car, rocket } from "./vehicles.ts";

const drawings: Readonly<Record<string, (chance: Chance, sketch: Sketch) => string[]>> = {
  house,
  tree,
  flower,
  mushroom,
  car,
  boat,
  rocket,
  balloon,
  cat,
  fish,
  butterfly,
  face,
};

/** The twelve classes in class order. */
export const spriteClasses: readonly string[] = Object.keys(drawings);

export interface SpriteOptions {
  /** Forces the class; by default the class is drawn too, all twelve equally likely. */
  readonly classId?: number;
  /** Side in pixels, 8..1024. Default 64. */
  readonly resolution?: number;
}

/** Sprite `index` of `seed` as a vector drawing, e.g. to print large. */
export function spriteSvg(
  seed: Seed,
  index: number,
  { classId, resolution = 64 }: SpriteOptions = {},
): { svg: string; classId: number } {
  requireInput(
    Number.isInteger(index) && index >= 0 && index < 2 ** 32,
    `sprites: index must be a whole number in 0..${2 ** 32 - 1}, got ${index}`,
  );
  checkResolution(resolution);
  const key = foldIn(keyFromSeed(seed), index);
  const drawn = classId ?? chanceOf(foldIn(key, 0)).whole(0, spriteClasses.length - 1);
  const draw = drawings[spriteClasses[drawn] ?? ""];
  requireInput(
    draw,
    `sprites: classId must be a whole number in 0..${spriteClasses.length - 1}, got ${classId}`,
  );
  const sketch = newSketch();
  const elements = draw(chanceOf(foldIn(key, 1 + drawn)), sketch);
  return { svg: sketch.page(resolution, ...elements), classId: drawn };
}

/**
 * The drawings of one seed: unlimited, their classes equally likely.
 *
 * @param options.resolution  side in pixels, 8..1024
 * @throws InputError for a resolution out of range
 */
export function spriteSet({ seed, resolution = 64 }: { seed: Seed; resolution?: number }): DrawnSet {
  checkResolution(resolution);
  return {
    name: `sprites(seed ${seed})`,
    classNames: spriteClasses,
    resolution,
    svg: (index) => spriteSvg(seed, index, { resolution }),
  };
}

function checkResolution(resolution: number): void {
  requireInput(
    Number.isInteger(resolution) && resolution >= 8 && resolution <= 1024,
    `sprites: resolution must be a whole number in 8..1024, got ${resolution}`,
  );
}
