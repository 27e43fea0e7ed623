/** Decoding on a GPU: the CPU's tokens and log probabilities, for every way of sampling, and nothing left behind. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { decode } from "../../src/decoding/decode.ts";
import { makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import type { Predict, PredictStretch, Stretch } from "../../src/decoding/predict.ts";
import { maskId } from "../../src/models/transformer/config.ts";
import { modelFacts } from "../../src/models/transformer/facts.ts";
import { createPredictor, loadTransformer } from "../../src/models/transformer/predictor.ts";
import { openImagePipeline } from "../../src/pipelines/node/open-pipeline.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { randomWeights } from "../models/transformer/random-weights.ts";
import { toyModel } from "../pipelines/toy-model.ts";
import { describeOnGpu } from "./adapter.ts";

/** Every variant of both passes: growth from 1/2 to the whole, partial steps between. */
const plans: Record<string, PlanInput> = {
  "no guidance": {},
  "no guidance, filtered": { topK: 8, topP: 0.9, minP: 0.1 },
  guided: { guidance: { scale: 1.5 } },
  "guided, filtered": { guidance: { scale: 1.5 }, topK: 8, topP: 0.9 },
  "guided by a smaller model": { guidance: { scale: 1, unconditionalFactor: 2 } },
  "guided by a smaller model, filtered": { guidance: { scale: 1, unconditionalFactor: 2 }, topP: 0.9 },
  "guided at first": { guidance: { scale: 1.5, interval: [0, 0.5] } },
  "no cache": { cache: { enabled: false } },
};

describeOnGpu("decoding on a GPU, with the fallback to the CPU forbidden", () => {
  const { transformer, ...rest } = toyModel();
  const { config } = transformer;
  const tensors = randomWeights(config, [5, 7]);
  let gpu: Runner;
  let cpu: Runner;
  beforeAll(async () => {
    cpu = await createNodeRunner({ threads: 1 });
    gpu = await createNodeRunner({ device: "webgpu", forbidFallback: true });
  });
  afterAll(() => Promise.all([cpu.close(), gpu.close()]));

  /** A decode's tokens, and every id and log probability that its steps drew. */
  async function decoded(runner: Runner, input: PlanInput, isOneRun = false) {
    const loaded = await loadTransformer(runner, config, tensors);
    const before = await runner.stats();
    const predictor = createPredictor(loaded, [0, 1, 2]);
    const ids: number[] = [];
    const logProbs: number[] = [];
    const predict: Predict = async (request) => {
      const result = await predictor.predict(request);
      ids.push(...result.ids);
      logProbs.push(...result.logProbs);
      return result;
    };
    const predictStretch: PredictStretch = async (request) => {
      const result = await predictor.predictStretch(request);
      for (const each of result.results) {
        ids.push(...each.ids);
        logProbs.push(...each.logProbs);
      }
      return result;
    };
    const length = ({ steps }: Stretch) => steps.length;
    const { tokens } = await decode({
      ...(isOneRun && { stretches: { predict: predictStretch, length } }),
      plan: makePlan({ modelSchedule: "2x2,1x3", ...input }),
      model: modelFacts(config),
      maskId: maskId(config),
      seed: 1,
      sampleIndexes: [0, 1, 2],
      gridShape: config.grid,
      predict,
    });
    await predictor.dispose();
    expect((await runner.stats()).storedBytes).toBe(before.storedBytes);
    await loaded.dispose();
    return { tokens: [...tokens], ids, logProbs };
  }

  // A draw turns where a uniform number lies within rounding, some 1e-6, of a boundary between two ids: in the 150
  // draws of a plan, of 8 ids each, that is one chance in a thousand, and the numbers are the same in every run.
  const ways = [
    ...Object.keys(plans).map((name) => [name, "step by step"] as const),
    // Compiled by an adapter in software, one graph of all steps takes seconds.
    ...["guided", "guided by a smaller model, filtered"].map((name) => [name, "in one run"] as const),
  ];
  it.each(ways)("%s, %s: the CPU's tokens and log probabilities", async (name, way) => {
    const expected = await decoded(cpu, plans[name]!);
    const found = await decoded(gpu, plans[name]!, way === "in one run");
    expect(found.tokens).toEqual(expected.tokens);
    expect(found.ids).toEqual(expected.ids);
    expect(new Set(found.ids).size).toBeGreaterThan(4); // not one id for everything
    found.logProbs.forEach((value, i) => {
      expect(Math.abs(value - expected.logProbs[i]!)).toBeLessThan(1e-4);
    });
  });

  it("an image and its way back through the tokenizer are the CPU's", async () => {
    const made = [];
    for (const runner of [cpu, gpu]) {
      const pipeline = await openImagePipeline({ ...rest, transformer: { config, tensors } }, { runner });
      const { images, tokens } = await pipeline.generate({ count: 3, seed: 4 });
      made.push({ images, tokens });
      await pipeline.dispose();
    }
    const [expected, found] = made as [(typeof made)[0], (typeof made)[0]];
    expect(found.tokens).toEqual(expected.tokens);
    found.images.forEach(({ pixels }, i) => {
      const apart = pixels.map((value, at) => Math.abs(value - expected.images[i]!.pixels[at]!));
      expect(Math.max(...apart)).toBeLessThanOrEqual(1); // of 255: where rounding to bytes turns
    });
  });
});
