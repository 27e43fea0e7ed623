/** A folder of numbered PNG or JPEG images, one per frame. */
import { extname, join } from "node:path";
import { requireInput } from "../../core/errors.ts";
import { list } from "../folder-walk.ts";
import { readImage } from "../image/image-folder.ts";
import { type Footage, placesOf } from "./footage.ts";

export const isFrame = (name: string): boolean => /^\.(png|jpe?g)$/i.test(extname(name));

/** Frame 2 comes before frame 10, whether or not the numbers are padded. */
const inOrder = new Intl.Collator("en", { numeric: true });

export function frameFolder(path: string): Footage {
  const files = async (frameRate: number | undefined): Promise<string[]> => {
    requireInput(
      frameRate === undefined,
      `${path}: a folder of frames has no times to take ${frameRate} frames per second from; give a stride instead`,
    );
    const names = (await list(path)).filter((entry) => !entry.isDirectory).map(({ name }) => name);
    const frames = names.filter(isFrame).sort(inOrder.compare);
    requireInput(frames.length > 0, `${path}: required numbered PNG or JPEG frames, found none`);
    requireEvenNumbers(path, frames);
    return frames;
  };
  const count: Footage["count"] = async ({ frameRate }) => (await files(frameRate)).length;
  return {
    extent: async (timing) => ({ length: await count(timing), rate: null }),
    count,
    async read(cut) {
      const names = await files(cut.frameRate);
      const shown = placesOf(cut).filter((place) => place < names.length);
      return Promise.all(shown.map((place) => readImage(join(path, names[place]!), null, cut)));
    },
  };
}

/** Refuses frames whose numbers do not go up by equal steps: one is missing, or comes twice. */
function requireEvenNumbers(path: string, names: readonly string[]): void {
  const numbers = numbersOf(names);
  const unnumbered = names.find((_, i) => Number.isNaN(numbers[i]));
  requireInput(
    unnumbered === undefined || names.length === 1,
    `${path}: the frames must be numbered, "${unnumbered}" has no number; rename or remove it`,
  );
  const steps = numbers.slice(1).map((number, i) => number - numbers[i]!);
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)];
  const odd = steps.findIndex((step) => step !== usual || step === 0);
  requireInput(
    odd === -1,
    `${path}: the numbers of its frames must go up by equal steps, but "${names[odd + 1]}" follows "${names[odd]}"; ` +
      "put the missing frame there, or remove the one too many",
  );
}

/** The number of each frame: the last in its name, or of several the last that is not the same in all names. */
function numbersOf(names: readonly string[]): number[] {
  const all = names.map((name) => [...name.replace(/\.\w+$/, "").matchAll(/\d+/g)].map(Number));
  const count = all[0]!.length;
  const isAlike = all.every((numbers) => numbers.length === count);
  const varying = all[0]!.map((first, at) => all.some((numbers) => numbers[at] !== first));
  const place = isAlike ? varying.lastIndexOf(true) : -1;
  return all.map((numbers) => numbers.at(place) ?? Number.NaN);
}
