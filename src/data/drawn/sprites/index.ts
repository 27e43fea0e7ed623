/**
 * "Sprites": the built-in drawn dataset. Twelve classes of storybook images, as many as one asks for, each a pure
 * function of (seed, index): no download, no licence question, and every test machine draws the same images.
 */

import { requireInput } from "../../../core/errors.ts";
import { foldIn, keyFromSeed, type Seed } from "../../../core/random.ts";
import { decodeRgb } from "../../image/sharp.ts";
import type { Image, ImageSource } from "../../source.ts";
import { type Chance, chanceOf } from "./chance.ts";
import { butterfly, cat, face, fish } from "./creatures.ts";
import { flower, house, mushroom, tree } from "./garden.ts";
import { newSketch, type Sketch } from "./svg.ts";
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
 * Sprite `index` of `seed`, drawn.
 *
 * @throws InputError for an index, classId or resolution out of range
 * @example const image = await drawSprite(7, 0, { classId: spriteClasses.indexOf("cat") });
 */
export async function drawSprite(seed: Seed, index: number, options: SpriteOptions = {}): Promise<Image> {
  const { svg, classId } = spriteSvg(seed, index, options);
  return { ...(await decodeRgb(Buffer.from(svg))), classId };
}

/** The drawn dataset of one seed: unlimited, its classes equally likely. */
export function spritesSource({ seed, resolution = 64 }: { seed: Seed; resolution?: number }): ImageSource {
  checkResolution(resolution);
  return {
    name: `sprites(seed ${seed})`,
    classNames: spriteClasses,
    resolution,
    length: null,
    read: (index) => drawSprite(seed, index, { resolution }),
  };
}

function checkResolution(resolution: number): void {
  requireInput(
    Number.isInteger(resolution) && resolution >= 8 && resolution <= 1024,
    `sprites: resolution must be a whole number in 8..1024, got ${resolution}`,
  );
}
