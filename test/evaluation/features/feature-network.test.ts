import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { type Raster, videoOf } from "../../../src/data/source.ts";
import {
  type FeatureNetworkDescription,
  featureNetworkDescription,
  openFeatureNetwork,
  readFeatureNetwork,
} from "../../../src/evaluation/features/feature-network.ts";
import { type Resampling, resamplings } from "../../../src/evaluation/features/resample.ts";
import {
  add,
  cast,
  type Dim,
  encode,
  Graph,
  multiply,
  multiplyDims,
  reshape,
  sum,
} from "../../../src/graph/index.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";

let folder: string;
let runner: Runner;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "feature-network-"));
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(async () => {
  await runner.close();
  await rm(folder, { recursive: true });
});

let files = 0;
async function fileOf(graph: Graph): Promise<string> {
  const file = join(folder, `${files++}.onnx`);
  await writeFile(file, encode(graph));
  return file;
}

/** A network whose features are what it is given: [N, ...extents] -> [N, their product]. */
function mirror(shape: readonly Dim[]): Graph {
  const graph = new Graph("mirror");
  const x = graph.input("pixels", "float32", shape);
  graph.output("features", add(reshape(x, [shape[0]!, multiplyDims(...shape.slice(1))]), 0));
  return graph;
}

const plain = { name: "test", resampling: "none", range: [0, 255] } as const;
const open = async (graph: Graph, description: object = {}) =>
  openFeatureNetwork(
    runner,
    featureNetworkDescription({ ...plain, file: await fileOf(graph), ...description }),
  );

/** An image whose every byte is another. */
const image = (height: number, width: number, first = 0): Raster => ({
  height,
  width,
  pixels: Uint8Array.from({ length: height * width * 3 }, (_, i) => first + i),
});

const golden = JSON.parse(readFileSync(new URL("../../golden/resampling.json", import.meta.url), "utf8")) as {
  size: [number, number];
  to: [number, number];
  image: number[];
  planes: Record<Resampling, number[]>;
}[];

describe("images come to the network's size", () => {
  it.each(resamplings)("%s as the tools that name it so do", async (resampling) => {
    for (const { size, to, image: pixels, planes } of golden) {
      const network = await open(mirror(["N", 3, ...to]), { resampling });
      const [height, width] = size;
      const { features } = await network.extract([{ height, width, pixels: Uint8Array.from(pixels) }]);
      expect(features.dims).toEqual([1, 3 * to[0] * to[1]]);
      planes[resampling].forEach((value, i) => {
        expect(Math.abs(features.data[i]! - value)).toBeLessThan(1e-3);
      });
      await network.dispose();
    }
  });

  it("none: pixel by pixel, channel by channel", async () => {
    const network = await open(mirror(["N", 3, 2, 3]));
    const { features, logits } = await network.extract([image(2, 3), image(2, 3, 100)]);
    const planes = (first: number) =>
      [0, 1, 2].flatMap((c) => [0, 3, 6, 9, 12, 15].map((at) => first + at + c));
    expect(Array.from(features.data)).toEqual([...planes(0), ...planes(100)]);
    expect(logits).toBeUndefined();
    await network.dispose();
  });

  it("and no feature that is not a number leaves it", async () => {
    const network = await open(mirror(["N", 3, 2, 3]), { range: [0, 1], std: [1e-45, 1, 1] });
    await expect(network.extract([image(2, 3)])).rejects.toThrow(
      /\d\.onnx: output "features" has (NaN|Infinity) for an image; check range, mean and std/,
    );
    await network.dispose();
  });

  it("in the range that is described, then by mean and deviation of each channel", async () => {
    const white: Raster = { height: 1, width: 1, pixels: Uint8Array.of(0, 255, 51) };
    const values = async (description: object): Promise<number[]> => {
      const network = await open(mirror(["N", 3, 1, 1]), description);
      const { features } = await network.extract([white]);
      await network.dispose();
      return Array.from(features.data);
    };
    const near = (expected: number[]) => expected.map((value) => expect.closeTo(value, 6));
    expect(await values({ range: [-1, 1] })).toEqual(near([-1, 1, -0.6]));
    expect(await values({ range: [0, 1] })).toEqual(near([0, 1, 0.2]));
    // Inception's own (x - 128) / 128.
    expect(await values({ range: [-1, 127 / 128] })).toEqual(near([-1, 127 / 128, -77 / 128]));
    expect(await values({ range: [0, 1], mean: [0.5, 0.5, 0.2], std: [0.5, 0.25, 2] })).toEqual(
      near([-1, 2, 0]),
    );
    expect(await values({ range: [0, 1], std: [1, 0.5, 0.1] })).toEqual(near([0, 2, 2]));
  });

  it.each(["NCHW", "NHWC", "NCTHW", "NTHWC"] as const)("with its axes in the order %s", async (layout) => {
    const extents: Record<string, number> = { C: 3, T: 4, H: 2, W: 5 };
    const axes = [...layout].slice(1);
    const network = await open(mirror(["N", ...axes.map((axis) => extents[axis]!)]), { layout });
    const frames = [0, 1, 2, 3].map((t) => image(2, 5, 30 * t));
    const isVideo = layout.includes("T");
    const { features } = await network.extract([isVideo ? videoOf(frames) : frames[0]!]);
    const strides: Record<string, number> = { C: 1, W: 3, H: 15, T: 30 };
    const expected = axes.reduce<number[]>(
      (starts, axis) =>
        starts.flatMap((start) =>
          Array.from({ length: extents[axis]! }, (_, i) => start + i * strides[axis]!),
        ),
      [0],
    );
    expect(Array.from(features.data)).toEqual(expected);
    await network.dispose();
  });
});

/** Features [N, 3, 1, 1], the sum of each channel, and logits [N, 1], the sum of all: of any size. */
function pooled(batch: Dim): Graph {
  const graph = new Graph("pooled");
  const x = graph.input("pixels", "float32", [batch, 3, "H", "W"]);
  graph.output("pool3", sum(x, [2, 3], true));
  graph.output("classes", multiply(sum(x, [1, 2, 3]), 1));
  const logits = graph.outputs.get("classes")!;
  graph.output("logits", reshape(logits, [batch, 1]));
  return graph;
}

describe("running", () => {
  it("gives one vector per image, whatever the batches, and logits beside them", async () => {
    const images = Array.from({ length: 7 }, (_, n) => image(1, 2, n));
    for (const [batch, batchSize] of [
      ["N", 32],
      ["N", 3],
      ["N", 1],
      [1, 32], // exported for one image at a time
      [4, 32], // exported for four: the last run is filled up
    ] as const) {
      const network = await open(pooled(batch), { output: "pool3", logits: "logits", batchSize });
      const { features, logits } = await network.extract(images);
      expect(features.dims).toEqual([7, 3]);
      expect(logits?.dims).toEqual([7, 1]);
      for (let n = 0; n < 7; n++) {
        // Bytes n to n + 5: red has the first and the fourth.
        expect(Array.from(features.data.subarray(3 * n, 3 * n + 3))).toEqual([3, 5, 7].map((v) => 2 * n + v));
        expect(logits?.data[n]).toBe(6 * n + 15);
      }
      await network.dispose();
    }
  });

  it("of videos takes as many frames a run as it would images", async () => {
    const network = await open(mirror(["N", 3, "T", 1, 1]), { layout: "NCTHW", batchSize: 5 });
    const videos = [0, 1, 2, 3, 4].map((n) => videoOf([image(1, 1, n), image(1, 1, 10 + n)]));
    const { features } = await network.extract(videos);
    expect(features.dims).toEqual([5, 6]);
    expect(Array.from(features.data.subarray(6, 12))).toEqual([1, 11, 2, 12, 3, 13]);
    await network.dispose();
  });

  it("stops when told, and leaves nothing behind", async () => {
    const network = await open(pooled("N"), { output: "pool3" });
    await expect(network.extract([image(1, 1)], { signal: AbortSignal.abort() })).rejects.toThrow("abort");
    await network.extract([image(1, 1)]);
    await network.dispose();
    expect(await runner.stats()).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
  });
});

describe("descriptions", () => {
  it("are read beside the file, and name it from there", async () => {
    const file = await fileOf(mirror(["N", 3, 2, 2]));
    const description = { ...plain, file: file.split("/").at(-1) };
    await writeFile(file.replace(".onnx", ".json"), JSON.stringify(description));
    const expected = { ...plain, range: [0, 255], file, layout: "NCHW", batchSize: 32 };
    expect(await readFeatureNetwork(file)).toEqual(expected);
    expect(await readFeatureNetwork(file.replace(".onnx", ".json"))).toEqual(expected);
    await expect(readFeatureNetwork(join(folder, "none.onnx"))).rejects.toThrow(
      /none\.onnx: needs a description beside it, .*none\.json/,
    );
  });

  const whole = { ...plain, file: "a.onnx" };
  it.each([
    [{ ...whole, resampling: undefined }, "resampling"],
    [{ ...whole, resampling: "lanczos" }, "resampling"],
    [{ ...whole, range: undefined }, "range"],
    [{ ...whole, sise: 299 }, "sise"],
    [{ ...whole, size: [299] }, "size"],
    [{ ...whole, frames: 16 }, "choose a layout with T, such as NCTHW"],
    [{ ...whole, std: [1, 0, 1] }, "here: std: must be other than 0, got [1,0,1]"],
  ])("are refused where they cannot be followed: %j", (value, message) => {
    expect(() => featureNetworkDescription(value, "here")).toThrow(InputError);
    expect(() => featureNetworkDescription(value, "here")).toThrow(message);
  });
});

describe("what does not fit", () => {
  const videos = { layout: "NCTHW" };
  const double = new Graph("double");
  double.output("y", cast(double.input("x", "float64", ["N", 3, 2, 2]), "float32"));

  it.each<[string, Graph, Partial<FeatureNetworkDescription> | object, string]>([
    ["an input's name", mirror(["N", 3, 2, 2]), { input: "pixel" }, 'got "pixel"; did you mean "pixels"?'],
    [
      "an output's name",
      mirror(["N", 3, 2, 2]),
      { output: "pool3" },
      'output: must be one of features, got "pool3"',
    ],
    ["the logits' name", mirror(["N", 3, 2, 2]), { logits: "classes" }, "logits: must be one of"],
    [
      "no name of several",
      pooled("N"),
      {},
      "has the outputs pool3, classes, logits; name the one to use as output",
    ],
    ["another type", double, {}, 'input "x" must be float32, is float64'],
    [
      "still for moving",
      mirror(["N", 3, 2, 2]),
      videos,
      'input "pixels" is [N, 3, 2, 2], which is not NCTHW',
    ],
    [
      "channels elsewhere",
      mirror(["N", 2, 2, 3]),
      {},
      "so C is 2; its description says 3; correct channels or layout",
    ],
    [
      "another size",
      mirror(["N", 3, 8, 8]),
      { size: 299 },
      "so H is 8; its description says 299; correct size",
    ],
    [
      "other frames",
      mirror(["N", 3, 4, 2, 2]),
      { ...videos, frames: 16 },
      "so T is 4; its description says 16",
    ],
    [
      "no size",
      pooled("N"),
      { output: "pool3", resampling: "bilinear" },
      "takes any size; give size in its description",
    ],
  ])("%s is refused", async (_, graph, description, message) => {
    const refusal = await open(graph, description).catch((error) => error);
    expect(refusal).toBeInstanceOf(InputError);
    expect(refusal.message).toContain(`${files - 1}.onnx: `);
    expect(refusal.message).toContain(message);
    expect((await runner.stats()).programs).toBe(0);
  });

  it("a file that is no network is refused, as is none", async () => {
    const file = join(folder, "text.onnx");
    await writeFile(file, "weights");
    const description = featureNetworkDescription({ ...plain, file });
    await expect(openFeatureNetwork(runner, description)).rejects.toThrow(InputError);
    await expect(openFeatureNetwork(runner, description)).rejects.toThrow(
      "text.onnx: must be an ONNX model in one file",
    );
    const none = { ...description, file: join(folder, "none.onnx") };
    await expect(openFeatureNetwork(runner, none)).rejects.toThrow("none.onnx: it does not exist");
  });

  it.each<[string, Graph, object, Raster[], string]>([
    ["no images", pooled("N"), { output: "pool3" }, [], "needs at least one image, got none"],
    [
      "images of two sizes",
      pooled("N"),
      { output: "pool3" },
      [image(1, 2), image(2, 2)],
      "share one size, got [1, 2] and [2, 2]",
    ],
    [
      "videos for images",
      pooled("N"),
      { output: "pool3" },
      [videoOf([image(1, 1)])],
      "takes images (layout NCHW), got videos of [1, 1, 1]",
    ],
    [
      "images for videos",
      mirror(["N", 3, 2, 1, 1]),
      videos,
      [image(1, 1)],
      "takes videos (layout NCTHW), got images of",
    ],
    [
      "too few frames",
      mirror(["N", 3, 2, 1, 1]),
      videos,
      [videoOf([image(1, 1)])],
      "takes 2 frames, got 1; cut the videos to 2",
    ],
    [
      "another size without resampling",
      mirror(["N", 3, 2, 2]),
      {},
      [image(1, 1)],
      "takes images of 2 x 2 pixels, got 1 x 1; name a resampling",
    ],
  ])("%s are refused", async (_, graph, description, images, message) => {
    const network = await open(graph, description);
    const refusal = await network.extract(images).catch((error) => error);
    expect(refusal).toBeInstanceOf(InputError);
    expect(refusal.message).toContain(message);
    await network.dispose();
  });

  it("an output that is no vector is refused, and so is what the network fails on", async () => {
    const maps = new Graph("maps");
    maps.output("conv", add(maps.input("pixels", "float32", ["N", 3, "H", "W"]), 1));
    const network = await open(maps);
    await expect(network.extract([image(2, 2)])).rejects.toThrow(
      'output "conv" is [1, 3, 2, 2] for 1 images; it must be one vector each, [N, F]',
    );
    await network.dispose();
    // As high as wide, which the file alone knows.
    const square = new Graph("square");
    square.output("features", sum(square.input("pixels", "float32", ["N", 3, "S", "S"]), [2, 3]));
    const picky = await open(square);
    await expect(picky.extract([image(3, 2)])).rejects.toThrow(
      /failed on 1 images of \[3, 2\]: run "square": .* check size, frames and layout/,
    );
    await picky.dispose();
  });
});
