/** `magnets train` as people run it: Ctrl-C in the middle, and going on. */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readModel, writeModel } from "../../src/pipelines/node/model-folder.ts";
import { toyTraining, writeImages } from "../pipelines/image-folder.ts";
import { toyModel } from "../pipelines/toy-model.ts";

let parent: string;
let images: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "cli-train-"));
  images = join(parent, "images");
  await writeImages(images, ["a", "b"], 4);
});
afterAll(() => rm(parent, { recursive: true }));

/** The last word of a training that kept all it had done. */
const wasStopped = /stopped; --resume with the same command goes on/;

const out = () => join(parent, "run");
const metrics = async (): Promise<number[]> => {
  const text = await readFile(join(out(), "tokenizer", "metrics.jsonl"), "utf8").catch(() => "");
  const lines = text.split("\n").filter((line) => line.endsWith("}"));
  return lines.map((line) => JSON.parse(line).step);
};

/** Runs the command; Ctrl-C once the log says so, which comes twice, as it does through npm. */
async function train(args: readonly string[], isTime: (steps: number[]) => boolean = () => false) {
  const child = spawn(process.execPath, [
    "--import",
    "tsx",
    "cli/main.ts",
    "train",
    ...args,
    "--threads",
    "1",
  ]);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      output += data;
    });
  }
  const watch = setInterval(async () => {
    if (!isTime(await metrics())) return;
    clearInterval(watch);
    child.kill("SIGINT");
    setTimeout(() => child.kill("SIGINT"), 30);
  }, 50);
  // The status as a shell tells it: the second signal may meet a process that has done everything and no longer listens.
  const code = await new Promise<number>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal!])),
  );
  clearInterval(watch);
  return { code, output };
}

async function lastCheckpoint(): Promise<number> {
  const names = await readdir(join(out(), "tokenizer", "checkpoints"));
  for (const name of names) expect(name).toMatch(/^step-\d+\.safetensors$/); // no temporary file
  return Math.max(...names.map((name) => Number(/\d+/.exec(name)![0])));
}

it("Ctrl-C keeps a checkpoint, leaves no temporary file and ends with status 130; --resume goes on", async () => {
  const config = join(parent, "endless.yaml");
  await writeFile(config, stringify(toyTraining(images, { tokenizer: 10_000_000, transformer: 1 })));
  const first = await train([config, "--out", out()], (steps) => steps.length >= 2);
  expect(first.output).not.toContain("mistake");
  expect(first.code).toBe(130);
  expect(first.output).toMatch(wasStopped);
  const step = await lastCheckpoint();
  expect(step).toBeGreaterThanOrEqual(10);

  const refused = await train([config, "--out", out()]);
  expect(refused.code).toBe(2);
  expect(refused.output).toMatch(/holds a run already; pass --resume/);

  const second = await train([config, "--out", out(), "--resume"], (steps) => steps.at(-1)! > step + 10);
  expect(second.code).toBe(130);
  expect(second.output).toMatch(wasStopped);
  expect(await lastCheckpoint()).toBeGreaterThan(step);
  const steps = await metrics();
  expect(steps).toEqual(steps.map((_, i) => 5 * (i + 1))); // no line is missing, none is there twice
});

it("--minutes stops with a checkpoint of all that was trained and status 0, and --resume goes on", async () => {
  const config = join(parent, "timed.yaml");
  await writeFile(config, stringify(toyTraining(images, { tokenizer: 10_000_000, transformer: 1 })));
  const folder = join(parent, "timed");
  // On a busy machine the time may be up before the first step: then there is nothing to keep.
  const steps = async () => {
    const text = await readFile(join(folder, "tokenizer", "metrics.jsonl"), "utf8").catch(() => "");
    const lines = text.trim().split("\n").filter(Boolean);
    const names = await readdir(join(folder, "tokenizer", "checkpoints")).catch(() => []);
    return {
      logged: lines.length > 0 ? JSON.parse(lines.at(-1)!).step : 0,
      saved: Math.max(0, ...names.map((name) => Number(/\d+/.exec(name)![0]))),
    };
  };
  const first = await train([config, "--out", folder, "--minutes", "0.1"]);
  expect(first.output).toMatch(wasStopped);
  expect(first.code).toBe(0);
  const { logged, saved } = await steps();
  expect(saved).toBeGreaterThanOrEqual(logged);
  const second = await train([config, "--out", folder, "--minutes", "0.1", "--resume", "--json"]);
  expect(second.code).toBe(0);
  const line = /^\{.*\}$/m.exec(second.output)![0]; // standard error comes in between
  expect(JSON.parse(line)).toMatchObject({ run: folder, model: null });
  expect((await steps()).saved).toBeGreaterThanOrEqual(saved);

  const refused = await train([config, "--minutes", "0"]);
  expect(refused.code).toBe(2);
  expect(refused.output).toMatch(/--minutes.*number above 0/);
});

it("a loss that is no number ends with status 2 and one sentence", async () => {
  const config = join(parent, "wild.yaml");
  await writeFile(config, stringify(toyTraining(images, { tokenizer: 50, transformer: 1 })));
  const wild = ["--set", "tokenizer.training.learningRate=1e30", "--set", "tokenizer.training.warmupSteps=0"];
  const { code, output } = await train([config, "--out", join(parent, "wild"), ...wild]);
  expect(output).toMatch(
    /magnets: train tokenizer: step \d+ gave a loss of .*lower tokenizer\.training\.learningRate/,
  );
  expect(output).not.toContain("    at ");
  expect(code).toBe(2);
});

describe("--from", () => {
  it("needs no configuration: a model and a folder of images give a model of the folder's classes", async () => {
    const base = join(parent, "base");
    await writeModel(base, toyModel());
    const set = ["steps=3", "batchSize=4", "heldOut.every=1"].flatMap((value) => [
      "--set",
      `transformer.training.${value}`,
    ]);
    const made = join(parent, "mine");
    const { code, output } = await train(["--from", base, "--data", images, "--out", made, ...set]);
    expect(output).toContain("transformer.training.steps = 3 (in the place of 800)");
    expect(output).toMatch(/copies: a sample is [\d.]+ from its nearest training image/);
    expect(code).toBe(0);
    expect((await readModel(join(made, "model"))).classNames).toEqual(["a", "b"]);
  });

  it.each([
    [
      [],
      /^magnets: train: must be given a configuration file, or a model to go on from with images, got neither; /m,
    ],
    [
      ["--from", "models/sprites"],
      /^magnets: --data: must name the images where --from is given without a configuration/m,
    ],
    [["--from", "nowhere", "--data", "."], /^magnets: nowhere: no such model folder/m],
  ])("without what it needs ends with status 2 and one sentence: %j", async (args, message) => {
    const { code, output } = await train(args);
    expect(output).toMatch(message);
    expect(output).not.toContain("    at ");
    expect(code).toBe(2);
  });
});
