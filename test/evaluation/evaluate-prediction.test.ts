import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { frameOf, type Image, type ImageSource, type Raster, videoOf } from "../../src/data/source.ts";
import type { PlanInput } from "../../src/decoding/plan.ts";
import { basePlan, makePlan } from "../../src/decoding/plan.ts";
import {
  evaluatePrediction,
  exactMatch,
  type PredictingModel,
} from "../../src/evaluation/evaluate-prediction.ts";
import { classifierConfig, classifierParameters } from "../../src/evaluation/features/classifier.ts";
import type { ClassifierFolder } from "../../src/evaluation/features/classifier-folder.ts";
import { initialise } from "../../src/models/parameters.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { noTraining } from "./no-training.ts";

const side = 16;
const frames = 4;
const given = 2;

/** Frame t of video i is baseline: 40 + 3 i + 10 t. */
const baselineFrame = (value: number): Raster => ({
  width: side,
  height: side,
  pixels: new Uint8Array(side * side * 3).fill(value),
});
const lightOf = (index: number, t: number) => 40 + 3 * (index % 20) + 10 * t;
const dawns: ImageSource = {
  name: "dawns",
  classNames: ["red dawn", "red dusk", "blue dawn", "blue dusk"],
  resolution: side,
  frames,
  length: null,
  read: async (index): Promise<Image> => ({
    ...videoOf(Array.from({ length: frames }, (_, t) => baselineFrame(lightOf(index, t)))),
    classId: index % 4,
  }),
};

const config = classifierConfig({
  resolution: side,
  frames,
  classes: 4,
  channels: [8],
  groups: 2,
  featureWidth: 4,
});
const classifierFolder: ClassifierFolder = {
  config,
  tensors: initialise(classifierParameters(config), [7, 7]),
  classNames: dawns.classNames,
  accuracy: { value: 0.5, factors: [0.5, 0.5], images: 2, source: "dawns" },
  training: { ...noTraining, source: "dawns" },
};

interface Call {
  given: number;
  seed: unknown;
  firstIndex: number;
  frames: number[];
}

/** Goes on by 10 per frame, as the dawns do, but for what a plan's choice temperature adds to odd videos. */
function extrapolator(calls: Call[] = []): PredictingModel {
  const base = makePlan({}, basePlan([1]));
  return {
    resolution: side,
    frames,
    // Tokens are the bytes themselves; on the way back they lose 2 each.
    encode: async (videos) => videos.map(({ pixels }) => Int32Array.from(pixels)),
    decodeTokens: async (tokens) =>
      tokens.map((ids) => ({
        width: side,
        height: side,
        frames,
        pixels: Uint8Array.from(ids, (id) => id - 2),
      })),
    async predict({ videos, given, seed, firstIndex, plan, onStep }) {
      calls.push({ given, seed, firstIndex, frames: videos.map((video) => video.frames) });
      onStep?.({ step: 1, total: 1 });
      const predicted = videos.map((video, i) => {
        const last = frameOf(video, given - 1).pixels[0]!;
        const error = i % 2 === 1 ? (plan.choiceTemperature ?? 0) : 0;
        const next = Array.from({ length: frames - given }, (_, k) =>
          baselineFrame(last + 10 * (k + 1) + error),
        );
        return videoOf([...Array.from({ length: given }, (_, t) => frameOf(video, t)), ...next]);
      });
      const stats = {
        seconds: 1,
        multiplyAdds: 8 * videos.length,
        baselineMultiplyAdds: 24 * videos.length,
        ratio: 3,
      };
      return { videos: predicted, plan: makePlan(plan, base), stats };
    },
  };
}

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ threads: 1 });
});
afterAll(() => runner.close());

const options = (pipeline: PredictingModel, plans: Record<string, PlanInput> = {}) => ({
  pipeline,
  runner,
  classifier: classifierFolder,
  plans,
  given,
  samples: 10,
  batchSize: 4,
  seed: 9,
  heldOut: dawns,
  referenceImages: 20,
});

/** Of a frame in which every byte is off by `error`. */
const psnrOf = (error: number) => 20 * Math.log10(255 / error);
/** Of baseline frames: the luminance term. */
const ssimOf = (a: number, b: number) => {
  const c = (0.01 * 255) ** 2;
  return (2 * a * b + c) / (a * a + b * b + c);
};

describe("evaluation of predictions", () => {
  it("holds every predicted frame, and no given one, against the true one", async () => {
    const before = await runner.stats();
    const calls: Call[] = [];
    const plans = { exact: {}, off: { choiceTemperature: 5 } };
    const {
      repeat,
      tokenizer,
      heldOut,
      plans: rows,
    } = await evaluatePrediction(options(extrapolator(calls), plans));
    const [exact, off] = rows;

    // All plans are asked the same, a batch at a time, and see the given frames alone.
    const batches = [
      { firstIndex: 0, count: 4 },
      { firstIndex: 4, count: 4 },
      { firstIndex: 8, count: 2 },
    ];
    const asked = batches.map(({ firstIndex, count }) => {
      return { given, seed: 9, firstIndex, frames: new Array(count).fill(given) };
    });
    expect(calls).toEqual([...asked, ...asked]);

    // The last given frame is 10 behind, then 20.
    expect(repeat.frames.map(({ psnr }) => psnr.mean)).toEqual([
      expect.closeTo(psnrOf(10), 10),
      expect.closeTo(psnrOf(20), 10),
    ]);
    expect(repeat.psnr.mean).toBeCloseTo(psnrOf(Math.sqrt((10 ** 2 + 20 ** 2) / 2)), 10);
    expect(repeat.psnr.standardError).toBeCloseTo(0, 10);
    const videos = Array.from({ length: 10 }, (_, i) => 20 + i);
    const similar = videos.map((i) => ssimOf(lightOf(i, 1), lightOf(i, 3)));
    expect(repeat.frames[1]!.ssim.mean).toBeCloseTo(similar.reduce((a, b) => a + b) / 10, 8);

    // Nothing to gain over itself; whoever is exact gains by as much in every video.
    expect(repeat.gain.psnr).toEqual({ mean: 0, standardError: 0 });
    expect(exact!.gain.psnr.mean).toBeCloseTo(exactMatch - repeat.psnr.mean, 10);
    expect(exact!.gain.psnr.standardError).toBeCloseTo(0, 10);
    expect(off!.gain.ssim.mean).toBeCloseTo(off!.ssim.mean - repeat.ssim.mean, 10);

    // The tokenizer takes 2 from every byte.
    expect(tokenizer.psnr.mean).toBeCloseTo(psnrOf(2), 10);

    // Nothing wrong counts as the ceiling, and the classifier finds what it finds in the true videos.
    expect(exact!.psnr).toEqual({ mean: exactMatch, standardError: 0 });
    expect(exact!.ssim.mean).toBeCloseTo(1, 10);
    expect(exact!.frechet.mean).toBe(heldOut.frechet);
    expect(exact!.factorAccuracies.map(({ mean }) => mean)).toEqual(heldOut.factorAccuracies);
    expect([exact!.multiplyAdds, exact!.baselineMultiplyAdds, exact!.ratio]).toEqual([8, 24, 3]);

    // Half of the videos are 5 off: mean of the two values, deviation |a - b| / 2 times sqrt(n / (n - 1)).
    const [right, wrong] = [exactMatch, psnrOf(5)];
    expect(off!.psnr.mean).toBeCloseTo((right + wrong) / 2, 10);
    expect(off!.psnr.standardError).toBeCloseTo((right - wrong) / 2 / Math.sqrt(9), 10);
    expect(off!.plan.choiceTemperature).toBe(5);
    expect(await runner.stats()).toEqual(before);
  });

  it("tells how far it is, stage by stage", async () => {
    const stages: string[] = [];
    await evaluatePrediction({
      ...options(extrapolator(), { one: {} }),
      onProgress: ({ stage, done, total }) => {
        if (done === total) stages.push(stage);
      },
    });
    expect(stages).toEqual(["reference images", "tokenizer", "one"]);
  });

  it("measures nothing again that it caches", async () => {
    const cacheFolder = await mkdtemp(join(tmpdir(), "evaluate-prediction-"));
    const calls: Call[] = [];
    const caching = {
      ...options(extrapolator(calls), { one: {} }),
      cacheFolder,
      identity: "extrapolator",
    };
    const first = await evaluatePrediction(caching);
    const refuse = async () => {
      throw new Error("asked again");
    };
    const pipeline = { ...caching.pipeline, encode: refuse, predict: refuse };
    expect(await evaluatePrediction({ ...caching, pipeline })).toEqual(first);
    expect(calls).toHaveLength(3); // of 4, 4 and 2 videos
    await expect(evaluatePrediction({ ...caching, pipeline, given: 1 })).rejects.toThrow("asked again");
    await rm(cacheFolder, { recursive: true });
  });

  it.each([
    ["no given frame", { given: 0 }, "given: must be a whole number in 1..3"],
    ["all frames given", { given: 4 }, "fewer than the model's 4 frames, got 4"],
    [
      "too few videos",
      { heldOut: { ...dawns, length: 29 } },
      "must hold 20 reference images and 10 others, got 29",
    ],
    ["videos of another length", { heldOut: { ...dawns, frames: 8 } }, "got 16 x 16 videos of 8 frames"],
    [
      "a classifier of images",
      { classifier: { ...classifierFolder, config: { ...config, frames: undefined } } },
      "what the model makes, 16 x 16 videos of 4 frames of red dawn",
    ],
  ])("refuses %s", async (_, change, message) => {
    await expect(evaluatePrediction({ ...options(extrapolator()), ...change })).rejects.toThrow(message);
  });

  it.each(["reference images", "tokenizer"])(
    "stops when asked after %s, and leaves nothing that fails later",
    async (after) => {
      const before = await runner.stats();
      const stop = new AbortController();
      const unhandled: unknown[] = [];
      const listen = (reason: unknown) => unhandled.push(reason);
      process.on("unhandledRejection", listen);
      const running = evaluatePrediction({
        ...options(extrapolator(), { one: {} }),
        signal: stop.signal,
        onProgress: ({ stage, done, total }) => {
          if (stage === after && done === total) setImmediate(() => stop.abort(new Error("enough")));
        },
      });
      await expect(running).rejects.toThrow("enough");
      await setTimeout(20);
      process.off("unhandledRejection", listen);
      expect(unhandled).toEqual([]);
      expect(await runner.stats()).toEqual(before);
    },
  );
});
