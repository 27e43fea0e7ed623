/** Central inflation: what the network of videos does with videos that stand still must be what the network of images does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { type HostTensor, sizeOf, tensor } from "../../../src/core/tensor.ts";
import { convolution, Graph } from "../../../src/graph/index.ts";
import { loadTokenizer, tokenizerParameters } from "../../../src/models/tokenizer/codec.ts";
import { parseTokenizerConfig, type TokenizerConfig } from "../../../src/models/tokenizer/config.ts";
import { inflateWeights } from "../../../src/models/tokenizer/inflate.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { evaluate, float32, noise, numbers } from "../../graph/harness.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

const base = {
  resolution: 16,
  patchSize: 2,
  channels: 4,
  multipliers: [1, 2],
  residualBlocks: 1,
  groups: 2,
  latentWidth: 6,
  quantizer: { kind: "vq", codebookSize: 100 },
};
const configOf = (...more: Record<string, unknown>[]): TokenizerConfig =>
  parseTokenizerConfig(Object.assign({}, base, ...more), "test");

/** Weights without structure, norms and biases included. */
function weightsOf(config: TokenizerConfig): Record<string, HostTensor<"float32">> {
  return Object.fromEntries(
    tokenizerParameters(config).map(({ name, shape }, i) => [
      name,
      float32(
        shape,
        noise(sizeOf(shape), i + 1).map((x) => 0.6 * x),
      ) as HostTensor<"float32">,
    ]),
  );
}

/** Images [B, C, ...] as videos [B, C, T, ...] in which nothing moves. */
function still({ dims, data }: HostTensor<"float32">, frames: number): HostTensor<"float32"> {
  const [batch, channels, ...space] = dims as [number, number, ...number[]];
  const area = sizeOf(space);
  const repeated = Array.from({ length: batch * channels }, (_, plane) =>
    Array.from({ length: frames }, () => [...data.subarray(plane * area, (plane + 1) * area)]),
  );
  return tensor("float32", [batch, channels, frames, ...space], Float32Array.from(repeated.flat(2)));
}

const plain = {
  ...{ network: "plain", detailChannels: 5, latentWidth: 3 },
  quantizer: { kind: "fsq", levels: [4, 3, 3], bins: "uniform" },
};

describe("a still video has the image's tokens at every moment, and the image's reconstruction as every frame", () => {
  const shortcut = { pixelShortcut: true, latentWidth: 48 };
  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["one frame", {}, { frames: 1, temporalDownsampling: [false] }],
    ["time kept", {}, { frames: 3, temporalDownsampling: [false] }],
    ["time halved", {}, { frames: 4 }],
    ["MaskGIT's shortcut", { shortcut: "output" }, { frames: 4 }],
    ["blocks of frames", {}, { frames: 6, framePatch: 3, temporalDownsampling: [false] }],
    ["blocks of frames, and time halved", {}, { frames: 8, framePatch: 2 }],
    ["a pixel shortcut", shortcut, { frames: 3, temporalDownsampling: [false] }],
    ["a pixel shortcut and blocks", shortcut, { frames: 8, framePatch: 2, latentWidth: 192 }],
    ["the plain network", plain, { frames: 4 }],
    ["the plain network, moments by themselves", plain, { frames: 8, framePatch: 2, temporalKernel: 1 }],
    ["levels", { latentWidth: 3, quantizer: { kind: "fsq", levels: [4, 3, 3] } }, { frames: 4 }],
  ])("%s", async (_name, network, time) => {
    const image = configOf(network);
    const video = configOf(network, time);
    const weights = weightsOf(image);
    const frames = video.frames!;
    // Around zero, as the codes are: else one code would be the nearest to all.
    const pixels = float32([2, 3, 16, 16], noise(2 * 3 * 256, 50)) as HostTensor<"float32">;

    const ofImages = await loadTokenizer(runner, image, weights);
    const ids = await ofImages.encode(pixels);
    const decoded = await ofImages.decode(ids);
    await ofImages.dispose();
    expect(new Set(ids.data).size).toBeGreaterThan(2); // else the comparison says little

    const ofVideos = await loadTokenizer(runner, video, inflateWeights(weights, image, video));
    const videoIds = await ofVideos.encode(still(pixels, frames));
    const videos = await ofVideos.decode(videoIds);
    await ofVideos.dispose();
    const moments = ofVideos.grid[0]!;
    const perImage = [0, 1].map((b) => [...ids.data.subarray(16 * b, 16 * (b + 1))]);
    expect([...videoIds.data]).toEqual(
      perImage.flatMap((tokens) => Array.from({ length: moments }, () => tokens).flat()),
    );
    const expected = still(decoded, frames).data;
    videos.data.forEach((value, i) => {
      expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-4 * (1 + Math.abs(expected[i]!)));
    });
  });
});

it("an inflated kernel convolves every frame of a moving video by itself", async () => {
  const image = configOf();
  const video = configOf({ frames: 4 });
  const weights = weightsOf(image);
  const inflated = inflateWeights(weights, image, video);
  const name = "encoder.down.0.block.0.conv1.weight";
  const noisy = noise(4 * 4 * 25, 7);
  const graph = new Graph("frames");
  const x = graph.input("video", "float32", [1, 4, 4, 5, 5]);
  graph.output("video convolved", convolution(x, graph.input("inflated", "float32", [4, 4, 3, 3, 3])));
  const frame = graph.input("frames", "float32", [4, 4, 5, 5]);
  graph.output("frames convolved", convolution(frame, graph.input("kernel", "float32", [4, 4, 3, 3])));
  /** [channels, frames, ...] <-> [frames, channels, ...], both of four. */
  const swapped = (values: readonly number[]): number[] =>
    [0, 1, 2, 3].flatMap((t) =>
      [0, 1, 2, 3].flatMap((c) => values.slice((c * 4 + t) * 25, (c * 4 + t + 1) * 25)),
    );
  const found = await evaluate(graph, {
    video: float32([1, 4, 4, 5, 5], noisy),
    frames: float32([4, 4, 5, 5], swapped(noisy)),
    inflated: inflated[name]!,
    kernel: weights[name]!,
  });
  const expected = swapped(numbers(found["frames convolved"]));
  numbers(found["video convolved"]).forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i]!, 5);
  });
});

it("puts a block's colours at its middle frame, and leaves nothing else", () => {
  const image = configOf();
  const video = configOf({ frames: 8, framePatch: 4, temporalDownsampling: [false] });
  const weights = weightsOf(image);
  const inflated = inflateWeights(weights, image, video);
  for (const { name, shape } of tokenizerParameters(video)) expect(inflated[name]!.dims, name).toEqual(shape);
  // [4, 3 * 2 * 2, 3, 3] -> [4, 4 * 12, 3, 3, 3]: channels 24..35 are those of the third frame.
  const { data } = inflated["encoder.conv_in.weight"]!;
  const kernel = weights["encoder.conv_in.weight"]!.data;
  for (let o = 0; o < 4; o++) {
    for (let c = 0; c < 48; c++) {
      for (let t = 0; t < 3; t++) {
        const from = ((o * 48 + c) * 3 + t) * 9;
        const isRead = t === 1 && c >= 24 && c < 36;
        const source = (o * 12 + c - 24) * 9;
        const wanted = isRead ? [...kernel.subarray(source, source + 9)] : new Array(9).fill(0);
        expect([...data.subarray(from, from + 9)]).toEqual(wanted);
      }
    }
  }
});

describe("refuses networks that differ in more than time", () => {
  const image = configOf();
  it.each<[Record<string, unknown>, RegExp]>([
    [{}, /makes a tokenizer of videos .* got one of images from one of images/],
    [{ frames: 4, channels: 8 }, /must have the channels of .* images, 4, got 8/],
    [{ frames: 4, multipliers: [1, 1] }, /multipliers .*\[1,2\], got \[1,1\]/],
    [{ frames: 4, patchSize: 1 }, /patchSize .* 2, got 1/],
    [{ frames: 4, latentWidth: 8 }, /latentWidth .* 6, got 8/],
    [{ frames: 4, quantizer: { kind: "vq", codebookSize: 10 } }, /quantizer .*100.*, got .*10/],
  ])("%j", (more, message) => {
    const video = configOf(more);
    expect(() => inflateWeights(weightsOf(image), image, video)).toThrow(message);
    expect(() => inflateWeights(weightsOf(image), image, video)).toThrow(InputError);
  });

  it("but not resolution, nor how strongly a codebook commits", () => {
    const quantizer = { kind: "vq", codebookSize: 100, commitment: 1 };
    const video = configOf({ frames: 4, resolution: 32, quantizer });
    expect(() => inflateWeights(weightsOf(image), image, video)).not.toThrow();
  });
});
