/** What a training opens: a folder's files, looked through once in a run. */
import { readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeEach, expect, it } from "vitest";
import { openImages } from "../../src/runs/training-images.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { temporaryFolder } from "../data/video/films.ts";
import { toyTraining, writeImages } from "../pipelines/image-folder.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, "images", ...names);

/** Opens them as a run of that name does. */
async function open(run = "run", set: readonly string[] = []) {
  const { config } = resolveConfig(toyTraining(at(), { tokenizer: 1, transformer: 1 }), "toy", { set });
  const said: string[] = [];
  let looks = 0;
  const { count, description, source } = await openImages({
    config,
    out: join(folder.path, run),
    onMessage: (message) => void said.push(message),
    onProgress: ({ job }) => {
      if (job === "opening") looks++;
    },
  });
  return {
    count,
    description,
    source,
    looks,
    said,
    left: said.filter((line) => line.startsWith("warning: left out")),
  };
}

beforeEach(() => writeImages(at(), ["blue", "red"], 3));

it("looks at every file once, and again where one was replaced", async () => {
  const first = await open();
  expect([first.count, first.looks, first.left]).toEqual([6, 6, []]);
  expect(await open()).toMatchObject({ ...first, source: {}, looks: 0 });
  expect(first.said).toEqual(["6 images, 0 unreadable; 2 classes: blue, red"]);
  await utimes(at("red", "0.png"), new Date(), new Date());
  const { looks, description } = await open();
  expect(looks).toBe(6);
  expect(description).not.toBe(first.description);
  expect((await open("another")).looks).toBe(6);
});

it("leaves out what cannot be read, and takes it where it can the next time", async () => {
  await symlink("nowhere", at("blue", "link.png"));
  const good = await readFile(at("red", "1.png"));
  await writeFile(
    at("red", "1.png"),
    good.map((byte, i) => (i === 1 ? 0 : byte)),
  );
  await utimes(at("red", "1.png"), 1000, 1000);
  const first = await open();
  expect([first.count, first.looks]).toEqual([5, 7]);
  expect(first.left.join()).toMatch(/link\.png.*1\.png|1\.png.*link\.png/s);
  expect(await open()).toMatchObject({ ...first, source: {}, looks: 0 });
  // As after a failing disk: the same file to the eye of the system.
  await writeFile(at("red", "1.png"), good);
  await utimes(at("red", "1.png"), 1000, 1000);
  const next = await open();
  expect([next.count, next.looks, next.left.length]).toEqual([6, 0, 1]);
});

it("says that folders named as the parts of a dataset are taken for classes, and which to give", async () => {
  await rm(at(), { recursive: true });
  await writeImages(at(), ["train", "val"], 2);
  const { said, count } = await open();
  expect(count).toBe(4);
  expect(said).toEqual([
    `warning: ${at()}: its folders train, val are taken for classes, but look like the parts of a dataset; if they are, ` +
      `give one of them, such as ${at("train")}`,
    "4 images, 0 unreadable; 2 classes: train, val",
  ]);
});

it("does not hold on to a refusal", async () => {
  const files = ["0", "1", "2"].map((name) => at("red", `${name}.png`));
  const good = await Promise.all(files.map((file) => readFile(file)));
  for (const file of files) await writeFile(file, "no image");
  for (let i = 0; i < 2; i++) await expect(open()).rejects.toThrow("no readable image is left in red");
  for (const [i, file] of files.entries()) await writeFile(file, good[i]!);
  expect((await open()).count).toBe(6);
  await rm(join(folder.path, "run", "opening.json"));
  expect((await open()).looks).toBe(6);
});

it("names a few of many broken images, in one line", async () => {
  await writeImages(at(), ["blue", "red"], 60);
  for (let i = 0; i < 50; i++) await writeFile(at("blue", `${i}.png`), "no image");
  const { count, left } = await open();
  expect(count).toBe(70);
  expect(left).toHaveLength(1);
  expect(left[0]).toMatch(
    /^warning: left out 50 images that cannot be read: (blue\/\d+\.png, ){4}blue\/\d+\.png and 45 more; first: cannot read image .*blue\/\d+\.png: .*; replace or remove the file$/,
  );
});

it("says what becomes of small and of transparent images, and lays these on the colour that was asked for", async () => {
  const { data } = await sharp({ create: { width: 24, height: 24, channels: 4, background: "#ff000000" } })
    .png()
    .toBuffer({ resolveWithObject: true });
  await writeFile(at("red", "clear.png"), data);
  const white = await open("white", ["data.resolution=20"]);
  expect(white.said.join("\n")).toMatch(
    /^warning: 6 images smaller than the model's 20 x 20 pixels, and enlarged: (\w+\/\d\.png, ){4}\w+\/\d\.png and 1 more$/m,
  );
  expect(white.said).toContain(
    "1 image with transparency, laid on the colour [255,255,255] (another: --set data.background=[0,0,0])",
  );
  const clear = async ({ source }: Awaited<ReturnType<typeof open>>) => {
    const images = await Promise.all(Array.from({ length: 7 }, (_, i) => source.read(i)));
    return images.map(({ pixels }) => [...pixels.subarray(0, 3)]);
  };
  expect(await clear(white)).toContainEqual([255, 255, 255]);
  const green = await open("green", ["data.background=[0,255,0]"]);
  expect(green.said).toContain(
    "1 image with transparency, laid on the colour [0,255,0] (another: --set data.background=[0,0,0])",
  );
  expect(await clear(green)).toContainEqual([0, 255, 0]);
  expect(green.description).not.toBe(white.description);
});
