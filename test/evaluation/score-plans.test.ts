import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Image, type ImageSource, toPlanes } from "../../src/data/source.ts";
import type { GeneratingModel } from "../../src/evaluation/evaluate-generation.ts";
import {
  classifierConfig,
  classifierParameters,
  loadClassifier,
} from "../../src/evaluation/features/classifier.ts";
import type { ClassifierFolder } from "../../src/evaluation/features/classifier-folder.ts";
import { openPlanScorer } from "../../src/evaluation/score-plans.ts";
import { initialise } from "../../src/models/parameters.ts";
import { planFor } from "../../src/pipelines/choose-plan.ts";
import { openImagePipeline } from "../../src/pipelines/node/open-pipeline.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { toyClasses, toyModel } from "../pipelines/toy-model.ts";
import { plainFrechetDistance, plainStatistics } from "./metrics/plain-frechet.ts";
import { noTraining } from "./no-training.ts";

const config = classifierConfig({ resolution: 16, classes: 3, channels: [8], featureWidth: 4 });
const classifier: ClassifierFolder = {
  config,
  tensors: initialise(classifierParameters(config), [5, 5]),
  classNames: toyClasses,
  accuracy: { value: 0.5, factors: [], images: 2, source: "noise" },
  training: noTraining,
};
/** Coarse noise, in classes by turns. */
const noise: ImageSource = {
  name: "noise",
  classNames: toyClasses,
  resolution: 16,
  length: null,
  read: async (index): Promise<Image> => ({
    width: 16,
    height: 16,
    classId: index % 3,
    pixels: Uint8Array.from({ length: 768 }, (_, i) => ((index + 3) * 7919 * ((i >> 4) + 1)) % 256),
  }),
};

let folder: string;
let runner: Runner;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plan-scorer-"));
  runner = await createNodeRunner({ threads: 1 });
});
afterAll(async () => {
  await runner.close();
  await rm(folder, { recursive: true });
});

/** A scorer over a pipeline that counts what it is asked to make. */
async function open(
  changes: {
    cacheFolder?: string | null;
    heldOut?: ImageSource;
    identity?: unknown;
    batchSize?: number;
  } = {},
) {
  const pipeline = await openImagePipeline(toyModel(), { runner });
  const asked: number[] = [];
  const counting: GeneratingModel = {
    ...pipeline,
    generate: (options) => {
      asked.push(options.count);
      return pipeline.generate(options);
    },
  };
  const options = {
    pipeline: counting,
    runner,
    classifier,
    batchSize: 8,
    heldOut: noise,
    referenceImages: 30,
  };
  const scorer = await openPlanScorer({ ...options, identity: "toy", cacheFolder: null, ...changes });
  return { pipeline, asked, scorer };
}

describe("a scorer of plans", () => {
  it("tells the distance of what a plan makes, as computed by hand", async () => {
    const { pipeline, scorer } = await open();
    const plan = planFor(toyModel(), { modelSchedule: "8x4" });
    const distance = await scorer.distance(plan, { samples: 12, seed: 3 });
    await scorer.dispose();

    const { images } = await pipeline.generate({ classes: ["all"], count: 12, seed: 3, plan });
    const network = await loadClassifier(runner, config, classifier.tensors);
    const made = await network.classify(toPlanes(images));
    const reference = await Promise.all(Array.from({ length: 30 }, (_, i) => noise.read(i)));
    const wanted = await network.classify(toPlanes(reference));
    await network.dispose();
    await pipeline.dispose();
    const [a, b] = [made, wanted].map(({ features }) => plainStatistics(features.data, 4));
    expect(distance / plainFrechetDistance(a!, b!)).toBeCloseTo(1, 3);
  });

  it("measures nothing twice, in this or a later search, and tells other questions apart", async () => {
    const first = await open({ cacheFolder: folder });
    const plan = planFor(toyModel(), { modelSchedule: "8x4" });
    const distance = await first.scorer.distance(plan, { samples: 6, seed: 1 });
    expect(await first.scorer.distance(plan, { samples: 6, seed: 1 })).toBe(distance);
    expect(first.asked).toEqual([6]);
    await first.scorer.dispose();
    await first.pipeline.dispose();

    const second = await open({ cacheFolder: folder });
    expect(await second.scorer.distance(plan, { samples: 6, seed: 1 })).toBe(distance);
    expect(second.asked).toEqual([]);
    await second.scorer.distance(plan, { samples: 6, seed: 2 });
    await second.scorer.distance(plan, { samples: 7, seed: 1 });
    await second.scorer.distance({ ...plan, choiceTemperature: 1 }, { samples: 6, seed: 1 });
    expect(second.asked).toEqual([6, 7, 6]);
    await second.scorer.dispose();
    await second.pipeline.dispose();

    const others = { ...noise, name: "others", read: (index: number) => noise.read(index + 1) };
    for (const changes of [{ identity: "another" }, { heldOut: others }]) {
      const third = await open({ cacheFolder: folder, ...changes });
      await third.scorer.distance(plan, { samples: 6, seed: 1 });
      expect(third.asked).toEqual([6]);
      await third.scorer.dispose();
      await third.pipeline.dispose();
    }
  });

  it("makes large sets a batch at a time, as if at once", async () => {
    const plan = planFor(toyModel(), { modelSchedule: "8x4" });
    const distances: number[] = [];
    for (const batchSize of [8, 20]) {
      const { scorer, pipeline, asked } = await open({ batchSize });
      distances.push(await scorer.distance(plan, { samples: 20, seed: 3 }));
      expect(asked).toEqual(batchSize === 8 ? [8, 8, 4] : [20]);
      await scorer.dispose();
      await pipeline.dispose();
    }
    expect(distances[0]! / distances[1]!).toBeCloseTo(1, 6);
  });

  it("leaves nothing in the runner, also when it refuses", async () => {
    const before = await runner.stats();
    const { scorer, pipeline } = await open();
    await scorer.dispose();
    await pipeline.dispose();
    expect(await runner.stats()).toEqual(before);
    await expect(open({ heldOut: { ...noise, resolution: 32 } })).rejects.toThrow("got 32 x 32");
    await expect(open({ heldOut: { ...noise, length: 20 } })).rejects.toThrow(
      "must hold 30 reference images",
    );
  });
});
