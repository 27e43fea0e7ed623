/** What a training's folder shows from outside: its runs, how far they are to go, who is at work there. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withFolderLocked } from "../../src/core/node/folder-lock.ts";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { describeTraining } from "../../src/runs/describe-training.ts";
import { openRunFolder } from "../../src/training/run-folder.ts";
import { toyModel } from "../pipelines/toy-model.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "describe-training-"));
});
afterAll(() => rm(folder, { recursive: true }));

const config = { tokenizer: { training: { steps: 20 } }, transformer: { training: { steps: 30 } } };
const stepsOf = async (path: string) =>
  (await describeTraining(path))?.stages.map(({ name, steps }) => [name, steps]);

describe("a training's folder", () => {
  it("is none before anything has begun, nor is a model's", async () => {
    expect(await describeTraining(folder)).toBeNull();
    expect(await describeTraining(join(folder, "nowhere"))).toBeNull();
    await writeModel(join(folder, "toy"), toyModel());
    expect(await describeTraining(join(folder, "toy"))).toBeNull();
  });

  it("has its stages in order, each with its own number of steps, and the model once it is whole", async () => {
    const out = join(folder, "letters");
    await openRunFolder(join(out, "transformer"), config);
    await openRunFolder(join(out, "tokenizer"), { tokenizer: config.tokenizer });
    expect(await stepsOf(out)).toEqual([
      ["tokenizer", 20],
      ["transformer", 30],
    ]);
    expect((await describeTraining(out))!.model).toBeNull();
    await writeModel(join(out, "model"), toyModel());
    expect((await describeTraining(out))!.model).toBe(join(out, "model"));
  });

  it("may be a classifier's, or one run alone, or say nothing of its steps", async () => {
    await openRunFolder(join(folder, "classifier"), { schedule: { steps: 7 } });
    expect(await stepsOf(join(folder, "classifier"))).toEqual([["classifier", 7]]);
    expect(await stepsOf(join(folder, "letters/transformer"))).toEqual([["transformer", 30]]);
    await openRunFolder(join(folder, "other"), { what: "else" });
    expect(await stepsOf(join(folder, "other"))).toEqual([["other", null]]);
  });

  it("knows who is at work in it", async () => {
    const out = join(folder, "letters");
    const isTraining = async () => (await describeTraining(out))!.isTraining;
    expect(await isTraining()).toBe(false);
    expect(await withFolderLocked(out, isTraining)).toBe(true);
    expect(await isTraining()).toBe(false);
  });
});
