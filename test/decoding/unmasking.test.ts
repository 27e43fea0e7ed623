/** The entropy rule by brute force, and whole decodes by it beside the same written as plain loops. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { foldIn, gumbelAt, keyFromSeed, uniformAt } from "../../src/core/random.ts";
import { type DecodeProgress, decode } from "../../src/decoding/decode.ts";
import { maskedAfterSteps } from "../../src/decoding/mask-schedule.ts";
import { type DecodePlan, makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import type { Predict } from "../../src/decoding/predict.ts";
import { resolvePlan } from "../../src/decoding/resolve-plan.ts";
import { countWithinBound, goneOnFrom } from "../../src/decoding/unmasking.ts";
import { planCost, stepCost } from "../../src/planning/cost.ts";
import { decodeMemory, steppedMemory } from "../../src/planning/memory.ts";
import { plantedLogits, plantedPredict, sampleId } from "./planted-model.ts";

const gridTokens = 25;
const codes = 11;
const maskId = codes;
const sizes = { width: 16, depth: 2, hidden: 64, codebookSize: codes, heads: 8 };
const model = { ...sizes, gridTokens, factors: [1, 2, 4, 8] };

const lost = (entropies: readonly number[]) =>
  entropies.reduce((a, b) => a + b, 0) - Math.max(0, ...entropies);

/** The most leading tokens that lose no more than the bound, all numbers of them tried. */
function bruteForce(entropies: readonly number[], bound: number): number {
  let most = 0;
  for (let n = 1; n <= entropies.length; n++) if (lost(entropies.slice(0, n)) <= bound) most = n;
  return most;
}

describe("countWithinBound", () => {
  it("is the longest list that the bound allows", () => {
    // Eighths, so that sums are exact.
    const eighths = (max: number) => fc.integer({ min: 0, max: 8 * max }).map((n) => n / 8);
    fc.assert(
      fc.property(fc.array(eighths(7), { maxLength: 12 }), eighths(20), (entropies, bound) => {
        expect(countWithinBound(entropies, bound)).toBe(bruteForce(entropies, bound));
      }),
    );
  });

  it("keeps one token under a bound of 0, or those without doubt; all of them under a large one", () => {
    expect(countWithinBound([3, 1, 2], 0)).toBe(1);
    expect(countWithinBound([0, 0, 2, 0, 1], 0)).toBe(4);
    // The largest, 3, does not count: 1 + 2.
    expect(countWithinBound([1, 3, 2, 1], 3)).toBe(3);
    expect(countWithinBound([3, 1, 2], 1e9)).toBe(3);
    expect(countWithinBound([], 1)).toBe(0);
  });
});

describe("goneOnFrom", () => {
  it("keeps what ran, and goes on to what the schedule says where that is fewer", () => {
    expect(goneOnFrom([23, 20, 15, 8, 0], 1, 12)).toEqual([23, 12, 12, 8, 0]);
  });
});

interface Run {
  readonly plan: PlanInput;
  readonly seed?: number;
  readonly start?: Int32Array;
  readonly predict?: Predict;
}

async function run({ plan, seed = 7, start, predict = plantedPredict(gridTokens, codes) }: Run) {
  const steps: DecodeProgress[] = [];
  const given = { plan: makePlan(plan), model, maskId, seed, sampleIndexes: [4], start, predict };
  const result = await decode({ ...given, onStep: (progress) => void steps.push(progress) });
  return { ...result, steps };
}

/** Scattered known tokens, the others masked. */
const partlyKnown = (masked: number): Int32Array =>
  Int32Array.from({ length: gridTokens }, (_, i) => ((i * 7) % gridTokens < masked ? maskId : i % codes));

/** The decode of sample 4 without a cache, in float64, by one sub-model, its steps found by walking the schedule. */
function plainDecode(start: Int32Array, plan: DecodePlan, seed: number) {
  const ids = [...start];
  const decodedAt = ids.map(() => -1);
  const isMasked = (i: number) => ids[i] === maskId;
  const scheduled = resolvePlan(
    { ...plan, unmask: undefined },
    model,
    ids.filter((id) => id === maskId).length,
  );
  for (const { step, maskedBefore, unmaskCount, choiceTemperature } of scheduled.steps) {
    const masked = ids.flatMap((_, i) => (isMasked(i) ? [i] : []));
    const count = masked.length - (maskedBefore - unmaskCount); // what is left to do for this step
    if (count <= 0) continue;
    const key = (purpose: number) => foldIn(foldIn(foldIn(keyFromSeed(seed), 4), purpose), step);
    const ranked = masked
      .map((i) => {
        const sampled = sampleId(plantedLogits(ids, i, codes, 1, 0), 1, uniformAt(key(0), i));
        return { i, ...sampled, score: sampled.logProb + choiceTemperature * gumbelAt(key(1), i) };
      })
      .sort((a, b) => b.score - a.score);
    const sure = bruteForce(
      ranked.map(({ entropy }) => entropy),
      plan.unmask!.bound,
    );
    for (const { i, id } of ranked.slice(0, Math.max(count, sure))) [ids[i], decodedAt[i]] = [id, step];
  }
  return { tokens: Int32Array.from(ids), decodedAtStep: Int32Array.from(decodedAt) };
}

/** What plans may vary. The planted entropies are 0 to 2.4 nats, so these bounds matter. */
const bounds = fc.constantFrom(0, 0.5, 2, 5, 12, 100);
const plans = fc.record({
  modelSchedule: fc.constantFrom(
    "8x3,4x3,2x3,1x3",
    "1x12",
    "8x1,1x7",
    "1x2,8x2,1x2",
    "8x1,4x1,8x1,1x1",
    "2x2",
    "4x12,1x13",
  ),
  unmask: bounds.map((bound) => ({ kind: "entropy" as const, bound })),
  maskSchedule: fc.constantFrom(
    { kind: "cosine" as const },
    { kind: "log" as const },
    { kind: "halton" as const },
  ),
  choiceTemperature: fc.constantFrom(0, 4.5),
  guidance: fc.record({
    scale: fc.constantFrom(0, 1.5),
    interval: fc.constantFrom<[number, number]>([0, 1], [0, 0.5], [0.25, 0.75]),
    unconditionalFactor: fc.constantFrom<number | "same" | "smaller">("same", "smaller", 4),
  }),
  cache: fc.record({
    enabled: fc.boolean(),
    refresh: fc.constantFrom<"on-switch" | { every: number }>("on-switch", { every: 1 }, { every: 3 }),
  }),
});
const masks = fc.integer({ min: 1, max: gridTokens });

const computed = (steps: readonly Parameters<typeof stepCost>[1][]) =>
  steps
    .map((step) => stepCost(model, step))
    .reduce((sum, step) => sum + step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds, 0);

describe("a decode with an entropy bound", () => {
  it("is that of plain loops, token for token and step for step", async () => {
    await fc.assert(
      fc.asyncProperty(
        bounds,
        fc.constantFrom(1, 6, 12, 25),
        masks,
        fc.nat(),
        async (bound, count, masked, seed) => {
          const plan = {
            modelSchedule: `1x${count}`,
            unmask: { kind: "entropy", bound },
            cache: { enabled: false },
          } as const;
          const start = partlyKnown(masked);
          const { tokens, decodedAtStep } = await run({ plan, seed, start });
          expect({ tokens, decodedAtStep }).toEqual(plainDecode(start, makePlan(plan), seed));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("decodes every token once, leaves known ones alone, and costs what its bounds say", async () => {
    await fc.assert(
      fc.asyncProperty(plans, masks, fc.nat(), async (plan, masked, seed) => {
        const start = partlyKnown(masked);
        const { tokens, decodedAtStep, steps } = await run({ plan, seed, start });
        for (const [at, token] of start.entries()) {
          if (token !== maskId) expect([tokens[at], decodedAtStep[at]]).toEqual([token, -1]);
          else expect(tokens[at]).toBeLessThan(codes);
        }
        let before = masked;
        for (const [
          i,
          { step, done, total, maskedBefore, unmaskCount, maskedRemaining },
        ] of steps.entries()) {
          expect([maskedBefore, done]).toEqual([before, i + 1]);
          expect(unmaskCount).toBeGreaterThanOrEqual(1);
          expect(decodedAtStep.filter((decoded) => decoded === step).length).toBe(unmaskCount);
          expect(maskedRemaining).toBe(maskedBefore - unmaskCount);
          expect(total).toBeGreaterThanOrEqual(steps.length);
          before = maskedRemaining;
        }
        expect([before, steps.at(-1)!.total]).toEqual([0, steps.length]);
        const { leastMultiplyAdds, multiplyAdds } = planCost(model, makePlan(plan), masked);
        expect(computed(steps)).toBeGreaterThanOrEqual(leastMultiplyAdds);
        expect(computed(steps)).toBeLessThanOrEqual(multiplyAdds);
      }),
      { numRuns: 80 },
    );
  });

  it("with a refresh at every step decodes what it decodes without cache", async () => {
    await fc.assert(
      fc.asyncProperty(plans, masks, async (plan, masked) => {
        const start = partlyKnown(masked);
        const refreshed = await run({ plan: { ...plan, cache: { refresh: { every: 1 } } }, start });
        const uncached = await run({ plan: { ...plan, cache: { enabled: false } }, start });
        expect(refreshed.decodedAtStep).toEqual(uncached.decodedAtStep);
        expect(refreshed.tokens).toEqual(uncached.tokens);
      }),
      { numRuns: 25 },
    );
  });

  const bounded = (bound: number): PlanInput => ({ unmask: { kind: "entropy", bound } });

  it("of 0 decodes by the schedule, token for token: with as many steps as tokens, one at a time", async () => {
    for (const plan of [{}, { modelSchedule: "8x7,4x6,2x6,1x6" }]) {
      const { tokens, decodedAtStep } = await run({ plan: { ...plan, ...bounded(0) } });
      const scheduled = await run({ plan });
      expect([tokens, decodedAtStep]).toEqual([scheduled.tokens, scheduled.decodedAtStep]);
      if (plan.modelSchedule) expect([...decodedAtStep].sort((a, b) => a - b)).toEqual([...Array(25).keys()]);
    }
  });

  it("without end decodes all tokens in the first step; between the two, fewer steps than scheduled", async () => {
    const first = await run({ plan: bounded(1e9) });
    expect(first.decodedAtStep).toEqual(new Int32Array(gridTokens));
    expect(computed(first.steps)).toBe(planCost(model, makePlan(bounded(1e9))).leastMultiplyAdds);
    const some = (await run({ plan: bounded(5) })).steps;
    expect(some.length).toBeGreaterThan(1);
    expect(some.length).toBeLessThan(12);
    // Those that run are steps of the plan, so that the last tokens still get the larger sub-models.
    expect(some.at(-1)!.factor).toBe(1);
  });

  it("asks for entropies, and does not accept a lack of them", async () => {
    const predict: Predict = async ({ predicted, wantsEntropies }) => {
      expect(wantsEntropies).toBe(true);
      return { ids: new Int32Array(predicted.length), logProbs: new Float32Array(predicted.length) };
    };
    await expect(run({ plan: bounded(1), predict })).rejects.toThrow(/25 entropies of at least 0 in step 0/);
  });

  it("refuses several samples at a time", async () => {
    const given = { plan: makePlan(bounded(1)), model, maskId, seed: 0, sampleIndexes: [0, 1] };
    const together = decode({ ...given, predict: plantedPredict(gridTokens, codes) });
    await expect(together).rejects.toThrow(InputError);
    await expect(together).rejects.toThrow(/one at a time, got 2 together; decode them apart/);
  });
});

describe("what may come of an entropy bound", () => {
  it("costs no more than the plan's steps as scheduled, however many tokens each step finds", () => {
    const draws = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 30, maxLength: 30 });
    fc.assert(
      fc.property(plans, masks, draws, (input, masked, found) => {
        const plan = makePlan(input);
        let maskedAfter = maskedAfterSteps(plan.maskSchedule, plan.steps, masked);
        let { steps } = resolvePlan(plan, model, masked);
        for (let i = 0; i < steps.length; i++) {
          const left = Math.floor((steps[i]!.maskedBefore - steps[i]!.unmaskCount) * found[i]! ** 0.2);
          maskedAfter = goneOnFrom(maskedAfter, steps[i]!.step, left);
          ({ steps } = resolvePlan(plan, model, masked, maskedAfter));
        }
        expect(steps.at(-1)!.maskedBefore).toBe(steps.at(-1)!.unmaskCount);
        expect(computed(steps)).toBeLessThanOrEqual(planCost(model, plan, masked).multiplyAdds);
      }),
    );
  });

  it("needs no more memory than foreseen, whichever steps find nothing to decode", () => {
    const leftOut = fc.array(fc.nat({ max: 23 }), { maxLength: 12 });
    fc.assert(
      fc.property(plans, masks, leftOut, ({ unmask, ...input }, masked, chosen) => {
        const plan = makePlan(input);
        const steps = [...new Set(chosen)].filter((k) => k < plan.steps - 1).sort((a, b) => a - b);
        const foreseen = decodeMemory(model, makePlan({ unmask }, plan), masked);
        const needed = steppedMemory(model, makePlan({ leaveOut: steps }, plan), masked);
        expect(needed.bytesPerImage).toBeLessThanOrEqual(foreseen.bytesPerImage);
        expect(needed.bytesFixed).toBeLessThanOrEqual(foreseen.bytesFixed);
      }),
    );
  });
});
