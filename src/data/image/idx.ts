/**
 * Datasets in IDX, the format of MNIST and its kin (Fashion-MNIST, KMNIST, ...): all images in one file and all labels in
 * another, plain or compressed by gzip.
 *
 *     FOLDER/train-images-idx3-ubyte.gz   train-labels-idx1-ubyte.gz   to train on
 *     FOLDER/t10k-images-idx3-ubyte.gz    t10k-labels-idx1-ubyte.gz    held out
 *
 * An IDX file: two zero bytes, the type of its values, the number of dimensions; each dimension as 4 bytes, the highest first; the
 * values. https://yann.lecun.com/exdb/mnist/ (copies of that page describe it)
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { InputError, requireInput } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { sizeOf } from "../../core/tensor.ts";
import type { Split } from "../choices.ts";
import type { ImageSource } from "../source.ts";
import { type FolderOptions, requireFolderOptions } from "./image-folder.ts";
import { squared } from "./sharp.ts";

/** The values of one IDX file: bytes, of a shape. */
export interface IdxArray {
  readonly dims: readonly number[];
  readonly data: Uint8Array;
}

/** A dataset whose images lie together in few files. */
export interface PackedSource extends ImageSource {
  readonly length: number;
  /** The names of its files in the folder. */
  readonly parts: readonly string[];
  /** Tells these images and labels from others. */
  readonly digest: string;
}

/** More bytes than any dataset of the kind has (EMNIST: 548 million), so that a damaged gzip cannot fill the memory. */
const mostBytes = 2 ** 30;

/** 0x08: unsigned bytes. Other types occur nowhere among image datasets. */
const byteType = 8;

/**
 * Reads an IDX file of bytes; one whose name ends in `.gz` is decompressed.
 *
 * @throws InputError naming the file when it cannot be read, is compressed otherwise or cut short, is no IDX file of bytes, or
 *   holds another number of values than it says
 */
export async function readIdx(path: string): Promise<IdxArray> {
  const stored = await readFile(path).catch((error: unknown) => {
    throw fileError("cannot read", path, error);
  });
  const bytes = path.endsWith(".gz") ? await decompressed(path, stored) : stored;
  const again = "download it again";
  requireInput(bytes.length >= 4, `${path}: must be an IDX file, got ${bytes.length} bytes; ${again}`);
  const [zero, alsoZero, type, rank] = bytes;
  requireInput(
    zero === 0 && alsoZero === 0 && type === byteType && rank! >= 1 && rank! <= 4,
    `${path}: must begin as an IDX file of bytes does, 00 00 08 and 1 to 4 dimensions, got ` +
      `${bytes
        .subarray(0, 4)
        .toString("hex")
        .replace(/..(?=.)/g, "$& ")}; ` +
      (bytes.subarray(0, 2).toString("hex") === "1f8b" ? "it is compressed: let its name end in .gz" : again),
  );
  const start = 4 + 4 * rank!;
  requireInput(bytes.length >= start, `${path}: ends within its dimensions; ${again}`);
  const dims = Array.from({ length: rank! }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const [size, wanted] = [bytes.length - start, sizeOf(dims)];
  requireInput(
    size === wanted,
    `${path}: must hold ${dims.join(" x ")} = ${wanted} bytes as it says, got ${size}; ${again}`,
  );
  return { dims, data: bytes.subarray(start) };
}

async function decompressed(path: string, bytes: Buffer): Promise<Buffer> {
  try {
    return await promisify(gunzip)(bytes, { maxOutputLength: mostBytes });
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
        ? `more than ${mostBytes} bytes come out of it`
        : (error as Error).message;
    throw new InputError(`${path}: cannot be decompressed (${why}); download it again`, { cause: error });
  }
}

/** How the files of a part begin. */
const prefixes = { train: "train", test: "t10k" } as const;

/** The file of a folder with such a name, compressed or not; undefined where there is none. */
const fileNamed = (names: readonly string[], name: string): string | undefined =>
  [name, `${name}.gz`].find((candidate) => names.includes(candidate));

/** Whether a folder holds images in IDX files to train on. */
export async function isIdxFolder(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  return fileNamed(names, `${prefixes.train}-images-idx3-ubyte`) !== undefined;
}

/** Names of the classes of datasets that say them in their papers only, by the SHA-256 of their labels to train on. */
const knownNames: Readonly<Record<string, readonly string[]>> = {
  // Fashion-MNIST
  "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7": [
    ...["T-shirt/top", "trouser", "pullover", "dress", "coat"],
    ...["sandal", "shirt", "sneaker", "bag", "ankle boot"],
  ],
};

const digestOf = (...parts: readonly Uint8Array[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};

/** Which part of it, and how its images are seen. */
export interface IdxOptions extends FolderOptions {
  /** Default "train". */
  readonly split?: Split;
}

/**
 * A folder of IDX files as a dataset. Grey images become three equal channels. Images of another size than the
 * resolution are resized, and cropped in the centre, as those of a folder are. Classes are called by their numbers, and by their names
 * where the labels are those of a dataset that is known (Fashion-MNIST).
 *
 * @throws InputError when the folder lacks a file of the part, a file is damaged (as {@link readIdx}), images and labels are not
 *   as many, a label lies beyond the classes of the training labels, or an option is out of range
 */
export async function idxSource(folder: string, options: IdxOptions): Promise<PackedSource> {
  requireFolderOptions(folder, options);
  const { resolution, resampler = "lanczos3", split = "train" } = options;
  requireInput(
    split !== "validation",
    `${folder}: split must be "train" or "test", the parts that IDX datasets have, got "validation"`,
  );
  const names = await readdir(folder).catch((error: unknown) => {
    throw fileError("cannot read the folder", folder, error);
  });
  const nameOf = (part: Exclude<Split, "validation">, ending: string): string => {
    const wanted = `${prefixes[part]}-${ending}`;
    const name = fileNamed(names, wanted);
    requireInput(name !== undefined, `${folder}: lacks ${wanted} (or ${wanted}.gz); put it there`);
    return name;
  };
  const parts = [nameOf(split, "images-idx3-ubyte"), nameOf(split, "labels-idx1-ubyte")];
  const [images, labels] = await Promise.all(parts.map((name) => readIdx(join(folder, name))));
  const learned =
    split === "train" ? labels! : await readIdx(join(folder, nameOf("train", "labels-idx1-ubyte")));
  const classNames = classNamesOf(learned);
  const [imagesPath, labelsPath] = parts.map((name) => join(folder, name));
  requireImages(imagesPath!, images!);
  requireLabels(labelsPath!, labels!, { count: images!.dims[0]!, classes: classNames.length });
  const [count, height, width, channels = 1] = images!.dims as [number, number, number, number?];
  const size = height * width * channels;
  return {
    name: folder,
    classNames,
    resolution,
    length: count,
    parts,
    digest: digestOf(images!.data, labels!.data).slice(0, 16),
    async read(index) {
      requireInput(
        Number.isInteger(index) && index >= 0 && index < count,
        `${folder}: image index must be in 0..${count - 1}, got ${index}`,
      );
      const pixels = images!.data.subarray(index * size, (index + 1) * size);
      const raster = { width, height, pixels: channels === 3 ? pixels : inThreeChannels(pixels) };
      const fits = width === resolution && height === resolution;
      const seen = fits ? raster : await squared(raster, { resolution, resampler });
      return { ...seen, classId: labels!.data[index]! };
    },
  };
}

function classNamesOf({ data }: IdxArray): readonly string[] {
  const known = knownNames[digestOf(data)];
  if (known) return known;
  const most = data.reduce((largest, label) => Math.max(largest, label), 0);
  return Array.from({ length: most + 1 }, (_, label) => String(label));
}

function requireImages(path: string, { dims }: IdxArray): void {
  const isImages =
    (dims.length === 3 || (dims.length === 4 && dims[3] === 3)) && dims.every((size) => size > 0);
  requireInput(
    isImages,
    `${path}: must hold images, number x height x width (x 3), got ${dims.join(" x ")}; are images and labels mixed up?`,
  );
}

function requireLabels(
  path: string,
  { dims, data }: IdxArray,
  { count, classes }: { readonly count: number; readonly classes: number },
): void {
  requireInput(
    dims.length === 1 && dims[0] === count,
    `${path}: must hold one label for each of the ${count} images, got ${dims.join(" x ")}; do both files belong together?`,
  );
  const beyond = data.findIndex((label) => label >= classes);
  requireInput(
    beyond < 0,
    `${path}: labels must be in 0..${classes - 1}, as those to train on are, got ${data[beyond]} for image ${beyond}`,
  );
}

function inThreeChannels(grey: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(3 * grey.length);
  for (const [i, value] of grey.entries()) pixels.fill(value, 3 * i, 3 * i + 3);
  return pixels;
}
