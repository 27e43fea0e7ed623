/**
 * A folder of images as a dataset. Two layouts: one sub-folder per class (sorted names are the classes, everything
 * below a class folder counts), or images directly in the folder (no classes).
 *
 * Each image is turned as its EXIF says, flattened on white, resized so that its short side is the resolution, and
 * cropped in the centre.
 */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { extname, join } from "node:path";
import { AbsentError, InputError, requireInput, unknownName } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { countOf, few } from "../../core/nouns.ts";
import { type Resampler, resamplers } from "../choices.ts";
import { FolderWalk, partsWarning, type WalkOptions } from "../folder-walk.ts";
import type { Image, ImageSource, Raster } from "../source.ts";
import { selected } from "../views.ts";
import { loadSharp } from "./sharp.ts";

export interface FolderOptions {
  /** Side of the square images, 8..4096 pixels. */
  readonly resolution: number;
  /** Default lanczos3. */
  readonly resampler?: Resampler;
}

export interface FolderSource extends ImageSource {
  readonly length: number;
  /** The files in index order, relative to the folder, and their classIds. */
  readonly files: readonly { readonly path: string; readonly classId: number | null }[];
  /** Warnings of the listing, ready to print: files that are no images, class folders without any. */
  readonly warnings: readonly string[];
}

/** What {@link withoutUnreadable} leaves. */
export interface Verified<S extends FolderSource = FolderSource> {
  /** The same dataset without the unreadable files, in the same order. */
  readonly source: S;
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[];
}

const extensions = new Set([".jpg", ".jpeg", ".png", ".webp"]);

/** @throws InputError when an option is out of range */
export function requireFolderOptions(path: string, { resolution, resampler }: FolderOptions): void {
  requireInput(
    Number.isInteger(resolution) && resolution >= 8 && resolution <= 4096,
    `${path}: resolution must be a whole number in 8..4096, got ${resolution}`,
  );
  if (resampler !== undefined && !resamplers.includes(resampler))
    throw unknownName(`${path}: resampler`, resampler, resamplers);
}

/**
 * Lists the images (JPEG, PNG, WebP) below `path`; reads none of them yet.
 *
 * @throws InputError when the folder is missing, mixes class folders with loose images, or an option is out of range;
 *   AbsentError when it holds no image; the signal's reason
 */
export async function folderSource(
  path: string,
  { resolution, resampler = "lanczos3", signal }: FolderOptions & WalkOptions,
): Promise<FolderSource> {
  requireFolderOptions(path, { resolution, resampler });
  const walk = new FolderWalk(path, { signal });
  const entries = await walk.enter(path);
  const loose = entries.filter((entry) => !entry.isDirectory && isImage(entry.name));
  const folders = entries.filter((entry) => entry.isDirectory);
  const warnings: string[] = [];
  const skip = (where: string, names: readonly string[]) => {
    if (names.length > 0)
      warnings.push(`${where}: left out ${names.length} not JPEG, PNG or WebP: ${few(names)}`);
  };
  skip(
    path,
    entries.filter((entry) => !entry.isDirectory && !isImage(entry.name)).map((entry) => entry.name),
  );

  const classes: { name: string; files: string[] }[] = [];
  for (const { name } of folders) {
    const found = await walk.branch().filesBelow(join(path, name), name);
    skip(
      join(path, name),
      found.filter((file) => !isImage(file)),
    );
    classes.push({ name, files: found.filter(isImage) });
  }
  warnings.push(...walk.warnings());
  const filled = classes.filter(({ files }) => files.length > 0);
  if (loose.length === 0 && filled.length === 0) {
    throw new AbsentError(
      `${path}: required JPEG, PNG or WebP images, in one folder per class or directly in it, found none`,
    );
  }
  requireInput(
    loose.length === 0 || filled.length === 0,
    `${path}: must hold either class folders or loose images, found both: ` +
      `${countOf(filled.length, "folder")} with images (${few(filled.map(({ name }) => name))}) and ` +
      `${countOf(loose.length, "loose image")} (${few(loose.map(({ name }) => name))}); move the loose ones into a ` +
      "class folder, or away",
  );
  const empty = classes.filter(({ files }) => files.length === 0).map(({ name }) => name);
  if (empty.length > 0) warnings.push(`${path}: left out folders without images: ${few(empty)}`);
  warnings.push(
    ...partsWarning(
      path,
      filled.map(({ name }) => name),
    ),
  );
  return sourceOf(
    path,
    resolution,
    resampler,
    filled.map(({ name }) => name.normalize("NFC")),
    loose.length > 0
      ? loose.map(({ name }) => ({ path: name, classId: null }))
      : filled.flatMap(({ files }, classId) => files.map((file) => ({ path: file, classId }))),
    warnings,
  );
}

/** How many files {@link lookThrough} decodes, and who hears of it. */
export interface VerifyOptions {
  /** So many readable ones will do: those behind them are not looked at, and not in the result. Default all. */
  readonly enough?: number;
  /** Called after each entry of `files` with the number done so far, and of all that are wanted. */
  readonly onFile?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/** What came of looking at files; small enough to be kept beside a long run. */
export interface Looked {
  /** The first so many entries of `files` were looked at. */
  readonly seen: number;
  readonly unreadable: Verified["unreadable"];
}

/**
 * Decodes every file once, of a video every video, and finds those that cannot be read, so that a long run never meets
 * one. As many files at once as the machine has cores. {@link withoutUnreadable} then leaves them out.
 *
 * @throws the signal's reason
 */
export async function lookThrough(
  source: FolderSource,
  { enough = Infinity, onFile, signal }: VerifyOptions = {},
): Promise<Looked> {
  const { length } = source.files;
  const reasons = new Map<string, string>();
  let next = 0;
  let done = 0;
  /** The readable ones of the first `next`, in order. */
  const readable = (): number[] =>
    Array.from({ length: next }, (_, index) => index).filter(
      (index) => !reasons.has(source.files[index]!.path),
    );
  const work = async (): Promise<void> => {
    while (next < length && (next < enough || readable().length < enough)) {
      signal?.throwIfAborted();
      const index = next++;
      const { path } = source.files[index]!;
      try {
        // A video is there once for each of its videos, and one that fails is enough.
        if (!reasons.has(path)) await source.read(index);
      } catch (error) {
        if (!(error instanceof InputError)) {
          next = length; // the others stop too
          throw error;
        }
        reasons.set(path, error.message);
      }
      done++;
      onFile?.(done, Math.max(done, Math.min(enough, length)));
    }
  };
  // Again where the last ones that were under way turned out unreadable.
  do await Promise.all(Array.from({ length: availableParallelism() }, work));
  while (next < length && readable().length < enough);

  const paths = [...new Set(source.files.slice(0, next).map(({ path }) => path))];
  const unreadable = paths.flatMap((path) => {
    const reason = reasons.get(path);
    return reason === undefined ? [] : [{ path, reason }];
  });
  return { seen: next, unreadable };
}

/**
 * Leaves out what {@link lookThrough} could not read; takes no time.
 *
 * @throws InputError when nothing readable is left, or a class lost all its files
 */
export function withoutUnreadable<S extends FolderSource>(
  source: S,
  { seen, unreadable }: Looked,
  { enough = Infinity }: Pick<VerifyOptions, "enough"> = {},
): Verified<S> {
  const bad = new Set(unreadable.map(({ path }) => path));
  const good = Array.from({ length: seen }, (_, index) => index)
    .filter((index) => !bad.has(source.files[index]!.path))
    .slice(0, enough);
  const files = good.map((index) => source.files[index]!);
  const kind = source.frames === undefined ? "image" : "video";
  requireInput(
    files.length > 0,
    `${source.name}: none of the ${bad.size} ${kind}s can be read; first: ${unreadable[0]?.reason}`,
  );
  // Lost is a class of which no file may be readable, looked at or not.
  const classIds = (of: FolderSource["files"]) => new Set(of.map(({ classId }) => classId));
  const [before, after] = [
    classIds(source.files),
    classIds(source.files.filter(({ path }) => !bad.has(path))),
  ];
  const lost = source.classNames.filter((_, classId) => before.has(classId) && !after.has(classId));
  requireInput(
    lost.length === 0,
    `${source.name}: no readable ${kind} is left in ${few(lost)}; first unreadable: ${unreadable[0]?.reason}`,
  );
  return { unreadable, source: { ...selected(source, good), files } };
}

/**
 * File `index` of a source.
 *
 * @throws InputError when there are not so many
 */
export function fileAt({ name, files }: Pick<FolderSource, "name" | "files">, index: number) {
  const file = files[index];
  if (!file) throw new InputError(`${name}: image index must be in 0..${files.length - 1}, got ${index}`);
  return file;
}

function sourceOf(
  folder: string,
  resolution: number,
  resampler: Resampler,
  classNames: readonly string[],
  files: FolderSource["files"],
  warnings: readonly string[],
): FolderSource {
  return {
    name: folder,
    classNames,
    resolution,
    length: files.length,
    files,
    warnings,
    async read(index) {
      const { path, classId } = fileAt({ name: folder, files }, index);
      return readImage(join(folder, path), classId, { resolution, resampler });
    },
  };
}

/**
 * One image file as the datasets see it.
 *
 * @param classId  its class; null: none
 * @throws InputError naming the file when it cannot be read or decoded whole
 */
export async function readImage(
  path: string,
  classId: number | null,
  options: FolderOptions,
): Promise<Image> {
  return { ...(await decodeImage(await bytesOf(path), path, options)), classId };
}

/** How much an image may hold that comes from somebody unknown. */
export interface DecodeLimits {
  /** Pixels of the image as it is, before it is resized; default 268 million. */
  readonly mostPixels?: number;
}

/**
 * The bytes of an image file as the datasets see it.
 *
 * @param name  what messages call it
 * @throws InputError when they cannot be decoded whole, or the image is too large
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  { resolution, resampler = "lanczos3", mostPixels }: FolderOptions & DecodeLimits,
): Promise<Raster> {
  try {
    // failOn "truncated" refuses half-downloaded files, which would otherwise come out grey below the break.
    const { data, info } = await (await loadSharp())(bytes, {
      failOn: "truncated",
      ...(mostPixels !== undefined && { limitInputPixels: mostPixels }),
    })
      .autoOrient()
      .flatten({ background: "#ffffff" })
      .toColourspace("srgb")
      .resize(resolution, resolution, { fit: "cover", position: "centre", kernel: resampler })
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels: threeChannels(data, info.channels) };
  } catch (error) {
    throw unreadableImage(name, error);
  }
}

/**
 * The size of an image file as it is seen, turned as its EXIF says.
 *
 * @throws InputError naming the file when it cannot be read
 */
export async function imageSize(path: string): Promise<{ width: number; height: number }> {
  return sizeOfImage(await bytesOf(path), path);
}

/**
 * The size of an image, from its file's bytes, as it is seen, turned as its EXIF says.
 *
 * @param name  what messages call it
 * @throws InputError when they are no image
 */
export async function sizeOfImage(
  bytes: Uint8Array,
  name: string,
): Promise<{ width: number; height: number }> {
  try {
    return (await (await loadSharp())(bytes).metadata()).autoOrient;
  } catch (error) {
    throw unreadableImage(name, error);
  }
}

/** Read here rather than by sharp: a file name is then only ever a file name, whatever characters it holds. */
const bytesOf = (path: string): Promise<Buffer> =>
  readFile(path).catch((error: unknown) => {
    throw fileError("cannot read image", path, error);
  });

function unreadableImage(name: string, error: unknown): InputError {
  const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
  return new InputError(`cannot read image ${name}: ${reason}; replace or remove the file`, { cause: error });
}

/** Grey pixels repeated thrice where the decoder left one channel; RGB as it is. */
function threeChannels(data: Buffer, channels: number): Uint8Array {
  if (channels === 3) return new Uint8Array(data.buffer, data.byteOffset, data.length);
  const pixels = new Uint8Array((data.length / channels) * 3);
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[Math.floor(i / 3) * channels]!;
  return pixels;
}

const isImage = (name: string): boolean => extensions.has(extname(name).toLowerCase());
