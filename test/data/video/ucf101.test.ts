import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openVideoFolder } from "../../../src/data/video/video-folder.ts";
import { animate, encode, hasFfmpeg, plain, refusal, temporaryFolder } from "./films.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const options = { frames: 4, resolution: 8 };

const trainList = [
  "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1",
  "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c02.avi 1",
  "HandstandPushups/v_HandStandPushups_g09_c01.avi 2",
];
const testList = ["HandstandPushups/v_HandStandPushups_g01_c01.avi"];

/** Writes a split file; the official ones end their lines in both ways. */
const list = (name: string, lines: readonly string[], end = "\n") =>
  writeFile(at("ucfTrainTestlist", name), lines.map((line) => line + end).join(""));

beforeEach(async () => {
  await mkdir(at("ucfTrainTestlist"));
  await list("classInd.txt", ["1 ApplyEyeMakeup", "2 HandstandPushups"], "\r\n");
  await list("trainlist01.txt", trainList, "\r\n");
  await list("testlist01.txt", testList);
  await list("trainlist02.txt", [...trainList.slice(2), ...testList.map((line) => `${line} 2`)]);
  // The names of UCF-101, as animations that need no ffmpeg.
  for (const line of [...trainList, ...testList]) {
    await animate(at("UCF-101", line.replace(/\.avi.*/, ".webp")), plain(8, 8, 4));
  }
});

const video = (name: string) => join("UCF-101", ...name.split("/"));

describe("UCF-101", () => {
  it("is told by its split files and split as they say", async () => {
    const source = await openVideoFolder(folder.path, options);
    expect(source.classNames).toEqual(["ApplyEyeMakeup", "HandstandPushups"]);
    expect(source.files).toEqual([
      { path: video("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.webp"), classId: 0 },
      { path: video("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c02.webp"), classId: 0 },
      { path: video("HandstandPushups/v_HandStandPushups_g09_c01.webp"), classId: 1 },
    ]);
    expect(source.warnings).toEqual([]);
    expect(await source.read(2)).toMatchObject({ classId: 1, frames: 4 });
    const test = await openVideoFolder(folder.path, { ...options, split: "test" });
    expect(test.files).toEqual([
      { path: video("HandstandPushups/v_HandStandPushups_g01_c01.webp"), classId: 1 },
    ]);
    expect(test.classNames).toEqual(source.classNames);
    expect(test.warnings).toEqual([`${folder.path}: classes without a video here: ApplyEyeMakeup`]);
    const second = await openVideoFolder(folder.path, { ...options, fold: 2 });
    expect(second.files.map(({ classId }) => classId)).toEqual([1, 1]);
  });

  it("counts videos that are not there in one warning, and refuses where none is", async () => {
    await rm(at("UCF-101", "ApplyEyeMakeup"), { recursive: true });
    const { warnings, files } = await openVideoFolder(folder.path, options);
    expect(files).toHaveLength(1);
    expect(warnings[0]).toBe(
      `${folder.path}: 2 of the 3 videos of trainlist01.txt are not there: ` +
        "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01, ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c02",
    );
    await rm(at("UCF-101"), { recursive: true });
    expect(await refusal(openVideoFolder(folder.path, options))).toContain(
      "none of the 3 videos of trainlist01.txt is there, e.g. ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01",
    );
  });

  it("refuses lists that are missing or malformed", async () => {
    const open = (more: object = {}) => refusal(openVideoFolder(folder.path, { ...options, ...more }));
    expect(await open({ fold: 3 })).toMatch(/cannot read split file .*trainlist03\.txt: it does not exist/);
    expect(await open({ fold: 4 as never })).toContain("fold must be 1, 2 or 3, got 4");
    expect(await open({ split: "validation" })).toContain('choose "train" or "test"');
    await list("trainlist01.txt", ["ApplyEyeMakeup/v_1.avi 2"]);
    expect(await open()).toMatch(/trainlist01\.txt: line 1 must be .*got "ApplyEyeMakeup\/v_1\.avi 2"/);
    await list("trainlist01.txt", ["Archery/v_1.avi 1"]);
    expect(await open()).toContain('got "Archery/v_1.avi 1"');
    await list("classInd.txt", ["1 ApplyEyeMakeup", "3 HandstandPushups"]);
    expect(await open()).toMatch(/classInd\.txt: line 2 must be "2 <class>", got "3 HandstandPushups"/);
  });

  it.skipIf(!hasFfmpeg)("reads its AVI files", async () => {
    await encode(at("UCF-101", trainList[0]!.replace(/ .*/, "")), plain(8, 8, 5), [
      "-c:v",
      "mpeg4",
      "-vtag",
      "xvid",
    ]);
    const source = await openVideoFolder(folder.path, options);
    expect(source.files[0]!.path).toMatch(/c01\.avi$/);
    expect(await source.read(0)).toMatchObject({ classId: 0, frames: 4 });
  });
});
