import { describe, expect, it } from "vitest";
import { makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import { planCost, type StepCost } from "../../src/planning/cost.ts";
import {
  type PassSize,
  type PassTime,
  passesOf,
  planSeconds,
  stepSeconds,
} from "../../src/planning/latency.ts";
import { defaults, model } from "../decoding/sprites-model.ts";

const stepsOf = (input: PlanInput) => planCost(model, makePlan(input, defaults)).steps;
const line = ({ factor, isFull, multiplyAdds }: PassSize) =>
  0.001 * factor + (isFull ? 0.002 : 0) + (1e-11 + 1e-12 * factor) * multiplyAdds;
/** What calibrating would find on a device that is exactly so: passes of all sub-models, guided and not. */
const times: PassTime[] = model.factors.flatMap((factor) =>
  [0, 1.5].flatMap((scale) =>
    stepsOf({ modelSchedule: [{ factor, steps: 5 }], guidance: { scale } })
      .flatMap((step) => passesOf(step, 4))
      .map((pass) => ({ ...pass, seconds: line(pass) })),
  ),
);

describe("stepSeconds", () => {
  it("predicts steps of other plans and batches on the lines that were timed", () => {
    for (const batch of [4, 7]) {
      const secondsOf = stepSeconds(times, batch);
      for (const step of stepsOf({})) {
        const both = batch * (step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds);
        expect(secondsOf(step)).toBeCloseTo(line({ ...step, multiplyAdds: both }), 9);
      }
    }
  });

  it("adds up branches of two sizes, which run one after the other", () => {
    const [first] = stepsOf({ modelSchedule: "4x1", guidance: { unconditionalFactor: 8 } }) as [StepCost];
    const passes = [
      { factor: 4, isFull: true, multiplyAdds: 2 * first.conditionalMultiplyAdds },
      { factor: 8, isFull: true, multiplyAdds: 2 * first.unconditionalMultiplyAdds },
    ];
    expect(passesOf(first, 2)).toEqual(passes);
    expect(stepSeconds(times, 2)(first)).toBeCloseTo(line(passes[0]!) + line(passes[1]!), 9);
  });

  it("never predicts less than nothing, whatever the noise", () => {
    const falling = times.map((time, i) => ({ ...time, seconds: 1 / (1 + i) }));
    for (const step of stepsOf({})) expect(stepSeconds(falling, 1)(step)).toBeGreaterThan(0);
    const [one] = times as [PassTime];
    const steps = stepsOf({ modelSchedule: "1x1" });
    expect(stepSeconds([one], 4)(steps[0]!)).toBeGreaterThan(0);
  });

  it("refuses to guess a sub-model that was not timed", () => {
    const some = times.filter(({ factor }) => factor !== 2);
    expect(() => planSeconds(model, defaults, stepSeconds(some, 1))).toThrow(/no pass was timed for p = 2/);
  });
});

describe("planSeconds", () => {
  it("counts passes on a device where each takes a second: two a step where branches are of two sizes", () => {
    const secondsOf = stepSeconds(
      times.map((time) => ({ ...time, seconds: 1 })),
      4,
    );
    const secondsFor = (input: PlanInput) => planSeconds(model, makePlan(input, defaults), secondsOf);
    expect(secondsFor({ guidance: { scale: 0 } })).toBeCloseTo(12, 9);
    expect(secondsFor({ guidance: { unconditionalFactor: "same" } })).toBeCloseTo(12, 9); // joined
    expect(secondsFor({ guidance: { unconditionalFactor: 8 } })).toBeCloseTo(3 + 2 * 9, 9);
    // Steps 3 to 8 are guided.
    const some = { unconditionalFactor: 8, interval: [0.25, 0.75] } as const;
    expect(secondsFor({ guidance: some })).toBeCloseTo(6 + 2 * 6, 9);
  });
});
