import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { keyFromSeed, uniformAt } from "../../src/core/random.ts";
import { decode } from "../../src/decoding/decode.ts";
import { type DecodePlan, makePlan } from "../../src/decoding/plan.ts";
import { planFamily } from "../../src/planning/budget.ts";
import { planCost, type StepCost } from "../../src/planning/cost.ts";
import { fittingRest, keepDeadline, planInTime, reservedShare } from "../../src/planning/deadline.ts";
import { secondsOfSteps } from "../../src/planning/latency.ts";
import type { ParetoPlan } from "../../src/planning/pareto-front.ts";
import { candidatePlans } from "../../src/planning/search.ts";
import { plantedPredict } from "../decoding/planted-model.ts";
import { defaults, model } from "../decoding/sprites-model.ts";

/** A device: 2 ms per step, and a second per 2e9 multiply-adds. */
const secondsOf = (step: StepCost) =>
  0.002 + (step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds) / 2e9;
const secondsFor = (steps: readonly StepCost[]) => steps.reduce((sum, step) => sum + secondsOf(step), 0);
const tailSeconds = 0.01;
const plans = candidatePlans(model, defaults, { budget: 1.2, count: 60, seed: 1 }).map(({ plan }) => plan);
const cases = {
  wanted: fc.constantFrom(...plans),
  maskedTokens: fc.constantFrom(64, 64, 40, 7, 1),
  /** Of the time that the plan needs. */
  share: fc.double({ min: 0.02, max: 1.5, noNaN: true }),
};

const stepsOf = (plan: DecodePlan, maskedTokens: number) => planCost(model, plan, maskedTokens).steps;
const secondsFrom = (plan: DecodePlan, maskedTokens: number, after = -1) =>
  secondsOfSteps(planCost(model, plan, maskedTokens), secondsOf, after);

interface Setting {
  wanted: DecodePlan;
  maskedTokens: number;
  deadline: number;
  /** How many times slower than predicted the device is when step k runs. */
  slowness?: (k: number) => number;
  /** Seconds that pass in step k beside what it takes. */
  delay?: (k: number) => number;
}

/** A decode on a clock of its own. */
function simulate({ wanted, maskedTokens, deadline, slowness = () => 1, delay = () => 0 }: Setting) {
  let clock = 0;
  const now = () => clock;
  const replan = keepDeadline({ model, maskedTokens, wanted, secondsOf, tailSeconds, now, endsAt: deadline });
  let plan = wanted;
  /** The plan to go on with after each step. */
  const plans: DecodePlan[] = [];
  for (let k = -1; ; ) {
    const step = stepsOf(plan, maskedTokens).find((each) => each.step > k);
    if (!step) break;
    k = step.step;
    clock += slowness(k) * secondsOf(step) + delay(k);
    if (k < plan.steps - 1) plan = replan(plan, k);
    plans.push(plan);
  }
  return { plan, plans, seconds: clock + slowness(wanted.steps - 1) * tailSeconds };
}

/** The least time that a decode can take which begins as wanted, and shrinks at once. */
function leastSeconds(wanted: DecodePlan, maskedTokens: number): number {
  const [first] = stepsOf(wanted, maskedTokens) as [StepCost];
  if (first.step === wanted.steps - 1) return secondsOf(first) + tailSeconds;
  const given = { model, maskedTokens, wanted, plan: wanted, step: first.step, secondsFor };
  return secondsFrom(fittingRest({ ...given, secondsLeft: 0 }), maskedTokens) + tailSeconds;
}

describe("planInTime", () => {
  const family = planFamily(model.factors, defaults);
  const timing = { secondsOf, tailSeconds };
  const needed = (plan: DecodePlan) => (secondsFrom(plan, 64) + tailSeconds) / (1 - reservedShare);
  const choose = (seconds: number, paretoFront: readonly ParetoPlan[] = []) =>
    planInTime(model, { paretoFront, family }, timing, seconds);

  it("takes the plan that computes most of those that fit with a reserve", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 100, noNaN: true }), (times) => {
        const seconds = times * Math.min(...family.map(needed));
        const plan = choose(seconds);
        expect(needed(plan)).toBeLessThanOrEqual(seconds);
        const compute = (each: DecodePlan) => planCost(model, each).multiplyAdds;
        for (const other of family) {
          if (needed(other) <= seconds) expect(compute(other)).toBeLessThanOrEqual(compute(plan));
        }
      }),
    );
  });

  it("prefers the best measured plan that fits, and goes without where none does", () => {
    const paretoFront = ["8x12", "8x6,4x6"].map((modelSchedule, i) => ({
      plan: makePlan({ modelSchedule }, defaults),
      distance: 2 - i,
    }));
    const [quick, slow] = paretoFront.map(({ plan }) => plan);
    expect(choose(needed(slow!), paretoFront)).toBe(slow);
    expect(choose(needed(quick!), paretoFront)).toBe(quick);
    expect(family).toContain(choose(0.99 * needed(quick!), paretoFront));
  });

  it("says the least deadline, which then is kept", () => {
    let message = "";
    try {
      choose(0.001);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      message = (error as Error).message;
    }
    const least = Number(/at least (\d+) ms on this device.*, got 1$/.exec(message)?.[1]) / 1000;
    expect(needed(choose(least))).toBeLessThanOrEqual(least);
    expect(least - Math.min(...family.map(needed))).toBeLessThanOrEqual(0.001);
  });
});

describe("fittingRest", () => {
  const rest = fc.record({ ...cases, at: fc.nat({ max: 5 }) });

  it("never takes longer than is left, unless everything does", () => {
    fc.assert(
      fc.property(rest, ({ wanted, maskedTokens, share, at }) => {
        const steps = stepsOf(wanted, maskedTokens);
        const { step } = steps[Math.min(at, steps.length - 1)]!;
        if (step === wanted.steps - 1) return;
        const given = { model, maskedTokens, wanted, plan: wanted, step, secondsFor };
        const secondsLeft = share * secondsFrom(wanted, maskedTokens, step);
        const plan = fittingRest({ ...given, secondsLeft });
        const quickest = secondsFrom(fittingRest({ ...given, secondsLeft: 0 }), maskedTokens, step);
        expect(secondsFrom(plan, maskedTokens, step)).toBeLessThanOrEqual(Math.max(secondsLeft, quickest));
        if (share >= 1) expect(plan).toEqual(wanted);
        expect(makePlan(plan)).toEqual(plan);
      }),
      { numRuns: 150 },
    );
  });

  it("keeps what ran and what step ends it, enlarges no sub-model, and only leaves out", () => {
    fc.assert(
      fc.property(rest, ({ wanted, maskedTokens, share, at }) => {
        const steps = stepsOf(wanted, maskedTokens);
        const { step } = steps[Math.min(at, steps.length - 1)]!;
        if (step === wanted.steps - 1) return;
        const secondsLeft = share * secondsFrom(wanted, maskedTokens, step);
        const given = { model, maskedTokens, wanted, plan: wanted, step, secondsLeft, secondsFor };
        const fitted = stepsOf(fittingRest(given), maskedTokens);
        const told = (list: readonly StepCost[]) =>
          list.filter((each) => each.step <= step).map((each) => [each.step, each.factor, each.unmaskCount]);
        expect(told(fitted)).toEqual(told(steps));
        expect(fitted.at(-1)!.step).toBe(wanted.steps - 1);
        for (const each of fitted) {
          const same = steps.find((other) => other.step === each.step)!;
          expect(each.factor).toBeGreaterThanOrEqual(same.factor);
        }
        expect(fitted.reduce((all, { unmaskCount }) => all + unmaskCount, 0)).toBe(maskedTokens);
      }),
      { numRuns: 100 },
    );
  });

  it("leaves out steps only where the smallest sub-model is too slow, and never more with more time", () => {
    const given = { model, maskedTokens: 64, wanted: defaults, plan: defaults, step: 1, secondsFor };
    const whole = secondsFrom(defaults, 64, 1);
    let before = 0;
    const seen = new Set<number>();
    for (let share = 0; share <= 1; share += 0.01) {
      const steps = stepsOf(fittingRest({ ...given, secondsLeft: share * whole }), 64);
      expect(steps.length).toBeGreaterThanOrEqual(before);
      before = steps.length;
      seen.add(steps.length);
      const isShort = steps.length < 12;
      const smallest = fittingRest({ ...given, secondsLeft: 0 }).modelSchedule.at(-1)!.factor;
      const all8 = secondsFrom(makePlan({ modelSchedule: "8x12" }, defaults), 64, 1);
      if (isShort) expect([smallest, share * whole < all8]).toEqual([8, true]);
    }
    expect([...seen]).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });
});

describe("keepDeadline", () => {
  it("changes nothing where the plan fits", () => {
    fc.assert(
      fc.property(fc.record(cases), ({ wanted, maskedTokens }) => {
        const needed = secondsFrom(wanted, maskedTokens) + tailSeconds;
        const { plan } = simulate({ wanted, maskedTokens, deadline: needed / (1 - reservedShare) });
        expect(plan).toBe(wanted);
      }),
    );
  });

  it("is never late when steps take what was predicted, nor when all are k times slower", () => {
    const slow = fc.constantFrom(1, 1, 1.5, 3, 8);
    fc.assert(
      fc.property(fc.record({ ...cases, slow }), ({ wanted, maskedTokens, share, slow }) => {
        const least = (slow * leastSeconds(wanted, maskedTokens)) / (1 - reservedShare);
        const deadline = Math.max(least, share * slow * (secondsFrom(wanted, maskedTokens) + tailSeconds));
        const { seconds } = simulate({ wanted, maskedTokens, deadline, slowness: () => slow });
        expect(seconds).toBeLessThanOrEqual(deadline);
      }),
      { numRuns: 100 },
    );
  });

  it("is in time when the device becomes half as fast at any step, given a third more time", () => {
    const needed = secondsFrom(defaults, 64) + tailSeconds;
    const deadline = (4 / 3) * needed;
    for (let from = 0; from < 12; from++) {
      const setting = { wanted: defaults, maskedTokens: 64, deadline };
      const { seconds, plan } = simulate({ ...setting, slowness: (k) => (k >= from ? 2 : 1) });
      expect(seconds).toBeLessThanOrEqual(deadline);
      if (from < 4) expect(plan).not.toEqual(defaults);
    }
  });

  it("grows back when a step was slow for once", () => {
    const needed = secondsFrom(defaults, 64) + tailSeconds;
    const setting = { wanted: defaults, maskedTokens: 64, deadline: (1.3 * needed) / (1 - reservedShare) };
    const { plans, seconds } = simulate({ ...setting, slowness: (k) => (k === 3 ? 4 : 1) });
    const computed = plans.map((plan) => planCost(model, plan).multiplyAdds);
    expect(computed[3]!).toBeLessThan(computed[2]!);
    expect(computed.at(-1)!).toBeGreaterThan(1.5 * computed[3]!);
    expect(seconds).toBeLessThanOrEqual(setting.deadline);
  });

  it("is in time nearly always where steps take twice as long, give or take a quarter", () => {
    const needed = secondsFrom(defaults, 64) + tailSeconds;
    const setting = { wanted: defaults, maskedTokens: 64, deadline: needed / (1 - reservedShare) };
    const key = keyFromSeed(1);
    const late = Array.from({ length: 200 }, (_, run) => {
      const slowness = (k: number) => 2 * (0.57 + 0.86 * uniformAt(key, 100 * run + k)); // deviation 0.25
      return simulate({ ...setting, slowness }).seconds > setting.deadline;
    });
    expect(late.filter(Boolean).length).toBeLessThanOrEqual(2);
  });

  it("gives up little where other work delays every step alike, small ones by many times what they take", () => {
    const wanted = makePlan(
      { modelSchedule: "8x4,1x12", maskSchedule: { kind: "halton" }, cache: { runs: "needed" } },
      defaults,
    );
    const needed = secondsFrom(wanted, 64) + tailSeconds;
    const setting = { wanted, maskedTokens: 64, deadline: 2 * needed };
    const key = keyFromSeed(2);
    const runs = Array.from({ length: 100 }, (_, run) => {
      const delay = (k: number) => -0.02 * Math.log(1 - uniformAt(key, 100 * run + k)); // exponential, 20 ms
      return simulate({ ...setting, delay });
    });
    expect(runs.filter(({ seconds }) => seconds > setting.deadline)).toEqual([]);
    const computed = runs.map(({ plan }) => planCost(model, plan).multiplyAdds);
    const mean = computed.reduce((a, b) => a + b) / runs.length;
    expect(mean).toBeGreaterThan(0.75 * planCost(model, wanted).multiplyAdds);
  });

  it("makes decodes that their plan repeats, token for token", async () => {
    let clock = 0;
    const given = {
      model: { ...model, gridTokens: 25 },
      maskedTokens: 25,
      wanted: defaults,
      secondsOf,
      tailSeconds,
      now: () => clock,
      endsAt: 0.12,
    };
    const replan = keepDeadline(given);
    let ran = defaults;
    const predict = plantedPredict(25, 11);
    const options = { plan: defaults, model: given.model, maskId: 11, seed: 5, sampleIndexes: [0, 3] };
    const decoded = await decode({
      ...options,
      predict: async (request) => {
        clock += 0.02;
        return predict(request);
      },
      replan: (plan, step) => {
        ran = replan(plan, step);
        return ran;
      },
    });
    expect(ran.leaveOut?.length).toBeGreaterThan(3);
    expect(clock).toBeLessThanOrEqual(0.12);
    const again = await decode({
      ...options,
      plan: makePlan(JSON.parse(JSON.stringify(ran))),
      predict: plantedPredict(25, 11),
    });
    expect(again).toEqual(decoded);
    expect(decoded.tokens.every((token) => token >= 0 && token < 11)).toBe(true);
  });
});
