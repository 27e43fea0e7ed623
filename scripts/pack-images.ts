/**
 * Packs images of folders into one file for a tokenizer's training: each made square at a resolution, as WebP.
 *
 *     tsx scripts/pack-images.ts OUT RESOLUTION COUNT MODE FOLDER...
 *
 * MODE "whole": an image a canvas, transparent ones over white or another plain colour; "few": four small ones of 64
 * pixels side by side. Each path is an own random choice of the folders' images. A file OUT holds, per image, four
 * bytes of length (little endian) and that many of WebP.
 */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { foldIn, integerAt, keyFromSeed, permutation, uniformAt } from "../src/core/random.ts";

const [out, side, count, mode, ...folders] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  ...string[],
];
const resolution = Number(side);
const key = foldIn(keyFromSeed(process.env.SEED ?? 0), mode.length);
sharp.concurrency(1);

const all: string[] = [];
for (const folder of folders) {
  const found = await readdir(folder, { recursive: true });
  all.push(...found.filter((name) => /\.(png|webp|jpe?g)$/i.test(name)).map((name) => join(folder, name)));
}
all.sort();
const modulus = Number(process.env.MODULUS ?? 0); // of every so many one is held out
const held = process.env.HELD === "1";
const paths = modulus > 0 ? all.filter((_, i) => (i % modulus === 0) === held) : all;
const order = permutation(foldIn(key, 1), paths.length);

function background(own: readonly [number, number]): { r: number; g: number; b: number; alpha: number } {
  if (uniformAt(own, 0) < 0.5) return { r: 255, g: 255, b: 255, alpha: 1 };
  const part = (i: number): number => integerAt(own, i, 256);
  return { r: part(1), g: part(2), b: part(3), alpha: 1 };
}

async function whole(at: number, own: readonly [number, number]): Promise<Buffer> {
  const path = paths[order[at % paths.length]!]!;
  const image = sharp(path, { limitInputPixels: 6e7 }).ensureAlpha();
  const { width = 0, height = 0 } = await sharp(path).metadata();
  if (Math.min(width, height) < 24) throw new Error("too small");
  const crop = uniformAt(own, 5) < 0.4; // close to, cut by the edges
  const zoom = crop ? 1 + uniformAt(own, 6) : 0.8 + 0.2 * uniformAt(own, 6);
  const inner = Math.min(2 * Math.max(width, height), Math.round(resolution * zoom));
  const made = await image.resize(inner, inner, { fit: "inside" }).png().toBuffer();
  const size = await sharp(made).metadata();
  const canvas = Math.max(resolution, size.width!, size.height!);
  const flat = await sharp({
    create: { width: canvas, height: canvas, channels: 4, background: background(own) },
  })
    .composite([{ input: made, left: (canvas - size.width!) >> 1, top: (canvas - size.height!) >> 1 }])
    .removeAlpha()
    .png()
    .toBuffer();
  const free = canvas - resolution;
  return sharp(flat)
    .extract({
      left: integerAt(own, 7, free + 1),
      top: integerAt(own, 8, free + 1),
      width: resolution,
      height: resolution,
    })
    .webp({ quality: 92 })
    .toBuffer();
}

async function few(at: number, own: readonly [number, number]): Promise<Buffer> {
  const half = resolution / 2;
  const inputs = await Promise.all(
    [0, 1, 2, 3].map(async (i) => {
      const path = paths[order[(at * 4 + i) % paths.length]!]!;
      const input = await sharp(path).ensureAlpha().resize(half, half, { fit: "inside" }).png().toBuffer();
      return { input, left: (i % 2) * half, top: (i >> 1) * half };
    }),
  );
  const canvas = { width: resolution, height: resolution, channels: 4 as const, background: background(own) };
  return sharp({ create: canvas }).composite(inputs).removeAlpha().webp({ quality: 92 }).toBuffer();
}

const parts: Buffer[] = [];
let failed = 0;
for (let at = 0; parts.length < 2 * Number(count) && at < 2 * Number(count); at++) {
  try {
    const made = await (mode === "few" ? few : whole)(at, foldIn(foldIn(key, 2), at));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(made.length);
    parts.push(length, made);
  } catch {
    failed++;
  }
}
await writeFile(out!, Buffer.concat(parts));
console.log(
  `${out}: ${parts.length / 2} images, ${parts.reduce((n, b) => n + b.length, 0)} bytes, ${failed} failed, of ${paths.length}`,
);
