import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { frameOf, type Video } from "../../../src/data/source.ts";
import {
  type ReadVideoOptions,
  readVideo,
  videoExtent,
  videoLength,
} from "../../../src/data/video/read-video.ts";
import {
  animate,
  encode,
  expectSame,
  fakeFfmpeg,
  ffmpeg,
  hasFfmpeg,
  lossless,
  noise,
  pick,
  plain,
  psnr,
  refusal,
  temporaryFolder,
  waves,
  writeFrames,
} from "./films.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder.path, ...names);
const range = (count: number, step = 1, start = 0) =>
  Array.from({ length: count }, (_, i) => start + i * step);

/** Bytes of a video, which must have the size asked for. */
async function read(path: string, options: ReadVideoOptions): Promise<Uint8Array> {
  const video = await readVideo(path, options);
  const { frames, resolution } = options;
  expect(video).toMatchObject({ frames, width: resolution, height: resolution });
  expect(video.pixels.length).toBe(frames * resolution ** 2 * 3);
  return video.pixels;
}

/** Frame t of a {@link plain} film, told from its red. */
const numbers = ({ frames, width, height, pixels }: Video) =>
  range(frames).map((t) => Math.round(pixels[t * width * height * 3]! / 10));

describe.skipIf(!hasFfmpeg)("readVideo, by ffmpeg", () => {
  it("brings lossless films back bit by bit, any container", async () => {
    const film = noise(16, 16, 12);
    for (const end of ["avi", "mkv", "mov"]) {
      const args = end === "mov" ? ["-c:v", "qtrle", "-pix_fmt", "rgb24"] : lossless;
      const path = await encode(at(`film.${end}`), film, args);
      expectSame(await read(path, { frames: 12, resolution: 16 }), film.pixels);
      const some = await read(path, { frames: 3, resolution: 16, stride: 4, start: 2 });
      expectSame(some, pick(film, [2, 6, 10]));
    }
    const raw = await encode(at("raw.AVI"), film, ["-c:v", "rawvideo", "-pix_fmt", "bgr24"]);
    expectSame(await read(raw, { frames: 12, resolution: 16 }), film.pixels);
  });

  it("counts only the frames that a cut video shows", async () => {
    const whole = await encode(at("whole.mp4"), waves(32, 32, 30), ["-c:v", "libx264", "-g", "10"]);
    const path = at("cut.mp4");
    ffmpeg(["-ss", "0.6", "-i", `file:${whole}`, "-c", "copy"], path); // from frame 15 on; frame 10 is its key
    expect(await videoLength(path, {})).toBe(15);
    expect(await videoLength(path, { frameRate: 5 })).toBe(3);
    await read(path, { frames: 15, resolution: 16 });
    expect(await refusal(readVideo(path, { frames: 16, resolution: 16 }))).toContain("has 15 frames");
  });

  it("keeps what lossy codecs kept", async () => {
    const film = waves(64, 64, 10);
    for (const [name, ...args] of [
      ["a.mp4", "-c:v", "libx264", "-crf", "10", "-pix_fmt", "yuv420p"],
      ["b.avi", "-c:v", "mpeg4", "-q:v", "2"],
      ["c.webm", "-c:v", "libvpx-vp9", "-crf", "15", "-b:v", "0"],
      ["d.mkv", "-c:v", "libx264", "-crf", "10", "-pix_fmt", "yuv420p", "-bf", "3"],
    ]) {
      const path = await encode(at(name!), film, args);
      expect(psnr(await read(path, { frames: 10, resolution: 64 }), film.pixels), name).toBeGreaterThan(35);
      expect(await videoLength(path, {}), name).toBe(10);
    }
  });

  it("resizes and crops as stills are", async () => {
    for (const [width, height] of [
      [75, 33], // odd sizes, wide and tall
      [31, 57],
    ] as const) {
      const film = waves(width, height, 4);
      const video = await encode(at("film.mkv"), film);
      const stills = await writeFrames(at(`stills ${width}`), film);
      for (const resampler of ["nearest", "lanczos3", "mitchell"] as const) {
        const options = { frames: 4, resolution: 24, resampler };
        const pixels = await read(video, options);
        expectSame(pixels, await read(stills, options));
        const first = sharp(join(stills, "0.png")).resize(24, 24, { fit: "cover", kernel: resampler });
        const expected = await first.raw().toBuffer();
        expectSame(pixels.subarray(0, expected.length), expected);
      }
    }
  });

  it("opens odd sizes of lossy files", async () => {
    const film = waves(63, 45, 3);
    const path = await encode(at("odd.mp4"), film, ["-c:v", "libx264", "-pix_fmt", "yuv444p", "-crf", "4"]);
    const exact = await encode(at("odd.mkv"), film);
    const options = { frames: 3, resolution: 45 };
    expect(psnr(await read(path, options), await read(exact, options))).toBeGreaterThan(38);
  });

  it("makes oblong pixels square and turns turned images upright", async () => {
    // Red on the left, blue on the right.
    const split = (width: number): Video => {
      const film = plain(32, 16, 2);
      for (let i = 0; i < film.pixels.length / 3; i++) {
        film.pixels.set(i % 32 < width ? [250, 0, 0] : [0, 0, 250], i * 3);
      }
      return film;
    };
    // 32 x 16 of pixels twice as tall as wide, i.e. a square: nothing is cropped.
    const oblong = await encode(at("oblong.mkv"), split(6), [...lossless, "-vf", "setsar=1/2"]);
    const square = await read(oblong, { frames: 2, resolution: 32, resampler: "nearest" });
    for (const y of [0, 15, 31]) {
      expect([...square.subarray((y * 32 + 2) * 3, (y * 32 + 2) * 3 + 3)]).toEqual([250, 0, 0]);
      expect([...square.subarray((y * 32 + 10) * 3, (y * 32 + 10) * 3 + 3)]).toEqual([0, 0, 250]);
    }
    const upright = await encode(at("upright.mp4"), split(16), [
      "-c:v",
      "libx264",
      "-pix_fmt",
      "yuv444p",
      "-crf",
      "0",
    ]);
    const turned = at("turned.mp4");
    const bytes = await readFile(upright);
    // The matrix in the track's header, in 16.16 numbers: x to y, y to -x.
    const matrix = bytes.indexOf("tkhd") - 4 + 48;
    for (const [i, value] of [0, 65536, 0, -65536, 0].entries()) bytes.writeInt32BE(value, matrix + 4 * i);
    await writeFile(turned, bytes);
    const frame = await read(turned, { frames: 2, resolution: 16, resampler: "nearest" });
    const [top, bottom] = [frame[3 * 8]!, frame[3 * (15 * 16 + 8)]!];
    expect(Math.abs(top - bottom)).toBeGreaterThan(200); // one colour above the other
    expect(Math.abs(frame[0]! - frame[3 * 15]!)).toBeLessThan(9); // the same from left to right
  });

  it("counts on where a recording changes its size, and shows all of each frame", async () => {
    const film = (size: number, frames: readonly number[]): Video => {
      const pixels = Uint8Array.from({ length: size * size * 3 * frames.length }, (_, i) => {
        const at = Math.floor(i / 3);
        return at % size < size / 2 ? 10 * frames[Math.floor(at / size ** 2)]! : 255;
      });
      return { width: size, height: size, frames: frames.length, pixels };
    };
    const args = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "1", "-f", "mpegts"];
    const parts = [
      await readFile(await encode(at("1.ts"), film(32, range(6)), args)),
      await readFile(await encode(at("2.ts"), film(64, range(6, 1, 6)), args)),
    ];
    await writeFile(at("both.ts"), Buffer.concat(parts));
    const path = ffmpeg(["-i", `file:${at("both.ts")}`, "-c", "copy"], at("both.mkv"));
    const video = await readVideo(path, { frames: 5, resolution: 32, stride: 2, start: 3 });
    expect(numbers(video)).toEqual([3, 5, 7, 9, 11]);
    expect(video.pixels[31 * 3]).toBeGreaterThan(245);
    expect(video.pixels.at(-1)).toBeGreaterThan(245);
    expect(video.pixels.at(-1 - 20 * 3)).toBeLessThan(125);
    expect(await refusal(readVideo(path, { frames: 13, resolution: 32 }))).toContain("has 12 frames");
  });

  it("takes what is on screen in the middle of each part of a second", async () => {
    const film = plain(8, 8, 25);
    const path = await encode(at("film.mkv"), film);
    expect((await videoExtent(path, {})).rate).toBeCloseTo(25, 1);
    for (const frameRate of [8, 12.5, 29.97, 50]) {
      const all = Math.round(frameRate); // the film takes a second
      const shown = range(all).map((i) => Math.min(24, Math.ceil((25 * (i + 0.5)) / frameRate) - 1));
      const video = await readVideo(path, { frames: all - 2, resolution: 8, frameRate, start: 2 });
      expect(numbers(video), `${frameRate}`).toEqual(shown.slice(2));
      expect(await videoLength(path, { frameRate })).toBe(all);
    }
  });

  it("gives a film of varying frame rate one pace", async () => {
    // Frame n is shown from n (n + 1) / 2 / 25 seconds on: every frame longer than the one before.
    const film = plain(8, 8, 12);
    const varying = ["-vf", "setpts='N*(N+1)/2'", ...lossless];
    const path = await encode(at("varying.mkv"), film, varying);
    const starts = range(12).map((n) => (n * (n + 1)) / 2 / 25);
    for (const frameRate of [4, 10]) {
      const frames = Math.floor(2.6 * frameRate);
      const shown = range(frames).map((i) => starts.findLastIndex((start) => start < (i + 0.5) / frameRate));
      const video = await readVideo(path, { frames, resolution: 8, frameRate });
      expect(numbers(video)).toEqual(shown);
    }
    // By number, every frame counts once; whoever asks how many there are is told that they have no pace.
    expect(numbers(await readVideo(path, { frames: 12, resolution: 8 }))).toEqual(range(12));
    expect(await refusal(videoLength(path, {}))).toMatch(
      /varying\.mkv: its frame rate varies, frames last 40 to 4\d\d ms, .* e\.g\. 4 \(--frame-rate/,
    );
  });

  it("takes any name, also ones that look like options, protocols or patterns", async () => {
    const film = noise(8, 8, 2);
    const names = ["-i.avi", "a 'b' \"c\".avi", "$(x)`y`;&|.avi", "pipe:0.avi", "%03d*?[a].avi", "ü\\n.avi"];
    const here = process.cwd();
    process.chdir(folder.path);
    try {
      for (const name of names) {
        await encode(at(name), film);
        expectSame(await read(at(name), { frames: 2, resolution: 8 }), film.pixels);
        expect(await videoLength(name, {}), name).toBe(2);
      }
    } finally {
      process.chdir(here);
    }
  });

  it("says how many frames a short film has and what would fit", async () => {
    const path = await encode(at("short.avi"), noise(8, 8, 20));
    const options = { frames: 16, resolution: 8 };
    expect(await refusal(readVideo(path, { ...options, stride: 2 }))).toBe(
      `${path}: has 20 frames, but a video of 16 at stride 2 from frame 0 on takes 31; ` +
        "ask for at most 10 frames or a stride of at most 1",
    );
    expect(await refusal(readVideo(path, { ...options, start: 6 }))).toBe(
      `${path}: has 20 frames, but a video of 16 from frame 6 on takes 22; ` +
        "ask for at most 14 frames or a start of at most 4",
    );
    expect(await refusal(readVideo(path, { ...options, frameRate: 10 }))).toBe(
      `${path}: has 8 frames at 10 frames per second, but a video of 16 from frame 0 on takes 16; ` +
        "ask for at most 8 frames",
    );
    expect(await refusal(readVideo(path, { ...options, start: 20 }))).toMatch(
      /takes 36; ask for a start of at most 4$/,
    );
    const one = await encode(at("one.avi"), noise(8, 8, 1));
    expect(await refusal(readVideo(one, { frames: 2, resolution: 8, start: 1 }))).toMatch(
      /has 1 frame, .* takes 3; choose a longer video$/,
    );
  });

  it("refuses broken and truncated files where the damage is within the video", async () => {
    const film = noise(32, 32, 20);
    const good = await encode(at("good.mp4"), film, ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "5"]);
    const bytes = await readFile(good);
    const options = { frames: 20, resolution: 32 };

    const cut = at("cut.mp4"); // its index, at the end, is gone
    await writeFile(cut, bytes.subarray(0, bytes.length / 2));
    expect(await refusal(readVideo(cut, options))).toBe(
      `cannot read video ${cut}: ffmpeg failed with status 1: Invalid data found when processing input; ` +
        "replace, re-encode or remove the file",
    );
    const scratched = at("scratched.mp4");
    const damage = Buffer.from(bytes);
    for (let i = 0; i < 2000; i++) damage[Math.floor(bytes.length * 0.6) + i] = (i * 2654435761) >>> 24;
    await writeFile(scratched, damage);
    expect(await refusal(readVideo(scratched, options))).toContain(
      `cannot read video ${scratched}: ffmpeg failed`,
    );
    await read(scratched, { frames: 3, resolution: 32 }); // the beginning is whole

    const avi = await readFile(await encode(at("film.avi"), film, ["-c:v", "mpeg4", "-q:v", "2"]));
    const torn = at("torn.avi");
    await writeFile(torn, avi.subarray(0, avi.length * 0.6));
    expect(await refusal(readVideo(torn, options))).toContain(`cannot read video ${torn}: ffmpeg failed`);
    await read(torn, { frames: 3, resolution: 32 });
  });

  it("refuses files that are no videos, whatever they are called", async () => {
    const files: Record<string, string | Buffer> = {
      "text.mp4": "Once upon a time there was a file that was no video.\n".repeat(50),
      "empty.mp4": "",
      "playlist.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfilm.avi\n",
      "list.mkv": "ffconcat version 1.0\nfile film.avi\n",
      "animation.mp4": await readFile(await animate(at("animation.gif"), noise(16, 16, 8))),
    };
    await encode(at("film.avi"), noise(8, 8, 8));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(at(name), text);
      const message = await refusal(readVideo(at(name), { frames: 8, resolution: 8 }));
      expect(message).toContain(`cannot read video ${at(name)}: ffmpeg failed with status`);
      expect(await refusal(videoLength(at(name), {}))).toContain(
        `cannot read video ${at(name)}: ffprobe failed`,
      );
    }
    const sound = ffmpeg(["-f", "lavfi", "-i", "sine=duration=1"], at("sound.mp4"));
    const options = { frames: 8, resolution: 8 };
    expect(await refusal(readVideo(sound, options))).toContain("matches no streams");
    expect(await refusal(videoLength(sound, {}))).toContain("holds sound but no image");
  });

  it("stops when the signal says so", async () => {
    const path = await encode(at("film.avi"), noise(8, 8, 4));
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(readVideo(path, { frames: 4, resolution: 8, signal })).rejects.toThrow("enough");
  });
});

describe("readVideo, with an ffmpeg that fails", () => {
  const film = async () => {
    await writeFile(at("film.mp4"), "");
    return at("film.mp4");
  };
  const options = { frames: 4, resolution: 8 };
  const head = "printf 'P6\\n8 8\\n255\\n'";

  it("says how to get it where it is absent; animations and frames do not need it", async () => {
    const path = await film();
    await fakeFfmpeg(folder.path, null);
    const message = await refusal(readVideo(path, options));
    expect(message).toContain(`cannot read video ${path}: ff`);
    expect(message).toContain("apt install ffmpeg");
    await read(await animate(at("film.gif"), noise(8, 8, 4)), options);
    await read(await animate(at("film.webp"), noise(8, 8, 4)), options);
    await read(await writeFrames(at("frames"), noise(8, 8, 4)), options);
  });

  it.each([
    [
      "dies within a frame",
      `${head}; echo "no more memory" >&2; kill -9 $$`,
      "ended by SIGKILL: no more memory;",
    ],
    ["breaks off and calls that a success", `${head}; printf abc`, "ffmpeg broke off within a frame;"],
    ["breaks off within a frame's header", "printf 'P6\\n8'", "ffmpeg broke off within a frame;"],
    ["writes something else", "while :; do echo hello; done", "ffmpeg wrote something that is no image;"],
    ["hangs", `${head}; /bin/sleep 600`, "ffmpeg did not finish within 0.3 seconds: it gave no reason;"],
  ])("%s", async (_, script, reason) => {
    const path = await film();
    await fakeFfmpeg(folder.path, script);
    const message = await refusal(readVideo(path, { ...options, timeoutMs: 300 }));
    expect(message).toContain(`cannot read video ${path}: `);
    expect(message).toContain(reason);
  });

  it("gives nothing and calls that a success", async () => {
    const path = await film();
    await fakeFfmpeg(folder.path, "exit 0");
    expect(await refusal(readVideo(path, options))).toBe(
      `${path}: has 0 frames, but a video of 4 from frame 0 on takes 4; choose a longer video`,
    );
  });
});

describe("readVideo, without ffmpeg", () => {
  it("reads animations and folders of frames as any stride and start say", async () => {
    const film = noise(9, 9, 21);
    // 16 colours per frame, since a GIF holds no more than 256.
    for (const [i, value] of film.pixels.entries()) film.pixels[i] = i % 3 === 0 ? value & 0xf0 : 90;
    const paths = [
      await animate(at("film.gif"), film),
      await animate(at("film.webp"), film),
      await writeFrames(at("frames"), film, (t) => `frame ${t}.png`), // 10 comes after 9
    ];
    await writeFile(at("frames", "notes.txt"), "no frame");
    const cuts = fc.record({
      frames: fc.integer({ min: 1, max: 8 }),
      stride: fc.integer({ min: 1, max: 5 }),
      start: fc.integer({ min: 0, max: 9 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), cuts, async (path, cut) => {
        const wanted = range(cut.frames, cut.stride, cut.start);
        const reading = readVideo(path, { ...cut, resolution: 9 });
        if (wanted.at(-1)! >= 21) expect(await refusal(reading)).toContain(`${path}: has 21 frames, but`);
        else expectSame((await reading).pixels, pick(film, wanted));
      }),
      { numRuns: 60 },
    );
    for (const path of paths) expect(await videoLength(path, {})).toBe(21);
    expect((await videoExtent(paths[2]!, {})).rate).toBeNull(); // frames without times
  });

  it("goes by the delays of an animation where a frame rate is given", async () => {
    const film = plain(8, 8, 6);
    const delays = [40, 200, 60, 0, 100, 500]; // 0 counts as 100, as in browsers: 1 second in all
    const starts = [0, 0.04, 0.24, 0.3, 0.4, 0.5];
    const path = await animate(at("film.gif"), film, delays);
    const shown = range(16).map((i) => starts.findLastIndex((start) => start < (i + 0.5) / 16));
    expect(numbers(await readVideo(path, { frames: 16, resolution: 8, frameRate: 16 }))).toEqual(shown);
    expect(numbers(await readVideo(path, { frames: 5, resolution: 8, frameRate: 16, start: 3 }))).toEqual(
      shown.slice(3, 8),
    );
    expect(await videoLength(path, { frameRate: 16 })).toBe(16);
    expect((await videoExtent(path, {})).rate).toBe(6);
    // Where the moment is that of a change, the page before counts, as by ffmpeg.
    const even = await animate(at("even.gif"), plain(8, 8, 12), range(12, 0, 100));
    expect(numbers(await readVideo(even, { frames: 6, resolution: 8, frameRate: 5 }))).toEqual(range(6, 2));
    expect(await refusal(readVideo(path, { frames: 17, resolution: 8, frameRate: 16 }))).toContain(
      "has 16 frames at 16 frames per second",
    );
  });

  it("decodes long animations in parts", async () => {
    const film = plain(700, 500, 25); // 15 such frames are 16 MiB
    const path = await animate(at("large.webp"), film);
    expect(numbers(await readVideo(path, { frames: 25, resolution: 8 }))).toEqual(range(25));
    expect(numbers(await readVideo(path, { frames: 2, resolution: 8, stride: 24 }))).toEqual([0, 24]);
  });

  it("lays transparency on white and makes RGB of grey", async () => {
    const clear = { width: 8, height: 16, channels: 4 as const, background: { r: 9, g: 9, b: 9, alpha: 0 } };
    const { data } = await sharp({ create: clear }).raw().toBuffer({ resolveWithObject: true });
    data.set([0, 0, 0, 255], 8 * 8 * 4); // or the second frame were equal to the first
    await sharp(data, { raw: { width: 8, height: 16, channels: 4, pageHeight: 8 } })
      .webp({ lossless: true })
      .toFile(at("clear.webp"));
    const pixels = await read(at("clear.webp"), { frames: 2, resolution: 8, resampler: "nearest" });
    expect([...pixels.subarray(0, 3)]).toEqual([255, 255, 255]);
    expect([...pixels.subarray(8 * 8 * 3, 8 * 8 * 3 + 6)]).toEqual([0, 0, 0, 255, 255, 255]);

    const grey = Uint8Array.from({ length: 8 * 16 }, (_, i) => (i < 64 ? 60 : 180));
    const image = sharp(grey, { raw: { width: 8, height: 16, channels: 1, pageHeight: 8 } });
    await image.gif().toFile(at("grey.gif"));
    const bytes = await read(at("grey.gif"), { frames: 2, resolution: 8 });
    for (const [i, value] of bytes.entries()) expect(Math.abs(value - (i < 192 ? 60 : 180))).toBeLessThan(4);
  });

  it("refuses folders of frames of which one is missing, comes twice or has no number", async () => {
    const names = async (...all: string[]) => {
      const path = await writeFrames(at(all.join("-")), noise(8, 8, all.length), (t) => all[t]!);
      return readVideo(path, { frames: 2, resolution: 8 });
    };
    expect((await names("f 8.png", "f 9.png", "f 10.png")).frames).toBe(2);
    expect((await names("00.png", "05.png", "10.png")).frames).toBe(2); // every fifth of something longer
    expect((await names("1.png", "11.png", "21.png")).frames).toBe(2);
    expect((await names("f0_480p.png", "f1_480p.png", "f2_480p.png")).frames).toBe(2);
    expect(await refusal(names("1.png", "2.png", "3.png", "5.png"))).toMatch(
      /must go up by equal steps, but "5\.png" follows "3\.png"; put the missing frame there/,
    );
    expect(await refusal(names("1.png", "01.png", "2.png", "3.png"))).toContain("must go up by equal steps");
    expect(await refusal(names("1.png", "2.png", "poster.png"))).toContain('"poster.png" has no number');
  });

  it("makes one film of frames of different sizes and formats", async () => {
    const path = await writeFrames(at("frames"), noise(8, 8, 2), (t) => `${t}.png`);
    await sharp({ create: { width: 40, height: 20, channels: 3, background: "#00f" } }).toFile(
      join(path, "2.JPG"),
    );
    const pixels = await read(path, { frames: 3, resolution: 16 });
    expect(pixels.at(-1)).toBeGreaterThan(245);
  });

  it("names files that cannot be read, and what was required", async () => {
    const options = { frames: 2, resolution: 8 };
    expect(await refusal(readVideo(at("gone.mp4"), options))).toContain("gone.mp4: it does not exist");
    await writeFile(at("notes.txt"), "no video");
    expect(await refusal(readVideo(at("notes.txt"), options))).toMatch(
      /required a video \(\.mp4, .*got a file ending in "\.txt"/,
    );
    await mkdir(at("hollow"));
    expect(await refusal(readVideo(at("hollow"), options))).toContain(
      "required numbered PNG or JPEG frames, found none",
    );
    await writeFile(at("broken.gif"), "GIF89a and then nothing");
    expect(await refusal(readVideo(at("broken.gif"), options))).toContain(
      `cannot read video ${at("broken.gif")}: `,
    );
    const whole = await readFile(await animate(at("whole.webp"), noise(64, 64, 4)));
    await writeFile(at("half.webp"), whole.subarray(0, whole.length / 2));
    expect(await refusal(readVideo(at("half.webp"), options))).toContain("half.webp");
    const gif = await readFile(await animate(at("whole.gif"), noise(64, 64, 4)));
    await writeFile(at("half.gif"), gif.subarray(0, gif.length / 2));
    expect(await refusal(readVideo(at("half.gif"), { frames: 4, resolution: 8 }))).toContain("half.gif");
    const frames = await writeFrames(at("frames"), noise(8, 8, 3));
    await writeFile(join(frames, "1.png"), "broken");
    expect(await refusal(readVideo(frames, options))).toContain(join(frames, "1.png"));
    expect(await refusal(readVideo(frames, { ...options, frameRate: 5 }))).toContain("give a stride instead");
  });

  it("refuses options that are out of range", async () => {
    const path = await animate(at("film.gif"), noise(8, 8, 4));
    const options = { frames: 2, resolution: 8 };
    for (const [wrong, message] of [
      [{ frames: 0 }, "frames must be a whole number in 1..1024, got 0"],
      [{ frames: 2.5 }, "got 2.5"],
      [{ resolution: 4 }, "resolution must be a whole number in 8..4096, got 4"],
      [{ resampler: "lanczos" as never }, 'did you mean "lanczos2"'],
      [{ stride: 0 }, "stride must be a number of at least 1, got 0"],
      [{ start: -1 }, "start must be a whole number of frames, 0 or more, got -1"],
      [{ frameRate: Number.NaN }, "frameRate must be in 0.01..1000 frames per second, got NaN"],
      [{ frameRate: 5, stride: 1 }, "either a stride or a frame rate, got stride 1 and frame rate 5"],
    ] as const) {
      const refused = await refusal(readVideo(path, { ...options, ...wrong }));
      expect(refused).toContain(message);
      expect(refused).toContain(path);
    }
  });
});

it("frames are those of the film", () => {
  const film = plain(2, 2, 3);
  expect(numbers(film)).toEqual([0, 1, 2]);
  expect(pick(film, [2]).length).toBe(frameOf(film, 2).pixels.length);
});
