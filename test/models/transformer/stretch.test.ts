/** A stretch of steps as one graph: whole decodes, token for token those of the same steps one by one. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyFromSeed, permutation } from "../../../src/core/random.ts";
import { type DecodeProgress, decode } from "../../../src/decoding/decode.ts";
import { cacheRuns, type DecodePlan, makePlan, type PlanInput } from "../../../src/decoding/plan.ts";
import type { PredictStretch, Stretch } from "../../../src/decoding/predict.ts";
import { resolvePlan } from "../../../src/decoding/resolve-plan.ts";
import { countMultiplyAdds } from "../../../src/graph/index.ts";
import { maskId, nullClass, transformerConfig } from "../../../src/models/transformer/config.ts";
import { modelFacts, transformerFacts } from "../../../src/models/transformer/facts.ts";
import {
  createPredictor,
  type LoadedTransformer,
  loadTransformer,
} from "../../../src/models/transformer/predictor.ts";
import { stretchGraph } from "../../../src/models/transformer/stretch.ts";
import { planCost } from "../../../src/planning/cost.ts";
import { createNodeRunner } from "../../../src/runtime/node/runner.ts";
import type { Runner } from "../../../src/runtime/runner.ts";
import { randomWeights } from "./random-weights.ts";

const tiny = { grid: [3, 4], codebookSize: 9, classes: 3, width: 16, depth: 2, heads: 8, hidden: 16 };
const size = 12;

let runner: Runner;
let loads = 0;
const models: Record<string, LoadedTransformer> = {};
beforeAll(async () => {
  const inner = await createNodeRunner({ inProcess: true, threads: 1 });
  const load: Runner["load"] = (model) => {
    loads++;
    return inner.load(model);
  };
  runner = { ...inner, load };
  const other = { norm: "post", headHidden: true, tieEmbeddings: false } as const;
  // Wide enough for its larger sub-models to gain from integers.
  const wide = { ...tiny, width: 256, hidden: 512, depth: 1 };
  for (const [name, input, precision] of [
    ["pre", tiny, "fp32"],
    ["post", { ...tiny, ...other }, "fp32"],
    ["int8", wide, "int8"],
  ] as const) {
    const config = transformerConfig(input);
    const weights = randomWeights(config, keyFromSeed(3));
    models[name] = await loadTransformer(runner, config, weights, { precision });
  }
});
afterAll(async () => {
  for (const model of Object.values(models)) await model.dispose();
  expect(await runner.stats()).toEqual({ programs: 0, stored: 0, storedBytes: 0 });
  await runner.close();
});

interface Asked {
  readonly plan: DecodePlan;
  readonly classes: readonly number[];
  readonly seed?: number;
  readonly start?: Int32Array;
  readonly condition?: Int32Array;
}

/** Every step of a decode, and what it made. */
async function decoded(
  model: LoadedTransformer,
  { plan, classes, seed = 5, ...rest }: Asked,
  length: ((left: Stretch) => number) | null,
  wrap = (predictStretch: PredictStretch) => predictStretch,
) {
  const predictor = createPredictor(model, classes);
  const progress: DecodeProgress[] = [];
  try {
    const result = await decode({
      plan,
      model: modelFacts(model.config),
      maskId: maskId(model.config),
      seed,
      sampleIndexes: classes.map((_, i) => 3 * i),
      gridShape: model.config.grid,
      predict: predictor.predict,
      ...(length && { stretches: { predict: wrap(predictor.predictStretch), length } }),
      onStep: (step) => void progress.push(step),
      ...rest,
    });
    return { ...result, progress };
  } finally {
    await predictor.dispose();
  }
}

const whole = ({ steps }: Stretch): number => steps.length;
/** As far as the next refresh. */
const untilRefresh = ({ steps }: Stretch): number => {
  const end = steps.findIndex((step, i) => i > 0 && step.isFull);
  return end < 0 ? steps.length : end;
};

const plans = fc.record({
  modelSchedule: fc.constantFrom("8x2,4x2,2x2,1x2", "1x5", "8x1,1x3", "1x2,8x2,1x2", "2x2"),
  maskSchedule: fc.constantFrom(
    { kind: "cosine" as const },
    { kind: "halton" as const },
    { kind: "pow" as const, exponent: 0.3 },
  ),
  choiceTemperature: fc.constantFrom(0, 4.5),
  tokenTemperature: fc.constantFrom(
    { kind: "constant" as const, value: 1 },
    { kind: "annealed" as const, bias: 0.5, scale: 0.8 },
  ),
  topK: fc.constantFrom(null, 1, 4),
  topP: fc.constantFrom(null, 0.8),
  minP: fc.constantFrom(null, 0.1),
  guidance: fc.record({
    scale: fc.constantFrom(0, 2),
    schedule: fc.constantFrom("constant" as const, "linear" as const),
    interval: fc.constantFrom<[number, number]>([0, 1], [0, 0.5], [0.5, 1]),
    unconditionalFactor: fc.constantFrom<number | "same" | "smaller">("same", "smaller", 4),
  }),
  cache: fc.record({
    enabled: fc.boolean(),
    refresh: fc.constantFrom<"on-switch" | { every: number }>("on-switch", { every: 2 }),
  }),
});
/** The same, running only what is needed. */
const neededPlans = plans.map((plan) => ({
  ...plan,
  maskSchedule: { kind: "halton" as const },
  cache: { refresh: plan.cache.refresh, runs: "needed" as const },
}));

const asked = fc.record({
  plan: fc.oneof(plans, neededPlans),
  seed: fc.nat(),
  batch: fc.integer({ min: 1, max: 3 }),
  masked: fc.oneof(fc.constant(size), fc.integer({ min: 1, max: size })),
  isRefined: fc.boolean(),
  leavesOut: fc.boolean(),
});

describe("a stretch", () => {
  it.each(["pre", "post", "int8"])(
    "of any plan decodes the same tokens in the same steps as its steps one by one: %s",
    async (name) => {
      const model = models[name]!;
      const { codebookSize } = model.config;
      await fc.assert(
        fc.asyncProperty(asked, async ({ plan, seed, batch, masked, isRefined, leavesOut }) => {
          const input: PlanInput = {
            ...plan,
            ...(leavesOut && plan.modelSchedule !== "2x2" && { leaveOut: [1] }),
          };
          const start = new Int32Array(batch * size).fill(codebookSize);
          for (let b = 0; b < batch; b++) {
            for (const position of permutation([seed >>> 0, b], size).subarray(masked)) {
              start[b * size + position] = (position + b) % codebookSize;
            }
          }
          const request = {
            plan: makePlan(input),
            classes: Array.from({ length: batch }, (_, i) => (seed + i) % (nullClass(model.config) + 1)),
            seed,
            start,
            ...(isRefined && { condition: start.map((token, i) => (i % 3 ? token : i % codebookSize)) }),
          };
          const expected = await decoded(model, request, null);
          expect(await decoded(model, request, whole)).toEqual(expected);
          expect(await decoded(model, request, untilRefresh)).toEqual(expected);
        }),
        { numRuns: name === "pre" ? 16 : 6 },
      );
    },
  );

  it("costs what the closed form of its steps says, all masked positions run or only those needed", () => {
    const { config } = models.pre!;
    const [quantised, levels] = [() => [], {}];
    for (const runs of cacheRuns) {
      for (const guidance of [
        { scale: 0 },
        { scale: 1 },
        { scale: 1, unconditionalFactor: "smaller" as const },
      ]) {
        const plan = makePlan({
          modelSchedule: "4x3,1x3",
          maskSchedule: { kind: "halton" },
          guidance,
          cache: { runs },
        });
        const { steps } = resolvePlan(plan, modelFacts(config));
        const form = { steps, isFiltered: false, hasMinP: false, isOrderFixed: true };
        const graph = stretchGraph(config, form, { quantised, levels, isFused: false });
        const { multiplyAdds } = planCost(transformerFacts(config), plan);
        expect(countMultiplyAdds(graph, { B: 3 })).toBe(3 * multiplyAdds);
      }
    }
  });

  const plan = makePlan({ modelSchedule: "8x2,4x2,2x2,1x2", guidance: { scale: 2 } });

  it("is one graph for any number of samples, seed, strength of guidance and temperature", async () => {
    const model = models.pre!;
    await decoded(model, { plan, classes: [0, 1] }, whole);
    loads = 0;
    const changed = makePlan(
      { choiceTemperature: 1, tokenTemperature: { kind: "constant", value: 0.7 } },
      plan,
    );
    for (const classes of [[2], [0, 1, 2, 3]]) {
      await decoded(model, { plan: changed, classes, seed: 9 }, whole);
    }
    expect(loads).toBe(0);
    await decoded(model, { plan: makePlan({ minP: 0.1 }, plan), classes: [2] }, whole);
    expect(loads).toBe(1);
  });

  it("keeps nothing of a decode in the runner", async () => {
    await decoded(models.pre!, { plan, classes: [0, 1] }, whole);
    const before = await runner.stats();
    await decoded(models.pre!, { plan, classes: [2, 0, 1], seed: 8 }, whole);
    expect(await runner.stats()).toEqual(before);
  });

  it("takes one run, after which every step is told", async () => {
    let runs = 0;
    const counting =
      (predictStretch: PredictStretch): PredictStretch =>
      (request) => {
        runs++;
        return predictStretch(request);
      };
    const { progress } = await decoded(models.pre!, { plan, classes: [1] }, whole, counting);
    expect([runs, progress.length]).toEqual([1, 8]);
    runs = 0;
    await decoded(models.pre!, { plan, classes: [1] }, untilRefresh, counting);
    expect(runs).toBe(4);
  });

  it("that left other positions masked than the loop is refused", async () => {
    const wrong =
      (predictStretch: PredictStretch): PredictStretch =>
      async (request) => {
        const result = await predictStretch(request);
        return { ...result, maskedLast: result.maskedLast.map((position) => (position + 1) % size) };
      };
    await expect(decoded(models.pre!, { plan, classes: [1] }, whole, wrong)).rejects.toThrow(
      /predicted together left other positions masked before step 7/,
    );
  });

  it("must end where the cache is not read any more", async () => {
    await expect(decoded(models.pre!, { plan, classes: [1] }, () => 3)).rejects.toThrow(
      /a stretch of 3 steps from step 0 leaves a cache to be read/,
    );
  });

  it("refuses a batch of another size than that of the classes", async () => {
    const smaller =
      (predictStretch: PredictStretch): PredictStretch =>
      (request) =>
        predictStretch({ ...request, batch: 2 });
    await expect(decoded(models.pre!, { plan, classes: [1] }, whole, smaller)).rejects.toThrow(
      /1 classes were given for a batch of 2 samples/,
    );
  });
});
