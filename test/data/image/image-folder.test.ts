import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { type FolderSource, folderSource, readImage } from "../../../src/data/image/image-folder.ts";
import { verifyFolder } from "../verify-folder.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "images with spaces ünd #odd% "));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

type Rgb = { r: number; g: number; b: number; alpha?: number };
const red = { r: 255, g: 0, b: 0 };
const blue = { r: 0, g: 0, b: 255 };

/** Writes a one-coloured image; the format follows the name. */
async function paint(name: string, colour: Rgb = red, width = 20, height = 20): Promise<string> {
  const path = join(root, name);
  await mkdir(dirname(path), { recursive: true });
  const channels = colour.alpha === undefined ? 3 : 4;
  const image = sharp({ create: { width, height, channels, background: colour } });
  await (name.toLowerCase().endsWith("png")
    ? image.png()
    : name.endsWith("webp")
      ? image.webp()
      : image.jpeg()
  ).toFile(path);
  return path;
}

/** The failure's message, which must be one InputError sentence that names the folder. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message).toContain(root);
  expect(message).not.toContain("\n");
  return message;
}

const options = { resolution: 16 };

describe("folderSource", () => {
  it("takes class folders in sorted order, images of any format, depth and size", async () => {
    await paint("b class/one.PNG", blue, 100, 31);
    await paint("b class/deep/er/two.webp", blue, 9, 200);
    await paint("a'\"<&>/x y #1?.jpeg", red, 16, 16);
    const source = await folderSource(root, options);
    expect(source.classNames).toEqual(["a'\"<&>", "b class"]);
    expect(source.length).toBe(3);
    expect(source.files.map(({ classId }) => classId)).toEqual([0, 1, 1]);
    for (let i = 0; i < 3; i++) {
      const image = await source.read(i);
      expect([image.width, image.height, image.pixels.length]).toEqual([16, 16, 768]);
      expect(image.classId).toBe(source.files[i]!.classId);
      const channel = image.classId === 0 ? 0 : 2;
      expect(image.pixels[channel]).toBeGreaterThan(245);
      expect(image.pixels[2 - channel]).toBeLessThan(10);
    }
  });

  it("is unconditional where the images lie directly in the folder", async () => {
    await paint("2.png");
    await paint("1.png", blue);
    const source = await folderSource(root, options);
    expect(source.classNames).toEqual([]);
    expect(source.files.map(({ path }) => path)).toEqual(["1.png", "2.png"]);
    expect((await source.read(0)).classId).toBeNull();
  });

  it("takes a single class", async () => {
    await paint("only/1.png");
    expect((await folderSource(root, options)).classNames).toEqual(["only"]);
  });

  it("says what it left out", async () => {
    await paint("a/1.png");
    await writeFile(join(root, "a", "notes.txt"), "hello");
    await writeFile(join(root, "list.csv"), "1,2");
    await writeFile(join(root, ".hidden"), "");
    const { warnings } = await folderSource(root, options);
    expect(warnings).toHaveLength(2);
    expect(warnings.join()).toMatch(/list\.csv.*notes\.txt/);
  });

  it("gives classes the same names and order, however their accents are written", async () => {
    // As most systems write it, "caf\u00e9" comes after "cafz"; as macOS does, "cafe\u0301" would come before.
    await paint("cafe\u0301/1.png");
    await paint("cafz/1.png");
    const { classNames, files } = await folderSource(root, options);
    expect(classNames).toEqual(["cafz", "caf\u00e9"]);
    expect(files.map(({ classId }) => classId)).toEqual([0, 1]);
    expect((await (await folderSource(root, options)).read(1)).classId).toBe(1);
  });

  it("reads past folders without images, and names them", async () => {
    await paint("cat/1.png");
    await paint("dog/1.png");
    await mkdir(join(root, "bird"));
    await mkdir(join(root, "__MACOSX", "cat"), { recursive: true });
    await writeFile(join(root, "__MACOSX", "cat", "._1.png"), "a shadow of the file that macOS packs");
    const { classNames, files, warnings } = await folderSource(root, options);
    expect(classNames).toEqual(["cat", "dog"]);
    expect(files).toEqual([
      { path: join("cat", "1.png"), classId: 0 },
      { path: join("dog", "1.png"), classId: 1 },
    ]);
    expect(warnings).toEqual([`${root}: left out folders without images: __MACOSX, bird`]);
  });

  it("refuses a missing folder, a file, an empty folder and a mixture", async () => {
    expect(await refusal(folderSource(join(root, "nowhere"), options))).toContain("does not exist");
    const file = await paint("1.png");
    expect(await refusal(folderSource(file, options))).toContain("not a folder");
    await rm(file);
    expect(await refusal(folderSource(root, options))).toContain("found none");
    await mkdir(join(root, "hollow"));
    expect(await refusal(folderSource(root, options))).toContain("found none");
    await paint("full/1.png");
    await paint("loose.png");
    expect(await refusal(folderSource(root, options))).toContain(
      "found both: 1 folder with images (full) and 1 loose image (loose.png); move the loose ones into a class folder",
    );
  });

  it("refuses a resolution or a resampler that does not exist, and suggests one", async () => {
    await paint("1.png");
    expect(await refusal(folderSource(root, { resolution: 0 }))).toContain("8..4096");
    const message = await refusal(folderSource(root, { resolution: 16, resampler: "lanczos" as never }));
    expect(message).toContain('did you mean "lanczos2"');
  });
});

describe("readImage", () => {
  it("crops the centre of the longer side", async () => {
    // 48 x 16: thirds of red, blue, red; the middle third alone is kept.
    const stripe = await sharp({ create: { width: 16, height: 16, channels: 3, background: blue } })
      .png()
      .toBuffer();
    const path = join(root, "wide.png");
    await sharp({ create: { width: 48, height: 16, channels: 3, background: red } })
      .composite([{ input: stripe, left: 16, top: 0 }])
      .png()
      .toFile(path);
    const { pixels } = await readImage(path, 0, { resolution: 16, resampler: "nearest" });
    for (let i = 0; i < pixels.length; i += 3) expect([...pixels.subarray(i, i + 3)]).toEqual([0, 0, 255]);
  });

  it("lays transparency on white", async () => {
    const path = await paint("clear.png", { ...red, alpha: 0 });
    expect([...(await readImage(path, 0, options)).pixels.subarray(0, 3)]).toEqual([255, 255, 255]);
    const half = await paint("half.png", { ...blue, alpha: 0.5 });
    const [r, , b] = (await readImage(half, 0, options)).pixels;
    expect(r).toBeGreaterThanOrEqual(126);
    expect(r).toBeLessThanOrEqual(129);
    expect(b).toBe(255);
  });

  it("honours the EXIF orientation", async () => {
    // Upper half red, lower half blue, then marked "turned by 180 degrees" (3): it must show blue above red.
    const upper = await sharp({ create: { width: 16, height: 8, channels: 3, background: red } })
      .png()
      .toBuffer();
    const path = join(root, "turned.jpg");
    await sharp({ create: { width: 16, height: 16, channels: 3, background: blue } })
      .composite([{ input: upper, left: 0, top: 0 }])
      .withMetadata({ orientation: 3 })
      .jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
      .toFile(path);
    const { pixels } = await readImage(path, 0, options);
    expect(pixels[2]).toBeGreaterThan(200);
    expect(pixels[pixels.length - 3]).toBeGreaterThan(200);
  });

  it("makes RGB of grey, 16-bit and CMYK files", async () => {
    const plain = sharp({
      create: { width: 20, height: 20, channels: 3, background: { r: 180, g: 180, b: 180 } },
    });
    const grey = await plain.clone().toColourspace("b-w").png().toBuffer();
    const deep = await plain.clone().toColourspace("rgb16").png().toBuffer();
    const inks = await plain.clone().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(1);
    expect((await sharp(deep).metadata()).depth).toBe("ushort");
    expect((await sharp(inks).metadata()).space).toBe("cmyk");
    for (const [name, bytes] of Object.entries({ grey, deep, inks })) {
      const path = join(root, name);
      await writeFile(path, bytes);
      const { pixels } = await readImage(path, 0, options);
      expect(pixels.length).toBe(768);
      for (const value of pixels) expect(Math.abs(value - 180)).toBeLessThan(name === "inks" ? 24 : 2);
    }
  });

  it("names the file that cannot be decoded", async () => {
    const path = join(root, "broken.png");
    await writeFile(path, "not an image");
    expect(await refusal(readImage(path, 0, options))).toContain("broken.png");
    expect(await refusal(readImage(join(root, "gone.png"), 0, options))).toContain("does not exist");
  });
});

describe("verifyFolder", () => {
  it("looks no further than it needs to, and gives what comes first whatever is read first", async () => {
    const files = Array.from({ length: 40 }, (_, i) => ({ path: `${i}`, classId: 0 }));
    const broken = new Set([0, 3, 4, 11]);
    const reads: number[] = [];
    const source: FolderSource = {
      ...{ name: "slow", classNames: ["a"], resolution: 8, length: 40, files, warnings: [] },
      async read(index) {
        reads.push(index);
        await setTimeout((7 * index) % 5);
        if (broken.has(index)) throw new InputError(`${index} is broken`);
        return { width: 8, height: 8, pixels: new Uint8Array(192).fill(index), classId: 0 };
      },
    };
    const { source: good, unreadable } = await verifyFolder(source, { enough: 9 });
    expect(good.files.map(({ path }) => Number(path))).toEqual([1, 2, 5, 6, 7, 8, 9, 10, 12]);
    expect((await good.read(8)).pixels[0]).toBe(12);
    expect(unreadable.map(({ path }) => Number(path))).toEqual([0, 3, 4, 11]);
    expect(Math.max(...reads)).toBeLessThan(12 + availableParallelism() + 1);
    expect((await verifyFolder(source, { enough: 100 })).source.length).toBe(36);
    // A class whose first file is broken is not lost while others of it lie further behind.
    const rare = files.map((file, i) => ({ ...file, classId: i === 3 || i === 30 ? 1 : 0 }));
    const mixed = { ...source, classNames: ["a", "b"], files: rare };
    expect((await verifyFolder(mixed, { enough: 9 })).source.length).toBe(9);
    broken.add(30);
    await expect(verifyFolder(mixed)).rejects.toThrow("no readable image is left in b");
  });

  it("names and counts unreadable files and leaves the others in order", async () => {
    const whole = await sharp(
      Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 2654435761) >>> 24)),
      { raw: { width: 64, height: 64, channels: 3 } },
    )
      .jpeg()
      .toBuffer();
    await paint("a/1.png");
    await paint("a/3.png");
    await paint("b/1.png", blue);
    await writeFile(join(root, "a", "2.jpg"), whole.subarray(0, whole.length / 2)); // half a download
    await writeFile(join(root, "b", "0.webp"), "");
    const { source, unreadable } = await verifyFolder(await folderSource(root, options));
    expect(unreadable.map(({ path }) => path)).toEqual([join("a", "2.jpg"), join("b", "0.webp")]);
    for (const { path, reason } of unreadable) expect(reason).toContain(path);
    expect(source.length).toBe(3);
    expect((await source.read(1)).classId).toBe(0);
    const last = await source.read(2);
    expect([last.classId, last.pixels[2]]).toEqual([1, 255]);
    expect(await refusal(source.read(3))).toContain("index");
  });

  it("refuses a class that lost everything, and a folder that did", async () => {
    await paint("a/1.png");
    await mkdir(join(root, "b"));
    await writeFile(join(root, "b", "1.png"), "no");
    expect(await refusal(verifyFolder(await folderSource(root, options)))).toMatch(/left in b/);
    await writeFile(join(root, "a", "1.png"), "no");
    expect(await refusal(verifyFolder(await folderSource(root, options)))).toContain("none of the 2");
  });
});
