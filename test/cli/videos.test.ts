/** Videos on the command line: made, gone on with and filled in, from the files that people have. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readVideo } from "../../src/data/video/read-video.ts";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { encode, hasFfmpeg, noise } from "../data/video/films.ts";
import { toyModel } from "../pipelines/toy-model.ts";
import { toyVideoModel } from "../pipelines/toy-video-model.ts";

const magnets = (...args: string[]) =>
  promisify(execFile)(process.execPath, ["--import", "tsx", "cli/main.ts", ...args]);
const json = async (...args: string[]) => JSON.parse((await magnets(...args, "--json")).stdout);
const refusal = (...args: string[]) =>
  magnets(...args).then(
    () => ({ code: 0, stderr: "" }),
    ({ code, stderr }: { code: number; stderr: string }) => ({ code, stderr }),
  );

let folder: string;
let model: string;
let gif: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli videos-"));
  model = join(folder, "model");
  await writeModel(model, toyVideoModel());
  const made = await json(
    "sample",
    model,
    "--class",
    "cat spin",
    "--count",
    "2",
    "--out",
    join(folder, "gif"),
    "--format",
    "gif",
  );
  gif = made.videos[0];
});
afterAll(() => rm(folder, { recursive: true }));

const pages = async (path: string) => (await sharp(path).metadata()).pages;

describe("sample", () => {
  it("writes videos, a moving sheet, a film strip and a record", async () => {
    const out = join(folder, "out");
    const result = await json(
      "sample",
      model,
      "--class",
      "all",
      "--count",
      "4",
      "--out",
      out,
      "--tokens",
      "json",
    );
    expect((await readdir(out)).sort()).toEqual([
      ...["0000.webp", "0001.webp", "0002.webp", "0003.webp"],
      ...["sample.json", "sheet.webp", "strip.png", "tokens.json"],
    ]);
    expect(result.classes).toEqual(["cat spin", "cat fall", "cat spin", "cat fall"]);
    expect(await pages(result.videos[0])).toBe(4);
    expect(await pages(result.sheet)).toBe(4);
    expect(JSON.parse(await readFile(join(out, "tokens.json"), "utf8"))[0]).toHaveLength(8);
    const { width, height } = await sharp(result.strip).metadata();
    expect([width, height]).toEqual([4 * 8 + 5 * 2, 4 * 8 + 5 * 2]);
  });
});

describe("predict and interpolate", () => {
  it("read a video, keep its given frames and compare with what came", async () => {
    const out = join(folder, 'it\'s a "prediction"');
    const given = await readVideo(gif, { frames: 4, resolution: 8 });
    const result = await json("predict", model, "--video", gif, "--given", "2", "--count", "2", "--out", out);
    expect([result.videos.length, result.extra.length]).toEqual([2, 2]); // two versions, two comparisons
    const { data } = await sharp(result.videos[0], { pages: -1 })
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    // Lossless WebP, each pixel twice as wide and high: every second pixel of every second row.
    const first = Array.from({ length: 8 * 8 * 3 }, (_, i) => {
      const [y, x, c] = [Math.floor(i / 24), Math.floor((i % 24) / 3), i % 3];
      return data[(2 * y * 16 + 2 * x) * 3 + c];
    });
    expect(first).toEqual([...given.pixels.subarray(0, 192)]);
    const { width } = await sharp(result.extra[0]).metadata();
    expect(width).toBe(2 * (3 * 8 + 2 * 4)); // given | predicted | truth

    // As fast as what it goes on with: every second frame of 8 a second.
    expect((await sharp(gif).metadata()).delay).toEqual([130, 120, 130, 120]);
    const slow = await json("predict", model, "--video", gif, "--given", "2", "--stride", "2", "--out", out);
    expect(slow.source).toMatchObject({ stride: 2, rate: 4 });
    expect((await sharp(slow.videos[0]).metadata()).delay).toEqual([250, 250, 250, 250]);
    // All frames between two ends take the time that these lay apart.
    const between = await json("interpolate", model, "--video", gif, "--stride", "3", "--out", out);
    expect(between.source).toMatchObject({ stride: 3, frames: 2, rate: 8 });
  });

  it("take a folder of frames, and a video of the given frames alone", async () => {
    const frames = join(folder, "-frames");
    await mkdir(frames);
    for (const t of [1, 2]) {
      const image = sharp({
        create: { width: 10, height: 8, channels: 3, background: { r: 90 * t, g: 0, b: 0 } },
      });
      await image.png().toFile(join(frames, `${t}.png`));
    }
    const predicted = await json(
      "predict",
      model,
      "--video",
      frames,
      "--given",
      "2",
      "--out",
      join(folder, "a"),
    );
    expect((await sharp(predicted.extra[0]).metadata()).width).toBe(2 * (2 * 8 + 4)); // given | predicted
    const between = await json("interpolate", model, "--video", frames, "--out", join(folder, "b"));
    expect(between.given).toEqual([0, 3]);
    const plan = JSON.parse(await readFile(join(folder, "b", "sample.json"), "utf8")).plan;
    expect(plan.maskSchedule.kind).toBe("linear");
  });

  it("fill in as far as the video reaches, and record what they were made from", async () => {
    const frames = join(folder, "nine");
    await mkdir(frames);
    for (let t = 0; t < 9; t++) {
      const create = { width: 8, height: 8, channels: 3, background: { r: 28 * t, g: 0, b: 0 } } as const;
      await sharp({ create })
        .png()
        .toFile(join(frames, `${t}.png`));
    }
    const out = join(folder, "far");
    const { source } = await json("interpolate", model, "--video", frames, "--out", out);
    expect(source).toEqual({ task: "interpolate", video: frames, start: 0, stride: 8 / 3, frames: 4 });
    expect(JSON.parse(await readFile(join(out, "sample.json"), "utf8")).source).toEqual(source);
    const last = await sharp(join(out, "0000.webp"), { page: 3 }).removeAlpha().raw().toBuffer();
    expect([...last.subarray(0, 3)]).toEqual([28 * 8, 0, 0]); // the very last one

    await writeFile(join(frames, "4.png"), "broken"); // between the ends
    const around = await magnets("interpolate", model, "--video", frames, "--out", out, "--json");
    expect(around.stderr).not.toContain("warning"); // frames 0, 3, 5, 8 are what is shown
    await writeFile(join(frames, "5.png"), "broken");
    const ends = await magnets("interpolate", model, "--video", frames, "--out", out, "--json");
    expect(ends.stderr).toMatch(/5\.png.*the given frames are whole, what really came is left out/);
    const again = await sharp(join(out, "0000.webp"), { page: 3 }).removeAlpha().raw().toBuffer();
    expect([...again.subarray(0, 3)]).toEqual([28 * 8, 0, 0]);
  });

  it.skipIf(!hasFfmpeg)(
    "predict from whole frames where later ones are damaged",
    async () => {
      const whole = await encode(join(folder, "whole.avi"), noise(64, 64, 6), ["-c:v", "mpeg4", "-q:v", "2"]);
      const bytes = await readFile(whole);
      const torn = join(folder, "torn.avi"); // in the fourth frame
      await writeFile(torn, bytes.subarray(0, 0.6 * bytes.length));
      const args = ["predict", model, "--video", torn, "--out", join(folder, "torn")];
      const { stdout, stderr } = await magnets(...args, "--given", "2", "--json");
      expect(stderr).toMatch(
        /warning: .*torn\.avi.*the given frames are whole, what really came is left out/,
      );
      expect(JSON.parse(stdout).source).toMatchObject({ task: "predict", given: 2, frames: 2 });
      expect((await refusal(...args, "--given", "3", "--start", "1")).stderr).toMatch(/cannot read video/);
    },
    60_000,
  );

  it("refuse in one sentence, and leave nothing behind", async () => {
    const text = join(folder, "no video.mp4");
    await writeFile(text, "not a video");
    const short = join(folder, "short");
    await mkdir(short);
    await cp(join(folder, "-frames", "1.png"), join(short, "1.png"));
    const out = ["--out", join(folder, "nothing")];
    const cases: [string[], RegExp][] = [
      [["predict", model, "--video", text], /no video\.mp4/],
      [["predict", model, "--video", join(folder, "absent.gif")], /absent\.gif.*does not exist/],
      [
        ["predict", model, "--video", short, "--given", "2"],
        /short: 2 frames must be given, but 1 is there .*use --given 1 or a longer video/,
      ],
      [
        ["interpolate", model, "--video", short],
        /short: 2 frames must be given, but 1 is there .*; use a longer/,
      ],
      [
        ["interpolate", model, "--video", gif, "--stride", "100"],
        /but 1 is there .* at stride 100; use a smaller --stride or a longer video/,
      ],
      [["predict", model, "--video", gif, "--guidance", "2"], /unknown option '--guidance'/],
      [
        ["predict", model, "--video", gif, "--given", "4"],
        /given must be .* fewer than the model's 4 frames/,
      ],
      [["predict", model, "--video", gif, "--stride", "2", "--frame-rate", "3"], /stride/],
      [["predict", model, "--video", gif, "--fps", "60"], /--fps must be in 0\.1\.\.50 for webp, got 60/],
      [["predict", model], /--video/],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await refusal(...args, ...(args.includes("--video") ? out : []));
      expect(code, args.join(" ")).toBe(2);
      expect(stderr).toMatch(message);
    }
    expect(await readdir(join(folder, "nothing"))).toEqual([]);
    const still = join(folder, "still");
    await writeModel(still, toyModel());
    expect((await refusal("sample", still, "--format", "gif", ...out)).stderr).toMatch(
      /--format and --fps are/,
    );
    expect((await refusal("predict", still, "--video", gif, ...out)).stderr).toMatch(/makes images/);
  });
});
