/** The training of a decoder alone: each network by its own loss, and a run that stops and goes on. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { integerAt } from "../../src/core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../../src/core/tensor.ts";
import { encode } from "../../src/graph/index.ts";
import { initialise } from "../../src/models/parameters.ts";
import { loadTokenizer, tokenizerParameters } from "../../src/models/tokenizer/codec.ts";
import { codebookSize, tokenGrid } from "../../src/models/tokenizer/config.ts";
import { codebookName } from "../../src/models/tokenizer/quantizer.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { decoderJob } from "../../src/training/decoder-job.ts";
import {
  decoderParameters,
  decoderStepGraph,
  decoderStepParameters,
} from "../../src/training/decoder-step.ts";
import { discriminatorParameters } from "../../src/training/discriminator.ts";
import { optimiserFeeds } from "../../src/training/optimiser.ts";
import {
  averagedWeights,
  getState,
  initialState,
  stateFeeds,
  stateSinks,
} from "../../src/training/optimiser-state.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { openRunFolder } from "../../src/training/run-folder.ts";
import { loggedLines, trainUntil } from "./resuming.ts";

const fsq = {
  network: "plain",
  latentWidth: 2,
  quantizer: { kind: "fsq", levels: [4, 4], bins: "uniform" },
};
const vq = { latentWidth: 48, pixelShortcut: true, quantizer: { kind: "vq", codebookSize: 16 } };

let runner: Runner;
let parent: string;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "decoder-job-"));
});
afterEach(() => rm(parent, { recursive: true }));

const count = 6;

/** Images of two colours, cut at a column. */
const source = {
  async read(index: number) {
    const cut = integerAt([3, index], 0, 16);
    const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, at) =>
      integerAt([3, index], (Math.floor(at / 3) % 16 < cut ? 1 : 4) + (at % 3), 256),
    );
    return { width: 16, height: 16, pixels, classId: 0 };
  },
};

function setting(network: Readonly<Record<string, unknown>>, more: Readonly<Record<string, unknown>> = {}) {
  const { tokenizer, decoder } = resolveConfig(
    {
      name: "toy",
      data: { resolution: 16 },
      tokenizer: {
        model: { patchSize: 4, channels: 8, multipliers: [1], residualBlocks: 1, groups: 2, ...network },
      },
      decoder: {
        training: {
          ...{ steps: 40, batchSize: 2, learningRate: 0.002, warmupSteps: 3 },
          ...{ checkpointEvery: 100, sampleEvery: 100, logEvery: 10, ...more },
        },
      },
    },
    "toy",
  ).config;
  const config = tokenizer.model;
  const weights = initialise(tokenizerParameters(config), [4, 4]);
  const dims = [count, ...tokenGrid(config)];
  const ids = (seed: number) =>
    tensor(
      "int32",
      dims,
      Int32Array.from({ length: sizeOf(dims) }, (_, i) => integerAt([seed, 1], i, codebookSize(config))),
    );
  const coarse = [count, 3, 8, 8]; // blocks of 2 x 2, half of a token's 4
  const colours = tensor(
    "float32",
    coarse,
    Float32Array.from({ length: sizeOf(coarse) }, (_, i) => integerAt([5, 5], i, 100) / 100),
  );
  const tokens = { real: ids(1), made: ids(2), colours };
  const lossWeights = { l1Weight: 0.2, edgeWeight: 0.1 };
  return { config, weights, tokens, lossWeights, training: decoder.training };
}

const jobOf = ({ weights, ...rest }: ReturnType<typeof setting>) =>
  decoderJob({ ...rest, runner, tokenizer: weights, source, key: [9, 9] });

describe.each([
  ["implied codes", fsq],
  ["learned codes", vq],
])("with %s", (_name, network) => {
  it("learns, and goes on bit for bit after a stop; a sheet shows what was made before and now", async () => {
    const given = setting(network);
    const go = async (name: string, stopAt?: number) =>
      trainUntil(runner, await openRunFolder(join(parent, name), {}, { resume: true }), jobOf(given), stopAt);
    const whole = await go("whole");
    await expect(go("parts", 17)).rejects.toThrow("aborted");
    expect(await go("parts")).toEqual(whole);
    const log = await loggedLines(join(parent, "whole"));
    expect(await loggedLines(join(parent, "parts"))).toEqual(log);
    expect(log.at(-1)!.psnr).toBeGreaterThan(log[0]!.psnr!);
    expect(log.at(-1)!.borderContrast).toBeGreaterThan(0);

    // Rows of eight: as before, as now, and the same again for the other eight of sixteen.
    const png = await readFile(join(parent, "whole", "samples", "step-000040.png"));
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([4 + 8 * 36, 4 + 4 * 36]);
    const pixel = (row: number, column: number) => {
      const at = ((4 + row * 36) * info.width + 4 + column * 36) * info.channels;
      return [...data.subarray(at, at + 3)];
    };
    const tuned = {
      ...given.weights,
      ...averagedWeights(await getState(runner, decoderStepParameters(given.config))),
    };
    for (const [row, weights] of [given.weights, tuned].entries()) {
      const loaded = await loadTokenizer(runner, given.config, weights as Record<string, HostTensor>);
      const { data: made } = await loaded.decode(given.tokens.made);
      await loaded.dispose();
      const byte = (x: number) => Math.round(255 * Math.max(0, Math.min(1, x)));
      expect(pixel(row, 1)).toEqual([0, 1, 2].map((c) => byte(made[(3 + c) * 256]!)));
    }
  });
});

it("steps the decoder and the discriminator by their own losses: central differences agree", async () => {
  const { config, weights, tokens, lossWeights, training } = setting(fsq, {
    ...{ adversarialWeight: 0.5, colourWeight: 0.7, clipNorm: null, betas: [0.5, 0.9], batchSize: 2 },
  });
  const specs = decoderStepParameters(config);
  const graph = decoderStepGraph(config, training, lossWeights, null);
  const program = await runner.load(encode(graph));
  const grid = tokenGrid(config);
  const ids = new Int32Array(4 * sizeOf(grid));
  ids.set(tokens.real.data.subarray(0, 2 * sizeOf(grid)));
  ids.set(tokens.made.data.subarray(0, 2 * sizeOf(grid)), 2 * sizeOf(grid));
  const { feeds: batch } = await jobOf(setting(fsq)).batch(0);
  const fixed = {
    ...batch,
    ids: tensor("int32", [4, ...grid], ids),
    ...optimiserFeeds(0, 0, training),
  };
  const start = { ...weights, ...initialise(discriminatorParameters(config), [7, 7]) } as Record<
    string,
    HostTensor<"float32">
  >;

  /** The losses of both, with one weight moved; and the state after the step. */
  async function step(moved?: { name: string; at: number; by: number }) {
    const values = { ...start };
    if (moved) {
      const { dims, data } = values[moved.name]!;
      const copy = data.slice();
      copy[moved.at]! += moved.by;
      values[moved.name] = tensor("float32", dims, copy);
    }
    await runner.put(initialState(specs, values));
    const found = await runner.run(
      program,
      { ...stateFeeds(specs), ...fixed },
      { ...stateSinks(specs), loss: "host", discriminatorLoss: "host" },
    );
    const told = Number(found.discriminatorLoss!.data[0]);
    return { decoder: Number(found.loss!.data[0]) - told, discriminator: told };
  }

  await step();
  const tensors = await getState(runner, specs);
  for (const name of [...decoderParameters(config), ...discriminatorParameters(config)].map(
    (spec) => spec.name,
  )) {
    const first = tensors[`first/${name}`]!.data as Float32Array;
    const gradient = first.map((value) => value / 0.5); // (1 - beta1) g after one step
    const at = gradient.reduce(
      (best, value, i) => (Math.abs(value) > Math.abs(gradient[best]!) ? i : best),
      0,
    );
    const by = 0.004;
    const own = name.startsWith("discriminator.") ? "discriminator" : "decoder";
    const [up, down] = [await step({ name, at, by }), await step({ name, at, by: -by })];
    const quotient = (up[own] - down[own]) / (2 * by);
    expect(Math.abs(gradient[at]! - quotient), name).toBeLessThan(0.02 * Math.abs(quotient) + 2e-4);
  }
  await runner.unload(program);
  expect(tensors[`first/${codebookName}`]).toBeUndefined();
});
