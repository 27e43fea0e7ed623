/** Which images a classifier learns from, and which are held out from it. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ImageSource } from "../../src/data/source.ts";
import { splitData } from "../../src/evaluation/split-data.ts";
import { animate, plain, refusal, temporaryFolder } from "../data/video/films.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const options = { frames: 2, resolution: 8 };

/** The first value of every image: tells films of {@link shaded} apart. */
async function shades(source: ImageSource): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < source.length!; i++) found.push((await source.read(i)).pixels[0]!);
  return found.sort((a, b) => a - b);
}

/** A film of `frames` frames, each 10 lighter than the one before, the first of the shade 20 `number`. */
const shaded = (number: number, frames = 2) => {
  const film = plain(8, 8, frames);
  return { ...film, pixels: film.pixels.map((value, i) => (i % 3 === 0 ? value + 20 * number : value)) };
};

describe("the parts of a dataset", () => {
  it("divide a folder, every file in one of them, always alike", async () => {
    for (let i = 0; i < 10; i++) await animate(at(`${i % 2}`, `${i}.webp`), shaded(i));
    const { training, heldOut } = await splitData(folder.path, options);
    expect([training.length, heldOut.length]).toEqual([8, 2]);
    const [first, second] = [await shades(training), await shades(heldOut)];
    expect([...first, ...second].sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => 20 * i));
    expect(await shades((await splitData(folder.path, options)).heldOut)).toEqual(second);
  });

  it("are the published ones where there are such", async () => {
    await mkdir(at("ucfTrainTestlist"));
    await writeFile(at("ucfTrainTestlist", "classInd.txt"), "1 A\n2 B\n");
    await writeFile(at("ucfTrainTestlist", "trainlist01.txt"), "A/a0.avi 1\nB/b1.avi 2\n");
    await writeFile(at("ucfTrainTestlist", "testlist01.txt"), "A/a2.avi\nB/b3.avi\n");
    for (const [i, name] of ["A/a0", "B/b1", "A/a2", "B/b3"].entries()) {
      await animate(at("UCF-101", `${name}.webp`), shaded(i));
    }
    const { training, heldOut } = await splitData(folder.path, options);
    expect([await shades(training), await shades(heldOut)]).toEqual([
      [0, 20],
      [40, 60],
    ]);
    expect((await heldOut.read(0)).classId).toBeLessThan(2);

    // Without the list of what is held out, the others are divided; a list that is damaged is not passed over.
    await writeFile(at("ucfTrainTestlist", "testlist01.txt"), "<html>not found</html>");
    expect(await refusal(splitData(folder.path, options))).toContain("download the split files again");
    await writeFile(at("ucfTrainTestlist", "testlist01.txt"), "\n");
    expect(await refusal(splitData(folder.path, options))).toContain("testlist01.txt names no video");
    await rm(at("ucfTrainTestlist", "testlist01.txt"));
    const divided = await splitData(folder.path, options);
    expect([divided.training.length, divided.heldOut.length]).toEqual([1, 1]);
  });

  it("take the frames that are asked for", async () => {
    for (let i = 0; i < 3; i++) await animate(at(`${i}.webp`), shaded(0, 9));
    const { heldOut } = await splitData(folder.path, { ...options, stride: 4 });
    const { pixels } = await heldOut.read(0);
    expect(pixels[8 * 8 * 3]! - pixels[0]!).toBe(40);
  });

  it("come of two seeds where images are drawn, and need two where they are not", async () => {
    const { training, heldOut } = await splitData("sprites", { resolution: 16 });
    expect([training.name, heldOut.name]).toEqual(["sprites(seed 1000)", "sprites(seed 2000)"]);
    await animate(at("1.webp"), shaded(0));
    expect(await refusal(splitData(folder.path, options))).toContain("needs at least 2 images");
    expect(await refusal(splitData("sprites", { ...options, resolution: 16 }))).toContain("frames");
  });
});
