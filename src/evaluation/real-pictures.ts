/** Real pictures for training a classifier and for comparing with, kept apart from one another. */
import { requireInput } from "../core/errors.ts";
import { keyFromSeed, permutation } from "../core/random.ts";
import { openSource } from "../data/open-source.ts";
import type { PictureSource } from "../data/source.ts";
import { selected } from "../data/views.ts";

/** Seeds of drawn pictures. Generators train on small seeds (0 unless told); these are far from them. */
export const drawnSeeds = { training: 1000, heldOut: 2000 } as const;

/** The share of a folder's pictures that a classifier trains on; the rest is held out. */
const trainingShare = 0.8;

/**
 * The two parts of a dataset. Drawn pictures come from two seeds; a folder's pictures are put into one random order,
 * always the same, and divided: its held-out part is held out from the classifier, but a generator that trained on
 * the whole folder knows it.
 *
 * @param name    "sprites", "motions", or the path of a folder
 * @param frames  T of moving pictures; left out: what the dataset has by itself
 * @throws InputError for a folder that cannot be read or is too small to divide, and for frames of still pictures
 */
export async function openParts(
  name: string,
  resolution: number,
  frames?: number,
): Promise<{ training: PictureSource; heldOut: PictureSource }> {
  const open = (seed: number) => openSource({ source: name, resolution, frames, seed });
  const whole = await open(drawnSeeds.training);
  requireInput(
    frames === undefined || whole.frames === frames,
    `${name}: has still pictures, so that frames must be left out, got ${frames}`,
  );
  if (whole.length === null) return { training: whole, heldOut: await open(drawnSeeds.heldOut) };
  const order = permutation(keyFromSeed(drawnSeeds.heldOut), whole.length);
  const cut = Math.floor(whole.length * trainingShare);
  requireInput(
    cut >= 1 && cut < whole.length,
    `${name}: needs at least 2 pictures to hold some out, got ${whole.length}`,
  );
  return { training: selected(whole, order.subarray(0, cut)), heldOut: selected(whole, order.subarray(cut)) };
}
