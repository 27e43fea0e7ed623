import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Image, ImageSource, Raster } from "../../src/data/source.ts";
import { toPlanes } from "../../src/data/source.ts";
import { baselinePlan } from "../../src/decoding/plan.ts";
import { evaluateGeneration } from "../../src/evaluation/evaluate-generation.ts";
import {
  classifierConfig,
  classifierParameters,
  loadClassifier,
} from "../../src/evaluation/features/classifier.ts";
import type { ClassifierFolder } from "../../src/evaluation/features/classifier-folder.ts";
import { planGrid } from "../../src/evaluation/studies/plan-grid.ts";
import { tokenizerReport } from "../../src/evaluation/tokenizer-report.ts";
import { initialise } from "../../src/models/parameters.ts";
import { openImagePipeline, openVideoPipeline } from "../../src/pipelines/node/open-pipeline.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { toyClasses, toyModel } from "../pipelines/toy-model.ts";
import { toyVideoModel } from "../pipelines/toy-video-model.ts";
import { plainFrechetDistance, plainStatistics } from "./metrics/plain-frechet.ts";
import { noTraining } from "./no-training.ts";

const config = classifierConfig({
  resolution: 16,
  classes: 3,
  patchSize: 4,
  channels: [8],
  groups: 2,
  featureWidth: 4,
});
const classifierFolder: ClassifierFolder = {
  config,
  tensors: initialise(classifierParameters(config), [5, 5]),
  classNames: toyClasses,
  accuracy: { value: 0.5, factors: [], images: 2, source: "noise" },
  training: noTraining,
};

let reads = 0;
/** Coarse noise, in classes by turns. */
const noise: ImageSource = {
  name: "noise",
  classNames: toyClasses,
  resolution: 16,
  length: null,
  async read(index): Promise<Image> {
    reads++;
    const pixels = Uint8Array.from({ length: 768 }, (_, i) => ((index + 3) * 7919 * ((i >> 4) + 1)) % 256);
    return { width: 16, height: 16, pixels, classId: index % 3 };
  },
};

let folder: string;
let runner: Runner;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluate-"));
  runner = await createNodeRunner({ threads: 1 });
});
afterAll(async () => {
  await runner.close();
  await rm(folder, { recursive: true });
});

describe("evaluation of plans", () => {
  it("measures every plan on the same terms, and itself leaves nothing behind", async () => {
    const model = toyModel();
    const before = await runner.stats();
    const pipeline = await openImagePipeline(model, { runner });
    const stages: string[] = [];
    const result = await evaluateGeneration({
      pipeline,
      runner,
      classifier: classifierFolder,
      plans: { default: {}, same: {}, baseline: baselinePlan(model.plan) },
      samples: 12,
      seed: 3,
      batchSize: 8,
      heldOut: noise,
      referenceImages: 30,
      onProgress: ({ stage, done, total }) => {
        if (done === total) stages.push(stage);
      },
    });
    // The default plan by hand.
    const { images } = await pipeline.generate({ classes: ["all"], count: 12, seed: 3 });
    await pipeline.dispose();
    const classifier = await loadClassifier(runner, config, classifierFolder.tensors);
    const { predictedIds, features } = await classifier.classify(toPlanes(images));
    const reference = await Promise.all(Array.from({ length: 30 }, (_, i) => noise.read(i)));
    const real = await classifier.classify(toPlanes(reference));
    await classifier.dispose();
    const [own, same, baseline] = result.plans;
    const right = [...predictedIds].filter((id, i) => id === i % 3).length / 12;
    expect(own!.classAccuracy.mean).toBeCloseTo(right, 12);
    const distance = plainFrechetDistance(
      plainStatistics(features.data, 4),
      plainStatistics(real.features.data, 4),
    );
    expect(own!.frechet.mean / distance).toBeCloseTo(1, 3);
    expect(own!.isUnderSampled).toBe(false);
    expect([same!.frechet, same!.classAccuracy]).toEqual([own!.frechet, own!.classAccuracy]);

    // The baseline decode as counted has the head on every position; as run, on the masked ones.
    expect(baseline!.multiplyAdds).toBeLessThan(baseline!.baselineMultiplyAdds);
    expect(own!.baselineMultiplyAdds).toBe(baseline!.baselineMultiplyAdds);
    expect(own!.ratio).toBeCloseTo(baseline!.baselineMultiplyAdds / own!.multiplyAdds, 12);
    expect(result.tokenizer.images).toBe(12);
    expect(result.tokenizer.psnr).toBeGreaterThan(0);
    expect(stages).toEqual(["reference images", "tokenizer", "default", "same", "baseline"]);
    expect(await runner.stats()).toEqual(before);
  });

  it("measures videos as it does images, and each word of their classes by itself", async () => {
    const model = toyVideoModel();
    const { classNames } = model; // "cat spin" and "cat fall": the thing cannot be mistaken
    const network = classifierConfig({ ...config, resolution: 8, frames: 4, classes: 2 });
    const tensors = initialise(classifierParameters(network), [5, 6]);
    const heldOut: ImageSource = {
      name: "videos",
      classNames,
      resolution: 8,
      frames: 4,
      length: null,
      read: async (index) => ({
        width: 8,
        height: 8,
        frames: 4,
        pixels: Uint8Array.from({ length: 768 }, (_, i) => ((index + 3) * 7919 * ((i >> 4) + 1)) % 256),
        classId: index % 2,
      }),
    };
    const pipeline = await openVideoPipeline(model, { runner });
    const options = {
      pipeline,
      runner,
      plans: { default: {} },
      samples: 10,
      seed: 3,
      heldOut,
      referenceImages: 30,
    };
    const result = await evaluateGeneration({
      ...options,
      classifier: { ...classifierFolder, config: network, tensors, classNames },
    });
    // The same by hand.
    const { videos } = await pipeline.generate({ classes: ["all"], count: 10, seed: 3 });
    await pipeline.dispose();
    const classifier = await loadClassifier(runner, network, tensors);
    const { predictedIds, features } = await classifier.classify(toPlanes(videos));
    const reference = await Promise.all(Array.from({ length: 30 }, (_, i) => heldOut.read(i)));
    const wanted = await classifier.classify(toPlanes(reference));
    await classifier.dispose();
    const [own] = result.plans;
    const right = [...predictedIds].filter((id, i) => id === i % 2).length / 10;
    expect(own!.classAccuracy.mean).toBeCloseTo(right, 12);
    expect(own!.factorAccuracies.map(({ mean }) => mean)).toEqual([1, right]);
    const distance = plainFrechetDistance(
      plainStatistics(features.data, 4),
      plainStatistics(wanted.features.data, 4),
    );
    expect(own!.frechet.mean / distance).toBeCloseTo(1, 3);
    expect(result.tokenizer.psnr).toBeGreaterThan(0);
  });

  it("reads reference images from the file of the last time, unless they changed", async () => {
    const pipeline = await openImagePipeline(toyModel(), { runner });
    const evaluate = async (heldOut: ImageSource) => {
      reads = 0;
      const { heldOut: measures } = await evaluateGeneration({
        pipeline,
        runner,
        classifier: classifierFolder,
        plans: {},
        samples: 20,
        heldOut,
        referenceImages: 100,
        cacheFolder: folder,
      });
      return { reads, measures };
    };
    const first = await evaluate(noise);
    const again = await evaluate(noise);
    expect(again.measures).toEqual(first.measures);
    // 16 + 16 for the cache keys, 20 through the tokenizer; the first time also all 100 + 20.
    expect([first.reads, again.reads]).toEqual([172, 52]);
    const other = await evaluate({ ...noise, read: (index) => noise.read(index + 1) });
    expect(other.reads).toBe(172);
    expect((await readdir(folder)).length).toBe(4);
    await evaluate({ ...noise, length: 500 }); // a folder of images: never kept
    expect((await readdir(folder)).length).toBe(4);
    await pipeline.dispose();
  });

  it("measures nothing again that it caches, the tokenizer's images included", async () => {
    const pipeline = await openImagePipeline(toyModel(), { runner });
    const evaluate = async (identity: unknown) => {
      reads = 0;
      const plans = { default: {} };
      const options = {
        pipeline,
        runner,
        classifier: classifierFolder,
        plans,
        samples: 20,
        heldOut: noise,
        referenceImages: 100,
      };
      const result = await evaluateGeneration({ ...options, cacheFolder: join(folder, "memory"), identity });
      return { reads, result };
    };
    const first = await evaluate("toy");
    const again = await evaluate("toy");
    expect(again.result).toEqual(first.result);
    // 16 + 16 for the cache keys; no longer the 20 that go through the tokenizer.
    expect([first.reads, again.reads]).toEqual([172, 32]);
    expect((await evaluate("another toy")).reads).toBe(52);
    await pipeline.dispose();
  });

  it("refuses a classifier or reference images of other classes or size, and too few images", async () => {
    const pipeline = await openImagePipeline(toyModel(), { runner });
    const options = {
      pipeline,
      runner,
      classifier: classifierFolder,
      plans: {},
      samples: 4,
      heldOut: noise,
      referenceImages: 4,
    };
    const classifier = { ...classifierFolder, classNames: ["cat", "dog", "cow"] };
    await expect(evaluateGeneration({ ...options, classifier })).rejects.toThrow(
      "got one of 16 x 16 images of cat",
    );
    await expect(evaluateGeneration({ ...options, heldOut: { ...noise, resolution: 32 } })).rejects.toThrow(
      "got 32 x 32",
    );
    await expect(evaluateGeneration({ ...options, heldOut: { ...noise, length: 7 } })).rejects.toThrow(
      "must hold 4 reference images and 4 others, got 7",
    );
    await pipeline.dispose();
  });

  it("stops when asked", async () => {
    const pipeline = await openImagePipeline(toyModel(), { runner });
    const before = await runner.stats();
    const stop = new AbortController();
    const running = evaluateGeneration({
      pipeline,
      runner,
      classifier: classifierFolder,
      plans: { default: {} },
      samples: 4,
      heldOut: noise,
      referenceImages: 4,
      signal: stop.signal,
      onProgress: ({ stage }) => {
        if (stage === "default") stop.abort(new Error("enough"));
      },
    });
    await expect(running).rejects.toThrow("enough");
    expect((await runner.stats()).stored).toBe(before.stored);
    await pipeline.dispose();
  });
});

describe("tokenizer report", () => {
  it("is the error over all bytes, and the share of codes used", async () => {
    // A codec that adds 5 to every byte of even images and 1 to odd ones, and uses codes 0 and 3 of 8.
    const codec = {
      encode: async (images: readonly Raster[]) =>
        images.map(({ pixels }) => Int32Array.of(pixels[0]! % 2 === 0 ? 0 : 3)),
      decodeTokens: async (tokens: readonly Int32Array[]) =>
        tokens.map(([id]) => ({ width: 1, height: 1, pixels: new Uint8Array(3).fill(id === 0 ? 105 : 102) })),
    };
    const source: ImageSource = {
      ...noise,
      read: async (index) => ({
        width: 1,
        height: 1,
        pixels: new Uint8Array(3).fill(index % 2 === 0 ? 100 : 101),
        classId: 0,
      }),
    };
    const { psnr, codebookUse } = await tokenizerReport({
      codec,
      codebookSize: 8,
      stride: 8,
      source,
      count: 100,
    });
    expect(psnr).toBeCloseTo(10 * Math.log10(65025 / 13), 10); // (25 + 1) / 2
    expect(codebookUse).toBe(0.25);
  });

  it("and by how its tokens fit each other, beside the images themselves", async () => {
    // Slopes of 2 a pixel; what comes back has a step of 10 more wherever a token of 4 pixels ends.
    const slope = (step: number) => {
      const place = (i: number): number => Math.floor(i / 3) % 16;
      const pixels = Uint8Array.from(
        { length: 16 * 16 * 3 },
        (_, i) => 2 * place(i) + step * (place(i) >> 2),
      );
      return { width: 16, height: 16, pixels };
    };
    const report = await tokenizerReport({
      codec: {
        encode: async (images: readonly Raster[]) => images.map(() => Int32Array.of(0)),
        decodeTokens: async (tokens: readonly Int32Array[]) => tokens.map(() => slope(10)),
      },
      codebookSize: 2,
      stride: 4,
      source: { ...noise, read: async () => ({ ...slope(0), classId: 0 }) },
      count: 3,
    });
    // Half of all pairs of neighbours are one above the other, and equal.
    expect(report.borderContrast).toBeCloseTo(12 / 2, 10);
    expect(report.realBorderContrast).toBeCloseTo(1, 10);
  });
});

describe("grid of plans", () => {
  it("holds every plan under every combination, plans of equal settings side by side", () => {
    const plans = { default: { guidance: { power: 2 } }, baseline: { modelSchedule: "1x12" } };
    const grid = planGrid(plans, {
      choiceTemperature: [4, 9],
      guidanceScale: [0, 2],
      tokenTemperature: [0.9],
    });
    expect(grid.map(({ name }) => name).slice(0, 3)).toEqual([
      "default, guidance 0, choice 4, token 0.9",
      "baseline, guidance 0, choice 4, token 0.9",
      "default, guidance 0, choice 9, token 0.9",
    ]);
    expect(grid).toHaveLength(8);
    expect(new Set(grid.map(({ name }) => name)).size).toBe(8);
    expect(grid[6]).toEqual({
      name: "default, guidance 2, choice 9, token 0.9",
      base: "default",
      settings: "guidance 2, choice 9, token 0.9",
      plan: {
        guidance: { power: 2, scale: 2 },
        choiceTemperature: 9,
        tokenTemperature: { kind: "constant", value: 0.9 },
      },
    });
  });

  it("is the plans as they are where nothing is tried", () => {
    expect(planGrid({ default: {} })).toEqual([{ name: "default", base: "default", settings: "", plan: {} }]);
  });
});
