import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tensor } from "../../../src/core/tensor.ts";
import type { Image, ImageSource } from "../../../src/data/source.ts";
import { toPlanes } from "../../../src/data/source.ts";
import {
  classifierConfig,
  classifierParameters,
  loadClassifier,
} from "../../../src/evaluation/features/classifier.ts";
import { readClassifier } from "../../../src/evaluation/features/classifier-folder.ts";
import { trainClassifier } from "../../../src/evaluation/features/train-classifier.ts";
import { initialise } from "../../../src/models/parameters.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { tensorsDigest } from "../../../src/weights/node/digest.ts";

const small = { resolution: 8, classes: 2, patchSize: 2, channels: [4, 4], groups: 2, featureWidth: 3 };

let folder: string;
let runner: Runner;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "classifier-"));
  runner = await createNodeRunner({ threads: 1 });
});
afterAll(async () => {
  await runner.close();
  await rm(folder, { recursive: true });
});

/** Two classes that anyone tells apart: bright above or bright below, each in its own shade. */
const halves: ImageSource = {
  name: "halves",
  classNames: ["above", "below"],
  resolution: 8,
  length: null,
  async read(index): Promise<Image> {
    const classId = index % 2;
    const pixels = Uint8Array.from({ length: 192 }, (_, i) => {
      const isLower = i >= 96;
      return (isLower === (classId === 1) ? 160 : 40) + ((index * 7 + i) % 50);
    });
    return { width: 8, height: 8, pixels, classId };
  },
};

describe("configuration", () => {
  it("fills in defaults", () => {
    expect(classifierConfig({ resolution: 64, classes: 12 }).featureWidth).toBe(64);
  });

  it.each([
    [{ ...small, resolution: 10 }, "here: resolution: must be a multiple of 4"],
    [{ ...small, groups: 3 }, "here: channels[0]: must be a multiple of groups, 3, got 4"],
    [{ ...small, classes: 1 }, "classes"],
    [{ ...small, width: 1 }, "width"],
    [{ ...small, framePatch: 2 }, "here: framePatch: must be 1 without frames, got 2"],
    [{ ...small, frames: 6, framePatch: 2 }, "here: frames: must be a multiple of 4"],
    [{ ...small, frames: 4, resolution: 10 }, "here: resolution: must be a multiple of 4"],
    [
      { ...small, frames: 4, temporalDownsampling: [] },
      "must have one entry between every two channels, 1, got []",
    ],
  ])("refuses what cannot be built: %j", (config, message) => {
    expect(() => classifierConfig(config, "here")).toThrow(message);
  });
});

/** Four classes, each in its own shade: red or blue, dawning or fading; either way the same frames in another order. */
const glows: ImageSource = {
  name: "glows",
  classNames: ["red dawns", "red fades", "blue dawns", "blue fades"],
  resolution: 8,
  frames: 4,
  length: null,
  async read(index): Promise<Image> {
    const classId = index % 4;
    const pixels = new Uint8Array(4 * 192);
    for (let t = 0; t < 4; t++) {
      const light = 40 + 50 * (classId % 2 === 0 ? t : 3 - t) + ((index * 7) % 30);
      for (let i = 0; i < 64; i++) pixels[t * 192 + 3 * i + (classId < 2 ? 0 : 2)] = light;
    }
    return { width: 8, height: 8, frames: 4, pixels, classId };
  },
};

describe("classifier", () => {
  it("of videos, its kernels inflated around their middle, sees a video of one frame as an image", async () => {
    const still = classifierConfig(small);
    const moving = classifierConfig({ ...small, frames: 1, temporalDownsampling: [false] });
    const weights = initialise(classifierParameters(still), [2, 3]);
    const inflated = initialise(classifierParameters(moving), [4, 5]);
    for (const [name, { dims, data }] of Object.entries(weights)) {
      if (!name.startsWith("conv")) inflated[name] = weights[name]!;
      // [O, C, 3, 3] into the middle of [O, C, 3, 3, 3], whose outer slices meet only the zeros around the frame.
      else
        for (let i = 0; i < dims[0]! * dims[1]!; i++) {
          inflated[name]!.data.set(data.subarray(9 * i, 9 * i + 9), 27 * i + 9);
        }
    }
    const images = await Promise.all([3, 4, 5].map((i) => halves.read(i)));
    const stills = await loadClassifier(runner, still, weights);
    const expected = await stills.classify(toPlanes(images));
    await stills.dispose();
    const videos = await loadClassifier(runner, moving, inflated);
    const found = await videos.classify(toPlanes(images.map((image) => ({ ...image, frames: 1 }))));
    await videos.dispose();
    expect(Math.max(...expected.features.data)).toBeGreaterThan(0.01);
    found.features.data.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.features.data[i]!, 5);
    });
  });

  it("has as many convolutions of each size as it is told, and all of them matter", async () => {
    const single = classifierConfig({ ...small, channels: [4, 4] });
    const double = classifierConfig({ ...small, channels: [4, 4], convolutions: 2 });
    const names = (config: typeof single) => classifierParameters(config).map(({ name }) => name);
    expect(names(double)).toEqual([
      ...[0, 1, 2, 3].flatMap((i) => [`conv.${i}.weight`, `norm.${i}.weight`, `norm.${i}.bias`]),
      ...names(single).slice(6),
    ]);
    // A dead second convolution of the last size leaves nothing but biases of the features, whatever the image is.
    const weights = initialise(classifierParameters(double), [2, 3]);
    weights["norm.3.weight"]!.data.fill(0);
    const images = await Promise.all([3, 4].map((i) => halves.read(i)));
    const dead = await loadClassifier(runner, double, weights);
    const { features } = await dead.classify(toPlanes(images));
    await dead.dispose();
    expect([...features.data.subarray(0, 3)]).toEqual([...features.data.subarray(3)]);
    weights["norm.3.weight"]!.data.fill(1);
    const alive = await loadClassifier(runner, double, weights);
    const other = await alive.classify(toPlanes(images));
    await alive.dispose();
    expect([...other.features.data.subarray(0, 3)]).not.toEqual([...other.features.data.subarray(3)]);
  });

  it("sees each image alone, in any number, and names the class of the largest logit", async () => {
    const config = classifierConfig(small);
    const weights = initialise(classifierParameters(config), [1, 1]);
    // Logit 0 is feature 0, logit 1 is feature 1.
    weights["head.weight"] = tensor("float32", [2, 3], Float32Array.of(1, 0, 0, 0, 1, 0));
    const classifier = await loadClassifier(runner, config, weights);
    const images = await Promise.all(Array.from({ length: 130 }, (_, i) => halves.read(i)));
    const all = await classifier.classify(toPlanes(images)); // 128 + 2: two runs
    const alone = await classifier.classify(toPlanes(images.slice(129)));
    await classifier.dispose();
    expect(all.features.dims).toEqual([130, 3]);
    expect(all.predictedIds[129]).toBe(alone.predictedIds[0]);
    alone.features.data.forEach((value, i) => {
      expect(all.features.data[129 * 3 + i]).toBeCloseTo(value, 5);
    });
    all.predictedIds.forEach((classId, i) => {
      const [first, second] = all.features.data.subarray(i * 3);
      expect(classId).toBe(first! >= second! ? 0 : 1);
    });
  });

  it("leaves nothing behind when disposed", async () => {
    const before = await runner.stats();
    const config = classifierConfig(small);
    const weights = initialise(classifierParameters(config), [1, 1]);
    await (await loadClassifier(runner, config, weights)).dispose();
    expect(await runner.stats()).toEqual(before);
  });
});

describe("training", () => {
  const options = {
    source: halves,
    count: 40,
    heldOut: { ...halves, name: "other halves" },
    heldOutCount: 30,
    command: "a command",
    network: small,
    schedule: { steps: 60, batchSize: 8, warmupSteps: 5, learningRate: 0.02 },
    threads: 1,
  };

  it("goes on with a folder of data that is spelled otherwise", async () => {
    const data = await mkdtemp(join(folder, "data-"));
    await writeFile(join(data, "a.png"), "any");
    const at = { run: join(folder, "spelled run"), out: join(folder, "spelled") };
    const train = (name: string, resume: boolean, path = "a.png") => {
      const source = { ...halves, name, files: [{ path, classId: 0 }] };
      return trainClassifier({ ...options, ...at, source, schedule: { steps: 2 }, resume });
    };
    await train(data, false);
    await train(`${data}/`, true);
    await expect(train(`${data}/.`, true, "b.png")).rejects.toThrow(`source was "${data}", now "${data}/."`);
  });

  it("learns, and its folder gives back what it wrote", async () => {
    const out = join(folder, "classifier");
    const written = await trainClassifier({ ...options, run: join(folder, "run"), out });
    expect(written.accuracy).toEqual({ value: 1, factors: [], images: 30, source: "other halves" });
    const read = await readClassifier(out);
    expect(read.classNames).toEqual(["above", "below"]);
    expect(read.accuracy).toEqual(written.accuracy);
    expect(read.training).toEqual(written.training);
    expect(read.training.randomFlip).toBe(true);
    // What is in memory was rounded to float16 on its way to the file.
    expect(tensorsDigest(read.tensors)).not.toBe(tensorsDigest(written.tensors));
    const classifier = await loadClassifier(runner, read.config, read.tensors);
    const { predictedIds } = await classifier.classify(
      toPlanes([await halves.read(1), await halves.read(2)]),
    );
    await classifier.dispose();
    expect([...predictedIds]).toEqual([1, 0]);
  });

  it("tells videos by the order of their frames alone, and counts each word of a class", async () => {
    const { accuracy, config } = await trainClassifier({
      ...options,
      run: join(folder, "moving-run"),
      out: join(folder, "moving"),
      source: glows,
      heldOut: { ...glows, name: "other glows" },
      network: { ...small, framePatch: 2, channels: [16, 16], featureWidth: 8 },
      schedule: { ...options.schedule, learningRate: 0.005 },
      randomFlip: false,
      shift: 1,
      isDegraded: true,
    });
    expect(config.frames).toBe(4);
    expect(accuracy).toEqual({ value: 1, factors: [1, 1], images: 30, source: "other glows" });
    const { training } = await readClassifier(join(folder, "moving"));
    expect([training.randomFlip, training.shift, training.isDegraded]).toEqual([false, 1, true]);
    expect(await readFile(join(folder, "moving/README.md"), "utf8")).toContain(
      "| classes | red, blue × dawns, fades |",
    );
  });

  it("refuses one class, held-out images of other classes, and moves that no image has room for", async () => {
    const at = { run: join(folder, "never"), out: join(folder, "never") };
    for (const shift of [-1, 8, 0.5]) {
      await expect(trainClassifier({ ...options, ...at, shift })).rejects.toThrow(
        `classifier: shift: must be whole pixels in 0..7, less than an image is wide, got ${shift}`,
      );
    }
    await expect(
      trainClassifier({ ...options, ...at, source: { ...halves, classNames: ["all"] } }),
    ).rejects.toThrow("at least 2 classes, got 1");
    await expect(
      trainClassifier({ ...options, ...at, heldOut: { ...halves, classNames: ["below", "above"] } }),
    ).rejects.toThrow("must have the classes and size of halves: above, below");
    await expect(trainClassifier({ ...options, ...at, heldOut: { ...halves, frames: 4 } })).rejects.toThrow(
      "must have the classes and size",
    );
  });
});

describe("folder", () => {
  it("that is no classifier's is named", async () => {
    await writeFile(join(folder, "config.json"), "{}");
    await expect(readClassifier(folder)).rejects.toThrow(join(folder, "config.json"));
    await expect(readClassifier(join(folder, "absent"))).rejects.toThrow("absent");
  });
});

describe("the shipped classifier", () => {
  it("names drawn sprites it has not seen", async () => {
    const { spritesSource } = await import("../../../src/data/drawn/node/draw.ts");
    const { config, tensors, classNames, accuracy } = await readClassifier("models/sprites-classifier");
    expect(accuracy.value).toBeGreaterThanOrEqual(0.99);
    const source = spritesSource({ seed: 77 });
    expect(source.classNames).toEqual(classNames);
    const classifier = await loadClassifier(runner, config, tensors);
    const images = await Promise.all(Array.from({ length: 60 }, (_, i) => source.read(i)));
    const { predictedIds } = await classifier.classify(toPlanes(images));
    await classifier.dispose();
    const right = images.filter(({ classId }, i) => classId === predictedIds[i]).length;
    expect(right).toBeGreaterThanOrEqual(57); // at 99.5 %, fewer happens once in 60,000
  });
});
