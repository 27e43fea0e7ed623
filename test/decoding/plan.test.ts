import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { guidanceSchedules } from "../../src/decoding/guidance.ts";
import { type MaskSchedule, maskScheduleKinds } from "../../src/decoding/mask-schedule.ts";
import { evenModelSchedule, printModelSchedule } from "../../src/decoding/model-schedule.ts";
import {
  baselinePlan,
  completionPlan,
  defaultPlan,
  makePlan,
  type PlanInput,
} from "../../src/decoding/plan.ts";

/** The model schedule that a text stands for. */
const parseModelSchedule = (text: string) => makePlan({ modelSchedule: text }, defaultPlan).modelSchedule;

const run = fc.record({ factor: fc.integer({ min: 1, max: 64 }), steps: fc.integer({ min: 1, max: 20 }) });
const positive = fc.double({ min: 1e-3, max: 100, noNaN: true });

const input = fc.record({
  modelSchedule: fc.array(run, { minLength: 1, maxLength: 6 }),
  maskSchedule: fc
    .constantFrom(...maskScheduleKinds)
    .chain(
      (kind): fc.Arbitrary<MaskSchedule> =>
        kind === "pow" ? positive.map((exponent) => ({ kind, exponent })) : fc.constant({ kind }),
    ),
  choiceTemperature: fc.oneof(fc.constant(0), positive),
  tokenTemperature: fc.oneof(
    positive.map((value) => ({ kind: "constant" as const, value })),
    fc.tuple(positive, positive).map(([bias, scale]) => ({ kind: "annealed" as const, bias, scale })),
  ),
  topK: fc.option(fc.integer({ min: 1, max: 1024 })),
  topP: fc.option(fc.double({ min: 0.01, max: 1, noNaN: true })),
  minP: fc.option(fc.double({ min: 0.01, max: 1, noNaN: true })),
  guidance: fc.record({
    scale: positive,
    schedule: fc.constantFrom(...guidanceSchedules),
    power: positive,
    interval: fc.constantFrom<[number, number]>([0, 1], [0, 0.5]),
    unconditionalFactor: fc.constantFrom<number | "same" | "smaller">("same", "smaller", 4),
  }),
  cache: fc.record({
    enabled: fc.boolean(),
    refresh: fc.constantFrom<"never" | "on-switch" | { every: number }>("never", "on-switch", { every: 3 }),
  }),
});

describe("makePlan", () => {
  it("gives the default plan for nothing", () => {
    expect(makePlan()).toEqual(defaultPlan);
  });

  it("has an entropy rule only where one is given, which a schedule takes away again", () => {
    const bounded = makePlan({ unmask: { kind: "entropy", bound: 2 } });
    expect(bounded).toEqual({ ...defaultPlan, unmask: { kind: "entropy", bound: 2 } });
    expect(makePlan(JSON.parse(JSON.stringify(bounded)))).toEqual(bounded);
    expect(makePlan({ topK: 3 }, bounded).unmask).toEqual(bounded.unmask);
    expect(makePlan({ unmask: { kind: "schedule" } }, bounded)).toEqual(defaultPlan);
    expect(JSON.stringify(makePlan())).not.toContain("unmask");
  });

  it("reads back what it saved as JSON", () => {
    fc.assert(
      fc.property(input, (given) => {
        const plan = makePlan(given);
        expect(plan).toEqual({
          ...given,
          steps: given.modelSchedule.reduce((sum, { steps }) => sum + steps, 0),
        });
        expect(makePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
      }),
    );
  });

  it("leaves out the steps it is told to, and inherits them only with the steps they belong to", () => {
    const base = makePlan({ modelSchedule: "8x4,1x4", leaveOut: [1, 5] });
    expect(base.leaveOut).toEqual([1, 5]);
    expect(makePlan(JSON.parse(JSON.stringify(base)))).toEqual(base);
    expect(makePlan({ choiceTemperature: 2 }, base).leaveOut).toEqual([1, 5]);
    expect(makePlan({ modelSchedule: "8x4" }, base)).not.toHaveProperty("leaveOut");
    expect(makePlan({ leaveOut: [] }, base)).not.toHaveProperty("leaveOut");
    for (const leaveOut of [[7], [2, 2], [3, 1]]) {
      const make = () => makePlan({ modelSchedule: "1x8", leaveOut });
      expect(make).toThrow(/^plan: leaveOut: must be a list of steps in 0\.\.6, ascending, .* got \[/);
    }
    for (const leaveOut of [[-1], [0.5], "3"]) {
      const given = { modelSchedule: "1x8", leaveOut } as PlanInput;
      expect(() => makePlan(given)).toThrow(
        /^plan: leaveOut(\[0\])?: must be a .*whole number of at least 0/,
      );
    }
  });

  it("fills in the rest of guidance and cache from the base plan", () => {
    const base = makePlan({ guidance: { scale: 3, schedule: "linear" }, modelSchedule: "1x8" });
    const plan = makePlan({ guidance: { scale: 1 }, cache: { enabled: false } }, base);
    expect(plan.guidance).toEqual({ ...defaultPlan.guidance, scale: 1, schedule: "linear" });
    expect(plan.cache).toEqual({ enabled: false, refresh: "on-switch" });
    expect(plan.steps).toBe(8);
  });

  it("runs only what is needed for as long as the rest allows it, and says so only then", () => {
    const needed = makePlan({ maskSchedule: { kind: "halton" }, cache: { runs: "needed" } });
    expect(makePlan(JSON.parse(JSON.stringify(needed)))).toEqual(needed);
    const kept: PlanInput[] = [
      { choiceTemperature: 1 },
      { cache: { refresh: { every: 2 } } },
      { modelSchedule: "1x4" },
    ];
    for (const change of kept) expect(makePlan(change, needed).cache.runs).toBe("needed");
    const others: PlanInput[] = [
      { maskSchedule: { kind: "cosine" } },
      { cache: { enabled: false } },
      { unmask: { kind: "entropy", bound: 1 } },
      { cache: { runs: "all-masked" } },
      baselinePlan(needed),
    ];
    for (const change of others) expect(makePlan(change, needed).cache).not.toHaveProperty("runs");
    expect(completionPlan(needed)).toEqual(makePlan(JSON.parse(JSON.stringify(completionPlan(needed)))));
    expect(makePlan({ cache: { runs: "all-masked" } })).toEqual(defaultPlan);
  });

  it("guides all steps where the base's interval has none of fewer, and asks for none without guidance", () => {
    const base = makePlan({ guidance: { scale: 2, interval: [0.25, 1] } });
    expect(makePlan({ modelSchedule: "8x1" }, base).guidance).toEqual({ ...base.guidance, interval: [0, 1] });
    expect(makePlan({ modelSchedule: "8x4" }, base).guidance).toEqual(base.guidance);
    expect(() => makePlan({ modelSchedule: "8x1", guidance: { interval: [0.25, 1] } }, base)).toThrow(
      /must hold a step k of 1,/,
    );
    const unguided = { scale: 0, interval: [0.25, 1] } as const;
    expect(makePlan({ modelSchedule: "8x1", guidance: unguided }).guidance).toMatchObject(unguided);
  });

  it.each<[unknown, string | RegExp]>([
    [
      { steps: 13 },
      'plan: modelSchedule: must have as many steps as steps says, 13, got 12; change one of the two; it is "8x3,4x3,2x3,1x3"',
    ],
    [{ steps: 0, modelSchedule: "1x1" }, "plan: steps: must be a whole number of at least 1, got 0"],
    [
      { modelSchedule: "8x3,4y3" },
      'plan: modelSchedule: must be pairs of factor x steps, each at least 1, such as 8x3,4x3,2x3,1x3, got "8x3,4y3"; mend "4y3"',
    ],
    [{ modelSchedule: "8x3,1x0" }, /got "8x3,1x0"; mend "1x0"$/],
    [{ modelSchedule: "0x3" }, /must be pairs .* each at least 1.* mend "0x3"$/],
    [{ modelSchedule: "" }, /^plan: modelSchedule: must be pairs of factor x steps/],
    [
      { modelSchedule: [] },
      'plan: modelSchedule: must be text such as "8x3,1x9" or a list of at least 1, each an object with factor, steps, got []',
    ],
    [
      { modelSchedule: [{ factor: 1, step: 3 }] },
      /^plan: modelSchedule\[0\]: must have no other keys than factor, steps, got "step"; did you mean "steps"\?$/m,
    ],
    [
      { modelSchedule: [{ factor: -2, steps: 3 }] },
      "plan: modelSchedule[0].factor: must be a whole number of at least 1, got -2",
    ],
    [
      { choiceTemprature: 3 },
      /^plan: must have no other keys than steps, .* got "choiceTemprature"; did you mean "choiceTemperature"\?$/,
    ],
    [{ choiceTemperature: -1 }, "plan: choiceTemperature: must be a number of at least 0, got -1"],
    [{ choiceTemperature: Number.NaN }, "plan: choiceTemperature: must be a number of at least 0, got NaN"],
    [{ choiceTemperature: "4.5" }, 'plan: choiceTemperature: must be a number of at least 0, got "4.5"'],
    [
      { maskSchedule: { kind: "cosin" } },
      /^plan: maskSchedule\.kind: must be "pow", "cosine", .* got "cosin"; did you mean "cosine"\?$/,
    ],
    [{ maskSchedule: { kind: "pow" } }, "plan: maskSchedule.exponent: must be a number above 0, got nothing"],
    [
      { maskSchedule: { kind: "cosine", exponent: 2 } },
      'plan: maskSchedule.exponent: must be left out where kind is "cosine", got 2',
    ],
    [
      { unmask: { kind: "schedule", bound: 2 } },
      'plan: unmask.bound: must be left out where kind is "schedule", got 2',
    ],
    [
      { tokenTemperature: { kind: "constant", value: 0 } },
      "plan: tokenTemperature.value: must be a number above 0, got 0",
    ],
    [
      { tokenTemperature: { kind: "constant", bias: 1, value: 1 } },
      'plan: tokenTemperature.bias: must be left out where kind is "constant", got 1',
    ],
    [{ topK: 0 }, "plan: topK: must be a whole number of at least 1 or null, got 0"],
    [{ topP: 1.5 }, "plan: topP: must be a number in (0, 1] or null, got 1.5"],
    [{ minP: 0 }, "plan: minP: must be a number in (0, 1] or null, got 0"],
    [
      { guidance: { scale: Number.POSITIVE_INFINITY } },
      "plan: guidance.scale: must be a number of at least 0, got Infinity",
    ],
    [
      { guidance: { schedule: "cosine" } },
      'plan: guidance.schedule: must be "constant", "linear" or "power-cosine", got "cosine"',
    ],
    [
      { guidance: { interval: [0.5, 0.5] } },
      "plan: guidance.interval: must be [from, to] with 0 <= from < to <= 1, fractions of the steps, got [0.5,0.5]",
    ],
    [
      { guidance: { scale: 1, interval: [0.1, 0.15] } },
      "plan: guidance.interval: must hold a step k of 12, 0.1 <= k/12 < 0.15, got [0.1,0.15]; widen it, or set scale to 0",
    ],
    [
      { guidance: { unconditionalFactor: "larger" } },
      /^plan: guidance.unconditionalFactor: must be "same", "smaller" or a whole number of at least 1, got "larger"/,
    ],
    [{ guidance: { unconditionalFactor: 0.5 } }, /^plan: guidance.unconditionalFactor: must be .* got 0.5$/],
    [
      { cache: { refresh: { every: 0 } } },
      "plan: cache.refresh.every: must be a whole number of at least 1, got 0",
    ],
    [
      { cache: { refresh: "nevr" } },
      'plan: cache.refresh: must be "on-switch", "never" or an object with every, got "nevr"; did you mean "never"?',
    ],
    [{ cache: true }, "plan: cache: must be an object with enabled, refresh, runs, got true"],
    [{ cache: { runs: "all" } }, /^plan: cache.runs: must be "all-masked" or "needed", got "all"/],
    [
      { cache: { runs: "needed" } },
      'plan: cache.runs: must be "all-masked" with the cosine mask schedule, which does not say beforehand which tokens a ' +
        'step decodes, got "needed"; set maskSchedule.kind to "halton"',
    ],
    [
      { maskSchedule: { kind: "halton" }, cache: { runs: "needed", enabled: false } },
      'plan: cache.runs: must be "all-masked" without the cache, got "needed"; set cache.enabled to true',
    ],
    [
      { maskSchedule: { kind: "halton" }, cache: { runs: "needed" }, unmask: { kind: "entropy", bound: 1 } },
      'plan: cache.runs: must be "all-masked" with an entropy rule, which needs all masked tokens to choose how many a step ' +
        'decodes, got "needed"; leave unmask out, or set its kind to "schedule"',
    ],
    ["8x3", /^plan: must be an object with steps, modelSchedule, .* got "8x3"$/],
  ])("refuses %j", (given, message) => {
    const make = () => makePlan(given as object);
    expect(make).toThrow(InputError);
    expect(make).toThrow(typeof message === "string" ? new InputError(message) : message);
  });

  it("says where a plan came from", () => {
    const make = () => makePlan({ topK: 0 }, defaultPlan, "generation_config.json", ["plan"]);
    expect(make).toThrow(/^generation_config\.json: plan\.topK: must be a whole number/);
    expect(() => parseModelSchedule("8x")).toThrow(/modelSchedule: must be pairs/);
  });
});

describe("modelSchedule as text", () => {
  it("reads what it prints", () => {
    expect(printModelSchedule(defaultPlan.modelSchedule)).toBe("8x3,4x3,2x3,1x3");
    expect(parseModelSchedule(" 8x3, 1X9")).toEqual([
      { factor: 8, steps: 3 },
      { factor: 1, steps: 9 },
    ]);
    fc.assert(
      fc.property(fc.array(run, { minLength: 1 }), (modelSchedule) => {
        expect(parseModelSchedule(printModelSchedule(modelSchedule))).toEqual(modelSchedule);
      }),
    );
  });

  it("spreads steps evenly over a model's factors", () => {
    expect(evenModelSchedule(12, [1, 2, 4, 8])).toEqual(defaultPlan.modelSchedule);
    expect(printModelSchedule(evenModelSchedule(8, [4, 1, 2]))).toBe("4x3,2x3,1x2");
    expect(printModelSchedule(evenModelSchedule(2, [1, 2, 4]))).toBe("4x1,2x1");
  });
});
