import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openVideoFolder } from "../../../src/data/video/video-folder.ts";
import { animate, plain, refusal, temporaryFolder } from "./films.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const options = { frames: 4, resolution: 8 };
const head = "label,youtube_id,time_start,time_end,split";

/** The names of Kinetics, as animations that need no ffmpeg. */
const video = (...names: string[]) => animate(at(...names), plain(8, 8, 4));

describe("Kinetics", () => {
  it("is told by its CSV files, quoted or not, and finds videos anywhere", async () => {
    await mkdir(at("annotations"));
    await writeFile(
      at("annotations", "train.csv"),
      `\uFEFF${head}\r\nwashing hands,-0abc_DEF12,8,18,train\r\n` +
        `"massaging person's head","12345678901",110,120,train\r\n"eating, slowly",zz_zz_zz_zz,0,10,train\r\n`,
    );
    await writeFile(at("annotations", "val.csv"), `${head}\nabseiling,aaaaaaaaaaa,1,11,val\n`);
    await writeFile(at("annotations", "other.csv"), "name,value\n1,2\n");
    await video("train", "washing hands", "-0abc_DEF12_000008_000018.webp");
    await video("12345678901_000110_000120.webp");
    await video("validation", "aaaaaaaaaaa_000001_000011.gif");
    const source = await openVideoFolder(folder.path, options);
    expect(source.classNames).toEqual([
      "abseiling",
      "eating, slowly",
      "massaging person's head",
      "washing hands",
    ]);
    expect(source.files).toEqual([
      { path: join("train", "washing hands", "-0abc_DEF12_000008_000018.webp"), classId: 3 },
      { path: "12345678901_000110_000120.webp", classId: 2 },
    ]);
    expect(source.warnings).toEqual([
      `${folder.path}: 1 of the 3 videos of the train split are not there: zz_zz_zz_zz_000000_000010`,
      `${folder.path}: classes without a video here: abseiling, eating, slowly`,
    ]);
    expect(await source.read(0)).toMatchObject({ classId: 3, frames: 4 });
    const validation = await openVideoFolder(folder.path, { ...options, split: "validation" });
    expect(validation.classNames).toEqual(source.classNames);
    expect(validation.files).toEqual([
      { path: join("validation", "aaaaaaaaaaa_000001_000011.gif"), classId: 0 },
    ]);
  });

  it("is split by the names of its files where they have no such column", async () => {
    const bare = "label,youtube_id,time_start,time_end";
    await writeFile(at("train.csv"), `${bare}\nyawning,aaaaaaaaaaa,1,11\n`);
    await writeFile(at("validate.csv"), `${bare}\nabseiling,bbbbbbbbbbb,1,11\n`);
    await video("aaaaaaaaaaa_000001_000011.webp");
    await video("bbbbbbbbbbb_000001_000011.webp");
    expect((await openVideoFolder(folder.path, options)).files).toEqual([
      { path: "aaaaaaaaaaa_000001_000011.webp", classId: 1 },
    ]);
    const validation = await openVideoFolder(folder.path, { ...options, split: "validation" });
    expect(validation.files).toEqual([{ path: "bbbbbbbbbbb_000001_000011.webp", classId: 0 }]);
    await writeFile(at("all.csv"), `${bare}\nyawning,aaaaaaaaaaa,1,11\n`);
    expect(await refusal(openVideoFolder(folder.path, options))).toMatch(
      /all\.csv: has no column "split", .*; rename or remove it/,
    );
  });

  it("counts videos that are not there in one warning of bounded length", async () => {
    const rows = Array.from({ length: 500 }, (_, i) => `yawning,${String(i).padStart(11, "x")},1,11,train`);
    await writeFile(at("train.csv"), [head, ...rows].join("\n"));
    await video("xxxxxxxx123_000001_000011.webp");
    const { warnings, length } = await openVideoFolder(folder.path, options);
    expect(length).toBe(1);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("499 of the 500 videos of the train split are not there: ");
    expect(warnings[0]).toMatch(/xxxxxxxxxx4_000001_000011 and 494 more$/);
    await rm(at("xxxxxxxx123_000001_000011.webp"));
    expect(await refusal(openVideoFolder(folder.path, options))).toContain("none of the 500 videos");
  });

  it("refuses a split that is not there and rows that are malformed", async () => {
    const open = (more: object = {}) => refusal(openVideoFolder(folder.path, { ...options, ...more }));
    const write = (row: string) => writeFile(at("train.csv"), `${head}\n${row}\n`);
    await write("yawning,aaaaaaaaaaa,1,11,train");
    expect(await open({ split: "test" })).toContain(
      'no row of its CSV files is of the split "test"; there are: train',
    );
    await write("yawning,aaaaaaaaaaa,one,11,train");
    expect(await open()).toMatch(/train\.csv: every row must have .*got yawning,aaaaaaaaaaa,one,11,train/);
    await write("yawning,aaaaaaaaaaa,1");
    expect(await open()).toMatch(/cannot read .*train\.csv: .*; download it again/);
    await write('"yawning,aaaaaaaaaaa,1,11,train');
    expect(await open()).toMatch(/cannot read .*train\.csv: .*; download it again/);
  });
});
