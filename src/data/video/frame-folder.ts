/** A folder of numbered PNG or JPEG pictures, one per frame. */
import { extname, join } from "node:path";
import { requireInput } from "../../core/errors.ts";
import { list, readPicture } from "../folder.ts";
import type { Footage } from "./footage.ts";

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
    return frames;
  };
  const count: Footage["count"] = async ({ frameRate }) => (await files(frameRate)).length;
  return {
    length: count,
    count,
    async read({ start, frames, stride = 1, frameRate, resolution, resampler }) {
      const names = (await files(frameRate)).filter((_, i) => i >= start && (i - start) % stride === 0);
      return Promise.all(
        names.slice(0, frames).map((name) => readPicture(join(path, name), 0, { resolution, resampler })),
      );
    },
  };
}
