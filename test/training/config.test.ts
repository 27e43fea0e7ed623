import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { countParameters } from "../../src/models/parameters.ts";
import { transformerParameters } from "../../src/models/transformer/parameters.ts";
import { transformerConfigOf } from "../../src/training/config.ts";
import { loadConfig, resolveConfig } from "../../src/training/read-config.ts";
import { magvitTokenizer, maskgitTokenizer } from "../models/tokenizer/published-tokenizers.ts";

const base = { name: "x" };
const messageOf = (raw: unknown, options: Parameters<typeof resolveConfig>[2] = {}): string => {
  try {
    resolveConfig(raw, "f.yaml", options);
  } catch (error) {
    expect((error as Error).name).toBe("InputError");
    return (error as Error).message;
  }
  throw new Error("expected a refusal");
};

describe("resolveConfig", () => {
  it("fills in defaults", () => {
    const { config, overrides } = resolveConfig(base, "f.yaml");
    expect(config.data).toEqual({
      source: "sprites",
      given: [5],
      resolution: 64,
      count: 60_000,
      seed: 0,
      resampler: "lanczos3",
      randomFlip: false,
    });
    expect(config.transformer.training).toMatchObject({ labelSmoothing: 0.1, lambda: { start: 1, end: 0 } });
    expect(config.decoding.steps).toBe(12);
    expect(overrides).toEqual([]);
  });

  it("ranks default < file < quick < --set", () => {
    const file = {
      name: "x",
      data: { count: 10 },
      transformer: { training: { steps: 1000, batchSize: 64 } },
      quick: { transformer: { training: { steps: 5, batchSize: 4 } } },
    };
    const set = ["transformer.training.batchSize=2"];
    expect(resolveConfig(file, "f").config.transformer.training).toMatchObject({
      steps: 1000,
      batchSize: 64,
    });
    const { config, overrides } = resolveConfig(file, "f", { quick: true, set });
    expect(config.transformer.training).toMatchObject({ steps: 5, batchSize: 2, learningRate: 1e-3 });
    expect(config.data.count).toBe(10);
    expect(config).not.toHaveProperty("quick");
    expect(overrides).toEqual([{ key: "transformer.training.batchSize", value: 2, before: 4 }]);
  });

  it("reads --set values as YAML", () => {
    const set = [
      "transformer.model.factors=[1, 2]",
      "data.source=./images",
      "data.count=null",
      "data.randomFlip=true",
    ];
    const { config } = resolveConfig(base, "f", { set });
    expect(config.transformer.model.factors).toEqual([1, 2]);
    expect(config.data).toMatchObject({ source: "./images", count: null, randomFlip: true });
    // Twelve steps over the two sub-models, the smaller first.
    expect(config.decoding.modelSchedule).toEqual([
      { factor: 2, steps: 6 },
      { factor: 1, steps: 6 },
    ]);
  });

  it("trains some sub-models alone: the model has no others, nor its plans", () => {
    const set = ["transformer.training.factors=[4, 8]"];
    const { config } = resolveConfig(base, "f", { set });
    expect(transformerConfigOf(config, 3).factors).toEqual([4, 8]);
    expect(config.decoding.modelSchedule.map(({ factor }) => factor)).toEqual([8, 4]);
    expect(messageOf(base, { set: [...set, "decoding.modelSchedule=8x6,1x6"] })).toMatch(
      /^--set: decoding\.modelSchedule: must name the model.s sub-models, p = 4, 8, got 1$/,
    );
  });

  it("replaces a block whose kind changes", () => {
    const file = { name: "x", tokenizer: { model: { quantizer: { kind: "vq", codebookSize: 9 } } } };
    const set = ["tokenizer.model.quantizer={kind: fsq, levels: [8, 5]}", "tokenizer.model.latentWidth=2"];
    const { tokenizer } = resolveConfig(file, "f", { set }).config;
    expect(tokenizer.model.quantizer).toEqual({ kind: "fsq", levels: [8, 5], bins: "tanh" });
  });

  it("makes the tokenizer follow data.resolution, and refuses a contradiction", () => {
    const { config } = resolveConfig({ name: "x", data: { resolution: 32 } }, "f");
    expect(config.tokenizer.model.resolution).toBe(32);
    expect(transformerConfigOf(config, 3)).toMatchObject({ grid: [2, 2], codebookSize: 1024, classes: 3 });
    expect(
      messageOf({ name: "x", tokenizer: { model: { resolution: 32, quantizer: { kind: "vq" } } } }),
    ).toMatch(/tokenizer\.model\.resolution: must equal data\.resolution, 64, got 32/);
  });

  it("names file, key and the nearest known key", () => {
    expect(messageOf({ name: "x", transformer: { training: { stpes: 3 } } })).toMatch(
      /^f\.yaml: transformer\.training: must have no other keys than steps, .* got "stpes"; did you mean "steps"\?$/,
    );
    expect(messageOf(base, { set: ["data.sorce=x"] })).toMatch(
      /^--set: data: must have no other keys than source, .* got "sorce"; did you mean "source"\?$/,
    );
    expect(messageOf({ name: "x", quick: { seeed: 1 } })).toMatch(
      /^f\.yaml, quick: must have no other keys than name, seed, .* got "seeed"; did you mean "seed"\?$/,
    );
    expect(messageOf({ name: "x", decoding: { guidance: { scle: 2 } } })).toMatch(
      /^f\.yaml: decoding\.guidance: must have no other keys than scale, .* got "scle"; did you mean "scale"\?$/,
    );
    expect(messageOf(base, { set: ["tokenizer.model.quantizer={kind: vq, codebokSize: 3}"] })).toMatch(
      /^--set: tokenizer\.model\.quantizer: must have no other keys .* got "codebokSize"; did you mean "codebookSize"\?$/,
    );
  });

  it.each([
    [
      "transformer.training.steps=many",
      /^--set: transformer\.training\.steps: must be a whole number of at least 0, got "many"$/,
    ],
    [
      "transformer.training.steps=0",
      /^f\.yaml: transformer\.init: must name the model whose transformer is taken as it is, since .*steps is 0/,
    ],
    [
      "transformer.training.steps=1.5",
      /^--set: transformer\.training\.steps: must be a whole number of at least 0, got 1\.5$/,
    ],
    ["data.randomFlip=1", /^--set: data\.randomFlip: must be true or false, got 1$/],
    ["data.resampler=best", /^--set: data\.resampler: .*"lanczos3".*got "best"/],
    ["transformer.model.heads=6", /^--set: transformer\.model\.heads: must divide the width 256, got 6/],
    [
      "transformer.model.factors=[1, 3]",
      /^--set: transformer\.model\.factors: must all divide heads = 8, got 3; leave it out/,
    ],
    ["transformer.training.masks=both", /^--set: .*training\.masks: must be.*"complementary".*got "both"$/],
    ["transformer.training.sequenceShare=0", /^--set: .*training\.sequenceShare: must be .* got 0$/],
    ["transformer.training.subModels=some", /^--set: .*training\.subModels: must be.*"in-turn".*got "some"$/],
    ["transformer.training.factors=[1, 3]", /^--set: .*training\.factors: must be among.*1, 2, 4, 8, got 3/],
    ["transformer.training.factors=[4, 1]", /^--set: .*training\.factors: must ascend.*got \[4,1\]$/],
    [
      "decoding.modelSchedule=3x12",
      /^--set: decoding\.modelSchedule: must name the model.s sub-models, p = 1, 2, 4, 8, got 3$/,
    ],
    [
      "data.count=null",
      /^--set: data\.count: must be a number, since the drawn sprites have no end, got null$/,
    ],
    ["__proto__.polluted=1", /^--set: must have no other keys .* got "__proto__"$/],
    ["seed", /^--set: must be key=value.*got "seed"/],
    ["=3", /^--set: must be key=value/],
    ["data..count=3", /^--set: must be key=value/],
    ["seed=[1", /^--set seed: not valid YAML/],
  ])("refuses --set %s", (set, expected) => {
    expect(messageOf(base, { set: [set] })).toMatch(expected);
    expect({}).not.toHaveProperty("polluted");
  });

  it("refuses an odd number of images where two have complementary masks", () => {
    const set = ["transformer.training.masks=complementary", "transformer.training.batchSize=7"];
    expect(messageOf(base, { set })).toMatch(
      /^--set: transformer\.training\.batchSize: must be even with complementary masks, two of which an image has, got 7$/,
    );
    expect(resolveConfig(base, "f", { set: [set[0]!] }).config.transformer.training.masks).toBe(
      "complementary",
    );
  });

  it("knows the drawn scenes: endless, so that their number must be told", () => {
    expect(messageOf(base, { set: ["data.source=scenes", "data.count=null"] })).toMatch(
      /data\.count: must be a number, since the drawn scenes have no end/,
    );
  });

  it.each([
    [null, /must hold keys and values/],
    [["a"], /must hold keys and values/],
    [{}, /^f\.yaml: name: must be made of letters, digits, and \. _ -, got nothing$/],
    [{ name: "a/b" }, /^f\.yaml: name: must be made of letters, digits, and \. _ -, got "a\/b"$/],
    [{ name: "x", data: null }, /^f\.yaml: data: must be an object with source, .* got null$/],
    [{ name: "x", quick: 3 }, /^f\.yaml: quick: must hold the keys that --quick changes, got 3$/],
  ])("refuses %j", (raw, expected) => {
    expect(messageOf(raw)).toMatch(expected);
  });

  it("refuses --quick without a quick: block", () => {
    expect(messageOf(base, { quick: true })).toMatch(
      /^f\.yaml: quick: must be there for --quick, got nothing$/,
    );
  });
});

describe("loadConfig", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "config-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("reads YAML with comments, and refuses what is not YAML with its line", async () => {
    const good = join(folder, "good.yaml");
    await writeFile(good, "# how to run it\nname: mine\nseed: 3 # chosen by dice\n");
    expect((await loadConfig(good)).config).toMatchObject({ name: "mine", seed: 3 });
    const bad = join(folder, "bad.yaml");
    await writeFile(bad, "name: mine\nseed: [1,\n");
    await expect(loadConfig(bad)).rejects.toThrow(/bad\.yaml: not valid YAML: .*line 3/);
    await expect(loadConfig(join(folder, "none.yaml"))).rejects.toThrow(
      /cannot read the configuration .*none\.yaml/,
    );
  });

  it("executes nothing: tags of other programs stay data or are refused", async () => {
    const path = join(folder, "tag.yaml");
    await writeFile(path, 'name: !!js/function "function () { globalThis.wasRun = true; }"\n');
    await expect(loadConfig(path)).rejects.toThrow(/name/);
    expect(globalThis).not.toHaveProperty("wasRun");
  });
});

it("the shipped configuration is whole, and its quick variant is smaller and shorter", async () => {
  const { config } = await loadConfig("configs/sprites.yaml");
  const quick = (await loadConfig("configs/sprites.yaml", { quick: true })).config;
  for (const network of ["tokenizer", "transformer"] as const) {
    expect(quick[network].training.steps).toBeLessThan(config[network].training.steps / 2);
  }
  expect(quick.transformer.model.width).toBeLessThan(config.transformer.model.width);
  expect(quick.data.count).toBeLessThan(config.data.count!);
});

it.each([
  ["imagenet256", maskgitTokenizer, [16, 16], 1000],
  ["ucf101", magvitTokenizer.B, [4, 16, 16], 101],
  ["kinetics600", magvitTokenizer.B, [4, 16, 16], 600],
])(
  "%s is the published tokenizer and a nested transformer over its tokens",
  async (name, tokenizer, grid, classes) => {
    const { config } = await loadConfig(`configs/${name}.yaml`);
    expect(config.tokenizer.model).toEqual(tokenizer);
    const transformer = transformerConfigOf(config, classes);
    expect([transformer.grid, transformer.factors]).toEqual([grid, [1, 2, 4, 8]]);
    // Per layer 12 D² and its biases and norms; tokens, classes and positions; the head's bias.
    const { width: D, depth: L } = transformer;
    const vectors = 9 * D + 4 * D; // biases of q, k, v, output and the MLP; two norms
    const tables = 1024 + 1 + classes + 1 + transformer.tasks.length + grid.reduce((a, b) => a * b) + 1;
    const expected = L * (12 * D * D + vectors) + tables * D;
    expect(countParameters(transformerParameters(transformer)) / expected).toBeCloseTo(1, 2);
  },
);

it.each(["sprites", "motions"])("the record of the shipped %s can be trained by again", async (name) => {
  const path = join("models", name, "train_config.json");
  const { config } = await loadConfig(path);
  expect(config).toMatchObject(JSON.parse(await readFile(path, "utf8")));
});
