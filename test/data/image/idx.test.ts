import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { idxSource, isIdxFolder, readIdx } from "../../../src/data/image/idx.ts";
import { openSource } from "../../../src/data/open-source.ts";
import { splitData } from "../../../src/evaluation/split-data.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "idx-"));
});
afterEach(() => rm(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

/** An IDX file as its format says: 00 00, type, rank, dimensions in big-endian, values. */
function idx(dims: readonly number[], values: ArrayLike<number>, type = 8): Uint8Array {
  const bytes = [0, 0, type, dims.length];
  for (const size of dims) bytes.push(size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255);
  return Uint8Array.from([...bytes, ...Array.from(values)]);
}

const side = 8;
const pixelsOf = (count: number) =>
  Uint8Array.from({ length: count * side * side }, (_, i) => (i * 37) % 251);

/** A dataset of 6 images to train on, in 3 classes, and 4 held out. */
async function writeDataset(changes: Readonly<Record<string, Uint8Array>> = {}): Promise<void> {
  const files = {
    "train-images-idx3-ubyte": idx([6, side, side], pixelsOf(6)),
    "train-labels-idx1-ubyte": idx([6], [0, 1, 2, 0, 1, 2]),
    "t10k-images-idx3-ubyte.gz": gzipSync(idx([4, side, side], pixelsOf(4))),
    "t10k-labels-idx1-ubyte.gz": gzipSync(idx([4], [2, 1, 0, 2])),
    ...changes,
  };
  for (const [name, bytes] of Object.entries(files)) await writeFile(at(name), bytes);
}

describe("readIdx", () => {
  it("gives what was written, plain and compressed", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        async (dims, values) => {
          const data = Uint8Array.from([...values.take(dims.reduce((product, size) => product * size, 1))]);
          await writeFile(at("a"), idx(dims, data));
          await writeFile(at("a.gz"), gzipSync(idx(dims, data)));
          for (const name of ["a", "a.gz"]) {
            const read = await readIdx(at(name));
            expect([read.dims, [...read.data]]).toEqual([dims, [...data]]);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  const whole = idx([2, 3], [1, 2, 3, 4, 5, 6]);
  it.each<[string, string, Uint8Array, RegExp]>([
    ["nothing in it", "a", new Uint8Array(0), /must be an IDX file, got 0 bytes/],
    [
      "floats in it",
      "a",
      idx([1], [0, 0, 0, 0], 13),
      /must begin as an IDX file of bytes .* got 00 00 0d 01/,
    ],
    ["an end within its dimensions", "a", whole.slice(0, 9), /ends within its dimensions/],
    ["a value too few", "a", whole.slice(0, -1), /must hold 2 x 3 = 6 bytes as it says, got 5/],
    ["a value too many", "a", Uint8Array.from([...whole, 7]), /must hold 2 x 3 = 6 bytes as it says, got 7/],
    ["a size that nothing has", "a", idx([2 ** 32 - 1, 2 ** 32 - 1], []), /as it says, got 0/],
    ["gzip under a plain name", "a", gzipSync(whole), /it is compressed: let its name end in \.gz/],
    ["a gzip that ends early", "a.gz", gzipSync(whole).subarray(0, 20), /cannot be decompressed/],
    ["no gzip under the name of one", "a.gz", whole, /cannot be decompressed/],
  ])("refuses a file with %s", async (_, name, bytes, message) => {
    await writeFile(at(name), bytes);
    const refusal = await readIdx(at(name)).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(InputError);
    expect((refusal as Error).message).toMatch(message);
    expect((refusal as Error).message).toContain(at(name));
  });
});

describe("a folder of IDX files", () => {
  const open = (split?: "train" | "test") => idxSource(folder, { resolution: side, split });

  it("is a dataset: grey images in three channels, each with its class", async () => {
    await writeDataset();
    expect(await isIdxFolder(folder)).toBe(true);
    const source = await openSource({ source: folder, resolution: side, seed: 0 });
    expect([source.length, source.classNames]).toEqual([6, ["0", "1", "2"]]);
    const { classId, pixels, width } = await source.read(4);
    expect([classId, width]).toEqual([1, side]);
    const grey = pixelsOf(6).subarray(4 * side * side, 5 * side * side);
    expect([...pixels]).toEqual([...grey].flatMap((value) => [value, value, value]));
    await expect(source.read(6)).rejects.toThrow("image index must be in 0..5, got 6");
  });

  it("is resized to another resolution", async () => {
    await writeDataset();
    const { width, height, pixels } = await (await idxSource(folder, { resolution: 16 })).read(0);
    expect([width, height, pixels.length]).toEqual([16, 16, 16 * 16 * 3]);
  });

  it("keeps its second part for comparing", async () => {
    await writeDataset();
    const { training, heldOut } = await splitData(folder, { resolution: side });
    expect([training.length, heldOut.length]).toEqual([6, 4]);
    const classes = await Promise.all([0, 1, 2, 3].map(async (i) => (await heldOut.read(i)).classId));
    expect(classes.toSorted()).toEqual([0, 1, 2, 2]);
  });

  it("tells other images and labels apart by its digest, wherever it lies", async () => {
    await writeDataset();
    const before = (await open()).digest;
    expect((await idxSource(`${folder}/.`, { resolution: side })).digest).toBe(before);
    await writeDataset({ "train-labels-idx1-ubyte": idx([6], [0, 1, 2, 0, 1, 1]) });
    expect((await open()).digest).not.toBe(before);
  });

  it.each<[string, Readonly<Record<string, Uint8Array>>, RegExp]>([
    [
      "labels in the place of images",
      { "train-images-idx3-ubyte": idx([6], [0, 1, 2, 0, 1, 2]) },
      /must hold images, number x height x width \(x 3\), got 6; are images and labels mixed up/,
    ],
    [
      "fewer labels than images",
      { "train-labels-idx1-ubyte": idx([5], [0, 1, 2, 0, 1]) },
      /train-labels-idx1-ubyte: must hold one label for each of the 6 images, got 5/,
    ],
  ])("is refused with %s", async (_, changes, message) => {
    await writeDataset(changes);
    await expect(open()).rejects.toThrow(message);
  });

  it("is refused with a held-out label of no class, and without a file", async () => {
    await writeDataset({ "t10k-labels-idx1-ubyte.gz": gzipSync(idx([4], [2, 1, 9, 2])) });
    await expect(open("test")).rejects.toThrow(
      "labels must be in 0..2, as those to train on are, got 9 for image 2",
    );
    await rm(at("t10k-labels-idx1-ubyte.gz"));
    await expect(open("test")).rejects.toThrow(
      "lacks t10k-labels-idx1-ubyte (or t10k-labels-idx1-ubyte.gz); put it there",
    );
    const validation = idxSource(folder, { resolution: side, split: "validation" });
    await expect(validation).rejects.toThrow('split must be "train" or "test"');
  });
});
