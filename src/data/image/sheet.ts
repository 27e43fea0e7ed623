/** Images as PNG files: one, a numbered row of files, or a contact sheet with labels. */
import { join } from "node:path";
import { writeFileAtomic } from "../../core/node/atomic-file.ts";
import { frameOf, type Raster } from "../source.ts";
import { encodeImage } from "./encode.ts";
import type { MakingRecord } from "./png-text.ts";
import { loadSharp } from "./sharp.ts";

/** How images are laid out on a sheet. */
export interface SheetOptions {
  /** Images per row; default: about square. */
  readonly columns?: number;
  /** Whole-number enlargement, nearest neighbour. Default 1. */
  readonly scale?: number;
  /** Pixels between images and around the sheet. Default 4. */
  readonly gap?: number;
  /** One text per image, drawn below it; an empty text draws nothing. */
  readonly labels?: readonly string[];
}

const background = "#fbf8f1";
const ink = "#4a4a5a";
const labelHeight = 16;

/**
 * A contact sheet as PNG bytes. Columns are as wide and rows as tall as the largest image. Width is
 * gap + columns * (largest width * scale + gap), height the like, plus 16 pixels per row where there are labels.
 *
 * @throws when there is no image, or an option is not a whole number in range
 */
export async function imageSheet(
  images: readonly Raster[],
  { columns = Math.ceil(Math.sqrt(images.length)), scale = 1, gap = 4, labels }: SheetOptions = {},
): Promise<Uint8Array> {
  if (images.length === 0) throw new Error("imageSheet: needs at least one image, got none");
  requireWhole("imageSheet", "columns", columns, 1);
  requireWhole("imageSheet", "scale", scale, 1);
  requireWhole("imageSheet", "gap", gap, 0);
  const across = Math.min(columns, images.length);
  const rows = Math.ceil(images.length / across);
  const cellWidth = Math.max(...images.map(({ width }) => width)) * scale;
  const cellHeight = Math.max(...images.map(({ height }) => height)) * scale + (labels ? labelHeight : 0);
  const width = gap + across * (cellWidth + gap);
  const height = gap + rows * (cellHeight + gap);
  const place = (i: number) => ({
    left: gap + (i % across) * (cellWidth + gap),
    top: gap + Math.floor(i / across) * (cellHeight + gap),
  });

  const sheet = Buffer.alloc(width * height * 3);
  for (let i = 0; i < sheet.length; i++) sheet[i] = backgroundBytes[i % 3]!;
  for (const [i, image] of images.entries()) paste(sheet, width, image, place(i), scale);
  const sharp = await loadSharp();
  const image = sharp(sheet, { raw: { width, height, channels: 3 } });
  if (!labels) return image.png().toBuffer();

  const texts = images.map((image, i) => {
    const { left, top } = place(i);
    return label(labels[i] ?? "", left + cellWidth / 2, top + image.height * scale + 12, cellWidth);
  });
  const overlay = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${texts.join("")}</svg>`;
  // Without any installed font the text comes out empty: the images and the layout stay the same.
  return image
    .composite([{ input: Buffer.from(overlay) }])
    .png()
    .toBuffer();
}

/** How many images or videos a row of a {@link comparisonSheet} has; a video takes three places. */
const compared = { images: 8, videos: 4 };

/**
 * Two versions of each image as a sheet, PNG bytes: rows of the first, each above the second. Videos show their first,
 * middle and last frame.
 *
 * @param first   whole rows: of images a multiple of 8, of videos of 4
 * @param second  as many, of the same sizes
 */
export function comparisonSheet(first: readonly Raster[], second: readonly Raster[]): Promise<Uint8Array> {
  const across = first[0]?.frames === undefined ? compared.images : compared.videos;
  const rows = Array.from({ length: Math.ceil(first.length / across) }, (_, row) =>
    [first, second].map((all) => all.slice(row * across, (row + 1) * across).flatMap(stills)),
  ).flat();
  return imageSheet(rows.flat(), { columns: rows[0]!.length, scale: 2 });
}

/** An image itself; the first, middle and last frame of a moving one. */
function stills(image: Raster): Raster[] {
  const { frames } = image;
  if (frames === undefined) return [image];
  return [0, Math.floor(frames / 2), frames - 1].map((t) => frameOf({ ...image, frames }, t));
}

/**
 * Writes each image as `<prefix>0000.png`, ... into `folder` (made if absent), each all or nothing.
 *
 * @returns the paths
 * @throws InputError when the system refuses
 */
export async function writeImages(
  folder: string,
  images: readonly Raster[],
  {
    prefix = "",
    scale = 1,
    makings,
  }: {
    prefix?: string;
    scale?: number;
    /** How each was made, written into its file. */
    makings?: readonly MakingRecord[];
  } = {},
): Promise<string[]> {
  const paths: string[] = [];
  const digits = Math.max(4, String(images.length - 1).length);
  for (const [i, image] of images.entries()) {
    const path = join(folder, `${prefix}${String(i).padStart(digits, "0")}.png`);
    await writeFileAtomic(path, await encodeImage(image, { scale, making: makings?.[i] }));
    paths.push(path);
  }
  return paths;
}

const backgroundBytes = [1, 3, 5].map((at) => Number.parseInt(background.slice(at, at + 2), 16));

/** Copies an image into the sheet, each pixel as a square of `scale`. */
function paste(
  sheet: Buffer,
  sheetWidth: number,
  image: Raster,
  { left, top }: { left: number; top: number },
  scale: number,
): void {
  for (let y = 0; y < image.height * scale; y++) {
    const source = Math.floor(y / scale) * image.width;
    const target = (top + y) * sheetWidth + left;
    for (let x = 0; x < image.width * scale; x++) {
      const from = (source + Math.floor(x / scale)) * 3;
      sheet.set(image.pixels.subarray(from, from + 3), (target + x) * 3);
    }
  }
}

/** One centred line of text, shortened to what `width` pixels hold. */
function label(text: string, x: number, y: number, width: number): string {
  const size = 11;
  // Sans-serif letters are at most about 0.6 of their size wide on average.
  const room = Math.max(1, Math.floor(width / (size * 0.6)));
  const letters = [...text];
  const shown = letters.length > room ? `${letters.slice(0, room - 1).join("")}…` : text;
  return (
    `<text x="${x}" y="${y}" font-family="sans-serif" font-size="${size}" fill="${ink}" text-anchor="middle">` +
    `${escapeXml(shown)}</text>`
  );
}

/** Text safe inside an SVG: markup escaped, characters that XML forbids dropped. */
function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "")
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function requireWhole(where: string, what: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new Error(`${where}: ${what} must be a whole number of at least ${least}, got ${value}`);
  }
}
