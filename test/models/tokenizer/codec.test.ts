/** The tokenizer as it is used: images to ids and back, by the graphs that ship and the one that trains. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HostTensor, scalar, sizeOf, tensor } from "../../../src/core/tensor.ts";
import { encode as encodeGraph } from "../../../src/graph/index.ts";
import { initialise } from "../../../src/models/parameters.ts";
import { loadTokenizer, tokenizerParameters } from "../../../src/models/tokenizer/codec.ts";
import {
  parseTokenizerConfig,
  pixelSpace,
  type TokenizerConfig,
} from "../../../src/models/tokenizer/config.ts";
import { codebookName } from "../../../src/models/tokenizer/quantizer.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { optimiserFeeds } from "../../../src/training/optimiser.ts";
import { initialState } from "../../../src/training/optimiser-state.ts";
import { resolveConfig } from "../../../src/training/read-config.ts";
import { tokenizerStepGraph } from "../../../src/training/tokenizer-step.ts";
import { float32, noise, numbers } from "../../graph/harness.ts";
import { fromPatches, mapsOf, toPatches } from "./plain-network.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

const small = (more: Record<string, unknown>): TokenizerConfig =>
  parseTokenizerConfig(
    { resolution: 16, patchSize: 2, channels: 4, multipliers: [1, 2], residualBlocks: 1, groups: 2, ...more },
    "test",
  );
const vq = small({ latentWidth: 6, quantizer: { kind: "vq", codebookSize: 12 } });
const fsq = small({ latentWidth: 3, quantizer: { kind: "fsq", levels: [4, 3, 3] } });
const videos = { frames: 4, framePatch: 2, temporalDownsampling: [false] };
const images = (config: TokenizerConfig, count: number): HostTensor<"float32"> => {
  const dims = [count, 3, ...pixelSpace(config)];
  return float32(
    dims,
    noise(sizeOf(dims), 5).map((x) => 0.5 + 0.5 * x),
  ) as HostTensor<"float32">;
};

describe.each([
  ["vq", vq, [16, 16], [4, 4]],
  ["fsq", fsq, [16, 16], [4, 4]],
  ["vq of videos", { ...vq, ...videos }, [4, 16, 16], [2, 4, 4]],
])("a tokenizer with %s", (_name, config, space, grid) => {
  const tensors = initialise(tokenizerParameters(config), [1, 2]);

  it("gives an image the same ids and pixels alone and in a batch of more than one run takes", async () => {
    const tokenizer = await loadTokenizer(runner, config, tensors);
    const many = images(config, 33);
    const ids = await tokenizer.encode(many);
    const pixels = await tokenizer.decode(ids);
    expect(ids.dims).toEqual([33, ...grid]);
    expect(pixels.dims).toEqual([33, 3, ...space]);
    expect(tokenizer.grid).toEqual(grid);
    const before = 32 * 3 * sizeOf(space);
    const last = tensor("float32", [1, 3, ...space], many.data.slice(before));
    const alone = await tokenizer.encode(last);
    expect([...alone.data]).toEqual([...ids.data.slice(32 * sizeOf(grid))]);
    expect([...(await tokenizer.decode(alone)).data]).toEqual([...pixels.data.slice(before)]);
    expect(Math.max(...ids.data)).toBeLessThan(tokenizer.codebookSize);
    await tokenizer.dispose();
    expect(await runner.stats()).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
  });

  it("is in training what it is in use: same ids, same reconstruction", async () => {
    const options = {
      betas: [0.9, 0.99],
      weightDecay: 0,
      clipNorm: 1,
      emaDecay: 0.99,
      optimiser: "adamw",
    } as const;
    const { training } = resolveConfig({ name: "test" }, "test").config.tokenizer;
    const step4 = tokenizerStepGraph(config, { ...training, ...options, betas: [0.9, 0.99], batchSize: 4 });
    const program = await runner.load(encodeGraph(step4));
    const pixels = images(config, 4);
    const step = await runner.run(
      program,
      {
        ...initialState(tokenizerParameters(config), tensors),
        ...optimiserFeeds(0, 0.001, options),
        sound: scalar(1),
        pixels,
      },
      { ids: "host", squaredError: "host" },
    );
    await runner.unload(program);
    const tokenizer = await loadTokenizer(runner, config, tensors);
    const ids = await tokenizer.encode(pixels);
    expect(numbers(step.ids)).toEqual([...ids.data]);
    expect(new Set(ids.data).size).toBeGreaterThan(2);
    const decoded = await tokenizer.decode(ids);
    await tokenizer.dispose();
    const error =
      decoded.data.reduce((total, x, i) => total + (x - pixels.data[i]!) ** 2, 0) / pixels.data.length;
    expect(numbers(step.squaredError)[0]! / error).toBeCloseTo(1, 5);
  });
});

it.each([
  ["still", {}, [4, 4]],
  // The level between the patches and the tokens halves time or leaves it.
  ["moving", { frames: 4, framePatch: 2 }, [4, 4, 4]],
  ["moving", { frames: 4, framePatch: 2, temporalDownsampling: [false] }, [2, 4, 4]],
] as const)(
  "with a pixel shortcut and %s images (%j) starts as plain patch coding",
  async (_kind, time, size) => {
    const latentWidth = 3 * sizeOf(size);
    const quantizer = { kind: "vq", codebookSize: 10 };
    const config = small({ ...time, latentWidth, pixelShortcut: true, quantizer });
    const codes = noise(10 * latentWidth, 8).map((x) => 0.5 + 0.5 * x);
    const tensors = initialise(tokenizerParameters(config), [1, 2]);
    tensors[codebookName] = tensor("float32", [10, latentWidth], Float32Array.from(codes));
    const tokenizer = await loadTokenizer(runner, config, tensors);
    const pixels = images(config, 1);
    const ids = await tokenizer.encode(pixels);
    const decoded = mapsOf(await tokenizer.decode(ids));
    await tokenizer.dispose();

    const patches = toPatches(mapsOf(pixels), size);
    const width = patches.channels;
    const tokens = ids.data.length;
    for (let t = 0; t < tokens; t++) {
      const distances = Array.from({ length: 10 }, (_, v) => {
        let total = 0;
        for (let k = 0; k < width; k++) total += (patches.data[k * tokens + t]! - codes[v * width + k]!) ** 2;
        return total;
      });
      // Random patches have close seconds; what the encoder adds may decide between those.
      expect(distances[ids.data[t]!]! - Math.min(...distances)).toBeLessThan(0.3);
    }
    const coded = patches.data.map((_, i) => codes[ids.data[i % tokens]! * width + Math.floor(i / tokens)]!);
    const expected = fromPatches({ ...patches, data: coded }, size).data;
    const differences = decoded.data.map((value, i) => Math.abs(value - expected[i]!));
    // The decoder's own part starts at a hundredth of its usual size, and is not nothing.
    expect(Math.max(...differences)).toBeLessThan(0.1);
    expect(Math.max(...differences)).toBeGreaterThan(1e-5);
  },
);
