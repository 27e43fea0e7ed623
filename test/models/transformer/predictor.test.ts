/** The transformer behind the decode loop: whole decodes with random weights, N 12 tokens, V 9 codes, 8 heads. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { keyFromSeed } from "../../../src/core/random.ts";
import { decode } from "../../../src/decoding/decode.ts";
import { makePlan, type PlanInput } from "../../../src/decoding/plan.ts";
import type { Predict, PredictRequest } from "../../../src/decoding/predict.ts";
import { maskId, nullClass, transformerConfig } from "../../../src/models/transformer/config.ts";
import {
  createPredictor,
  type LoadedTransformer,
  loadTransformer,
} from "../../../src/models/transformer/predictor.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import {
  cutWeights,
  emptyCache,
  type PlainCache,
  plainForward,
  plainPartial,
  softmaxOf,
} from "./plain-forward.ts";
import { randomWeights } from "./random-weights.ts";

const config = transformerConfig({
  grid: [3, 4],
  codebookSize: 9,
  classes: 3,
  width: 16,
  depth: 2,
  heads: 8,
  hidden: 16,
});
const model = { gridTokens: 12, factors: config.factors, heads: config.heads };
const weights = randomWeights(config, keyFromSeed(3));
const classes = [2, 0, 1];

let runner: Runner;
let transformer: LoadedTransformer;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
  transformer = await loadTransformer(runner, config, weights);
});
afterAll(async () => {
  await transformer.dispose();
  expect(await runner.stats()).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
  await runner.close();
});

const plans: Record<string, PlanInput> = {
  "small to large": { modelSchedule: "8x2,4x2,2x2,1x2" },
  guided: { modelSchedule: "4x3,1x3", guidance: { scale: 2 } },
  "guided by a smaller sub-model": {
    modelSchedule: "2x3,1x3",
    guidance: { scale: 2, unconditionalFactor: "smaller" },
  },
  "guided in the first steps": { modelSchedule: "2x6", guidance: { scale: 2, interval: [0, 0.5] } },
  "guided in the last steps, filtered": {
    modelSchedule: "2x6",
    guidance: { scale: 2, interval: [0.5, 1] },
    topK: 6,
    topP: 0.9,
    minP: 0.05,
  },
};

/** Plans that run only what is needed. */
const neededPlans: Record<string, PlanInput> = Object.fromEntries(
  Object.entries(plans)
    .filter(([, plan]) => !plan.topK)
    .map(([name, plan]) => [
      name,
      { ...plan, maskSchedule: { kind: "halton" }, cache: { runs: "needed" } } as const,
    ]),
);

interface Made {
  readonly plan: PlanInput;
  readonly samples?: readonly number[];
  readonly seed?: number;
  readonly wrap?: (predict: Predict) => Predict;
}

async function generate({ plan, samples = [0, 1, 2], seed = 5, wrap = (predict) => predict }: Made) {
  const predictor = createPredictor(
    transformer,
    samples.map((i) => classes[i]!),
  );
  try {
    const result = await decode({
      plan: makePlan(plan),
      model,
      maskId: maskId(config),
      seed,
      sampleIndexes: samples,
      gridShape: config.grid,
      predict: wrap(predictor.predict),
    });
    return Array.from(result.tokens);
  } finally {
    await predictor.dispose();
  }
}

/** The same seam in plain float64 loops, caches and all. */
function plainPredict(labels: readonly number[]): Predict {
  const caches = new Map<string, PlainCache>();
  const logitsOf = (request: PredictRequest, branch: string, factor: number, classId: number, b: number) => {
    const cut = cutWeights(weights, factor);
    const active = request.positions.length / request.batch;
    const part = (all: Int32Array) => Array.from(all.subarray(b * active, (b + 1) * active));
    const key = `${branch} ${b}`;
    if (request.isFull) {
      caches.set(key, emptyCache(config));
      return plainForward(config, cut, part(request.tokens), classId, caches.get(key));
    }
    return plainPartial(config, cut, part(request.positions), part(request.tokens), caches.get(key)!);
  };
  return async (request) => {
    const { batch, factor, unconditionalFactor, guidanceScale, uniforms, predicted } = request;
    const perSample = predicted.length / batch;
    const ids = new Int32Array(predicted.length);
    const logProbs = new Float32Array(predicted.length);
    const entropies = new Float32Array(predicted.length);
    for (let b = 0; b < batch; b++) {
      const conditional = logitsOf(request, "conditional", factor, labels[b]!, b);
      const unconditional =
        unconditionalFactor === null
          ? conditional
          : logitsOf(request, "unconditional", unconditionalFactor, nullClass(config), b);
      for (let m = b * perSample; m < (b + 1) * perSample; m++) {
        const [yes, no] = [conditional[predicted[m]!]!, unconditional[predicted[m]!]!];
        const p = softmaxOf(
          yes.map((v, id) => (v + guidanceScale * (v - no[id]!)) / request.tokenTemperature),
        );
        let reached = 0;
        ids[m] = p.findIndex((share) => {
          reached += share;
          return reached > uniforms[m]!;
        });
        logProbs[m] = Math.log(p[ids[m]!]!);
        entropies[m] = p.reduce((sum, share) => sum - share * Math.log(share), 0);
      }
    }
    return { ids, logProbs, entropies };
  };
}

describe("createPredictor", () => {
  it.each(Object.entries(plans).filter(([, plan]) => !plan.topK))(
    "decodes the tokens that plain float64 loops decode: %s",
    async (_name, plan) => {
      expect(await generate({ plan, wrap: () => plainPredict(classes) })).toEqual(await generate({ plan }));
    },
  );

  it.each(Object.entries(neededPlans))(
    "decodes the tokens that plain float64 loops decode where only what is needed runs: %s",
    async (_name, plan) => {
      const tokens = await generate({ plan });
      expect(await generate({ plan, wrap: () => plainPredict(classes) })).toEqual(tokens);
      expect(await generate({ plan, samples: [2] })).toEqual(tokens.slice(24));
      const refreshed = await generate({
        plan: { ...plan, cache: { runs: "needed", refresh: { every: 1 } } },
      });
      expect(refreshed).toEqual(await generate({ plan: { ...plan, cache: { enabled: false } } }));
      // Not for want of an effect: entries that stay do change what these random weights decode.
      if (plan === neededPlans["guided in the first steps"]) expect(tokens).not.toEqual(refreshed);
    },
  );

  it.each(Object.entries(plans).filter(([, plan]) => !plan.topK))(
    "tells the entropies that plain float64 loops tell, and decodes as many tokens by them: %s",
    async (_name, plan) => {
      const told: number[][] = [];
      const telling =
        (predict: Predict): Predict =>
        async (request) => {
          const result = await predict(request);
          told.push(Array.from(result.entropies!));
          return result;
        };
      const bounded = { plan: { ...plan, unmask: { kind: "entropy", bound: 4 } as const }, samples: [1] };
      const tokens = await generate({ ...bounded, wrap: telling });
      const found = told.splice(0);
      expect(await generate({ ...bounded, wrap: () => telling(plainPredict([classes[1]!])) })).toEqual(
        tokens,
      );
      // 12 tokens by up to 2.2 nats: some steps decode more than scheduled, and not all tokens are in one.
      expect(told.length).toBeGreaterThan(1);
      expect(told.length).toBeLessThan(8);
      expect(found.map((row) => row.length)).toEqual(told.map((row) => row.length));
      for (const [i, entropy] of found.flat().entries()) expect(entropy).toBeCloseTo(told.flat()[i]!, 4);
    },
  );

  it.each(Object.entries(plans))("decodes a sample alone as in a batch: %s", async (_name, plan) => {
    const together = await generate({ plan });
    for (const i of [0, 2]) {
      expect(await generate({ plan, samples: [i] })).toEqual(together.slice(12 * i, 12 * i + 12));
    }
  });

  it.each(Object.entries(plans))(
    "decodes the same with a refresh at every step as without a cache: %s",
    async (_name, plan) => {
      const kept =
        (predict: Predict): Predict =>
        (request) =>
          predict({ ...request, isCacheRead: true });
      const refreshed = await generate({ plan: { ...plan, cache: { refresh: { every: 1 } } }, wrap: kept });
      expect(refreshed).toEqual(await generate({ plan: { ...plan, cache: { enabled: false } } }));
      // Not for want of an effect: reusing keys and values does change what these random weights decode.
      if (plan === plans["small to large"]) expect(await generate({ plan })).not.toEqual(refreshed);
    },
  );

  it("draws the same at guidance scale 0, with and without the unconditional pass", async () => {
    const plan = { modelSchedule: "4x3,1x3", guidance: { scale: 2 } };
    const scale0 =
      (predict: Predict): Predict =>
      (request) =>
        predict({ ...request, guidanceScale: 0 });
    expect(await generate({ plan, wrap: scale0 })).toEqual(
      await generate({ plan: { modelSchedule: "4x3,1x3" } }),
    );
  });

  it("keeps nothing in the runner but the weights, over many generations and after an error", async () => {
    for (const plan of Object.values(plans)) await generate({ plan });
    const before = await runner.stats();
    for (let seed = 0; seed < 10; seed++) {
      for (const plan of Object.values(plans)) await generate({ plan, seed, samples: [seed % 3] });
    }
    const failing =
      (predict: Predict): Predict =>
      async (request) => {
        await predict(request);
        if (request.step === 3) throw new Error("on purpose");
        return predict(request);
      };
    await expect(generate({ plan: plans.guided!, wrap: failing })).rejects.toThrow("on purpose");
    expect(await runner.stats()).toEqual(before);
  });

  it("lets two decodes share one transformer at the same time", async () => {
    const plan = plans.guided!;
    const [one, two] = [await generate({ plan, seed: 1 }), await generate({ plan, seed: 2 })];
    const together = await Promise.all([generate({ plan, seed: 1 }), generate({ plan, seed: 2 })]);
    expect(together).toEqual([one, two]);
  });

  it("refuses classes that the model does not have", () => {
    expect(() => createPredictor(transformer, [4])).toThrow(/class must be in 0\.\.3.*got 4/);
    expect(() => createPredictor(transformer, [-1])).toThrow(InputError);
  });
});
