/** Variants of one training at toy size: side by side, stopped, gone on with, and refused where they do not fit. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Key } from "../../src/core/random.ts";
import { initialise } from "../../src/models/parameters.ts";
import { tokenizerParameters } from "../../src/models/tokenizer/codec.ts";
import { planFor } from "../../src/pipelines/choose-plan.ts";
import { readModel } from "../../src/pipelines/node/model-folder.ts";
import { onTokenizer, type TrainVariantsOptions, trainVariants } from "../../src/runs/train-variants.ts";
import { readMetrics } from "../../src/training/metrics.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { writeModelPart } from "../../src/weights/node/model-folder.ts";
import { toyTraining, writeImages } from "../pipelines/image-folder.ts";

let parent: string;
let images: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "train-variants-"));
  images = join(parent, "images");
  await writeImages(images, ["a", "b"], 4);
  await writeTokenizer("tokenizer", [1, 2]);
  await writeTokenizer("another", [3, 4]);
});
afterAll(() => rm(parent, { recursive: true }));

const configOf = (...set: readonly string[]) => {
  const training = toyTraining(images, { tokenizer: 1, transformer: 6 });
  const settings = ["transformer.training.logEvery=1", ...set];
  return resolveConfig(training, "toy", { set: settings }).config;
};

/** A model folder of which only the tokenizer is there, with random weights. */
async function writeTokenizer(name: string, key: Key): Promise<void> {
  const config = configOf().tokenizer.model;
  const tensors = initialise(tokenizerParameters(config), key);
  await writeModelPart(join(parent, name), "tokenizer", { config, tensors });
}

const variants = () => ({
  nested: configOf(),
  separate: configOf("transformer.training.factors=[2]", "decoding.modelSchedule=2x4"),
});

/** Trains into a folder of this name. */
const go = (out: string, options: Partial<TrainVariantsOptions> = {}) =>
  trainVariants({
    variants: variants(),
    tokenizer: join(parent, "tokenizer"),
    out: join(parent, out),
    threads: 1,
    ...options,
  });
const weightsOf = (out: string, variant: string) =>
  readFile(join(parent, out, variant, "model", "transformer", "model.safetensors"));

it("trains each from the same weights on the same batches of the same tokens", async () => {
  const [nested, separate] = await go("whole");
  expect(await readdir(join(parent, "whole"))).toEqual([
    "data.json",
    "nested",
    "opening.json",
    "separate",
    "tokens",
  ]);
  expect(nested!.seconds).toBeGreaterThan(0);
  const linesOf = (name: string) => readMetrics(join(parent, "whole", name, "transformer", "metrics.jsonl"));
  const [joint, alone] = await Promise.all([linesOf("nested"), linesOf("separate")]);
  // Before the first update sub-model 1/2 is the same in both; the full one then moves what they share.
  expect(alone[0]!["loss.p2"]).toBeCloseTo(joint[0]!["loss.p2"]!, 5);
  expect(alone[5]!["loss.p2"]).not.toBeCloseTo(joint[5]!["loss.p2"]!, 5);
  expect(nested!.losses).toEqual({ 1: joint[5]!["loss.p1"], 2: joint[5]!["loss.p2"] }); // a tenth of six lines is one
  expect(separate!.losses).toEqual({ 2: alone[5]!["loss.p2"] });
});

it("keeps a model from decoding by sub-models that did not train", async () => {
  const model = await readModel(join(parent, "whole", "separate", "model"));
  expect(model.transformer.config.factors).toEqual([2]);
  expect(model.plan.modelSchedule).toEqual([{ factor: 2, steps: 4 }]);
  expect(() => planFor(model, { modelSchedule: "2x2,1x2" })).toThrow(
    "plan: modelSchedule: must name the model's sub-models, p = 2, got 1",
  );
});

it("goes on where it was stopped, with nothing done again, and comes to the same", async () => {
  const stopped = new AbortController();
  const isSeparate = { said: false };
  const first = go("parts", {
    signal: stopped.signal,
    onMessage: (message) => {
      isSeparate.said ||= message.startsWith("separate");
    },
    onProgress: ({ job, step }) => {
      if (isSeparate.said && job === "transformer" && step === 2) stopped.abort();
    },
  });
  await expect(first).rejects.toThrow("aborted");
  const steps: number[] = [];
  const said: string[] = [];
  const trained: string[] = [];
  await go("parts", {
    onProgress: ({ job, step }) => {
      if (job === "transformer") steps.push(step);
    },
    onMessage: (message) => void said.push(message),
    onTrained: ({ name }) => void trained.push(name),
  });
  expect(steps).toEqual([3, 4, 5, 6]);
  expect(said).toContainEqual(expect.stringMatching(/^tokens: 8 of them were in .* already$/));
  expect(trained).toEqual(["nested", "separate"]);
  for (const name of trained) {
    expect((await weightsOf("parts", name)).equals(await weightsOf("whole", name)), name).toBe(true);
  }
});

it("refuses what does not fit", async () => {
  await expect(go("whole", { tokenizer: join(parent, "another") })).rejects.toThrow(
    /nested.transformer: cannot resume with another configuration; differing: tokenizerDigest/,
  );
  const larger = configOf("data.resolution=32");
  await expect(onTokenizer(larger, join(parent, "tokenizer"))).rejects.toThrow(
    /tokenizer: its tokenizer must be for images of 32 pixels.* got one for images of 16 pixels/,
  );
  await expect(onTokenizer(larger, join(parent, "absent"))).rejects.toThrow("no such model folder");
});
