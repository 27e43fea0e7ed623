/** From a folder of animations to a model of videos that generates and completes, and the same again when stopped. */
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { integerAt } from "../../src/core/random.ts";
import { initialise } from "../../src/models/parameters.ts";
import { tokenizerParameters } from "../../src/models/tokenizer/codec.ts";
import { VideoPipeline } from "../../src/pipelines/node/open-pipeline.ts";
import { readTokens } from "../../src/runs/token-files.ts";
import { trainModel } from "../../src/runs/train-model.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { tensorsDigest } from "../../src/weights/node/digest.ts";
import { readModelPart, writeModelPart } from "../../src/weights/node/model-folder.ts";

let parent: string;
let videos: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "train-videos-"));
  videos = join(parent, "videos");
  for (const [classId, name] of ["cat spin", "cat fall"].entries()) {
    await mkdir(join(videos, name), { recursive: true });
    for (let i = 0; i < 4; i++) {
      const pixels = Uint8Array.from({ length: 6 * 8 * 8 * 3 }, (_, at) =>
        at % 3 === classId ? 200 : integerAt([i, classId], Math.floor(at / 48), 256),
      );
      const raw = { width: 8, height: 8 * 6, channels: 3, pageHeight: 8 } as const;
      await sharp(pixels, { raw })
        .webp({ lossless: true, delay: new Array(6).fill(100) })
        .toFile(join(videos, name, `${i}.webp`));
    }
  }
});
afterAll(() => rm(parent, { recursive: true }));

const configOf = (source: string, set: string[] = []) =>
  resolveConfig(
    {
      name: "toy",
      data: { source, resolution: 8, frames: 4, count: 8, given: [1, 3] },
      tokenizer: {
        model: {
          patchSize: 4,
          framePatch: 2,
          channels: 8,
          multipliers: [1],
          residualBlocks: 1,
          latentWidth: 8,
          groups: 2,
          quantizer: { kind: "vq", codebookSize: 16 },
        },
        training: { steps: 6, batchSize: 4, warmupSteps: 2, checkpointEvery: 3, sampleEvery: 6 },
      },
      transformer: {
        model: { tasks: ["predict", "interpolate"], width: 16, depth: 2, heads: 8 },
        training: { steps: 6, batchSize: 4, warmupSteps: 2, logEvery: 2, checkpointEvery: 3, sampleEvery: 6 },
      },
      decoding: { modelSchedule: "8x2,1x2" },
    },
    "toy",
    { set },
  ).config;

describe("a folder of videos", () => {
  it("becomes a model that generates and completes videos", async () => {
    const said: string[] = [];
    const out = join(parent, "whole");
    const model = await trainModel({
      config: configOf(videos),
      out,
      threads: 1,
      onMessage: (line) => said.push(line),
    });
    expect(said).toContain("8 videos, 0 unreadable; 2 classes: cat fall, cat spin");
    expect(said).toContain(
      "tokens: 8 videos, each also as given to predict, each also as given to interpolate",
    );
    const pipeline = await VideoPipeline.fromPretrained(model!, { threads: 1 });
    const { videos: made } = await pipeline.generate({ classes: ["cat fall"], seed: 1 });
    expect([made[0]!.frames, made[0]!.width, made[0]!.classId]).toEqual([4, 8, 0]); // names sort: fall, spin
    const predicted = await pipeline.predict({ videos: made, given: 1 });
    expect(predicted.videos[0]!.pixels.subarray(0, 192)).toEqual(made[0]!.pixels.subarray(0, 192));
    await pipeline.dispose();
    expect(await readFile(join(model!, "README.md"), "utf8")).toMatch(/Videos of 4 frames of 8 x 8 pixels/);
    expect(await readdir(join(out, "transformer", "samples"))).toEqual(["step-000006.png"]);
  });

  it("is tokenised with what is known for each task: all of it before the cut, nothing behind", async () => {
    const out = join(parent, "whole");
    // The run's own tokenizer, in float32: the model folder holds it as float16.
    const part = await readModelPart(join(out, "model"), "tokenizer");
    await expect(readTokens(join(out, "tokens"), tensorsDigest(part.tensors))).rejects.toThrow(
      /made with tokenizer/,
    );
    const { readSafetensors } = await import("../../src/weights/node/safetensors-file.ts");
    const { tensors } = await readSafetensors(join(out, "tokens", "0001-of-0001.safetensors"));
    const [predict, interpolate] = ["predict", "interpolate"].map(
      (task) => tensors[`condition.${task}`]!.data as Uint16Array,
    );
    // 2 x 2 x 2 tokens a video, each of two frames: the first frame is always given, so the first half is always known.
    for (let video = 0; video < 8; video++) {
      const known = (of: Uint16Array) => [0, 4].map((at) => of[video * 8 + at]! < 16);
      expect(known(predict!)[0]).toBe(true);
      expect(known(interpolate!)).toEqual([true, true]);
    }
    const second = Array.from({ length: 8 }, (_, video) => predict![video * 8 + 4]! < 16);
    expect(new Set(second).size).toBe(2); // three given frames reach into it, one does not
  });

  it.each(["tokens", "transformer"])("stopped during %s and resumed gives the same model", async (job) => {
    const controller = new AbortController();
    const out = join(parent, job);
    const options = { config: configOf(videos), out, threads: 1 };
    const onProgress = (progress: { job: string }) => {
      if (progress.job === job) controller.abort();
    };
    await expect(trainModel({ ...options, signal: controller.signal, onProgress })).rejects.toThrow(
      "aborted",
    );
    await trainModel({ ...options, resume: true });
    const file = ["model", "transformer", "model.safetensors"];
    const [whole, stopped] = await Promise.all(
      ["whole", job].map((name) => readFile(join(parent, name, ...file))),
    );
    expect(stopped!.equals(whole!)).toBe(true);
  });
});

describe("starting from another model", () => {
  const go = (name: string, stage: "tokenizer" | "all", ...set: string[]) =>
    trainModel({ config: configOf(videos, set), out: join(parent, name), threads: 1, stage });
  const from = (part: string, name = "whole") =>
    `${part}.init=${JSON.stringify(join(parent, name, "model"))}`;
  const asItIs = "tokenizer.training.steps=0";

  it("takes its tokenizer as it is, and refuses one of another shape", async () => {
    const model = await go("again", "all", asItIs, from("tokenizer"));
    const [theirs, ours] = await Promise.all(
      [join(parent, "whole", "model"), model!].map((folder) => readModelPart(folder, "tokenizer")),
    );
    expect(tensorsDigest(ours!.tensors)).toBe(tensorsDigest(theirs!.tensors));
    expect(await readFile(join(model!, "README.md"), "utf8")).toMatch(
      /tokenizer: none, it is the one of .*whole/,
    );
    await expect(go("wider", "tokenizer", from("tokenizer"), "tokenizer.model.channels=16")).rejects.toThrow(
      /shape/,
    );
    await expect(go("nowhere", "tokenizer", "tokenizer.init=/no/such/model")).rejects.toThrow(
      /^tokenizer\.init: \/no\/such\/model: no such model folder/,
    );
    await go("first", "tokenizer");
    await go("second", "tokenizer", from("tokenizer", "first"));
    expect(() => configOf(videos, [asItIs])).toThrow(/tokenizer\.init: must name the model/);
  });

  it("takes its transformer, unless that speaks of other codes", async () => {
    const still = ["transformer.training.steps=1", "transformer.training.learningRate=1e-12"];
    const model = await go("on", "all", asItIs, from("tokenizer"), from("transformer"), ...still);
    const [was, is] = await Promise.all(
      [join(parent, "whole", "model"), model!].map((folder) => readModelPart(folder, "transformer")),
    );
    expect(tensorsDigest(is!.tensors)).toBe(tensorsDigest(was!.tensors)); // equal once rounded to float16
    await cp(join(parent, "whole", "model"), join(parent, "other", "model"), { recursive: true });
    await writeModelPart(join(parent, "other", "model"), "tokenizer", {
      ...(await readModelPart(join(parent, "whole", "model"), "tokenizer")),
      tensors: initialise(tokenizerParameters(configOf(videos).tokenizer.model), [9, 9]),
    });
    await expect(
      go("strange", "all", asItIs, from("tokenizer", "other"), from("transformer")),
    ).rejects.toThrow(/trained on other codes .* tokenizer\.training\.steps 0/);
    expect(await readdir(join(parent, "strange"))).not.toContain("transformer"); // nothing stands in the way
    await expect(go("astray", "all", from("transformer"))).rejects.toThrow(
      /let the tokenizer start there too/,
    );
  });
});

it.each([
  [["data.source=motions", "data.frames=null"], /data\.frames/],
  [["data.given=[4]"], /data\.given: must be fewer than the 4 frames of a video, got 4/],
  [["data.source=scenes"], /data\.frames: must be left out, since scenes are images, got 4/],
  [["data.source=sprites"], /data\.frames: must be left out, since sprites are images, got 4/],
  [["tokenizer.model.frames=8"], /tokenizer\.model\.frames: must equal data\.frames, 4, got 8/],
])("refuses %s", (set, message) => {
  expect(() => configOf("motions", set)).toThrow(message);
});
