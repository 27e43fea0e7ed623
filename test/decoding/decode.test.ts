import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { foldIn, gumbelAt, keyFromSeed, uniformAt } from "../../src/core/random.ts";
import { type DecodeProgress, decode } from "../../src/decoding/decode.ts";
import { haltonOrder } from "../../src/decoding/halton-order.ts";
import { type DecodePlan, makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import type { PredictRequest } from "../../src/decoding/predict.ts";
import { plantedLogits, plantedPredict, sampleId } from "./planted-model.ts";

const gridTokens = 25;
const codes = 11;
const maskId = codes;
const model = { gridTokens, factors: [1, 2, 4, 8] };

interface Run {
  plan?: PlanInput;
  seed?: number;
  sampleIndexes?: number[];
  start?: Int32Array;
  condition?: Int32Array;
  onStep?: (progress: DecodeProgress) => void | Promise<void>;
  replan?: (plan: DecodePlan, step: number) => DecodePlan;
  signal?: AbortSignal;
  seen?: PredictRequest[];
}
const run = ({ plan, seed = 7, sampleIndexes = [0, 1, 2], seen, ...rest }: Run = {}) =>
  decode({
    plan: makePlan(plan),
    model,
    maskId,
    seed,
    sampleIndexes,
    predict: plantedPredict(gridTokens, codes, seen),
    ...rest,
  });

/** `samples` grids with `masked` masked tokens each, at scattered places that differ between samples. */
function partlyKnown(samples: number, masked: number): Int32Array {
  const start = new Int32Array(samples * gridTokens);
  for (let b = 0; b < samples; b++) {
    const order = Array.from({ length: gridTokens }, (_, i) => (i * 7 + b * 3) % gridTokens);
    for (const [i, position] of order.entries()) {
      start[b * gridTokens + position] = i < masked ? maskId : (i + b) % codes;
    }
  }
  return start;
}

/** MaskGIT's decode of one sample as its code has it: full model, whole grid, float64, re-masking by a threshold. */
function maskgit(
  start: number[],
  steps: number,
  temperature: number,
  seed: number,
  sample: number,
  factor = 1,
  condition = start.map(() => maskId),
) {
  let ids = [...start];
  const initially = ids.filter((id) => id === maskId).length;
  let filled = ids;
  for (let k = 0; k < steps; k++) {
    const ratio = (k + 1) / steps;
    const key = (purpose: number) => foldIn(foldIn(foldIn(keyFromSeed(seed), sample), purpose), k);
    const scores = ids.map(() => Number.POSITIVE_INFINITY);
    filled = ids.map((id, i) => {
      if (id !== maskId) return id;
      const seen = ids.map((other, j) => (other === maskId ? condition[j]! : other));
      const sampled = sampleId(plantedLogits(seen, i, codes, factor, 0), 1, uniformAt(key(0), i));
      scores[i] = sampled.logProb + temperature * (1 - ratio) * gumbelAt(key(1), i);
      return sampled.id;
    });
    const unknown = ids.filter((id) => id === maskId).length;
    const scheduled = Math.floor(initially * Math.cos((Math.PI / 2) * ratio));
    const threshold = [...scores].sort((a, b) => a - b)[Math.max(1, Math.min(unknown - 1, scheduled))];
    ids = filled.map((id, i) => (scores[i] < threshold ? maskId : id));
  }
  return filled;
}

describe("the baseline decode without cache", () => {
  it("is MaskGIT's, token for token", async () => {
    for (const [seed, steps, temperature] of [
      [1, 12, 4.5],
      [2, 8, 0],
      [3, 5, 20],
    ]) {
      const plan = { modelSchedule: `1x${steps}`, choiceTemperature: temperature, cache: { enabled: false } };
      const { tokens } = await run({ plan, seed, sampleIndexes: [4, 0] });
      const start = Array<number>(gridTokens).fill(maskId);
      expect([...tokens]).toEqual(
        [4, 0].flatMap((sample) => maskgit(start, steps, temperature, seed, sample)),
      );
    }
  });

  it("is MAGVIT's where condition tokens stand in for the mask: all are decoded, none is kept as it is", async () => {
    const condition = partlyKnown(2, 9);
    const plan = {
      modelSchedule: "1x6",
      maskSchedule: { kind: "cosine" },
      cache: { enabled: false },
    } as const;
    const { tokens, decodedAtStep } = await run({ plan, condition, seed: 11, sampleIndexes: [0, 1] });
    const grids = [0, 1].map((b) => [...condition.subarray(b * gridTokens, (b + 1) * gridTokens)]);
    const start = Array<number>(gridTokens).fill(maskId);
    expect([...tokens]).toEqual(grids.flatMap((grid, b) => maskgit(start, 6, 4.5, 11, b, 1, grid)));
    expect(decodedAtStep.includes(-1)).toBe(false);
    const without = await run({ plan, seed: 11, sampleIndexes: [0, 1] });
    expect(tokens).not.toEqual(without.tokens);
  });

  it("is MaskGIT's with known tokens too", async () => {
    const start = partlyKnown(2, 14);
    const plan = { modelSchedule: "2x6", cache: { enabled: false } };
    const { tokens } = await run({ plan, start, seed: 5, sampleIndexes: [0, 1] });
    const grids = [0, 1].map((b) => [...start.subarray(b * gridTokens, (b + 1) * gridTokens)]);
    expect([...tokens]).toEqual(grids.flatMap((grid, b) => maskgit(grid, 6, 4.5, 5, b, 2)));
  });
});

/** What plans may vary, small enough to run many of. */
const anyPlan = {
  modelSchedule: fc.constantFrom("8x3,4x3,2x3,1x3", "1x12", "8x1,1x7", "1x2,8x2,1x2", "4x6,2x3,1x3", "2x1"),
  maskSchedule: fc.constantFrom(
    { kind: "cosine" as const },
    { kind: "log" as const },
    { kind: "halton" as const },
    { kind: "pow" as const, exponent: 0.3 },
  ),
  choiceTemperature: fc.constantFrom(0, 4.5),
  guidance: fc.record({
    scale: fc.constantFrom(0, 1.5),
    schedule: fc.constantFrom("constant" as const, "linear" as const),
    interval: fc.constantFrom<[number, number]>([0, 1], [0, 0.5]),
    unconditionalFactor: fc.constantFrom<number | "same" | "smaller">("same", "smaller", 4),
  }),
  cache: fc.record({
    enabled: fc.boolean(),
    refresh: fc.constantFrom<"on-switch" | { every: number }>("on-switch", { every: 1 }, { every: 2 }),
  }),
};
/** Those that run only what is needed. */
const neededPlans = fc.record({
  ...anyPlan,
  maskSchedule: fc.constant({ kind: "halton" as const }),
  cache: fc.record({
    refresh: fc.constantFrom<"on-switch" | { every: number }>("on-switch", { every: 1 }, { every: 2 }),
    runs: fc.constant("needed" as const),
  }),
});
const plans = fc.oneof({ weight: 3, arbitrary: fc.record(anyPlan) }, { weight: 1, arbitrary: neededPlans });
const cases = { plan: plans, seed: fc.nat(), masked: fc.integer({ min: 1, max: gridTokens }) };

/** A plan for each step that ran: its later steps changed at random, its earlier ones kept. */
function changing(numbers: () => number, changes: DecodePlan[]) {
  return (plan: DecodePlan, step: number): DecodePlan => {
    const kept = (k: number) => k <= step;
    const factors = plan.modelSchedule.flatMap((run) => Array<number>(run.steps).fill(run.factor));
    const leaveOut = factors.flatMap((_, k) => {
      const isOut = kept(k) ? plan.leaveOut?.includes(k) : k < plan.steps - 1 && numbers() < 0.3;
      return isOut ? [k] : [];
    });
    const modelSchedule = factors.map((factor, k) => ({
      factor: kept(k) || numbers() < 0.6 ? factor : [1, 2, 4, 8][Math.floor(4 * numbers())]!,
      steps: 1,
    }));
    changes.push(makePlan({ modelSchedule, leaveOut }, plan));
    return changes.at(-1)!;
  };
}

describe("a plan that changes while it runs", () => {
  it("decodes what its last form decodes from the start: every token once, known ones unchanged", async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(cases), async ({ plan, seed, masked }) => {
        const start = partlyKnown(2, masked);
        let drawn = 0;
        const changes = [makePlan(plan)];
        const replan = changing(() => uniformAt(keyFromSeed(seed), drawn++), changes);
        const given = { seed, start, sampleIndexes: [3, 9] };
        const changed = await run({ ...given, plan, replan });
        expect(changes.length > 1 || masked === 1 || changes[0]!.steps === 1).toBe(true);
        expect(await run({ ...given, plan: changes.at(-1)! })).toEqual(changed);
        expect(changed.tokens).not.toContain(maskId);
        for (const [at, token] of start.entries()) {
          expect(changed.decodedAtStep[at] === -1).toBe(token !== maskId);
          if (token !== maskId) expect(changed.tokens[at]).toBe(token);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("may not change what ran", async () => {
    const replan = (plan: DecodePlan) => makePlan({ modelSchedule: "1x12" }, plan);
    await expect(run({ replan })).rejects.toThrow(/replan changed a step that ran, up to step 0/);
  });
});

describe("any plan", () => {
  it("decodes every token once, at its scheduled count, and leaves known tokens alone", async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(cases), async ({ plan, seed, masked }) => {
        const start = partlyKnown(2, masked);
        const seen: PredictRequest[] = [];
        const steps: DecodeProgress[] = [];
        const { tokens, decodedAtStep } = await run({
          plan,
          seed,
          start,
          sampleIndexes: [3, 9],
          seen,
          onStep: (progress) => void steps.push(progress),
        });
        for (const [at, token] of start.entries()) {
          if (token !== maskId) expect([tokens[at], decodedAtStep[at]]).toEqual([token, -1]);
          else expect(tokens[at]).toBeLessThan(codes);
        }
        // What a step's grid showed at a position when it was decoded is what stays.
        for (const { step, tokens: grid, maskedRemaining } of steps) {
          expect(grid).not.toContain(maskId);
          for (let b = 0; b < 2; b++) {
            const row = decodedAtStep.subarray(b * gridTokens, (b + 1) * gridTokens);
            expect(row.filter((decoded) => decoded > step).length).toBe(maskedRemaining);
          }
          for (const [at, decoded] of decodedAtStep.entries()) {
            if (decoded === step) expect(grid[at]).toBe(tokens[at]);
          }
        }
        expect(steps.at(-1)!.maskedRemaining).toBe(0);
        expect(steps.at(-1)!.tokens).toEqual(tokens);
        expect(steps.map(({ done, total }) => [done, total])).toEqual(
          steps.map((_, i) => [i + 1, steps.length]),
        );
        for (const [i, request] of seen.entries()) {
          for (const list of [request.positions, request.predicted]) {
            const width = list.length / 2;
            for (let at = 1; at < list.length; at++)
              if (at !== width) expect(list[at]).toBeGreaterThan(list[at - 1]);
          }
          expect(request.isCacheRead).toBe(i + 1 < seen.length && !seen[i + 1].isFull);
          expect(request.guidanceScale === 0).toBe(request.unconditionalFactor === null);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("makes the same sample alone as in a batch", async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(cases), async ({ plan, seed, masked }) => {
        const start = partlyKnown(3, masked);
        const together = await run({ plan, seed, start, sampleIndexes: [5, 0, 70000] });
        for (const [b, sample] of [5, 0, 70000].entries()) {
          const [from, to] = [b * gridTokens, (b + 1) * gridTokens];
          const alone = await run({ plan, seed, start: start.slice(from, to), sampleIndexes: [sample] });
          expect(alone.tokens).toEqual(together.tokens.slice(from, to));
          expect(alone.decodedAtStep).toEqual(together.decodedAtStep.slice(from, to));
        }
      }),
      { numRuns: 25 },
    );
  });

  it("with a refresh at every step decodes what it decodes without cache", async () => {
    await fc.assert(
      fc.asyncProperty(fc.record(cases), async ({ plan, seed, masked }) => {
        const start = partlyKnown(3, masked);
        const refreshed = await run({ plan: { ...plan, cache: { refresh: { every: 1 } } }, seed, start });
        const uncached = await run({ plan: { ...plan, cache: { enabled: false } }, seed, start });
        expect(refreshed).toEqual(uncached);
      }),
      { numRuns: 25 },
    );
  });
});

/**
 * One sample with the Halton order, a cache, and nothing run but what is needed, as bookkeeping by hand: which position
 * was last encoded with which id. Full steps are given, and how many tokens are masked after each step.
 */
function neededOnly(
  start: readonly number[],
  { factors, unconditional, isFull, maskedAfter, seed }: NeededOnly,
  sample: number,
) {
  const ids = [...start];
  let encoded = start.map(() => -1);
  const order = [...haltonOrder([5, 5])].filter((position) => ids[position] === maskId);
  let isStale: number[] = [];
  const rows: number[] = [];
  for (const [k, factor] of factors.entries()) {
    const due = order.slice(
      order.length - ids.filter((id) => id === maskId).length,
      order.length - maskedAfter[k]!,
    );
    if (isFull[k]) encoded = [...ids];
    else for (const position of [...isStale, ...due]) encoded[position] = ids[position]!;
    const tokenKey = foldIn(foldIn(foldIn(keyFromSeed(seed), sample), 0), k);
    const drawn = due.map((position) => {
      const yes = plantedLogits(encoded, position, codes, factor, 0);
      const no = plantedLogits(encoded, position, codes, unconditional[k]!, 1);
      const logits = yes.map((logit, v) => logit + 1.5 * (logit - no[v]!));
      return sampleId(logits, 1, uniformAt(tokenKey, position)).id;
    });
    for (const [i, position] of due.entries()) ids[position] = drawn[i]!;
    rows.push(isFull[k] ? gridTokens : isStale.length + due.length);
    isStale = due;
  }
  return { ids, rows };
}
interface NeededOnly {
  readonly factors: readonly number[];
  readonly unconditional: readonly number[];
  readonly isFull: readonly boolean[];
  readonly maskedAfter: readonly number[];
  readonly seed: number;
}

describe("a plan that runs only what is needed", () => {
  it("decodes what bookkeeping by hand decodes, guided by a smaller sub-model", async () => {
    const plan: PlanInput = {
      modelSchedule: "2x4,1x3",
      maskSchedule: { kind: "halton" },
      guidance: { scale: 1.5, unconditionalFactor: "smaller" },
      cache: { runs: "needed" },
    };
    // ceil(N0 acos((k+1)/7) 2/pi): for 25 tokens 22.72, 20.39, 17.95, 15.33, 12.34, 8.62; for 18: 16.36, 14.68,
    // 12.92, 11.04, 8.88, 6.20.
    for (const [masked, maskedAfter] of [
      [25, [23, 21, 18, 16, 13, 9, 0]],
      [18, [17, 15, 13, 12, 9, 7, 0]],
    ] as const) {
      const start = partlyKnown(2, masked);
      const seen: PredictRequest[] = [];
      const { tokens } = await run({ plan, start, seed: 3, sampleIndexes: [4, 1], seen });
      const hand = [4, 1].map((sample, b) =>
        neededOnly(
          [...start.subarray(b * gridTokens, (b + 1) * gridTokens)],
          {
            factors: [2, 2, 2, 2, 1, 1, 1],
            unconditional: [4, 4, 4, 4, 2, 2, 2],
            isFull: [true, false, false, false, true, false, false],
            maskedAfter,
            seed: 3,
          },
          sample,
        ),
      );
      expect([...tokens]).toEqual(hand.flatMap(({ ids }) => ids));
      expect(seen.map(({ positions }) => positions.length / 2)).toEqual(hand[0]!.rows);
    }
  });

  it("with a refresh at every step decodes what the order decodes without cache, from fewer predictions", async () => {
    await fc.assert(
      fc.asyncProperty(fc.record({ ...cases, plan: neededPlans }), async ({ plan, seed, masked }) => {
        const start = partlyKnown(3, masked);
        const [few, all]: [PredictRequest[], PredictRequest[]] = [[], []];
        const cache = { refresh: { every: 1 }, runs: "needed" } as const;
        const needed = await run({ plan: { ...plan, cache }, seed, start, seen: few });
        const uncached = await run({ plan: { ...plan, cache: { enabled: false } }, seed, start, seen: all });
        expect(needed).toEqual(uncached);
        const rows = (seen: PredictRequest[]) =>
          seen.reduce((sum, { predicted }) => sum + predicted.length, 0);
        expect(rows(few)).toBe(3 * masked); // every token once
        if (all.length > 1) expect(rows(all)).toBeGreaterThan(rows(few));
      }),
      { numRuns: 25 },
    );
  });

  it("shows each step's tokens, and the nearest known ones where it predicted none", async () => {
    const shown: DecodeProgress[] = [];
    const plan: PlanInput = {
      modelSchedule: "1x6",
      maskSchedule: { kind: "halton" },
      cache: { runs: "needed" },
    };
    const onStep = (progress: DecodeProgress) => void shown.push(progress);
    const { decodedAtStep, tokens } = await run({ plan, sampleIndexes: [0], onStep });
    for (const { step, tokens: grid } of shown) {
      for (let at = 0; at < gridTokens; at++) {
        const distance = (other: number) =>
          Math.abs(Math.floor(at / 5) - Math.floor(other / 5)) + Math.abs((at % 5) - (other % 5));
        const known = [...decodedAtStep.keys()].filter((other) => decodedAtStep[other]! <= step);
        const least = Math.min(...known.map(distance));
        const nearest = known.filter((other) => distance(other) === least);
        expect(nearest.map((other) => tokens[other])).toContain(grid[at]);
      }
    }
    // A condition token goes before a neighbour's.
    const condition = new Int32Array(gridTokens).fill(7);
    await run({ plan, sampleIndexes: [0], condition, onStep });
    const first = shown.find(({ step }, i) => i >= 6 && step === 0)!;
    expect(first.tokens.filter((_, at) => first.decodedAtStep[at] === -2)).toEqual(
      new Int32Array(first.maskedRemaining).fill(7),
    );
  });
});

describe("chance", () => {
  it("differs between seeds and between samples, and repeats", async () => {
    const { tokens } = await run();
    expect((await run()).tokens).toEqual(tokens);
    expect((await run({ seed: 8 })).tokens).not.toEqual(tokens);
    expect(tokens.slice(0, gridTokens)).not.toEqual(tokens.slice(gridTokens, 2 * gridTokens));
  });

  it("without choice noise keeps the likeliest; of equals, the first", async () => {
    const { decodedAtStep } = await decode({
      plan: makePlan({ modelSchedule: "1x5", maskSchedule: { kind: "linear" }, choiceTemperature: 0 }),
      model: { gridTokens: 5, factors: [1] },
      maskId,
      seed: 0,
      sampleIndexes: [0],
      predict: async ({ predicted, positions }) => ({
        ids: new Int32Array(predicted.length),
        logProbs: Float32Array.from(predicted, (i) => (positions[i] === 3 ? -1 : -2)),
      }),
    });
    expect([...decodedAtStep]).toEqual([1, 2, 3, 0, 4]);
  });

  it("with the halton schedule, the order decides", async () => {
    const { decodedAtStep } = await run({ plan: { maskSchedule: { kind: "halton" } }, sampleIndexes: [0] });
    const steps = Array.from(haltonOrder([5, 5]), (position) => decodedAtStep[position]);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });
});

describe("guidance", () => {
  it("at scale 0 is the conditional pass alone", async () => {
    const seen: PredictRequest[] = [];
    const zero = await run({ plan: { guidance: { scale: 0, schedule: "constant" } }, seen });
    expect(zero).toEqual(await run());
    expect(seen.every((request) => request.unconditionalFactor === null)).toBe(true);
    expect((await run({ plan: { guidance: { scale: 2 } } })).tokens).not.toEqual(zero.tokens);
  });
});

describe("interruption", () => {
  it("stops before the next step with the signal's reason", async () => {
    const controller = new AbortController();
    const seen: PredictRequest[] = [];
    const onStep = async ({ step }: DecodeProgress) => {
      await Promise.resolve();
      if (step === 2) controller.abort();
    };
    await expect(run({ seen, onStep, signal: controller.signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(seen.map(({ step }) => step)).toEqual([0, 1, 2]);
    await expect(run({ signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
  });

  it("tells onStep which tokens are given, which are still masked, and which step decoded the others", async () => {
    const start = partlyKnown(2, 9);
    const seen: DecodeProgress[] = [];
    const { decodedAtStep } = await run({
      sampleIndexes: [0, 1],
      start,
      onStep: (progress) => void seen.push(progress),
    });
    for (const { step, decodedAtStep: soFar, maskedRemaining } of seen) {
      expect(soFar.filter((at) => at === -2)).toHaveLength(2 * maskedRemaining);
      // As in the end, but for what is decoded later.
      expect([...soFar]).toEqual([...decodedAtStep].map((at) => (at > step ? -2 : at)));
      expect([...soFar].map((at) => at === -1)).toEqual([...start].map((id) => id !== maskId));
    }
    expect(seen.at(-1)!.decodedAtStep).toEqual(decodedAtStep);
  });

  it("gives onStep a copy of the grid", async () => {
    const spoilt = await run({ onStep: ({ tokens }) => void tokens.fill(0) });
    expect(spoilt).toEqual(await run());
  });
});

describe("bad input", () => {
  it.each<[string, Run, RegExp]>([
    ["no samples", { sampleIndexes: [] }, /sampleIndexes must name at least one sample, got none/],
    [
      "a negative sample index",
      { sampleIndexes: [-1] },
      /sample index must be an integer in 0\.\.4294967295, got -1/,
    ],
    [
      "a start of another size",
      { start: new Int32Array(5) },
      /start must hold 3 samples of 25 tokens, got 5 tokens/,
    ],
    ["a start without a mask", { start: partlyKnown(3, 0) }, /start has no masked token/],
    [
      "a negative token",
      { start: partlyKnown(3, 5).fill(-3, 0, 1) },
      /start tokens must be 0 or above, got -3/,
    ],
    [
      "unequal numbers of masked tokens",
      { start: Int32Array.from([...partlyKnown(2, 5), ...partlyKnown(1, 6)]) },
      /sample 0 has 5 and sample 2 has 6/,
    ],
    [
      "a factor that the model lacks",
      { plan: { modelSchedule: "3x4" } },
      /model.s sub-models, p = .*, got 3/,
    ],
    ["a seed that is not exact", { seed: 2 ** 60 }, /seed: a number above 2\^53/],
  ])("refuses %s", async (_, options, message) => {
    const error = await run(options).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(message);
  });

  it("refuses a halton order for a grid that is no square and has no shape", async () => {
    const options = {
      plan: makePlan({ maskSchedule: { kind: "halton" } }),
      model: { gridTokens: 24, factors: [1, 2, 4, 8] },
      maskId,
      seed: 0,
      sampleIndexes: [0],
      predict: plantedPredict(24, codes),
    };
    await expect(decode(options)).rejects.toThrow(/halton order needs the grid's shape, .* 24/);
    await expect(decode({ ...options, gridShape: [4, 6] })).resolves.toBeDefined();
  });

  it("does not accept rubbish from a model", async () => {
    const predict = async ({ predicted }: PredictRequest) => ({
      ids: new Int32Array(predicted.length),
      logProbs: new Float32Array(predicted.length).fill(Number.NaN),
    });
    const options = { plan: makePlan(), model, maskId, seed: 0, sampleIndexes: [0], predict };
    await expect(decode(options)).rejects.toThrow(/id 0 with log probability NaN in step 0/);
  });
});
