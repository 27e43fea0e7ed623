/** Real images for training a classifier and for comparing with, kept apart from one another. */
import { AbsentError, requireInput } from "../core/errors.ts";
import { keyFromSeed, permutation } from "../core/random.ts";
import type { Split } from "../data/choices.ts";
import type { WalkOptions } from "../data/folder-walk.ts";
import { isIdxFolder } from "../data/image/idx.ts";
import { openSource, type SourceChoice } from "../data/open-source.ts";
import type { ImageSource } from "../data/source.ts";
import { layoutOf } from "../data/video/video-folder.ts";
import { selected } from "../data/views.ts";

/** Seeds of drawn images. Generators train on small seeds (default 0); these are far from them. */
export const drawnSeeds = { training: 1000, heldOut: 2000 } as const;

/** The share of a folder's images that a classifier trains on; the rest is held out. */
const trainingShare = 0.8;

/** How the images of a dataset are taken; a stride, a frame rate and a fold are of folders of videos. */
export type SplitOptions = Omit<SourceChoice, "source" | "seed" | "split" | "videosPerFile">;

/**
 * The two parts of a dataset. Drawn images come from two seeds. Datasets with published splits are divided by these: the
 * classifier learns from "train", held out are "test" (UCF-101, IDX files) or "validation" (Kinetics). Any other folder, and one that
 * lacks that split, is put into one random order, always the same, and divided: its held-out part is held out from the
 * classifier, but a generator that trained on the whole folder knows it.
 *
 * @param name            "sprites", "scenes", "motions", or the path of a folder
 * @returns the parts, with warnings of the listing that are ready to print
 * @param options.frames  T of videos; left out: what the dataset has by itself
 * @throws InputError for a folder that cannot be read or is too small to divide, and for frames of images; the signal's reason
 */
export async function splitData(
  name: string,
  options: SplitOptions,
  { signal }: WalkOptions = {},
): Promise<{ training: ImageSource; heldOut: ImageSource; warnings: readonly string[] }> {
  const { frames } = options;
  const open = (seed: number, split?: Split) =>
    openSource({ ...options, source: name, seed, ...(split && { split }) }, { signal });
  const orderOf = ({ length }: ImageSource) => permutation(keyFromSeed(drawnSeeds.heldOut), length!);
  const shuffled = (source: ImageSource) => selected(source, orderOf(source));
  const whole = await open(drawnSeeds.training);
  requireInput(
    frames === undefined || whole.frames === frames,
    `${name}: has images, so that frames must be left out, got ${frames}`,
  );
  const { warnings } = whole;
  if (whole.length === null) return { training: whole, heldOut: await open(drawnSeeds.heldOut), warnings };
  const split = await heldOutSplit(name, frames);
  const published = split && (await open(drawnSeeds.heldOut, split).catch(absent));
  if (published) return { training: shuffled(whole), heldOut: shuffled(published), warnings };
  const cut = Math.floor(whole.length * trainingShare);
  requireInput(
    cut >= 1 && cut < whole.length,
    `${name}: needs at least 2 images to hold some out, got ${whole.length}`,
  );
  const order = orderOf(whole);
  return {
    training: selected(whole, order.subarray(0, cut)),
    heldOut: selected(whole, order.subarray(cut)),
    warnings,
  };
}

/** The published split of a dataset that nobody trains on; null where it has none. */
async function heldOutSplit(folder: string, frames: number | undefined): Promise<Split | null> {
  if (frames === undefined) return (await isIdxFolder(folder)) ? "test" : null;
  const layout = await layoutOf(folder);
  return layout === "ucf101" ? "test" : layout === "kinetics" ? "validation" : null;
}

/** Null for data that are not there; a list that is damaged is an error. */
function absent(error: unknown): null {
  if (error instanceof AbsentError) return null;
  throw error;
}
