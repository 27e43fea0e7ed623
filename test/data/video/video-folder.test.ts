import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSource } from "../../../src/data/open-source.ts";
import { openVideoFolder } from "../../../src/data/video/video-folder.ts";
import { verifyFolder } from "../verify-folder.ts";
import {
  animate,
  encode,
  fakeFfmpeg,
  hasFfmpeg,
  noise,
  plain,
  refusal,
  temporaryFolder,
  writeFrames,
} from "./films.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const options = { frames: 4, resolution: 8 };
const film = (frames = 4) => plain(8, 8, frames);

/** The number of the first frame of a video of a {@link plain} film. */
const firstOf = ({ pixels }: { pixels: Uint8Array }) => Math.round(pixels[0]! / 10);

describe("openVideoFolder, plain", () => {
  it("takes class folders in sorted order, with animations and folders of frames at any depth", async () => {
    await animate(at("b class", "deep", "er", "two.GIF"), film());
    await writeFrames(at("b class", "frames"), film(5));
    await animate(at("a'\"<&>", "x y #1?.webp"), film());
    const source = await openVideoFolder(folder.path, options);
    expect(source).toMatchObject({ name: folder.path, frames: 4, resolution: 8, length: 3, warnings: [] });
    expect(source.classNames).toEqual(["a'\"<&>", "b class"]);
    expect(source.files).toEqual([
      { path: join("a'\"<&>", "x y #1?.webp"), classId: 0 },
      { path: join("b class", "deep", "er", "two.GIF"), classId: 1 },
      { path: join("b class", "frames"), classId: 1 },
    ]);
    for (let i = 0; i < 3; i++) {
      const video = await source.read(i);
      expect(video).toMatchObject({ width: 8, height: 8, frames: 4, classId: source.files[i]!.classId });
      expect(video.pixels.length).toBe(4 * 8 * 8 * 3);
    }
    expect(await refusal(source.read(3))).toContain("index must be in 0..2, got 3");
  });

  it("is unconditional where the videos lie directly in the folder", async () => {
    await animate(at("2.gif"), film());
    await writeFrames(at("1"), film());
    const source = await openVideoFolder(folder.path, options);
    expect(source.classNames).toEqual([]);
    expect(source.files).toEqual([
      { path: "1", classId: null },
      { path: "2.gif", classId: null },
    ]);
  });

  it("takes the centre of each file, or the middles of equal parts", async () => {
    await animate(at("long.webp"), film(21));
    await animate(at("exact.webp"), film(4));
    const centre = await openVideoFolder(folder.path, options);
    // 21 frames, 4 of them: 8 or 9 before, the others after.
    expect([firstOf(await centre.read(0)), firstOf(await centre.read(1))]).toEqual([0, 8]);
    const strided = await openVideoFolder(folder.path, { ...options, frames: 3, stride: 5 });
    expect(firstOf(await strided.read(1))).toBe(5); // 11 frames: 5 before, 5 after

    const several = await openVideoFolder(folder.path, { ...options, videosPerFile: 3 });
    expect(several.length).toBe(6);
    expect(several.files.map(({ path }) => path)).toEqual([
      ...["exact.webp", "exact.webp", "exact.webp"],
      ...["long.webp", "long.webp", "long.webp"],
    ]);
    const starts = await Promise.all([0, 1, 2, 3, 4, 5].map(async (i) => firstOf(await several.read(i))));
    expect(starts).toEqual([0, 0, 0, 1, 8, 15]); // parts of seven frames: 0..6, 7..13, 14..20
  });

  it("counts at the frame rate where one is given", async () => {
    await animate(
      at("film.webp"),
      film(20),
      Array.from({ length: 20 }, () => 50),
    ); // a second
    const source = await openVideoFolder(folder.path, { ...options, frameRate: 10 });
    // Ten frames, every second one of the file; three before and three after.
    expect(firstOf(await source.read(0))).toBe(6);
  });

  it("says what it left out", async () => {
    await animate(at("a", "1.gif"), film());
    await writeFile(at("a", "notes.txt"), "hello");
    await writeFrames(at("a", "frames"), film());
    await writeFile(at("a", "frames", "times.json"), "{}");
    await writeFile(at("list.csv"), "1,2");
    await writeFile(at(".hidden"), "");
    const { warnings, files } = await openVideoFolder(folder.path, options);
    expect(files).toHaveLength(2);
    expect(warnings).toEqual([
      `${folder.path}: left out 1 not videos: list.csv`,
      `${at("a")}: left out 2 not videos: ${join("a", "frames", "times.json")}, ${join("a", "notes.txt")}`,
    ]);
    await rm(at("a", "frames"), { recursive: true });
    await animate(at("1.gif"), film());
    await rm(at("a", "1.gif"));
    const loose = await openVideoFolder(folder.path, options);
    expect(loose.warnings.join()).toContain(`${folder.path}: left out folders without videos: a`);
  });

  it("reads past folders without videos, and names them", async () => {
    await animate(at("cat", "1.gif"), film());
    await animate(at("dog", "1.gif"), film());
    await mkdir(at("bird"));
    const { classNames, files, warnings } = await openVideoFolder(folder.path, options);
    expect(classNames).toEqual(["cat", "dog"]);
    expect(files.map(({ classId }) => classId)).toEqual([0, 1]);
    expect(warnings).toEqual([`${folder.path}: left out folders without videos: bird`]);
  });

  it("refuses a missing folder, a file, an empty folder, a mixture and loose frames", async () => {
    const open = () => refusal(openVideoFolder(folder.path, options));
    expect(await refusal(openVideoFolder(at("nowhere"), options))).toContain("does not exist");
    expect(await refusal(openVideoFolder(await animate(at("1.gif"), film()), options))).toContain(
      "not a folder",
    );
    await rm(at("1.gif"));
    expect(await open()).toContain("found none");
    await mkdir(at("hollow"));
    expect(await open()).toContain("found none");
    await writeFrames(folder.path, film());
    expect(await open()).toContain("found 4 images; put the frames of each video into a folder of their own");
    await animate(at("full", "1.gif"), film());
    await animate(at("loose.gif"), film());
    expect(await open()).toContain("found both: 1 folder with videos (full) and 1 loose video (loose.gif)");
  });

  it("refuses options that are out of range or of another layout", async () => {
    await animate(at("1.gif"), film());
    for (const [wrong, message] of [
      [{ frames: 0 }, "frames must be a whole number in 1..1024, got 0"],
      [{ videosPerFile: 0 }, "videosPerFile must be a whole number of at least 1, got 0"],
      [{ layout: "kinetic" as never }, 'got "kinetic"; did you mean "kinetics"?'],
      [{ split: "tset" as never }, 'got "tset"; did you mean "test"'],
      [{ split: "test" }, "a plain folder has no splits"],
      [{ fold: 2 }, "folds are of UCF-101 alone, got fold 2"],
      [{ layout: "ucf101" }, "classInd.txt"],
      [{ layout: "kinetics" }, "needs a CSV file with the columns label,youtube_id,time_start,time_end in"],
    ] as const) {
      const refused = await refusal(openVideoFolder(folder.path, { ...options, ...wrong }));
      expect(refused).toContain(message);
      expect(refused).toContain(folder.path);
    }
  });

  it("says at once that ffmpeg is absent where a file needs it", async () => {
    await animate(at("1.gif"), film());
    await fakeFfmpeg(folder.path, null);
    const bin = process.env.PATH!;
    await rm(bin, { recursive: true });
    expect((await openVideoFolder(folder.path, options)).length).toBe(1);
    await writeFile(at("2.mp4"), "");
    expect(await refusal(openVideoFolder(folder.path, options))).toContain(
      `cannot read the videos of ${folder.path}: ff`,
    );
  });

  it.skipIf(!hasFfmpeg)("reads videos beside animations", async () => {
    await encode(at("a", "1.avi"), film(10));
    await animate(at("a", "2.webp"), film(10));
    const source = await openVideoFolder(folder.path, options);
    expect([firstOf(await source.read(0)), firstOf(await source.read(1))]).toEqual([3, 3]);
  });
});

describe("verifyFolder", () => {
  it("names short and broken files and leaves the others in order", async () => {
    await animate(at("a", "1.gif"), film());
    await animate(at("a", "2.gif"), film(3)); // too short
    await animate(at("a", "3.webp"), film(9));
    await writeFile(at("a", "4.webp"), "no animation");
    await writeFrames(at("b", "1"), film());
    await writeFile(at("b", "1", "0.png"), "no image"); // in the first of its two videos
    await writeFrames(at("b", "2"), film());
    const done: number[] = [];
    const source = await openVideoFolder(folder.path, { ...options, videosPerFile: 2 });
    const checked = await verifyFolder(source, { onFile: (count) => done.push(count) });
    expect(checked.unreadable.map(({ path }) => path)).toEqual([
      join("a", "2.gif"),
      join("a", "4.webp"),
      join("b", "1"),
    ]);
    for (const { path, reason } of checked.unreadable) expect(reason).toContain(path);
    expect(checked.unreadable[0]!.reason).toContain("has 3 frames");
    expect(done).toEqual(Array.from({ length: 12 }, (_, i) => i + 1)); // every video of every file
    const good = checked.source;
    expect(good.length).toBe(6);
    expect(good.files.map(({ path }) => path)).toEqual([
      ...[join("a", "1.gif"), join("a", "1.gif"), join("a", "3.webp"), join("a", "3.webp")],
      ...[join("b", "2"), join("b", "2")],
    ]);
    expect([firstOf(await good.read(2)), firstOf(await good.read(3))]).toEqual([0, 4]);
    expect((await good.read(5)).classId).toBe(1);
    expect(await refusal(good.read(6))).toContain("index");
  });

  it("refuses a class that lost everything, and a folder that did; stops by the signal", async () => {
    await animate(at("a", "1.gif"), film());
    await animate(at("b", "1.gif"), film(2));
    const source = await openVideoFolder(folder.path, options);
    expect(await refusal(verifyFolder(source))).toMatch(/no readable video is left in b; .*has 2 frames/);
    await writeFile(at("a", "1.gif"), "no");
    expect(await refusal(verifyFolder(source))).toContain("none of the 2 videos can be read");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(verifyFolder(source, { signal })).rejects.toThrow("enough");
  });

  it("passes on what is no fault of a file, and then leaves the others alone", async () => {
    for (let i = 0; i < 100; i++) await mkdir(at(`${i}`), { recursive: true });
    await animate(at("0", "1.gif"), film());
    const listed = await openVideoFolder(at("0"), options);
    let reads = 0;
    const files = Array.from({ length: 1000 }, (_, i) => ({ path: `${i}.gif`, classId: 0 }));
    const read = async () => {
      reads++;
      throw new TypeError("our own mistake");
    };
    await expect(verifyFolder({ ...listed, files, length: 1000, read })).rejects.toThrow("our own mistake");
    expect(reads).toBeLessThan(1000);
  });

  it.skipIf(!hasFfmpeg)("finds videos that are garbage behind a good index", async () => {
    const args = ["-c:v", "mpeg4", "-q:v", "2"];
    await encode(at("1.avi"), noise(32, 32, 12), args);
    await encode(at("2.avi"), noise(32, 32, 12), args);
    await encode(at("3.avi"), noise(32, 32, 3), args);
    const bytes = await readFile(at("2.avi"));
    for (let i = 0; i < 4000; i++) bytes[Math.floor(bytes.length * 0.3) + i] = (i * 2654435761) >>> 24;
    await writeFile(at("2.avi"), bytes);
    const source = await openVideoFolder(folder.path, options);
    const { source: good, unreadable } = await verifyFolder(source);
    expect(unreadable.map(({ path }) => path)).toEqual(["2.avi", "3.avi"]);
    expect(good.files.map(({ path }) => path)).toEqual(["1.avi"]);
  });
});

describe("openSource", () => {
  it("opens a folder as videos where the number of frames is given, as stills where it is not", async () => {
    await animate(
      at("a", "1.webp"),
      film(9),
      Array.from({ length: 9 }, () => 100),
    );
    const choice = { source: folder.path, resolution: 8, seed: 0 };
    expect((await openSource(choice)).frames).toBeUndefined();
    const videos = await openSource({ ...choice, frames: 4, stride: 2 });
    expect(videos).toMatchObject({ frames: 4, length: 1, classNames: ["a"], warnings: [] });
    expect(firstOf(await videos.read(0))).toBe(1);
    const paced = await openSource({ ...choice, frames: 3, frameRate: 5 });
    expect(firstOf(await paced.read(0))).toBe(2);
  });

  it("refuses a stride or a frame rate that nothing would heed", async () => {
    const choice = { resolution: 8, seed: 0 };
    expect(await refusal(openSource({ ...choice, source: "motions", stride: 2 }))).toContain("leave it out");
    expect(await refusal(openSource({ ...choice, source: folder.path, frameRate: 5 }))).toContain(
      "say how many frames a video has",
    );
  });

  it("says how a folder of videos is opened, and that drawn stills have no frames", async () => {
    await mkdir(at("b"));
    for (const name of ["1.mp4", "2.mkv"]) await writeFile(at("b", name), "");
    const choice = { source: folder.path, resolution: 8, seed: 0 };
    expect(await refusal(openSource(choice))).toContain("holds 2 videos and no images; say how many frames");
    const drawn = { ...choice, source: "sprites", frames: 4 };
    expect(await refusal(openSource(drawn))).toContain("images have no frames, got 4");
  });
});
