/** Animated GIF and WebP files, decoded by sharp; transparent parts are laid on white. */
import { readFile } from "node:fs/promises";
import type { Metadata, Sharp } from "sharp";
import { InputError } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { loadSharp, squared } from "../image/sharp.ts";
import type { Raster } from "../source.ts";
import { type Cut, type Extent, type Footage, framesIn, placesOf, type Timing } from "./footage.ts";

/** How many pixels of full-size frames are decoded at once, 16 MiB as RGB. */
const strip = 2 ** 24 / 3;

/**
 * @param path   its file
 * @param given  its bytes, where they are at hand; `path` is then only what messages call it
 */
export function animation(path: string, given?: Buffer): Footage {
  const read = async () => given ?? bytesOf(path);
  const extent = async ({ frameRate }: Timing): Promise<Extent> => {
    const { ends } = await describe(await read(), path);
    const seconds = ends.at(-1)! / 1000;
    const length = frameRate === undefined ? ends.length : framesIn(seconds, frameRate);
    return { length, rate: ends.length / seconds };
  };
  return {
    extent,
    count: async (timing) => (await extent(timing)).length,
    async read(cut) {
      const bytes = await read();
      const { width, height, ends } = await describe(bytes, path);
      const pages = pagesOf(ends, cut);
      const most = Math.max(1, Math.floor(strip / (width * height)));
      const frames: Raster[] = [];
      // The decoder walks through all earlier pages each time: neighbours are therefore decoded together.
      while (frames.length < pages.length) {
        const rest = pages.slice(frames.length);
        const first = rest[0]!;
        const near = rest.filter((page) => page < first + most);
        const decoded = await decode(bytes, path, { page: first, pages: near.at(-1)! - first + 1 });
        for (const page of near) frames.push(await squared(decoded(page - first), cut));
      }
      return frames;
    },
  };
}

/** The pages that a cut shows, fewer where the animation ends before. */
function pagesOf(ends: readonly number[], cut: Cut): number[] {
  const { start, frames, frameRate } = cut;
  if (frameRate === undefined) return placesOf(cut).filter((page) => page < ends.length);
  const shown = Math.min(frames, framesIn(ends.at(-1)! / 1000, frameRate) - start);
  return Array.from({ length: Math.max(0, shown) }, (_, i) => {
    // Whole milliseconds, compared by products, meet exactly; at a change of pages the earlier one counts.
    const page = ends.findIndex((end) => end * frameRate >= (start + i + 0.5) * 1000);
    return page < 0 ? ends.length - 1 : page;
  });
}

/** Size, and when each page leaves the screen, in ms. As browsers do, delays up to 10 ms count as 100 ms. */
async function describe(
  bytes: Buffer,
  path: string,
): Promise<{ width: number; height: number; ends: readonly number[] }> {
  const {
    width,
    height,
    pages = 1,
    delay = [],
  } = await refused(path, async () => {
    const sharp = await loadSharp();
    return sharp(bytes).metadata() as Promise<Metadata>;
  });
  let now = 0;
  const ends = Array.from({ length: pages }, (_, page) => {
    const ms = delay[page] ?? 0;
    now += ms > 10 ? ms : 100;
    return now;
  });
  return { width, height, ends };
}

/** Decodes a run of pages; the result gives each by its number within the run. */
async function decode(
  bytes: Buffer,
  path: string,
  pages: { page: number; pages: number },
): Promise<(page: number) => Raster> {
  const { data, info } = await refused(path, async () => {
    const sharp = await loadSharp();
    const image: Sharp = sharp(bytes, { ...pages, failOn: "truncated" });
    return image
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .raw()
      .toBuffer({ resolveWithObject: true });
  });
  const height = info.height / pages.pages;
  const size = info.width * height * 3;
  return (page) => ({
    width: info.width,
    height,
    pixels: data.subarray(page * size, (page + 1) * size),
  });
}

async function bytesOf(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    throw fileError("cannot read video", path, error);
  });
}

async function refused<T>(path: string, read: () => Promise<T>): Promise<T> {
  return read().catch((error: Error) => {
    const reason = error.message.split("\n")[0];
    throw new InputError(`cannot read video ${path}: ${reason}; replace or remove the file`, {
      cause: error,
    });
  });
}
