/** Tiny films with known pixels, and the means to write them as videos. */
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, vi } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { frameOf, type Video } from "../../../src/data/source.ts";

/** Whether the tests that need the program run here; the others are reported as skipped. */
export const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;

/** Noise that never repeats: each frame differs from all others in almost every byte. */
export function noise(width: number, height: number, frames: number): Video {
  const pixels = Uint8Array.from({ length: width * height * frames * 3 }, (_, i) => (i * 2654435761) >>> 24);
  for (let i = 1; i < pixels.length; i++) pixels[i] = (pixels[i]! + 31 * pixels[i - 1]! + 7) % 256;
  return { width, height, frames, pixels };
}

/** One colour per frame: frame t is [10 t, 255 - 10 t, 128]. */
export function plain(width: number, height: number, frames: number): Video {
  const size = width * height * 3;
  const pixels = Uint8Array.from({ length: size * frames }, (_, i) => {
    const t = Math.floor(i / size);
    return [10 * t, 255 - 10 * t, 128][i % 3]!;
  });
  return { width, height, frames, pixels };
}

/** Slow waves of colour, which lossy formats keep well. */
export function waves(width: number, height: number, frames: number): Video {
  const pixels = Uint8Array.from({ length: width * height * frames * 3 }, (_, i) => {
    const at = Math.floor(i / 3);
    const [x, y, t] = [at % width, Math.floor(at / width) % height, Math.floor(at / (width * height))];
    return 128 + 80 * Math.sin((x + (i % 3) * 9) / 9 + t / 3) * Math.cos(y / 11);
  });
  return { width, height, frames, pixels };
}

/** Frames `indexes` of a film. */
export const pick = (film: Video, indexes: readonly number[]): Uint8Array =>
  Buffer.concat(indexes.map((t) => frameOf(film, t).pixels));

/** The same bytes; the matchers of the test runner take seconds for as many. */
export function expectSame(a: Uint8Array, b: Uint8Array): void {
  expect(a.length).toBe(b.length);
  expect(Buffer.compare(a, b)).toBe(0);
}

/** Peak signal-to-noise ratio of bytes, in decibels. */
export function psnr(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  let sum = 0;
  for (const [i, value] of a.entries()) sum += (value - b[i]!) ** 2;
  return 10 * Math.log10(255 ** 2 / (sum / a.length));
}

/** Keeps every bit of RGB. */
export const lossless = ["-c:v", "ffv1", "-pix_fmt", "bgr0"];

/** Writes a film with the system's ffmpeg, at 25 frames per second unless told. */
export async function encode(
  path: string,
  { width, height, pixels }: Video,
  args: readonly string[] = lossless,
  rate = 25,
): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", `${width}x${height}`, "-framerate", `${rate}`];
  return ffmpeg([...raw, "-i", "pipe:0", ...args], path, pixels);
}

export function ffmpeg(args: readonly string[], path: string, input?: Uint8Array): string {
  const { status, stderr } = spawnSync("ffmpeg", ["-v", "error", "-y", ...args, `file:${path}`], { input });
  expect(status, stderr.toString()).toBe(0);
  return path;
}

/** Writes a film as numbered images. */
export async function writeFrames(
  folder: string,
  film: Video,
  name = (t: number) => `${t}.png`,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (let t = 0; t < film.frames; t++) {
    const { width, height, pixels } = frameOf(film, t);
    await sharp(pixels, { raw: { width, height, channels: 3 } }).toFile(join(folder, name(t)));
  }
  return folder;
}

/** Writes a film as an animated GIF or lossless WebP, by the end of its name. */
export async function animate(
  path: string,
  { width, height, frames, pixels }: Video,
  delay: number[] = Array.from({ length: frames }, () => 40),
): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const pages = { width, height: height * frames, channels: 3, pageHeight: height } as const;
  const image = sharp(pixels, { raw: pages });
  await (path.endsWith("gif")
    ? image.gif({ delay, dither: 0 })
    : image.webp({ delay, lossless: true })
  ).toFile(path);
  return path;
}

/** A temporary folder for each test of a file. */
export function temporaryFolder(): { readonly path: string } {
  const folder = { path: "" };
  beforeEach(async () => {
    folder.path = await mkdtemp(join(tmpdir(), "films with spaces ünd #odd% 'quotes' "));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder.path, { recursive: true, force: true });
  });
  return folder;
}

/** Puts shell scripts in the place of ffmpeg and ffprobe until the test ends; `null` leaves them away. */
export async function fakeFfmpeg(folder: string, script: string | null, version = "5.1"): Promise<void> {
  const bin = await mkdtemp(join(folder, "bin-"));
  for (const tool of script === null ? [] : ["ffmpeg", "ffprobe"]) {
    const text = `#!/bin/sh\nif [ "$1" = -version ]; then echo "${tool} version ${version}"; exit; fi\n${script}\n`;
    await writeFile(join(bin, tool), text);
    await chmod(join(bin, tool), 0o755);
  }
  vi.stubEnv("PATH", bin);
}

/** The failure's message, which must be one sentence for the user. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message).not.toContain("\n");
  return message;
}
