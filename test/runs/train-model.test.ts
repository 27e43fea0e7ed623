/** From a folder of images to a model that generates, at toy size: every stage, stopped and resumed. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { ImagePipeline } from "../../src/pipelines/node/open-pipeline.ts";
import { type TrainModelOptions, trainModel } from "../../src/runs/train-model.ts";
import { readMetrics } from "../../src/training/metrics.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { readSafetensors, writeSafetensors } from "../../src/weights/node/safetensors-file.ts";
import { toyTraining, writeImages } from "../pipelines/image-folder.ts";

const classes = ["blue", "green", "red"];
let parent: string;
let images: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "train-model-"));
  images = join(parent, "images");
  await writeImages(images, classes, 6);
});
afterAll(() => rm(parent, { recursive: true }));

const configOf = (source: string, set: readonly string[] = []) =>
  resolveConfig(toyTraining(source, { tokenizer: 20, transformer: 20 }), "toy", { set }).config;

/** Trains into a folder of this name; returns what was said. */
async function go(name: string, options: Partial<TrainModelOptions> & { set?: readonly string[] } = {}) {
  const said: string[] = [];
  const { set, ...rest } = options;
  const model = await trainModel({
    config: configOf(images, set),
    out: join(parent, name),
    threads: 1,
    onMessage: (message) => void said.push(message),
    ...rest,
  });
  return { model, said };
}

const bytes = (...path: string[]) => readFile(join(parent, ...path));
const tokensFile = (name: string) => join(parent, name, "tokens", "0001-of-0001.safetensors");
const tokens = (name: string) => readSafetensors(tokensFile(name));

describe("a folder with classes", () => {
  it("becomes a model that generates its classes", async () => {
    const { model, said } = await go("whole");
    expect(said).toContain("18 images, 0 unreadable; 3 classes: blue, green, red");
    expect(said).toContain(`tokenizer: 20 steps on 18 images of ${images}`);
    expect(model).toBe(join(parent, "whole", "model"));
    for (const stage of ["tokenizer", "transformer"]) {
      const files = await readdir(join(parent, "whole", stage, "samples"));
      expect(files).toEqual(["step-000020.png"]);
    }
    const pipeline = await ImagePipeline.fromPretrained(model!, { threads: 1 });
    const { images: made } = await pipeline.generate({ classes, count: 3, seed: 1 });
    await pipeline.dispose();
    expect(made.map(({ width, height }) => [width, height])).toEqual(new Array(3).fill([16, 16]));
    await expect(go("whole")).rejects.toThrow(/holds a run already; pass --resume/);
  });

  it.each(["tokenizer", "tokens", "transformer"])(
    "stopped during %s and resumed gives the same model, byte for byte",
    async (job) => {
      const controller = new AbortController();
      const onProgress: TrainModelOptions["onProgress"] = (progress) => {
        if (progress.job === job) controller.abort();
      };
      await expect(go(job, { signal: controller.signal, onProgress })).rejects.toThrow("aborted");
      const files = await readdir(join(parent, job), { recursive: true });
      expect(files.filter((file) => file.includes(".tmp"))).toEqual([]);
      await go(job, { resume: true });
      for (const part of ["tokenizer", "transformer"]) {
        const file = ["model", part, "model.safetensors"];
        expect((await bytes(job, ...file)).equals(await bytes("whole", ...file)), part).toBe(true);
      }
    },
  );

  it("can be trained stage by stage, and the last stage needs the images no more", async () => {
    await expect(go("staged", { stage: "transformer" })).rejects.toThrow(
      /holds no finished tokenizer \(0 of 20 steps\); train it first/,
    );
    expect((await go("staged", { stage: "tokenizer" })).model).toBeNull();
    await expect(go("staged", { stage: "transformer" })).rejects.toThrow(InputError); // no tokens yet
    expect((await go("staged", { stage: "tokenise" })).model).toBeNull();
    const { said } = await go("staged", { stage: "transformer" });
    expect(said).toEqual(["transformer: 20 steps on 18 images as tokens"]);
    const file = ["model", "transformer", "model.safetensors"];
    expect((await bytes("staged", ...file)).equals(await bytes("whole", ...file))).toBe(true);
  });
});

describe("a decoder that is trained at last", () => {
  const set = [
    ...["steps=20", "images=12", "batchSize=2", "logEvery=5"].map((each) => `decoder.training.${each}`),
  ];
  const parts = async (name: string) => {
    const { tensors } = await readSafetensors(join(parent, name, "model", "tokenizer", "model.safetensors"));
    return Object.entries(tensors);
  };

  it("is another decoder for the same codes, stopped and resumed too, and by a stage of its own", async () => {
    const { said } = await go("tuned", { set });
    expect(said).toContain("decoder: 20 steps on 12 images that the model makes, and as many real ones");
    const before = Object.fromEntries(await parts("whole"));
    for (const [name, tensor] of await parts("tuned")) {
      const isSame = `${tensor.data}` === `${before[name]!.data}`;
      expect(isSame, name).toBe(!name.startsWith("decoder."));
    }
    const [tuned, whole] = await Promise.all(["tuned", "whole"].map(tokens));
    expect(tuned!.tensors.ids).toEqual(whole!.tensors.ids);
    expect(await readdir(join(parent, "tuned", "decoder", "samples"))).toEqual(["step-000020.png"]);
    const card = await readFile(join(parent, "tuned", "model", "README.md"), "utf8");
    expect(card).toContain("At last the tokenizer's decoder trained alone for 20 steps");

    const controller = new AbortController();
    const stopping: Partial<TrainModelOptions> = {
      signal: controller.signal,
      onProgress: ({ job }) => job === "decoder" && controller.abort(),
    };
    await cp(join(parent, "whole"), join(parent, "tuned later"), { recursive: true });
    const later = { set, stage: "decoder", resume: true } as const;
    await expect(go("tuned later", { ...later, ...stopping })).rejects.toThrow("aborted");
    expect((await go("tuned later", later)).model).toBe(join(parent, "tuned later", "model"));
    expect(await parts("tuned later")).toEqual(await parts("tuned"));
    // Done is done, and the model does not learn from what it made with its new decoder.
    await go("tuned later", later);
    expect(await parts("tuned later")).toEqual(await parts("tuned"));
    // The transformer's stage by itself leaves the tokenizer as it was trained, and says so.
    const alone = await go("tuned later", { set, stage: "transformer", resume: true });
    expect(alone.said).toContain(
      "decoder: still that of the tokenizer's training; --stage decoder --resume trains it for this transformer",
    );
    expect(await parts("tuned later")).toEqual(await parts("whole"));
  });

  it("is that of a model that was trained elsewhere, whose other weights stay as they are", async () => {
    const from = join(parent, "whole", "model");
    const asItIs = ["tokenizer", "transformer"].flatMap((part) => [
      `${part}.init=${from}`,
      `${part}.training.steps=0`,
    ]);
    const { said } = await go("elsewhere", { set: [...set, ...asItIs] });
    expect(said).toContain(`transformer: that of ${from}`);
    const before = Object.fromEntries(await parts("whole"));
    const changed = (await parts("elsewhere")).filter(
      ([name, { data }]) => `${data}` !== `${before[name]!.data}`,
    );
    expect(changed.length).toBeGreaterThan(3);
    expect(changed.filter(([name]) => !name.startsWith("decoder."))).toEqual([]);
    const file = ["model", "transformer", "model.safetensors"];
    expect((await bytes("elsewhere", ...file)).equals(await bytes("whole", ...file))).toBe(true);
    const card = await readFile(join(parent, "elsewhere", "model", "README.md"), "utf8");
    expect(card).toContain(`transformer: none, it is the one of ${from}`);
    expect(card).not.toMatch(/NaN|undefined|loss\.svg/);
    expect(() => configOf(images, ["transformer.training.steps=0"])).toThrow(
      "transformer.init: must name the model whose transformer is taken as it is",
    );
  });

  it("begins again for another transformer, and needs a whole model and steps", async () => {
    const longer = [...set, "transformer.training.steps=22"];
    const { said } = await go("tuned", { set: longer, resume: true });
    const path = join(parent, "tuned", "decoder");
    expect(said).toContain(`decoder: begins again, since the model is not the one that ${path} began with`);
    await expect(go("whole", { stage: "decoder", resume: true })).rejects.toThrow(
      "decoder.training.steps: must be above 0 for --stage decoder, got 0",
    );
    await go("half", { set, stage: "tokenizer" });
    await expect(go("half", { set, stage: "decoder", resume: true })).rejects.toThrow(
      /half\/model: holds no whole model, whose decoder could be trained; train it first/,
    );
  });
});

it("only one process trains into a folder; what a killed one left is cleared away", async () => {
  const folder = join(parent, "locked");
  await mkdir(join(folder, "tokenizer", "checkpoints"), { recursive: true });
  const holder = { process: process.ppid, host: hostname(), since: new Date().toISOString(), id: "x" };
  await writeFile(join(folder, "lock.json"), JSON.stringify(holder));
  await expect(go("locked", { resume: true })).rejects.toThrow(
    `process ${process.ppid} on ${hostname()} is at work there`,
  );
  expect(await readdir(join(folder, "tokenizer", "checkpoints"))).toEqual([]);

  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  await writeFile(join(folder, "lock.json"), JSON.stringify({ ...holder, process: gone }));
  // The name is that of the writer's own temporary files.
  const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 6);
  const left = `.step-000010.safetensors.${host}-${gone}-0123456789ab.tmp`;
  await writeFile(join(folder, "tokenizer", "checkpoints", left), "half");
  await go("locked", { resume: true });
  const files = await readdir(folder, { recursive: true });
  expect(files.filter((file) => /\.tmp$|lock\.json$/.test(file))).toEqual([]);
  const file = ["model", "transformer", "model.safetensors"];
  expect((await bytes("locked", ...file)).equals(await bytes("whole", ...file))).toBe(true);
});

describe("data that are spelled otherwise when a run goes on", () => {
  const spelled = (source: string, stage: TrainModelOptions["stage"] = "all") =>
    go("spelled", { config: configOf(source), resume: true, stage });
  const isDone = ({ said }: { said: string[] }) => said.some((line) => /18 of them were in/.test(line));

  it("are the same where the files are", async () => {
    await cp(join(parent, "whole"), join(parent, "spelled"), { recursive: true });
    await symlink(images, join(parent, "link"));
    for (const source of [`${images}/`, `${parent}/./images`, relative(".", images), join(parent, "link")]) {
      expect(isDone(await spelled(source)), source).toBe(true);
      expect((await spelled(source, "transformer")).model).not.toBeNull();
    }
  });

  it("are the same in a copy of the folder, whose times are others; its tokens are made again", async () => {
    const copy = join(parent, "copy");
    await cp(images, copy, { recursive: true });
    expect(isDone(await spelled(copy))).toBe(false);
    expect(isDone(await spelled(copy))).toBe(true);
    const file = ["model", "transformer", "model.safetensors"];
    expect((await bytes("spelled", ...file)).equals(await bytes("whole", ...file))).toBe(true);
  });

  it("are others where the files are others, and then nothing of the run is touched", async () => {
    const others = join(parent, "others");
    await cp(images, others, { recursive: true });
    await writeFile(join(others, "red", "0.png"), await readFile(join(others, "blue", "3.png")));
    await rm(join(others, "red", "1.png"));
    const before = await bytes("spelled", "tokenizer", "config.json");
    const refusal = `data.source was ${JSON.stringify(images)}, now ${JSON.stringify(others)}`;
    await expect(spelled(others)).rejects.toThrow(refusal);
    await expect(spelled(others, "transformer")).rejects.toThrow(refusal);
    expect((await bytes("spelled", "tokenizer", "config.json")).equals(before)).toBe(true);
    expect(isDone(await spelled(join(parent, "copy")))).toBe(true);
  });

  it("of a run from before names were kept, the spelling decides", async () => {
    await rm(join(parent, "spelled", "data.json"));
    await expect(spelled(`${images}/`)).rejects.toThrow("data.source was");
    expect((await spelled(images, "transformer")).model).not.toBeNull();
  });
});

describe("more steps for a finished training", () => {
  const more = (name: string, job: string, steps: number) =>
    go(name, { resume: true, set: [`${job}.training.steps=${steps}`] });
  const stepsOf = async (name: string, job: string) =>
    (await readMetrics(join(parent, name, job, "metrics.jsonl"))).map(({ step }) => step);

  it("go on from where it was, and it is said", async () => {
    await cp(join(parent, "whole"), join(parent, "grown"), { recursive: true });
    const tokenizer = await bytes("grown", "model", "tokenizer", "model.safetensors");
    const before = await bytes("grown", "model", "transformer", "model.safetensors");
    const { model, said } = await more("grown", "transformer", 30);
    expect(said).toContain(
      "transformer: goes on from step 20, for 30 steps instead of 20; from here on the learning rate follows the schedule of 30 steps",
    );
    expect(await stepsOf("grown", "transformer")).toEqual([5, 10, 15, 20, 25, 30]);
    expect((await bytes("grown", "model", "transformer", "model.safetensors")).equals(before)).toBe(false);
    expect((await bytes("grown", "model", "tokenizer", "model.safetensors")).equals(tokenizer)).toBe(true);
    expect(JSON.parse(String(await bytes("grown", "model", "train_config.json")))).toMatchObject({
      transformer: { training: { steps: 30 } },
    });
    expect(String(await bytes("grown", "model", "README.md"))).toContain(
      "at first 20 steps, lengthened at step 20",
    );
    await (await ImagePipeline.fromPretrained(model!, { threads: 1 })).dispose();
    expect((await more("grown", "transformer", 30)).said.join()).not.toContain("goes on from");
    await expect(more("grown", "transformer", 20)).rejects.toThrow(
      "transformer.training.steps was 30, now 20",
    );
  });

  it("of the tokenizer too, as long as no transformer learned its tokens", async () => {
    await expect(more("grown", "tokenizer", 30)).rejects.toThrow("tokenizer.training.steps was 20, now 30");
    expect(await stepsOf("grown", "tokenizer")).toEqual([5, 10, 15, 20]);
    await rm(join(parent, "grown", "transformer"), { recursive: true });
    expect((await more("grown", "tokenizer", 25)).said).toContain(
      "tokenizer: goes on from step 20, for 25 steps instead of 20; from here on the learning rate follows the schedule of 25 steps",
    );
    expect(await stepsOf("grown", "tokenizer")).toEqual([5, 10, 15, 20, 25]);
  });
});

describe("the token file", () => {
  const again = () => go("whole", { stage: "tokenise", resume: true });
  const isReused = ({ said }: { said: string[] }) =>
    said.some((line) => /^tokens: 18 of them were in .* already$/.test(line));

  it("is made once", async () => {
    expect(isReused(await again())).toBe(true);
  });

  it("is made again for another tokenizer, other images, or when it is damaged", async () => {
    const path = tokensFile("whole");
    const right = await readSafetensors(path);
    await writeSafetensors(path, right.tensors, { metadata: { ...right.metadata, tokenizer: "another" } });
    expect(isReused(await again())).toBe(false);
    expect(await readSafetensors(path)).toEqual(right);

    await writeFile(path, "cut short");
    expect(isReused(await again())).toBe(false);
    expect(await readSafetensors(path)).toEqual(right);

    await utimes(join(images, "red", "0.png"), new Date(), new Date());
    expect(isReused(await again())).toBe(false);
    expect((await readSafetensors(path)).tensors).toEqual(right.tensors);
    expect(isReused(await again())).toBe(true);
  });
});

it("leaves a whole model as it is until another one is whole", async () => {
  await cp(join(parent, "whole"), join(parent, "kept"), { recursive: true });
  await rm(join(parent, "kept", "tokenizer"), { recursive: true });
  await go("kept", { stage: "tokenizer", set: ["seed=5"] });
  const file = ["model", "tokenizer", "model.safetensors"];
  expect((await bytes("kept", ...file)).equals(await bytes("whole", ...file))).toBe(true);
});

it("a part of a folder is a random choice that its seed decides, not the first classes", async () => {
  const classIds = async (name: string, ...set: string[]) => {
    for (const stage of ["tokenizer", "tokenise"] as const)
      await go(name, { stage, set: ["data.count=9", ...set] });
    return [...((await tokens(name)).tensors.classIds!.data as Int32Array)];
  };
  const some = await classIds("part");
  expect(some.length).toBe(9);
  expect(new Set(some)).toEqual(new Set([0, 1, 2]));
  expect(await classIds("part again")).toEqual(some);
  expect(await classIds("part otherwise", "data.seed=1")).not.toEqual(some);
});

it("mirrored images double the token file", async () => {
  for (const stage of ["tokenizer", "tokenise"] as const)
    await go("flip", { stage, set: ["data.randomFlip=true"] });
  const { ids, classIds } = (await tokens("flip")).tensors;
  expect(ids!.dims).toEqual([36, 4, 4]);
  const all = [...(classIds!.data as Int32Array)];
  expect(all.slice(18)).toEqual(all.slice(0, 18));
});

it.each<[string, string[]]>([
  ["no", []],
  ["one", ["only"]],
])("a folder with %s class works", async (name, names) => {
  const folder = join(parent, `${name} class images`);
  await writeImages(folder, names, 5);
  const out = join(parent, `${name} class`);
  const model = await trainModel({ config: configOf(folder), out, threads: 1 });
  const pipeline = await ImagePipeline.fromPretrained(model!, { threads: 1 });
  const { images: made } = await pipeline.generate({
    ...(names.length > 0 && { classes: names }),
    count: 2,
    seed: 3,
  });
  await pipeline.dispose();
  expect(made.length).toBe(2);
});
