/** Videos by class, and videos completed: who sees what, and that the same is made whatever the batch. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { integerAt } from "../../src/core/random.ts";
import { frameOf, type Video, videoOf } from "../../src/data/source.ts";
import { readModel, writeModel } from "../../src/pipelines/node/model-folder.ts";
import { ImagePipeline, openVideoPipeline, VideoPipeline } from "../../src/pipelines/node/open-pipeline.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { toyModel } from "./toy-model.ts";
import { toyVideoModel } from "./toy-video-model.ts";

let runner: Runner;
let folder: string;
let pipeline: VideoPipeline;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "video-pipeline-"));
  runner = await createNodeRunner({ threads: 1 });
  pipeline = await openVideoPipeline(toyVideoModel(), { runner });
});
afterAll(async () => {
  await pipeline.dispose();
  await runner.close();
  await rm(folder, { recursive: true });
});

function noise(seed: number, frames = 4): Video {
  const pixels = Uint8Array.from({ length: frames * 8 * 8 * 3 }, (_, i) => integerAt([seed, 1], i, 256));
  return { width: 8, height: 8, frames, pixels };
}
const bytes = (video: Video, t: number) => [...frameOf(video, t).pixels];

describe("generate", () => {
  it("makes videos of the asked classes, the same in any batch", async () => {
    const options = { classes: ["all"], count: 5, seed: 3 };
    const together = await pipeline.generate(options);
    const apart = await pipeline.generate({ ...options, batchSize: 2 });
    expect(together.videos.map(({ classId }) => classId)).toEqual([0, 1, 0, 1, 0]);
    expect(together.videos.map(({ frames, width }) => [frames, width])).toEqual(new Array(5).fill([4, 8]));
    expect(apart.tokens).toEqual(together.tokens);
    expect(apart.videos).toEqual(together.videos);
    const other = await pipeline.generate({ ...options, seed: 4 });
    expect(other.tokens).not.toEqual(together.tokens);
  });

  it("goes through a model folder unchanged", async () => {
    const path = join(folder, "model");
    await writeModel(path, toyVideoModel(), { store: "float32" });
    const read = await VideoPipeline.fromPretrained(path, { threads: 1 });
    expect(read.model.completionPlan).toEqual(toyVideoModel().completionPlan);
    const made = await read.generate({ count: 2, seed: 9 });
    await read.dispose();
    expect(made.tokens).toEqual((await pipeline.generate({ count: 2, seed: 9 })).tokens);
  });
});

describe("predict", () => {
  it("keeps the given frames and makes the others from nothing but them", async () => {
    const video = noise(1);
    const short = videoOf([frameOf(video, 0), frameOf(video, 1)]);
    const other = videoOf([0, 1, 0, 0].map((t, i) => frameOf(i < 2 ? video : noise(2), t)));
    const options = { given: 2, seed: 5 };
    const [first, second, third] = await Promise.all([
      pipeline.predict({ ...options, videos: [video] }),
      pipeline.predict({ ...options, videos: [short] }),
      pipeline.predict({ ...options, videos: [other] }),
    ]);
    expect(second.videos).toEqual(first.videos);
    expect(third.videos).toEqual(first.videos);
    expect(first.videos[0]!.frames).toBe(4);
    for (const t of [0, 1]) expect(bytes(first.videos[0]!, t)).toEqual(bytes(video, t));
  });

  it("depends on what is given, on the seed and on the version", async () => {
    const seen = async (video: Video, seed: number) =>
      (await pipeline.predict({ videos: [video], given: 2, seed, count: 2 })).tokens.map((ids) => ids.join());
    const all = [...(await seen(noise(1), 5)), ...(await seen(noise(2), 5)), ...(await seen(noise(1), 6))];
    expect(new Set(all).size).toBe(6);
  });

  it("shows whole videos where only what is needed runs: condition tokens where no step has made a guess", async () => {
    const codes = toyVideoModel().transformer.config.codebookSize;
    const shown: Int32Array[] = [];
    const options = { videos: [noise(1)], given: 2, plan: { maskSchedule: { kind: "halton" } } } as const;
    const needed = { ...options, plan: { ...options.plan, cache: { runs: "needed" } } } as const;
    const made = await pipeline.predict({ ...needed, onStep: ({ tokens }) => void shown.push(tokens) });
    expect(shown.length).toBeGreaterThan(2);
    for (const tokens of shown) expect(Math.max(...tokens)).toBeLessThan(codes);
    expect(shown.at(-1)).toEqual(made.tokens[0]);
    const { stats } = await pipeline.predict(options);
    expect(made.stats.multiplyAdds).toBeLessThan(stats.multiplyAdds);
  });

  it("makes several videos in any batch alike, versions beside one another", async () => {
    const videos = [noise(1), noise(2), noise(3)];
    const options = { videos, given: 3, seed: 1, count: 2 };
    const together = await pipeline.predict(options);
    const apart = await pipeline.predict({ ...options, batchSize: 4 });
    expect(apart.videos).toEqual(together.videos);
    expect(together.videos).toHaveLength(6);
    const later = await pipeline.predict({ ...options, videos: videos.slice(1), firstIndex: 2 });
    expect(later.videos).toEqual(together.videos.slice(2));
    together.videos.forEach((video, i) => {
      for (const t of [0, 1, 2]) expect(bytes(video, t)).toEqual(bytes(videos[Math.floor(i / 2)]!, t));
    });
  });

  it("can leave the given frames as the model rebuilt them", async () => {
    const video = noise(1);
    const options = { videos: [video], given: 2, seed: 5 };
    const rebuilt = (await pipeline.predict({ ...options, isPasted: false })).videos[0]!;
    const pasted = (await pipeline.predict(options)).videos[0]!;
    expect(bytes(rebuilt, 0)).not.toEqual(bytes(video, 0));
    for (const t of [2, 3]) expect(bytes(rebuilt, t)).toEqual(bytes(pasted, t));
  });

  it("uses the plan of completions, and what the caller changes in it", async () => {
    const { plan, stats } = await pipeline.predict({ videos: [noise(1)], given: 1 });
    expect(plan).toEqual(pipeline.model.completionPlan);
    expect([plan.maskSchedule.kind, plan.choiceTemperature, plan.guidance.scale]).toEqual(["linear", 7.5, 0]);
    expect(stats.ratio).toBeGreaterThan(1);
    const cosine = { maskSchedule: { kind: "cosine" } } as const;
    const changed = await pipeline.predict({ videos: [noise(1)], given: 1, plan: cosine });
    expect(changed.plan).toEqual({ ...plan, ...cosine });
  });

  it.each([
    [
      { videos: [noise(1)], given: 4 },
      /given must be a whole number in 1\.\.3, fewer than the model's 4 frames, got 4/,
    ],
    [{ videos: [noise(1)], given: 0 }, /given must be .* got 0/],
    [{ videos: [noise(1, 2)], given: 3 }, /8 x 8 pixels with at least 3 frames, got 8 x 8 with 2/],
    [{ videos: [], given: 2 }, /at least one video/],
    [{ videos: [{ ...noise(1), width: 4, height: 16 }], given: 2 }, /8 x 8 pixels.*got 4 x 16/],
    [{ videos: [noise(1)], given: 2, count: 0 }, /count: must be/],
    [
      { videos: [noise(1)], given: 2, count: 1e12 },
      /^predict: count: must be a whole number in 1\.\.1000000/,
    ],
  ])("refuses %#", async (options, message) => {
    await expect(pipeline.predict(options)).rejects.toThrow(message);
  });
});

describe("interpolate", () => {
  it("keeps both ends, whatever lies between them", async () => {
    const video = noise(7);
    const ends = videoOf([frameOf(video, 0), frameOf(video, 3)]);
    const between = await pipeline.interpolate({ videos: [video], seed: 2 });
    expect((await pipeline.interpolate({ videos: [ends], seed: 2 })).videos).toEqual(between.videos);
    for (const t of [0, 3]) expect(bytes(between.videos[0]!, t)).toEqual(bytes(video, t));
  });
});

it("tells which models cannot do what is asked", async () => {
  const plain = await openVideoPipeline(toyVideoModel(["predict"]), { threads: 1 });
  await expect(plain.interpolate({ videos: [noise(1)] })).rejects.toThrow(
    /was not trained to interpolate, only to generate, predict/,
  );
  await plain.dispose();
  await expect(openVideoPipeline(toyModel(), { threads: 1 })).rejects.toThrow(/they are for ImagePipeline/);
  const path = join(folder, "other");
  await writeModel(path, toyVideoModel());
  await expect(ImagePipeline.fromPretrained(path, { threads: 1 })).rejects.toThrow(
    /they are for VideoPipeline/,
  );
  expect((await readModel(path)).tokenizer.config.frames).toBe(4);
});
