/** Going on from a model with few images of one's own, at toy size. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readModel } from "../../src/pipelines/node/model-folder.ts";
import { configFromModel, type FromModelOptions } from "../../src/runs/from-model.ts";
import { type TrainModelOptions, trainModel } from "../../src/runs/train-model.ts";
import { readMetrics } from "../../src/training/metrics.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { readSafetensors } from "../../src/weights/node/safetensors-file.ts";
import { toyTraining, writeImages } from "../pipelines/image-folder.ts";

let parent: string;
/** A model of three classes of images of 16 x 16 pixels. */
let model: string;
/** Images of its class "red", and of two classes that it does not know. */
let images: string;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "from-model-"));
  const first = join(parent, "first");
  await writeImages(first, ["blue", "green", "red"], 6);
  const { config } = resolveConfig(toyTraining(first, { tokenizer: 20, transformer: 20 }), "toy");
  model = (await trainModel({ config, out: join(parent, "run"), threads: 1 }))!;
  images = join(parent, "my images");
  await writeImages(images, ["leaf", "red", "sky"], 10);
});
afterAll(() => rm(parent, { recursive: true }));

const quick = [
  "transformer.training.steps=12",
  "transformer.training.batchSize=4",
  "transformer.training.logEvery=3",
  "transformer.training.heldOut.every=4",
];

const configOf = (options: Partial<FromModelOptions> = {}) =>
  configFromModel(model, { data: images, ...options, set: [...quick, ...(options.set ?? [])] });

/** Trains into a folder of this name; returns what was said. */
async function go(name: string, set: string[] = [], options: Partial<TrainModelOptions> = {}) {
  const said: string[] = [];
  const { config } = await configOf({ set });
  const made = await trainModel({
    ...{ config, out: join(parent, name), threads: 1 },
    onMessage: (message) => void said.push(message),
    ...options,
  });
  return { model: made!, said };
}

const weights = async (name: string) =>
  (await readSafetensors(join(parent, name, "model", "transformer", "model.safetensors"))).tensors;

describe("the configuration", () => {
  it("is the model's, of the data's name, and needs no file", async () => {
    const { config } = await configOf();
    const { tokenizer, transformer, plan } = await readModel(model);
    expect(config.name).toBe("my-images");
    expect(config.data).toMatchObject({
      ...{ source: images, resolution: 16, count: null, randomFlip: true },
      augment: { variants: "auto", shift: 1, hue: "auto" },
    });
    expect(config.tokenizer).toMatchObject({ model: tokenizer.config, init: model, training: { steps: 0 } });
    expect(config.transformer.model).toMatchObject({
      width: 16,
      depth: 1,
      heads: 4,
      hidden: transformer.config.hidden,
    });
    expect(config.transformer.training.heldOut).toEqual({ share: 0.1, every: 4, patience: 200 });
    expect(config.decoding).toEqual(plan);
  });

  it("takes from a file what that says; --data and --set count before it", async () => {
    const file = join(parent, "mine.yaml");
    await writeFile(file, `name: mine\nseed: 9\ndata: { source: elsewhere, randomFlip: false }\n`);
    const { config } = await configOf({ config: file, set: ["data.augment=null"] });
    expect([config.name, config.seed]).toEqual(["mine", 9]);
    expect(config.data).toMatchObject({ source: images, randomFlip: false, augment: null, resolution: 16 });
    expect(config.tokenizer.training.steps).toBe(0);
  });

  it("may be for images of another size, and what depends on that follows", async () => {
    const { config } = await configFromModel(model, { data: images, set: ["data.resolution=64"] });
    expect([config.data.resolution, config.tokenizer.model.resolution]).toEqual([64, 64]);
    expect(config.data.augment?.shift).toBe(4);
    expect(config.transformer.training.batchSize).toBe(4); // 16 x 16 tokens
    expect((await configFromModel(model, { data: images })).config.transformer.training.batchSize).toBe(16);
  });

  it.each([
    [["tokenizer.model.channels=16"], /tokenizer\.model\.channels is 8, asked for 16/],
    [["transformer.model.width=32"], /transformer\.model\.width is 16, asked for 32/],
    [
      ["data.augment.shift=9"],
      /--set: data\.augment\.shift: must be at most a quarter of data\.resolution, 4, got 9/,
    ],
    [["data.background=blue"], /--set: data\.background: must be a list of 3: .*, got "blue"/],
    [["transformer.training.heldOut.share=0"], /heldOut\.share: must be a number in \(0, 0\.5\], got 0/],
  ])("is refused with %s", async (set, message) => {
    await expect(configOf({ set })).rejects.toThrow(message);
  });

  it("is refused where the file has another tokenizer, where nothing names data, and where there is no model", async () => {
    const file = join(parent, "another.yaml");
    await writeFile(
      file,
      "name: another\ntokenizer: { model: { patchSize: 8, channels: 128, latentWidth: 192 } }\n",
    );
    await expect(configOf({ config: file })).rejects.toThrow(
      /^--from: the model .* is gone on with as it is, but another one is asked for: tokenizer\.model\.patchSize is 4, asked for 8; .*; leave these out, or train without --from$/,
    );
    // Of another kind, whose settings mean nothing to the model's.
    await writeFile(
      file,
      "name: another\ntokenizer: { model: { quantizer: { kind: vq, codebookSize: 64 }, groups: 4 } }\n",
    );
    await expect(configOf({ config: file })).rejects.toThrow(
      /^--from: the model .* but another one is asked for: .*tokenizer\.model\.quantizer.* is .*, asked for .*; leave these out/,
    );
    await expect(configFromModel(model, {})).rejects.toThrow(/^--data: must name the images/);
    await expect(configFromModel(images, { data: images })).rejects.toThrow(/not a complete model folder/);
  });
});

describe("a training that goes on from a model", () => {
  it("keeps the tokenizer, makes the data's classes, and keeps the weights of the lowest held-out loss", async () => {
    const { said } = await go("whole");
    expect(said).toContain(`tokenizer: that of ${model}`);
    expect(said).toContain("3 are held out of 30 images");
    expect(said.join("\n")).toMatch(
      /hues: alone they tell the class of 100 % of the images \(chance: 33 %\), so they are left as they are/,
    );
    expect(said).toContain("tokens: 30 images, each in 8 variants, each also mirrored");
    const sheet = await sharp(join(parent, "whole", "variants.png")).metadata();
    expect([sheet.width, sheet.height]).toEqual([4 + 8 * 20, 4 + 6 * 20]);
    expect(said).toContain("transformer: 12 steps on 30 images as tokens, 480 with their variants");

    const made = await readModel(join(parent, "whole", "model"));
    expect(made.classNames).toEqual(["leaf", "red", "sky"]);
    expect(made.tokenizer).toEqual((await readModel(model)).tokenizer);

    const lines = await readMetrics(join(parent, "whole", "transformer", "metrics.jsonl"));
    const judged = lines.filter((line) => line["heldOut.loss"] !== undefined);
    expect(judged.map(({ step }) => step)).toEqual([4, 8, 12]);
    for (const line of judged) {
      expect(line["heldOut.loss"]).toBeCloseTo((line["heldOut.p1"]! + line["heldOut.p2"]!) / 2, 5);
    }
    const losses = judged.map((line) => line["heldOut.loss"]!);
    const best = judged[losses.indexOf(Math.min(...losses))]!;
    expect(said.join("\n")).toContain(`kept are the weights of step ${best.step}, `);
    const kept = await readSafetensors(join(parent, "whole", "transformer", "best.safetensors"));
    expect(kept.metadata).toMatchObject({ step: String(best.step), loss: String(best["heldOut.loss"]) });
    const stored = (await weights("whole"))["head.bias"]!;
    for (const [i, value] of kept.tensors["head.bias"]!.data.entries()) {
      expect(Number(stored.data[i])).toBeCloseTo(Number(value), 3);
    }
  });

  it("tells how far samples are from what was trained on, on the screen, a sheet and the card", async () => {
    const { said } = await go("whole", [], { resume: true });
    const line = said.find((text) => text.startsWith("copies: "))!;
    expect(line).toMatch(/a sample is [\d.]+ from its nearest training image, a held-out image [\d.]+/);
    expect(await readdir(join(parent, "whole"))).toContain("nearest.png");
    const card = await readFile(join(parent, "whole", "model", "README.md"), "utf8");
    expect(card).toContain("## Copies");
    expect(card).toContain(line.slice("copies: ".length, line.indexOf("; the nearest pairs")));
    expect(card).toMatch(
      /\| on held-out images \|\n\|---\|---\|---\|---\|---\|---\|\n\| full \|.*\| \d\.\d{3} \| \d\.\d{3} \|/,
    );
  });

  it("makes images of another size where that is asked for", async () => {
    const { said } = await go("large", ["data.resolution=32", "transformer.training.heldOut=null"]);
    expect(said).toContain("positions: learned for 4 x 4 tokens, interpolated to 8 x 8");
    const made = await readModel(join(parent, "large", "model"));
    expect([made.tokenizer.config.resolution, made.transformer.config.grid]).toEqual([32, [8, 8]]);
  });

  it("stopped and resumed gives the same model, byte for byte", async () => {
    const controller = new AbortController();
    const onProgress: TrainModelOptions["onProgress"] = ({ job, step }) => {
      if (job === "transformer" && step >= 6) controller.abort();
    };
    await expect(go("parts", [], { signal: controller.signal, onProgress })).rejects.toThrow("aborted");
    await go("parts", [], { resume: true });
    expect(await weights("parts")).toEqual(await weights("whole"));
  });

  it("goes on from a class that the model has by name; a new one begins near any image", async () => {
    await go("begun", [
      ...["transformer.training.learningRate=1e-12", "transformer.training.steps=1"],
      ...["transformer.training.weightDecay=0", "transformer.training.emaDecay=0"],
    ]);
    const rowsOf = ({ dims, data }: { dims: readonly number[]; data: ArrayLike<number | bigint> }) =>
      Array.from({ length: dims[0]! }, (_, row) =>
        Array.from({ length: dims[1]! }, (_, i) => Number(data[row * dims[1]! + i])),
      );
    const theirs = rowsOf((await readModel(model)).transformer.tensors["classes.weight"]!);
    const ours = rowsOf((await weights("begun"))["classes.weight"]!);
    const distance = (a: number[], b: number[]) => Math.hypot(...a.map((value, i) => value - b[i]!));
    const [leaf, red, sky, none] = ours as [number[], number[], number[], number[]];
    expect(distance(red, theirs[2]!)).toBeLessThan(1e-3);
    expect(distance(none, theirs[3]!)).toBeLessThan(1e-3);
    for (const row of [leaf, sky]) {
      expect(distance(row, theirs[3]!)).toBeGreaterThan(0.02);
      expect(distance(row, theirs[3]!)).toBeLessThan(0.2); // 16 numbers of deviation 0.02: 0.08
    }
    expect(distance(leaf, sky)).toBeGreaterThan(0.02);
  });

  it("stops when the held-out loss no longer falls, stays stopped, and needs no images to be gone on with", async () => {
    // So high a rate soon does harm.
    const set = [
      "transformer.training.steps=400",
      "transformer.training.heldOut.patience=8",
      "transformer.training.learningRate=0.3",
    ];
    await go("early", set);
    const file = join(parent, "early", "transformer", "metrics.jsonl");
    const lines = await readMetrics(file);
    const last = lines.at(-1)!.step!;
    expect(last).toBeLessThan(400);
    const judged = lines.filter((line) => line["heldOut.loss"] !== undefined);
    const losses = judged.map((line) => line["heldOut.loss"]!);
    expect(last - judged[losses.indexOf(Math.min(...losses))]!.step!).toBe(8);
    const before = await weights("early");
    const { said } = await go("early", set, { resume: true, stage: "transformer" });
    expect(said.some((line) => line.startsWith("copies"))).toBe(false);
    expect(await readMetrics(file)).toEqual(lines);
    expect(await weights("early")).toEqual(before);
  });

  it.each([
    ["one class", ["sky"]],
    ["no classes", []],
  ])("takes images of %s, two of them at the least", async (name, classes) => {
    const folder = join(parent, name);
    await writeImages(folder, classes, 2);
    const { said } = await go(`of ${name}`, [`data.source=${folder}`]);
    expect(said).toContain("1 is held out of 2 images");
    expect(said).toContain("hues: turned by up to 15 degrees");
    const made = await readModel(join(parent, `of ${name}`, "model"));
    expect(made.classNames).toEqual(classes);
    expect(made.transformer.config.classes).toBe(classes.length);
  });

  it("refuses a class of one image before it trains", async () => {
    const few = join(parent, "few");
    await cp(images, few, { recursive: true });
    for (let i = 1; i < 10; i++) await rm(join(few, "sky", `${i}.png`));
    await expect(go("refused", [`data.source=${few}`])).rejects.toThrow(
      `${few}: its class "sky" must have at least 2 images, one to learn from and one to be held out, got 1; add more, or take the folder away`,
    );
    expect(await readdir(join(parent, "refused"))).not.toContain("tokenizer");
  });
});
