/** What a tokenizer brings to the loop: a run that stops and goes on, with its codebook's bookkeeping. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { foldIn, integerAt, type Key } from "../../src/core/random.ts";
import type { ImageSource } from "../../src/data/source.ts";
import { keptInMemory } from "../../src/data/views.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { openRunFolder } from "../../src/training/run-folder.ts";
import { tokenizerJob, tokenNudges } from "../../src/training/tokenizer-job.ts";
import { readSafetensors } from "../../src/weights/node/safetensors-file.ts";
import { loggedLines, trainUntil } from "./resuming.ts";

/** Two-coloured images, cut at a random column; in videos the cut moves by a column a frame. */
const sourceOf = (frames?: number): ImageSource => ({
  name: "test",
  classNames: [],
  resolution: 16,
  frames,
  length: 10,
  async read(index) {
    if (!(index >= 0 && index < 10)) throw new Error(`no image ${index}`);
    const key: Key = foldIn([8, 8], index);
    const cut = integerAt(key, 0, 16);
    const pixels = Uint8Array.from({ length: (frames ?? 1) * 16 * 16 * 3 }, (_, at) => {
      const column = Math.floor(at / 3) % 16;
      const frame = Math.floor(at / (16 * 16 * 3));
      return integerAt(key, (column < cut + frame ? 1 : 4) + (at % 3), 256);
    });
    return { width: 16, height: 16, frames, pixels, classId: 0 };
  },
});

/** 64 codes for 32 tokens a step: some codes go unused and are restarted at steps 25 and 50. */
const vq = {
  latentWidth: 48,
  pixelShortcut: true,
  quantizer: { kind: "vq", codebookSize: 64 },
};
const videos = { ...vq, frames: 4, framePatch: 2, latentWidth: 96 };
const fsq = { latentWidth: 4, quantizer: { kind: "fsq", levels: [4, 4, 3, 3] } };
const perturbed = {
  network: "plain",
  latentWidth: 4,
  quantizer: { kind: "fsq", levels: [4, 4, 3, 3], bins: "uniform" },
};

let runner: Runner;
let parent: string;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "tokenizer-job-"));
});
afterEach(() => rm(parent, { recursive: true }));

describe.each([
  ["vq", vq, [24, 25, 37], 16],
  ["fsq", fsq, [33], 16],
  ["the plain network, perturbed", perturbed, [33], 16],
  ["vq of videos", videos, [33], 32],
] as const)("a run of the tokenizer's job with %s", (_name, network, stops, tokens) => {
  const frames = "frames" in network ? network.frames : undefined;
  const source = keptInMemory(sourceOf(frames));
  const { model, training } = resolveConfig(
    {
      name: "toy",
      data: { resolution: 16, ...(frames && { source: "motions", frames }) },
      tokenizer: {
        model: { patchSize: 4, channels: 8, multipliers: [1], residualBlocks: 1, groups: 2, ...network },
        training: {
          steps: 70,
          batchSize: 2,
          learningRate: 0.005,
          warmupSteps: 5,
          checkpointEvery: 100,
          sampleEvery: 100,
          logEvery: 10,
          ...(network === perturbed && {
            optimiser: "muon",
            edgeWeight: 0.3,
            perturbation: { images: 0.5, tokens: 0.5 },
          }),
        },
      },
    },
    "toy",
  ).config.tokenizer;

  async function go(name: string, stopAt?: number) {
    const job = tokenizerJob({
      runner,
      config: model,
      training,
      source,
      count: 10,
      randomFlip: true,
      key: [9, 9],
    });
    const folder = await openRunFolder(join(parent, name), {}, { resume: true });
    return trainUntil(runner, folder, job, stopAt);
  }

  const lines = (name: string) => loggedLines(join(parent, name));

  it("learns, and goes on bit for bit after stops around a restart, its counts of use included", async () => {
    const whole = await go("whole");
    for (const step of stops) await expect(go("parts", step)).rejects.toThrow("aborted");
    expect(await go("parts")).toEqual(whole);
    const log = await lines("whole");
    expect(await lines("parts")).toEqual(log);
    expect(log.at(-1)!.loss).toBeLessThan(0.9 * log[0]!.loss!);
    expect(log.at(-1)!.codebookUse).toBeGreaterThan(0);
    expect(log.at(-1)!.codebookUse).toBeLessThan(1); // so there was something to restart

    const read = async (name: string) =>
      (await readSafetensors(join(parent, name, "checkpoints", "step-000070.safetensors"))).tensors;
    const saved = await read("whole");
    expect(await read("parts")).toEqual(saved);
    // The count began again at step 50: 20 steps of 2 images.
    const counts = saved["use/counts"]!.data as Int32Array;
    expect(counts.reduce((a, b) => a + b, 0)).toBe(20 * 2 * tokens);

    // A sheet was drawn, of fewer images than it has places: every other row has eight originals, or four videos by
    // their first, middle and last frame, and the row below what became of them. A pixel is 2 x 2, the gap 4.
    const png = await readFile(join(parent, "whole", "samples", "step-000070.png"));
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    const shown = frames === undefined ? [0] : [0, 2, 3];
    const across = frames === undefined ? 8 : 4;
    const columns = across * shown.length;
    expect([info.width, info.height]).toEqual([4 + columns * 36, 4 + (32 / across) * 36]);
    for (let place = 0; place < 16 * shown.length; place++) {
      const { pixels } = await source.read(Math.floor(place / shown.length) % 10);
      const frame = shown[place % shown.length]!;
      const top = 4 + 2 * Math.floor(place / columns) * 36;
      const left = 4 + (place % columns) * 36;
      for (let x = 0; x < 16; x++) {
        const at = (top * info.width + left + 2 * x) * info.channels;
        const from = (frame * 256 + x) * 3;
        expect([...data.subarray(at, at + 3)]).toEqual([...pixels.subarray(from, from + 3)]);
      }
    }
  });
});

it("nudges the shares of images and tokens that the training says, one level of one channel each", () => {
  const { model } = resolveConfig(
    {
      name: "toy",
      data: { resolution: 64 },
      tokenizer: { model: { ...perturbed, patchSize: 4, channels: 8, multipliers: [1] } },
    },
    "toy",
  ).config.tokenizer;
  const training = { batchSize: 100, perturbation: { images: 0.3, tokens: 0.6 } };
  const { dims, data } = tokenNudges(model, training, [1, 2]);
  expect(dims).toEqual([100 * 256, 4]);
  const tokens = Array.from({ length: 100 * 256 }, (_, i) => [...data.subarray(4 * i, 4 * i + 4)]);
  const perImage = Array.from({ length: 100 }, (_, b) =>
    tokens.slice(b * 256, (b + 1) * 256).filter((token) => token.some((value) => value !== 0)),
  ).filter((moved) => moved.length > 0);
  expect(perImage.length).toBeGreaterThan(15);
  expect(perImage.length).toBeLessThan(45);
  const moved = perImage.flat();
  expect(moved.length / perImage.length / 256).toBeCloseTo(0.6, 1);
  for (const token of moved) expect(token.map(Math.abs).sort()).toEqual([0, 0, 0, 1]);
  const kinds = new Set(moved.map((token) => token.join()));
  expect(kinds.size).toBe(8);
  expect(tokenNudges(model, training, [1, 2]).data).toEqual(data);
});
