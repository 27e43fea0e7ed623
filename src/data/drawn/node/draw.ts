/** The drawn datasets as pixels (Node): SVG text rasterised by sharp. */
import type { Seed } from "../../../core/random.ts";
import { decodeRgb } from "../../image/sharp.ts";
import type { Image, ImageSource, Video } from "../../source.ts";
import type { Drawing, DrawnSet } from "../drawn-set.ts";
import { type MotionOptions, motionSet, motionSvg } from "../motions/index.ts";
import { type SceneOptions, sceneSet, sceneSvg } from "../scenes/index.ts";
import { type SpriteOptions, spriteSet, spriteSvg } from "../sprites/index.ts";

/** The drawn dataset of one seed: unlimited, its classes equally likely; throws as `spriteSet`. */
export const spritesSource = (options: { seed: Seed; resolution?: number }): ImageSource =>
  drawnSource(spriteSet(options));

/** The drawn scenes of one seed: unlimited, their classes equally likely; throws as `sceneSet`. */
export const scenesSource = (options: { seed: Seed; resolution?: number }): ImageSource =>
  drawnSource(sceneSet(options));

/** The drawn dataset of videos of one seed: unlimited, its classes equally likely; throws as `motionSet`. */
export const motionsSource = (options: {
  seed: Seed;
  resolution?: number;
  frames?: number;
}): ImageSource & { readonly frames: number } => drawnSource(motionSet(options));

/**
 * Sprite `index` of `seed`, drawn.
 *
 * @internal what tests look at
 * @throws InputError for an index, classId or resolution out of range
 * @example const image = await drawSprite(7, 0, { classId: spriteClasses.indexOf("cat") });
 */
export const drawSprite = (seed: Seed, index: number, options: SpriteOptions = {}): Promise<Image> =>
  drawImage(spriteSvg(seed, index, options));

/**
 * Scene `index` of `seed`, drawn.
 *
 * @internal what tests look at
 * @throws InputError for an index, classId or resolution out of range
 * @example const image = await drawScene(7, 0, { classId: sceneClasses.indexOf("castle") });
 */
export const drawScene = (seed: Seed, index: number, options: SceneOptions = {}): Promise<Image> =>
  drawImage(sceneSvg(seed, index, options));

/**
 * Video `index` of `seed`, drawn.
 *
 * @internal what tests look at
 * @throws InputError for an index, classId, resolution or number of frames out of range
 * @example const video = await drawMotion(7, 0, { classId: motionClasses.indexOf("cat bounce") });
 */
export const drawMotion = (seed: Seed, index: number, options: MotionOptions = {}): Promise<Image & Video> =>
  drawVideo(motionSvg(seed, index, options));

/** A drawn dataset as pixels: unlimited; of videos where it has frames. */
function drawnSource<Set extends DrawnSet>({ svg, ...facts }: Set): ImageSource & Omit<Set, "svg"> {
  const draw = facts.frames === undefined ? drawImage : drawVideo;
  return { ...facts, length: null, read: async (index) => draw(svg(index)) };
}

async function drawImage({ svg, classId }: Drawing): Promise<Image> {
  return { ...(await decodeRgb(Buffer.from(svg))), classId };
}

/** The rows of a film strip are the rows of its frames, one after another. */
async function drawVideo({ svg, classId }: Drawing): Promise<Image & Video> {
  const { width, height, pixels } = await decodeRgb(Buffer.from(svg));
  return { width, height: width, frames: height / width, pixels, classId };
}
