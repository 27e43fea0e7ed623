/**
 * Results that must outlive every change of structure: the tokens of a few seeds and the losses of a tiny training, written
 * down before the structure was changed (September to November 2026). A change that means to alter results writes the
 * file anew and says so in the changelog.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openImagePipeline, openVideoPipeline, readModel } from "../src/index.ts";
import { trainModel } from "../src/train.ts";
import { resolveConfig } from "../src/training/read-config.ts";
import golden from "./golden/unchanged.json" with { type: "json" };

const decoded = (kind: "images" | "videos", name: string) =>
  golden[kind].find((entry) => entry.name === name)!.tokens;
const shown = (tokens: readonly Int32Array[]) => tokens.map((ids) => ids.join(" "));

describe("the tokens of a seed", async () => {
  const sprites = await openImagePipeline(await readModel("models/sprites"));
  const motions = await openVideoPipeline(await readModel("models/motions"));
  afterAll(async () => {
    await sprites.dispose();
    await motions.dispose();
  });

  it.each([
    ["default", { classes: ["cat", "rocket"], count: 2, seed: 7 }],
    ["sub-model 1/8", { classes: ["house"], seed: 3, modelSchedule: "8x6" }],
    [
      "baseline",
      {
        ...{ classes: ["boat"], seed: 11, steps: 8 },
        plan: { modelSchedule: "1x8", cache: { enabled: false }, guidance: { unconditionalFactor: "same" } },
      },
    ],
    ["entropy", { classes: ["tree"], seed: 5, plan: { unmask: { kind: "entropy", bound: 8 } } }],
  ] as const)("of an image, %s", async (name, options) => {
    expect(shown((await sprites.generate(options)).tokens)).toEqual(decoded("images", name));
  });

  it("of a video, and of its continuation", async () => {
    const made = await motions.generate({ classes: ["cat bounce"], seed: 7 });
    expect(shown(made.tokens)).toEqual(decoded("videos", "default"));
    const continued = await motions.predict({ videos: made.videos, given: 5, seed: 1 });
    expect(shown(continued.tokens)).toEqual(decoded("videos", "predict 5"));
  });
});

describe("the losses of a tiny training", () => {
  it("of its tokenizer and its transformer", async () => {
    const out = await mkdtemp(join(tmpdir(), "magnets-unchanged-"));
    afterAll(() => rm(out, { recursive: true }));
    const training = { batchSize: 4, learningRate: 0.001, warmupSteps: 1, checkpointEvery: 2, logEvery: 1 };
    const { config } = resolveConfig(
      {
        ...{ name: "tiny", seed: 0, data: { source: "sprites", resolution: 16, seed: 0, count: 64 } },
        tokenizer: {
          model: {
            ...{ patchSize: 4, channels: 16, multipliers: [1], residualBlocks: 1, latentWidth: 8, groups: 4 },
            quantizer: { kind: "vq", codebookSize: 16 },
          },
          training: { ...training, steps: 4, sampleEvery: 4 },
        },
        transformer: {
          model: { width: 16, depth: 1, heads: 4, factors: [1, 2, 4] },
          training: { ...training, steps: 6, sampleEvery: 100, subModels: "all" },
        },
        decoding: { steps: 4, modelSchedule: "4x2,2x1,1x1" },
      },
      "tiny",
    );
    await trainModel({ config, out });
    for (const stage of ["tokenizer", "transformer"] as const) {
      const lines = (await readFile(join(out, stage, "metrics.jsonl"), "utf8")).trim().split("\n");
      expect(lines.length).toBe(golden.losses[stage].length);
      for (const [i, line] of lines.entries()) {
        const logged = JSON.parse(line);
        for (const [name, value] of Object.entries(golden.losses[stage][i]!)) {
          expect(logged[name] / value).toBeCloseTo(1, 4); // what processors round apart
        }
      }
    }
  });
});
