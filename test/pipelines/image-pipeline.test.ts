import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { initialise } from "../../src/models/parameters.ts";
import { tokenizerParameters } from "../../src/models/tokenizer/codec.ts";
import { transformerParameters } from "../../src/models/transformer/parameters.ts";
import { modelPlanMemory } from "../../src/pipelines/batch-size.ts";
import { modelPlanCost } from "../../src/pipelines/choose-plan.ts";
import { boxMask } from "../../src/pipelines/mask.ts";
import { readModel, writeModel } from "../../src/pipelines/node/model-folder.ts";
import { ImagePipeline, openImagePipeline } from "../../src/pipelines/node/open-pipeline.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { toyModel } from "./toy-model.ts";

let runner: Runner;
let pipeline: ImagePipeline;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "model-"));
  await writeModel(folder, toyModel(), { store: "float32" });
  runner = await createNodeRunner({ threads: 1 });
  pipeline = await ImagePipeline.fromPretrained(folder, { runner });
});
afterAll(async () => {
  await pipeline.dispose();
  await runner.close();
  await rm(folder, { recursive: true });
});

describe("generate", () => {
  it("makes the same image alone, in any batch, and after saving and loading", async () => {
    const request = { classes: ["cat", "dog"], count: 5, seed: 2n ** 60n, guidanceScale: 2 };
    const whole = await pipeline.generate(request);
    const pieces = await pipeline.generate({ ...request, batchSize: 2 });
    expect(pieces.tokens).toEqual(whole.tokens);
    expect(pieces.images.map(({ classId }) => classId)).toEqual([0, 1, 0, 1, 0]);
    const loadedNot = await openImagePipeline(toyModel(), { runner: await createNodeRunner({ threads: 1 }) });
    expect((await loadedNot.generate(request)).tokens).toEqual(whole.tokens);
    await loadedNot.dispose();
    expect(new Set(whole.tokens.map(String)).size).toBe(5);
    expect(whole.images[0]).toMatchObject({ width: 16, height: 16 });
  });

  it("begins a seed's series anywhere", async () => {
    const request = { classes: ["cat", "dog"], seed: 4, guidanceScale: 2 };
    const whole = await pipeline.generate({ ...request, count: 6 });
    const firsts: number[] = [];
    const part = await pipeline.generate({
      ...{ ...request, firstIndex: 3, count: 3, batchSize: 2 },
      onStep: ({ step, total, firstIndex }) => {
        if (step === total / 2 || step === total) firsts.push(firstIndex);
      },
    });
    expect(part.tokens).toEqual(whole.tokens.slice(3));
    expect(part.images.map(({ classId }) => classId)).toEqual([1, 0, 1]);
    expect(firsts).toEqual([3, 5]);
    for (const firstIndex of [-1, 0.5]) {
      await expect(pipeline.generate({ firstIndex })).rejects.toThrow(
        `firstIndex: must be a whole number of at least 0, got ${firstIndex}`,
      );
    }
  });

  it("makes the same images in batches that fit into a budget of memory", async () => {
    const request = { classes: ["cat", "dog"], count: 6, seed: 3, guidanceScale: 2 };
    const whole = await pipeline.generate(request);
    const { bytesFixed, bytesPerImage } = modelPlanMemory(toyModel(), whole.plan);
    for (const [images, batchSize] of [
      [1, 1],
      [2, 2],
      [5, 3], // 3 and 3, not 5 and 1
      [64, 6],
    ] as const) {
      const memoryBudget = bytesFixed + images * bytesPerImage;
      const fitting = await pipeline.generate({ ...request, batchSize: "auto", memoryBudget });
      expect(fitting.stats.batchSize).toBe(batchSize);
      expect(fitting.tokens).toEqual(whole.tokens);
      expect(fitting.images).toEqual(whole.images);
    }
    const own = await pipeline.generate({ ...request, batchSize: "auto" });
    expect(own.tokens).toEqual(whole.tokens);
  });

  it("refuses budgets that hold no image, that are none, or that nobody reads", async () => {
    const refused = (options: Parameters<typeof pipeline.generate>[0]) =>
      expect(pipeline.generate(options)).rejects;
    await refused({ batchSize: "auto", memoryBudget: 2 ** 20 }).toThrow(InputError);
    await refused({ batchSize: "auto", memoryBudget: 2 ** 20 }).toThrow(/at least \d+ MiB, got 1 MiB/);
    await refused({ batchSize: "auto", memoryBudget: 0 }).toThrow(/memoryBudget: must be a number above 0/);
    await refused({ batchSize: "auto", memoryBudget: Number.NaN }).toThrow(
      /memoryBudget: must be a number above 0/,
    );
    await refused({ batchSize: 4, memoryBudget: 2 ** 30 }).toThrow(/leave one of them out/);
    await refused({ batchSize: 0 }).toThrow(
      /batchSize: must be "auto" or a whole number of at least 1, got 0/,
    );
  });

  it("counts what it computes, step by step, over all batches", async () => {
    const steps: number[] = [];
    const spent: number[] = [];
    const { stats } = await pipeline.generate({
      count: 3,
      batchSize: 2,
      modelSchedule: "8x1,1x3",
      onStep: ({ step, total, multiplyAdds }) => {
        expect(total).toBe(8);
        steps.push(step);
        spent.push(multiplyAdds);
      },
    });
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(spent.at(-1)).toBeCloseTo(stats.multiplyAdds, 3);
    expect(stats.ratio).toBeCloseTo(stats.baselineMultiplyAdds / stats.multiplyAdds, 9);
    const baseline = await pipeline.generate({ plan: { modelSchedule: "1x4", cache: { enabled: false } } });
    // Baseline against itself differs only by the head, which the plan runs on masked positions alone.
    expect(baseline.stats.ratio).toBeGreaterThanOrEqual(1);
    expect(baseline.stats.ratio).toBeLessThan(1.1);
  });

  it("with an entropy bound, makes the same image in any batch, and tells what ran", async () => {
    const request = { classes: ["cat", "dog"], count: 3, guidanceScale: 1 };
    const bounded = { ...request, plan: { unmask: { kind: "entropy", bound: 3 } as const } };
    const told: number[][] = [];
    const whole = await pipeline.generate({
      ...bounded,
      onStep: ({ step, total, multiplyAdds }) => void told.push([step, total, multiplyAdds]),
    });
    const second = await pipeline.generate({ ...bounded, count: 2, batchSize: "auto" });
    expect(whole.tokens.slice(0, 2)).toEqual(second.tokens);
    expect([whole.stats.batchSize, second.stats.batchSize]).toEqual([1, 1]);
    // Twelve steps are scheduled for each of the three.
    expect(told.map(([step]) => step)).toEqual(told.map((_, i) => i + 1));
    expect(told.length).toBeLessThan(3 * 12);
    expect(told.at(-1)!.slice(1)).toEqual([told.length, whole.stats.multiplyAdds]);
    const scheduled = await pipeline.generate(request);
    expect(whole.stats.multiplyAdds).toBeLessThan(scheduled.stats.multiplyAdds);
    const lowest = await pipeline.generate({ ...request, plan: { unmask: { kind: "entropy", bound: 0 } } });
    expect(lowest.tokens).toEqual(scheduled.tokens);
    expect(lowest.stats.multiplyAdds).toBe(scheduled.stats.multiplyAdds);
    const again = await pipeline.generate({ ...request, plan: whole.plan });
    expect(again.tokens).toEqual(whole.tokens);
  });

  it("shows a preview whose last one is the result", async () => {
    let last: Uint8Array | undefined;
    const { images } = await pipeline.generate({
      steps: 3,
      onStep: async ({ preview }) => {
        last = (await preview())[0]!.pixels;
      },
    });
    expect(last).toEqual(images[0]!.pixels);
  });

  it("with only what is needed shows whole images too, and computes what its plan costs", async () => {
    const plan = {
      maskSchedule: { kind: "halton" },
      cache: { runs: "needed" },
      guidance: { scale: 1 },
    } as const;
    const start = Int32Array.from({ length: 16 }, (_, i) => (i < 9 ? pipeline.maskId : i % 8));
    for (const startTokens of [undefined, start]) {
      let last: Uint8Array | undefined;
      let steps = 0;
      const {
        images,
        stats,
        plan: ran,
      } = await pipeline.generate({
        plan,
        count: 2,
        ...(startTokens && { startTokens }),
        onStep: async ({ tokens, decodedAtStep, preview }) => {
          steps++;
          expect(Math.min(...tokens)).toBeGreaterThanOrEqual(0);
          expect(Math.max(...tokens)).toBeLessThan(pipeline.maskId);
          for (const [cell, at] of decodedAtStep.entries())
            if (at === -1) expect(tokens[cell]).toBe(start[cell % 16]);
          last = (await preview())[0]!.pixels;
        },
      });
      expect(last).toEqual(images[0]!.pixels);
      const cost = modelPlanCost(toyModel().transformer.config, ran, startTokens ? 9 : 16);
      expect(steps).toBe(cost.steps.length);
      expect(stats.multiplyAdds).toBe(2 * cost.multiplyAdds);
    }
  });

  it("keeps known start tokens", async () => {
    const start = Int32Array.from({ length: 16 }, (_, i) => (i < 6 ? pipeline.maskId : i % 8));
    const { tokens } = await pipeline.generate({ startTokens: start, count: 2 });
    for (const ids of tokens) expect([...ids.subarray(6)]).toEqual([...start.subarray(6)]);
  });

  it("stops at the signal with its reason, and leaves nothing behind", async () => {
    const before = (await runner.stats()).stored;
    const stop = new AbortController();
    const work = pipeline.generate({
      count: 2,
      signal: stop.signal,
      onStep: () => stop.abort(new Error("enough")),
    });
    await expect(work).rejects.toThrow("enough");
    expect((await runner.stats()).stored).toBe(before);
  });

  it.each([
    [{ classes: ["cst"] }, /classes: must be one of .*, got "cst"; did you mean "cat"\?/],
    [{ classes: [3] }, /numbers in 0\.\.2, got 3/],
    [{ classes: [-1] }, /numbers in 0\.\.2, got -1/],
    [{ count: 0 }, /count: must be a whole number in 1\.\.1000000, got 0/],
    [{ count: -2 }, /count/],
    [{ seed: 2 ** 53 + 2 }, /seed/],
    [{ steps: 0 }, /steps.*1\.\.16.*got 0/],
    [{ steps: 17 }, /steps.*got 17/],
    [{ modelSchedule: "8x3,4x" }, /"4x"/],
    [{ modelSchedule: "3x4" }, /modelSchedule: must name the model.s sub-models, p = .*, got 3/],
    [{ modelSchedule: "1x4", steps: 5 }, /must have as many steps as steps says, 5, got 4/],
    [{ startTokens: new Int32Array(5) }, /startTokens: must hold 16 ids/],
    [{ startTokens: new Int32Array(16) }, /masked/],
  ])("refuses %j", async (options, expected) => {
    await expect(pipeline.generate(options)).rejects.toThrow(expected);
  });

  it("takes a class by name before number: the class called 7", async () => {
    const classIds = async (classes: (string | number)[]) =>
      (await pipeline.generate({ classes, count: 3, steps: 1 })).images.map(({ classId }) => classId);
    expect(await classIds(["7"])).toEqual([2, 2, 2]);
    expect(await classIds(["1"])).toEqual([1, 1, 1]);
    expect(await classIds(["all"])).toEqual([0, 1, 2]);
    expect(await classIds(["none"])).toEqual([null, null, null]);
  });
});

describe("edit, encode and decodeTokens", () => {
  it("changes only masked tokens", async () => {
    const { images } = await pipeline.generate({ seed: 4 });
    const [known] = await pipeline.encode(images);
    // The upper left quarter: columns and rows 0 and 1 of four.
    const mask = boxMask({ width: 16, height: 16 }, { x: 0, y: 0, width: 8, height: 8 });
    const { tokens } = await pipeline.edit({ image: images[0]!, mask, class: "dog", count: 3 });
    for (const ids of tokens) {
      ids.forEach((id, i) => {
        if (i % 4 >= 2 || i >= 8) expect(id).toBe(known![i]);
      });
    }
  });

  it("shows the original's own pixels where it is kept, in previews too, or the model's rendering", async () => {
    // No image that the tokenizer would give back as it is.
    const image = {
      width: 16,
      height: 16,
      pixels: Uint8Array.from({ length: 768 }, (_, i) => (i * 89) % 256),
    };
    const mask = boxMask({ width: 16, height: 16 }, { x: 1, y: 1, width: 6, height: 6 });
    const isKept = (at: number) => at % 16 >= 8 || at >= 8 * 16;
    const changed = ({ pixels }: { pixels: Uint8Array }) => {
      const places = Array.from({ length: 256 }, (_, at) => at);
      return places.filter((at) => [0, 1, 2].some((c) => pixels[3 * at + c] !== image.pixels[3 * at + c]));
    };
    let preview: Uint8Array | undefined;
    const request = { image, mask, class: "dog", count: 2, seed: 3 };
    const { images, tokens } = await pipeline.edit({
      ...request,
      onStep: async (progress) => {
        preview = (await progress.preview())[1]!.pixels;
      },
    });
    for (const made of images) {
      expect(changed(made).some(isKept)).toBe(false);
      expect(changed(made).length).toBeGreaterThan(32);
    }
    expect(preview).toEqual(images[1]!.pixels);

    const plain = await pipeline.edit({ ...request, isComposited: false });
    expect(plain.tokens).toEqual(tokens);
    expect(plain.images.map(({ pixels }) => pixels)).toEqual(
      (await pipeline.decodeTokens(tokens)).map(({ pixels }) => pixels),
    );
    expect(changed(plain.images[0]!).filter(isKept).length).toBeGreaterThan(100);
    // Within the changed tokens, away from their edge, both show the same.
    expect(images[0]!.pixels.subarray(0, 18)).toEqual(plain.images[0]!.pixels.subarray(0, 18));
  });

  it("refuses what plain JavaScript may give, in one sentence", async () => {
    const image = { width: 16, height: 16, pixels: new Uint8Array(768) };
    const mask = boxMask({ width: 16, height: 16 }, { x: 0, y: 0, width: 8, height: 8 });
    for (const [options, message] of [
      [
        { image, mask, classes: "dog" },
        /^edit: must have no other keys .*, got "classes"; did you mean "class"\?$/,
      ],
      [{ image, maks: mask }, /^edit: must have no other keys .*, got "maks"; did you mean "mask"\?/],
      [{ image }, /^edit: mask: must be a mask { width, height, data }, such as boxMask makes, got nothing$/],
      [{ mask, image: "cat.png" }, /^edit: image: must be an image .*, got "cat\.png"$/],
      [
        { mask, image: { width: 16, height: 16, pixels: new Uint8Array(3) } },
        /^edit: image: must be an image/,
      ],
      [{ image, mask, count: 0 }, /^edit: count: must be a whole number in 1\.\.1000000, got 0$/],
      [
        { image, mask, startTokens: new Int32Array(16) },
        /^edit: must have no other keys .* got "startTokens"/,
      ],
    ] as const) {
      const refused = pipeline.edit(options as never);
      await expect(refused).rejects.toThrow(InputError);
      await expect(refused).rejects.toThrow(message);
    }
    await expect(pipeline.edit(undefined as never)).rejects.toThrow(InputError);
  });

  it("refuses a mask or image of another size, an empty mask, and ids that are none", async () => {
    const { images } = await pipeline.generate();
    const small = boxMask({ width: 8, height: 8 }, { x: 0, y: 0, width: 4, height: 4 });
    await expect(pipeline.edit({ image: images[0]!, mask: small })).rejects.toThrow(/16 x 16.*got 8 x 8/);
    const empty = { width: 16, height: 16, data: new Uint8Array(256) };
    await expect(pipeline.edit({ image: images[0]!, mask: empty })).rejects.toThrow(/sets no pixel/);
    await expect(pipeline.encode([{ width: 8, height: 8, pixels: new Uint8Array(192) }])).rejects.toThrow(
      /got 8 x 8/,
    );
    await expect(pipeline.decodeTokens([new Int32Array(16).fill(8)])).rejects.toThrow(/0\.\.7, got 8/);
  });
});

describe("a pipeline's own things", () => {
  it("returns everything to the runner, however often it is disposed", async () => {
    const own = await createNodeRunner({ threads: 1 });
    const before = await own.stats();
    for (let i = 0; i < 2; i++) {
      const opened = await openImagePipeline(toyModel(), { runner: own });
      await opened.generate({ count: 2, guidanceScale: 1 });
      await opened.dispose();
      await opened.dispose();
      expect(await own.stats()).toEqual(before);
    }
    await own.close();
  });

  it("are its own where another model shares the runner", async () => {
    const first = toyModel();
    const { transformer, tokenizer } = first;
    const other = {
      ...first,
      tokenizer: { ...tokenizer, tensors: initialise(tokenizerParameters(tokenizer.config), [5, 6]) },
      transformer: { ...transformer, tensors: initialise(transformerParameters(transformer.config), [7, 8]) },
    };
    const request = { count: 2, seed: 3, guidanceScale: 2 };
    const makeAlone = async (model: typeof first) => {
      const alone = await openImagePipeline(model, { threads: 1 });
      const { images } = await alone.generate(request);
      await alone.dispose();
      return images;
    };
    const before = await runner.stats();
    const pipelines = [first, other].map((model) => openImagePipeline(model, { runner }));
    const [one, two] = (await Promise.all(pipelines)) as [ImagePipeline, ImagePipeline];
    expect((await two.generate(request)).images).toEqual(await makeAlone(other));
    const images = await makeAlone(first);
    expect((await one.generate(request)).images).toEqual(images);
    await two.dispose();
    expect((await one.generate(request)).images).toEqual(images);
    await one.dispose();
    expect(await runner.stats()).toEqual(before);
  });

  it("refuses a precision that is none, or that the device lacks, before it opens anything", async () => {
    const open = (options: object) => ImagePipeline.fromPretrained("/no/such/model", options);
    await expect(open({ precision: "fp16" })).rejects.toThrow(
      /^pipeline options: precision: must be "fp32" or "int8", got "fp16"/,
    );
    await expect(open({ precision: "int8", device: "webgpu" })).rejects.toThrow(/int8 needs device cpu/);
    expect(pipeline.precision).toBe("fp32");
  });

  it("refuses folders that are no whole model", async () => {
    await expect(ImagePipeline.fromPretrained(join(folder, "none"))).rejects.toThrow(/no such model folder/);
    const path = join(folder, "generation_config.json");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"dog",', ""));
    await expect(readModel(folder)).rejects.toThrow(
      /classNames must name the transformer's 3 classes, got 2/,
    );
    await writeFile(path, text);
    expect((await readModel(folder)).plan).toEqual(toyModel().plan);
  });
});

describe("dispose", () => {
  it("waits for a decode in progress, whose result is whole, and refuses what comes after", async () => {
    const own = await openImagePipeline(toyModel(), { threads: 1 });
    const expected = await own.generate({ count: 2, seed: 5 });
    const inProgress = own.generate({ count: 2, seed: 5 });
    const disposed = own.dispose();
    expect((await inProgress).tokens).toEqual(expected.tokens);
    await disposed;
    await own.dispose();
    const refusal = "this pipeline was disposed; open the model again";
    await expect(own.generate()).rejects.toThrow(refusal);
    await expect(own.encode([])).rejects.toThrow(refusal);
    await expect(own.decodeTokens([])).rejects.toThrow(refusal);
    await expect(own.planInTime({ deadlineMs: 1000 })).rejects.toThrow(refusal);
  });
});
