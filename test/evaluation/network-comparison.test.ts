import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tensor } from "../../src/core/tensor.ts";
import type { Image, ImageSource } from "../../src/data/source.ts";
import { featureNetworkDescription } from "../../src/evaluation/features/feature-network.ts";
import { readStatistics, writeStatistics } from "../../src/evaluation/features/statistics-file.ts";
import { inceptionScore } from "../../src/evaluation/metrics/inception-score.ts";
import { kernelDistance } from "../../src/evaluation/metrics/kernel-distance.ts";
import {
  type NetworkComparison,
  type NetworkMeasures,
  type NetworkOptions,
  openNetworkComparison,
} from "../../src/evaluation/network-comparison.ts";
import { encode, Graph, mean, multiply } from "../../src/graph/index.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { plainFrechetDistance, plainStatistics } from "./metrics/plain-frechet.ts";

let folder: string;
let runner: Runner;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "network-comparison-"));
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
  const graph = new Graph("mean colour");
  const pixels = graph.input("pixels", "float32", ["N", 3, 2, 2]);
  graph.output("colour", mean(pixels, [2, 3])); // [N, 3]
  graph.output("classes", multiply(mean(pixels, [2, 3]), 0.1));
  await writeFile(join(folder, "colour.onnx"), encode(graph));
});
afterAll(async () => {
  await runner.close();
  await rm(folder, { recursive: true });
});

const side = 2;
/** Bytes that the index decides. */
const imageAt = (index: number, shift = 0): Image => ({
  width: side,
  height: side,
  classId: 0,
  pixels: Uint8Array.from({ length: 12 }, (_, i) => shift + (((index + 3) * 7919 * (i + 1)) % 200)),
});
/** The mean of each channel over the four pixels. */
const colourOf = ({ pixels }: Image) =>
  [0, 1, 2].map((c) => [0, 3, 6, 9].reduce((sum, at) => sum + pixels[at + c]!, 0) / 4);
const features = (images: readonly Image[]) =>
  tensor("float32", [images.length, 3], Float32Array.from(images.flatMap(colourOf)));

let reads = 0;
const heldOut: ImageSource = {
  name: "noise",
  classNames: [],
  resolution: side,
  length: null,
  read: async (index) => {
    reads++;
    return imageAt(index);
  },
};
type Changes = Partial<Omit<NetworkOptions, "description">> & { readonly description?: object };
const network = (changes: Changes = {}): NetworkOptions => ({
  ...changes,
  description: featureNetworkDescription({
    file: join(folder, "colour.onnx"),
    name: "mean colour",
    output: "colour",
    logits: "classes",
    resampling: "none",
    range: [0, 255],
    ...changes.description,
  }),
});
const open = (changes: Changes = {}, cacheFolder: string | null = null) =>
  openNetworkComparison(network(changes), { runner, samples: 20, heldOut, referenceImages: 70, cacheFolder });
const made = (index: number) => imageAt(index + 500, 20);

/** The measures of the 20 made images, shown in uneven parts. */
async function measureImages(openSet: NetworkComparison["openSet"]): Promise<NetworkMeasures> {
  const set = await openSet();
  for (const [from, count] of [
    [0, 13],
    [13, 1],
    [14, 6],
  ] as const) {
    await set.add(Array.from({ length: count }, (_, i) => made(from + i)));
  }
  const measures = await set.measures();
  await set.dispose();
  return measures;
}

describe("sets in a network's features", () => {
  it("are measured as every measure by itself does", async () => {
    const before = await runner.stats();
    const { facts, openSet, measureHeldOut, dispose } = await open();
    const measures = await measureImages(openSet);
    const beside = await measureHeldOut();
    await dispose();
    const indexes = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
    const reference = features(indexes(0, 70).map((i) => imageAt(i)));
    const own = features(indexes(0, 20).map(made));
    const others = features(indexes(70, 20).map((i) => imageAt(i)));
    const statistics = (set: typeof reference) => plainStatistics(set.data, 3);
    const distance = (set: typeof reference) => plainFrechetDistance(statistics(set), statistics(reference));
    expect(measures.frechet / distance(own)).toBeCloseTo(1, 6);
    expect(beside.frechet / distance(others)).toBeCloseTo(1, 6);
    const { mean: kernel } = await kernelDistance(runner, own, reference);
    expect(measures.kernel!.mean / kernel).toBeCloseTo(1, 5);
    const logits = tensor(
      "float32",
      [20, 3],
      own.data.map((value) => value / 10),
    );
    expect(measures.inceptionScore).toBeCloseTo(inceptionScore(logits).mean, 4);
    expect(measures.isUnderSampled).toBe(false);
    expect(facts).toEqual({ name: "mean colour", width: 3, images: 70, source: "noise" });
    expect((await runner.stats()).stored).toBe(before.stored);
  });

  it("have no Inception score without logits", async () => {
    const { openSet, dispose } = await open({ description: { logits: undefined } });
    expect((await measureImages(openSet)).inceptionScore).toBeNull();
    await dispose();
  });

  it("are held against saved statistics as against the images themselves", async () => {
    const file = join(folder, "saved.npz");
    const first = await open({ saveStatistics: file });
    const measures = await measureImages(first.openSet);
    await first.dispose();
    expect((await readStatistics(file, 3, { name: "mean colour" })).count).toBe(70);
    const again = await open({ referenceStatistics: file });
    const { frechet, kernel, precision, inceptionScore } = await measureImages(again.openSet);
    await again.dispose();
    expect(frechet).toBeCloseTo(measures.frechet, 6);
    expect([kernel, precision]).toEqual([null, null]);
    expect(inceptionScore).toBe(measures.inceptionScore);
    expect(again.facts).toMatchObject({ images: 70, source: file });
    expect(again.digest).not.toBe(first.digest); // it gives other figures
    await expect(open({ referenceStatistics: file, description: { range: [0, 1] } })).rejects.toThrow(
      'saved.npz: holds statistics of another "mean colour"',
    );
  });

  it("look at reference images once, and again for another network", async () => {
    const cache = join(folder, "cache");
    const visit = async (changes: Changes = {}) => {
      reads = 0;
      const { measureHeldOut, digest, dispose } = await open(changes, cache);
      const measures = await measureHeldOut();
      await dispose();
      return { measures, digest, reads };
    };
    const first = await visit();
    const again = await visit();
    // One to try, 16 and 16 that name the files; the first time all 70 + 20 besides.
    expect([first.reads, again.reads]).toEqual([123, 33]);
    expect(again.measures).toEqual(first.measures);
    expect(again.digest).toBe(first.digest);
    const other = await visit({ description: { range: [0, 1] } });
    expect(other.reads).toBe(123);
    expect(other.digest).not.toBe(first.digest);
    expect((await readdir(cache)).length).toBe(4);
  });

  it("refuses statistics of another network or size, and images that the network cannot take", async () => {
    const before = await runner.stats();
    const [foreign, wide] = [join(folder, "foreign.npz"), join(folder, "wide.npz")];
    await writeStatistics(foreign, plainStatistics(features([made(0), made(1)]).data, 3), {
      name: "another colour",
    });
    await writeStatistics(wide, plainStatistics(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8), 4));
    await expect(open({ referenceStatistics: foreign })).rejects.toThrow(
      'foreign.npz: holds statistics in the features of "another colour", the feature network is "mean colour"',
    );
    await expect(open({ referenceStatistics: wide })).rejects.toThrow(
      "wide.npz: holds statistics of 4 features, the feature network gives 3",
    );
    await expect(open({ description: { output: "color" } })).rejects.toThrow(
      'output: must be one of colour, classes, got "color"',
    );
    const large = { ...heldOut, read: async () => ({ ...imageAt(0), width: 4, height: 1 }) };
    const options = { runner, samples: 20, heldOut: large, referenceImages: 70, cacheFolder: null };
    await expect(openNetworkComparison(network(), options)).rejects.toThrow(
      "takes images of 2 x 2 pixels, got 1 x 4",
    );
    expect((await runner.stats()).stored).toBe(before.stored);
  });
});
