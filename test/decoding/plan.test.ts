import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { guidanceSchedules } from "../../src/decoding/guidance.ts";
import { type MaskSchedule, maskScheduleKinds } from "../../src/decoding/mask-schedule.ts";
import {
  defaultPlan,
  evenModelSchedule,
  makePlan,
  type PlanInput,
  parseModelSchedule,
  printModelSchedule,
} from "../../src/decoding/plan.ts";

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
    for (const leaveOut of [[7], [-1], [2, 2], [3, 1], [0.5], "3"]) {
      const given = { modelSchedule: "1x8", leaveOut } as PlanInput;
      expect(() => makePlan(given)).toThrow(/^plan\.leaveOut: must be a list of steps in 0\.\.6/);
    }
  });

  it("fills in the rest of guidance and cache from the base plan", () => {
    const base = makePlan({ guidance: { scale: 3, schedule: "linear" }, modelSchedule: "1x8" });
    const plan = makePlan({ guidance: { scale: 1 }, cache: { enabled: false } }, base);
    expect(plan.guidance).toEqual({ ...defaultPlan.guidance, scale: 1, schedule: "linear" });
    expect(plan.cache).toEqual({ enabled: false, refresh: "on-switch" });
    expect(plan.steps).toBe(8);
  });

  it("guides all steps where the base's interval has none of fewer, and asks for none without guidance", () => {
    const base = makePlan({ guidance: { scale: 2, interval: [0.25, 1] } });
    expect(makePlan({ modelSchedule: "8x1" }, base).guidance).toEqual({ ...base.guidance, interval: [0, 1] });
    expect(makePlan({ modelSchedule: "8x4" }, base).guidance).toEqual(base.guidance);
    expect(() => makePlan({ modelSchedule: "8x1", guidance: { interval: [0.25, 1] } }, base)).toThrow(
      /no step k of 1/,
    );
    const unguided = { scale: 0, interval: [0.25, 1] } as const;
    expect(makePlan({ modelSchedule: "8x1", guidance: unguided }).guidance).toMatchObject(unguided);
  });

  it.each<[unknown, RegExp]>([
    [{ steps: 13 }, /plan\.modelSchedule: the steps must add up to 13 .*8x3,4x3,2x3,1x3 has 12/],
    [{ steps: 0, modelSchedule: "1x1" }, /plan\.steps: must be an integer of at least 1, got 0/],
    [{ modelSchedule: "8x3,4y3" }, /plan\.modelSchedule: must be factor x steps .*got "4y3" in "8x3,4y3"/],
    [{ modelSchedule: "8x3,1x0" }, /steps of "1x0": must be an integer of at least 1, got 0/],
    [{ modelSchedule: "0x3" }, /factor of "0x3": must be .* at least 1, got 0/],
    [{ modelSchedule: "" }, /plan\.modelSchedule: must be factor x steps/],
    [{ modelSchedule: [] }, /plan\.modelSchedule: must be text .* or a list/],
    [
      { modelSchedule: [{ factor: 1, step: 3 }] },
      /plan\.modelSchedule\[0\]: unknown key "step"\. Did you mean "steps"/,
    ],
    [{ modelSchedule: [{ factor: -2, steps: 3 }] }, /plan\.modelSchedule\[0\]\.factor: .* got -2/],
    [{ choiceTemprature: 3 }, /unknown key "choiceTemprature"\. Did you mean "choiceTemperature"/],
    [{ choiceTemperature: -1 }, /plan\.choiceTemperature: must be 0 or above, got -1/],
    [{ choiceTemperature: Number.NaN }, /plan\.choiceTemperature: .* got NaN/],
    [{ choiceTemperature: "4.5" }, /plan\.choiceTemperature: .* got "4.5"/],
    [
      { maskSchedule: { kind: "cosin" } },
      /plan\.maskSchedule\.kind: unknown name "cosin"\. Did you mean "cosine"/,
    ],
    [{ maskSchedule: { kind: "pow" } }, /plan\.maskSchedule\.exponent: must be above 0, got undefined/],
    [{ maskSchedule: { kind: "cosine", exponent: 2 } }, /exponent: only "pow" has one/],
    [
      { tokenTemperature: { kind: "constant", value: 0 } },
      /plan\.tokenTemperature\.value: must be above 0, got 0/,
    ],
    [{ tokenTemperature: { kind: "constant", bias: 1 } }, /plan\.tokenTemperature: unknown key "bias"/],
    [{ topK: 0 }, /plan\.topK: must be an integer of at least 1, got 0/],
    [{ topP: 1.5 }, /plan\.topP: must be in \(0, 1\], got 1\.5/],
    [{ minP: 0 }, /plan\.minP: must be in \(0, 1\], got 0/],
    [{ guidance: { scale: Number.POSITIVE_INFINITY } }, /plan\.guidance\.scale: .* got Infinity/],
    [{ guidance: { schedule: "cosine" } }, /plan\.guidance\.schedule: unknown name "cosine"/],
    [{ guidance: { interval: [0.5, 0.5] } }, /plan\.guidance\.interval: must be \[from, to\]/],
    [{ guidance: { scale: 1, interval: [0.1, 0.15] } }, /no step k of 12 has 0\.1 <= k\/12 < 0\.15/],
    [{ guidance: { unconditionalFactor: "larger" } }, /unconditionalFactor: unknown name "larger"/],
    [{ cache: { refresh: { every: 0 } } }, /plan\.cache\.refresh\.every: .* got 0/],
    [{ cache: { refresh: "allways" } }, /plan\.cache\.refresh: unknown name "allways"/],
    [{ cache: true }, /plan\.cache: must be an object .* got true/],
    ["8x3", /plan: must be an object .* got "8x3"/],
  ])("refuses %j", (given, message) => {
    const make = () => makePlan(given as object);
    expect(make).toThrow(InputError);
    expect(make).toThrow(message);
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
