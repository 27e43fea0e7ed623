/**
 * "Scenes": the built-in drawn dataset for larger pictures. Twenty-four classes, each a thing among others: behind it,
 * in front of it, mirrored, lit by the same light, in patterns and rows that must agree all over the picture. As many as
 * one asks for, each a pure function of (seed, index). The plainer `sprites` are for 64 x 64.
 */
import { requireInput } from "../../core/errors.ts";
import { foldIn, keyFromSeed, type Seed } from "../../core/random.ts";
import { decodeRgb } from "../sharp.ts";
import type { Picture, PictureSource } from "../source.ts";
import { type Chance, chanceOf } from "../sprites/chance.ts";
import type { MoodName } from "../sprites/palette.ts";
import { newSketch, placed } from "../sprites/svg.ts";
import { butterfly, cat, owl } from "./animals.ts";
import { castle, house, lighthouse, windmill } from "./buildings.ts";
import { balloon, rocket } from "./flight.ts";
import { ferrisWheel, tent } from "./outings.ts";
import { mushroom, parasol, snowman, umbrella } from "./outside.ts";
import { newStage, type Stage } from "./stage.ts";
import { bathDuck, duck, fish, fishBowl, penguin } from "./swimmers.ts";
import { cactus, cake, desertCactus, flowers, teapot } from "./table.ts";
import { car, sailboat, train } from "./travel.ts";

/** One way to see a class. */
interface View {
  readonly draw: (stage: Stage) => string[];
  /** When it may be seen; left out: at all hours. */
  readonly hours?: readonly MoodName[];
  /** Whether the hour tints nothing but what windows show: in rooms, under water, in space. */
  readonly indoors?: boolean;
}

const dark: readonly MoodName[] = ["night", "evening"];
const light: readonly MoodName[] = ["morning", "noon", "dusk", "autumn", "blossom"];

/** The views of every class, equally likely. */
const drawings: Readonly<Record<string, readonly View[]>> = {
  castle: [{ draw: castle }],
  house: [{ draw: house }],
  windmill: [{ draw: windmill, hours: [...light, "evening"] }],
  lighthouse: [{ draw: lighthouse }],
  tent: [{ draw: tent }],
  "ferris wheel": [{ draw: ferrisWheel }],
  sailboat: [{ draw: sailboat }],
  train: [{ draw: train }],
  car: [{ draw: car }],
  balloon: [{ draw: balloon, hours: [...light, "evening"] }],
  rocket: [{ draw: rocket, indoors: true }],
  cat: [{ draw: cat, indoors: true }],
  owl: [{ draw: owl, hours: [...dark, "night"] }],
  duck: [
    { draw: duck, hours: [...light, "evening"] },
    { draw: duck, hours: [...light, "evening"] },
    { draw: bathDuck, indoors: true },
  ],
  penguin: [{ draw: penguin, hours: ["winter", "morning", "dusk", "evening", "night"] }],
  fish: [
    { draw: fish, indoors: true },
    { draw: fish, indoors: true },
    { draw: fishBowl, indoors: true },
  ],
  butterfly: [{ draw: butterfly, hours: light }],
  snowman: [{ draw: snowman, hours: ["winter", "winter", "morning", "dusk", "evening", "night"] }],
  umbrella: [
    { draw: umbrella, hours: ["morning", "noon", "dusk", "evening", "autumn", "winter"] },
    { draw: umbrella, hours: ["morning", "noon", "dusk", "evening", "autumn", "winter"] },
    { draw: parasol, hours: light },
  ],
  mushroom: [{ draw: mushroom, hours: [...light, "evening"] }],
  cactus: [{ draw: cactus, indoors: true }, { draw: desertCactus }],
  flowers: [{ draw: flowers, indoors: true }],
  teapot: [{ draw: teapot, indoors: true }],
  cake: [{ draw: cake, indoors: true }],
};

/** The twenty-four classes in label order. */
export const sceneClasses: readonly string[] = Object.keys(drawings);

export interface SceneOptions {
  /** Forces the class; by default the class is drawn too, all twenty-four equally likely. */
  readonly label?: number;
  /** Side in pixels, 8..1024. Default 128. */
  readonly resolution?: number;
}

/**
 * Scene `index` of `seed` as a vector drawing, e.g. to print large.
 *
 * @param index 0..2^32 - 1
 * @throws InputError for an index, label or resolution out of range
 */
export function sceneSvg(
  seed: Seed,
  index: number,
  { label, resolution = 128 }: SceneOptions = {},
): { svg: string; label: number } {
  requireInput(
    Number.isInteger(index) && index >= 0 && index < 2 ** 32,
    `scenes: index must be a whole number in 0..${2 ** 32 - 1}, got ${index}`,
  );
  checkResolution(resolution);
  const key = foldIn(keyFromSeed(seed), index);
  const drawn = label ?? chanceOf(foldIn(key, 0)).whole(0, sceneClasses.length - 1);
  const views = drawings[sceneClasses[drawn] ?? ""];
  requireInput(views, `scenes: label must be a whole number in 0..${sceneClasses.length - 1}, got ${label}`);
  const sketch = newSketch();
  const chance: Chance = chanceOf(foldIn(key, 1 + drawn));
  const view = chance.pick(views);
  const elements = view.draw(newStage(chance, sketch, view));
  return { svg: sketch.page(resolution, framed(chance, elements)), label: drawn };
}

/** Seen from a little nearer or farther, the eye on the thing. */
function framed(chance: Chance, elements: readonly string[]): string {
  const scale = chance.between(1, 1.07);
  const shift = (from: number, to: number) => (1 - scale) * chance.between(from, to);
  return placed({ x: shift(30, 70), y: shift(30, 80), scale }, ...elements);
}

/**
 * Scene `index` of `seed`, drawn.
 *
 * @throws InputError for an index, label or resolution out of range
 * @example const picture = await drawScene(7, 0, { label: sceneClasses.indexOf("castle") });
 */
export async function drawScene(seed: Seed, index: number, options: SceneOptions = {}): Promise<Picture> {
  const { svg, label } = sceneSvg(seed, index, options);
  return { ...(await decodeRgb(Buffer.from(svg))), label };
}

/**
 * The drawn scenes of one seed: unlimited, the classes equally likely.
 *
 * @param resolution side in pixels, 8..1024
 * @throws InputError for a resolution out of range
 */
export function scenesSource({ seed, resolution = 128 }: { seed: Seed; resolution?: number }): PictureSource {
  checkResolution(resolution);
  return {
    name: `scenes(seed ${seed})`,
    classNames: sceneClasses,
    resolution,
    length: null,
    read: (index) => drawScene(seed, index, { resolution }),
  };
}

function checkResolution(resolution: number): void {
  requireInput(
    Number.isInteger(resolution) && resolution >= 8 && resolution <= 1024,
    `scenes: resolution must be a whole number in 8..1024, got ${resolution}`,
  );
}
