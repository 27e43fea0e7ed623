/** What a tokenizer brings to the loop: a run that stops and goes on, with its codebook's bookkeeping. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { foldIn, integerAt, type Key } from "../../src/core/random.ts";
import type { PictureSource } from "../../src/data/source.ts";
import { createNodeRunner } from "../../src/runtime/node.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { resolveConfig } from "../../src/training/config.ts";
import { openRunFolder } from "../../src/training/run-folder.ts";
import { tokenizerJob } from "../../src/training/tokenizer-job.ts";
import { readSafetensors } from "../../src/weights/safetensors.ts";
import { loggedLines, trainUntil } from "./resuming.ts";

/** Two-coloured pictures, cut at a random column. */
const source: PictureSource = {
  name: "test",
  classNames: [],
  resolution: 16,
  length: 10,
  async read(index) {
    if (!(index >= 0 && index < 10)) throw new Error(`no picture ${index}`);
    const key: Key = foldIn([8, 8], index);
    const cut = integerAt(key, 0, 16);
    const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, at) => {
      const column = Math.floor(at / 3) % 16;
      return integerAt(key, (column < cut ? 1 : 4) + (at % 3), 256);
    });
    return { width: 16, height: 16, pixels, label: 0 };
  },
};

/** 64 codes for 32 tokens a step: some codes go unused and are restarted at steps 25 and 50. */
const vq = {
  latentWidth: 48,
  pixelShortcut: true,
  quantizer: { kind: "vq", codebookSize: 64 },
};
const fsq = { latentWidth: 4, quantizer: { kind: "fsq", levels: [4, 4, 3, 3] } };

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
  ["vq", vq, [24, 25, 37]],
  ["fsq", fsq, [33]],
] as const)("a run of the tokenizer's job with %s", (_name, quantizer, stops) => {
  const { model, training } = resolveConfig(
    {
      name: "toy",
      data: { resolution: 16 },
      tokenizer: {
        model: { patchSize: 4, channels: 8, multipliers: [1], residualBlocks: 1, groups: 2, ...quantizer },
        training: {
          steps: 70,
          batchSize: 2,
          learningRate: 0.005,
          warmupSteps: 5,
          checkpointEvery: 100,
          sampleEvery: 100,
          logEvery: 10,
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
      isFlipped: true,
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
    // The count began anew at step 50: 20 steps of 2 pictures of 16 tokens.
    const counts = saved["use/counts"]!.data as Int32Array;
    expect(counts.reduce((a, b) => a + b, 0)).toBe(20 * 2 * 16);
    // A sheet was drawn, of fewer pictures than it has places.
    const png = await readFile(join(parent, "whole", "samples", "step-000070.png"));
    expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  });
});
