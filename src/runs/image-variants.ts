/** The variants that every image is tokenised in: how many, how far from the image as it is, and what they look like. */
import { writeFileAtomic } from "../core/node/atomic-file.ts";
import { foldIn, keyFromSeed } from "../core/random.ts";
import { toldByColour } from "../data/image/augment.ts";
import { imageSheet } from "../data/image/sheet.ts";
import { frameOf, fromPlanes, mirror, toPlanes, type Video } from "../data/source.ts";
import type { TrainConfig } from "../training/config.ts";
import { type Variants, variantOf } from "./token-files.ts";
import type { Images } from "./training-images.ts";

/** How far colours turn where that is left open, in degrees: brown stays brown, and red does not become green. */
const automaticHue = 15;

/** How many variants there are where that is left open, of each image and of all together. */
const automaticVariants = { each: 8, all: 8000 };

/** So many images tell whether colours tell the classes apart. */
const huesRead = 500;

/** How every image is there in the tokens: what the configuration says, and what it leaves open the images say. */
export async function variantsOf(
  { seed, data: { augment, randomFlip } }: Pick<TrainConfig, "seed" | "data">,
  { source, count }: Pick<Images, "source" | "count">,
  say: (message: string) => void = () => {},
): Promise<Variants> {
  const common = { randomFlip, key: foldIn(keyFromSeed(seed), 5) };
  const { each, all } = automaticVariants;
  const enough = Math.max(1, Math.min(each, Math.floor(all / count)));
  const variants = augment?.variants === "auto" ? enough : (augment?.variants ?? 1);
  if (!augment || variants === 1) return { count: 1, augmentation: { shift: 0, hue: 0 }, ...common };
  const { shift, hue } = augment;
  if (hue !== "auto") return { count: variants, augmentation: { shift, hue }, ...common };
  if (source.classNames.length < 2) {
    say(`hues: turned by up to ${automaticHue} degrees`);
    return { count: variants, augmentation: { shift, hue: automaticHue }, ...common };
  }
  const images = await Promise.all(
    Array.from({ length: Math.min(count, huesRead) }, (_, i) => source.read(i)),
  );
  const { share, chance, isTold } = toldByColour(images, source.classNames.length);
  const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
  say(
    `hues: alone they tell the class of ${percent(share)} of the images (chance: ${percent(chance)}), so they are ` +
      (isTold ? "left as they are" : `turned by up to ${automaticHue} degrees`),
  );
  return { count: variants, augmentation: { shift, hue: isTold ? 0 : automaticHue }, ...common };
}

/** Draws a few images in their variants, a row each, every other one mirrored where that is done; returns the path. */
export async function drawVariants(
  path: string,
  { source, count }: Pick<Images, "source" | "count">,
  variants: Variants,
): Promise<string> {
  const columns = Math.min(8, variants.count);
  const rows = Array.from({ length: Math.min(6, count) }, (_, row) => row);
  const originals = await Promise.all(rows.map((row) => source.read(row)));
  const shown = originals.flatMap((original, row) =>
    Array.from({ length: columns }, (_, v) => {
      const planes = toPlanes([variantOf(original, row, v, variants)]);
      if (variants.randomFlip && v % 2 === 1) mirror(planes);
      const made = fromPlanes(planes, 0);
      return made.frames === undefined ? made : frameOf(made as Video, 0);
    }),
  );
  await writeFileAtomic(path, await imageSheet(shown, { columns }));
  return path;
}
