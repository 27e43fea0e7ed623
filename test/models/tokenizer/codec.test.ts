/** The tokenizer as it is used: pictures to ids and back, by the graphs that ship and the one that trains. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HostTensor, tensor } from "../../../src/core/tensor.ts";
import { encode as encodeGraph } from "../../../src/graph/index.ts";
import { initialise } from "../../../src/models/parameters.ts";
import { loadTokenizer, tokenizerParameters } from "../../../src/models/tokenizer/codec.ts";
import { parseTokenizerConfig, type TokenizerConfig } from "../../../src/models/tokenizer/config.ts";
import { codebookName } from "../../../src/models/tokenizer/quantizer.ts";
import { createNodeRunner } from "../../../src/runtime/node.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { initialState, optimiserFeeds } from "../../../src/training/optimiser.ts";
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
const pictures = (count: number): HostTensor<"float32"> =>
  float32(
    [count, 3, 16, 16],
    noise(count * 768, 5).map((x) => 0.5 + 0.5 * x),
  ) as HostTensor<"float32">;

describe.each([
  ["vq", vq],
  ["fsq", fsq],
])("a tokenizer with %s", (_name, config) => {
  const tensors = initialise(tokenizerParameters(config), [1, 2]);

  it("gives a picture the same ids and pixels alone and in a batch of more than one run takes", async () => {
    const tokenizer = await loadTokenizer(runner, config, tensors);
    const many = pictures(33);
    const ids = await tokenizer.encode(many);
    const pixels = await tokenizer.decode(ids);
    expect(ids.dims).toEqual([33, 4, 4]);
    expect(pixels.dims).toEqual([33, 3, 16, 16]);
    expect(tokenizer.grid).toEqual([4, 4]);
    const last = tensor("float32", [1, 3, 16, 16], many.data.slice(32 * 768));
    const alone = await tokenizer.encode(last);
    expect([...alone.data]).toEqual([...ids.data.slice(32 * 16)]);
    expect([...(await tokenizer.decode(alone)).data]).toEqual([...pixels.data.slice(32 * 768)]);
    expect(Math.max(...ids.data)).toBeLessThan(tokenizer.codebookSize);
    await tokenizer.dispose();
    expect(await runner.stats()).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
  });

  it("is in training what it is in use: same ids, same reconstruction", async () => {
    const options = { betas: [0.9, 0.99], weightDecay: 0, clipNorm: 1, emaDecay: 0.99 } as const;
    const program = await runner.load(encodeGraph(tokenizerStepGraph(config, 4, options, 0)));
    const pixels = pictures(4);
    const step = await runner.run(
      program,
      { ...initialState(tensors), ...optimiserFeeds(0, 0.001, options), pixels },
      { ids: "host", squaredError: "host" },
    );
    await runner.unload(program);
    const tokenizer = await loadTokenizer(runner, config, tensors);
    const ids = await tokenizer.encode(pixels);
    expect(numbers(step.ids)).toEqual([...ids.data]);
    expect(new Set(ids.data).size).toBeGreaterThan(2);
    const decoded = await tokenizer.decode(ids);
    await tokenizer.dispose();
    const error = decoded.data.reduce((total, x, i) => total + (x - pixels.data[i]!) ** 2, 0) / (4 * 768);
    expect(numbers(step.squaredError)[0]! / error).toBeCloseTo(1, 5);
  });
});

it("with a pixel shortcut starts as plain patch coding", async () => {
  const config = small({ latentWidth: 48, pixelShortcut: true, quantizer: { kind: "vq", codebookSize: 10 } });
  const codes = noise(10 * 48, 8).map((x) => 0.5 + 0.5 * x);
  const tensors = initialise(tokenizerParameters(config), [1, 2]);
  tensors[codebookName] = tensor("float32", [10, 48], Float32Array.from(codes));
  const tokenizer = await loadTokenizer(runner, config, tensors);
  const pixels = pictures(1);
  const ids = await tokenizer.encode(pixels);
  const decoded = mapsOf(await tokenizer.decode(ids));
  await tokenizer.dispose();

  const patches = toPatches(mapsOf(pixels), 4);
  const coded = patches.map((rows) => rows.map((row) => [...row]));
  for (let y = 0; y < 4; y++) {
    for (let x = 0; x < 4; x++) {
      const distances = Array.from({ length: 10 }, (_, v) =>
        patches.reduce((total, map, k) => total + (map[y]![x]! - codes[v * 48 + k]!) ** 2, 0),
      );
      const chosen = ids.data[y * 4 + x]!;
      // Random patches have close seconds; what the encoder adds may decide between those.
      expect(distances[chosen]! - Math.min(...distances)).toBeLessThan(0.3);
      coded.forEach((map, k) => {
        map[y]![x] = codes[chosen * 48 + k]!;
      });
    }
  }
  const expected = fromPatches(coded, 4).flat(2);
  const differences = decoded.flat(2).map((value, i) => Math.abs(value - expected[i]!));
  // The decoder's own part starts at a hundredth of its usual size, and is not nothing.
  expect(Math.max(...differences)).toBeLessThan(0.1);
  expect(Math.max(...differences)).toBeGreaterThan(1e-5);
});
