import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { makePlan } from "../../src/decoding/plan.ts";
import { planReaching, readParetoFront } from "../../src/planning/pareto-front.ts";
import { defaults, model } from "../decoding/sprites-model.ts";

const paretoFront = {
  classifier: "sprites-classifier",
  samples: 2000,
  seed: 1_000_000,
  baselineDistance: 0.84,
  plans: [
    { plan: makePlan({ modelSchedule: "8x12" }, defaults), distance: 1.2 },
    { plan: makePlan({ modelSchedule: "8x6,4x6" }, defaults), distance: 0.9 },
  ],
};
const read = (value: unknown) => readParetoFront(value, defaults, "generation_config.json", ["paretoFront"]);

describe("a Pareto front", () => {
  it("reads back from its JSON", () => {
    expect(read(JSON.parse(JSON.stringify(paretoFront)))).toEqual(paretoFront);
  });

  it("takes what its plans leave out from the default plan", () => {
    const short = { ...paretoFront, plans: [{ plan: { modelSchedule: "8x12" }, distance: 1.2 }] };
    expect(read(short).plans).toEqual([paretoFront.plans[0]]);
  });

  it.each<[unknown, string]>([
    [
      null,
      "paretoFront: must be an object with classifier, samples, seed, baselineDistance, plans, got null; magnets search makes one",
    ],
    [{ ...paretoFront, classifier: 3 }, "paretoFront.classifier: must be text, got 3"],
    [{ ...paretoFront, samples: 0 }, "paretoFront.samples: must be a whole number of at least 1, got 0"],
    [{ ...paretoFront, seed: -1 }, "paretoFront.seed: must be a whole number of at least 0, got -1"],
    [
      { ...paretoFront, baselineDistance: "far" },
      'paretoFront.baselineDistance: must be a number of at least 0, got "far"',
    ],
    [
      { ...paretoFront, plans: [] },
      "paretoFront.plans: must be a list of at least 1, each an object with plan, distance, got []",
    ],
    [
      { ...paretoFront, plans: [{ plan: {}, distance: -2 }] },
      "paretoFront.plans[0].distance: must be a number of at least 0, got -2",
    ],
    [
      { ...paretoFront, plans: [paretoFront.plans[0], { plan: { steps: 0 }, distance: 1 }] },
      "paretoFront.plans[1].plan.steps: must be a whole number of at least 1, got 0",
    ],
    [
      { ...paretoFront, plans: [{ plan: { modelSchedule: "8x1", leaveOut: [0] }, distance: 1 }] },
      "paretoFront.plans[0].plan.leaveOut: must be a list of steps in 0..-1, ascending, the last step never among them, got [0]",
    ],
  ])("refuses %j, naming file and field", (value, expected) => {
    expect(() => read(value)).toThrow(new InputError(`generation_config.json: ${expected}`));
  });
});

describe("planReaching", () => {
  const [cheap, costly] = paretoFront.plans.map(({ plan }) => plan);

  it("takes the cheapest plan that is good enough, in whatever order they stand", () => {
    const turned = { ...paretoFront, plans: [...paretoFront.plans].reverse() };
    expect(planReaching(model, turned, 1.5)).toBe(cheap);
    expect(planReaching(model, turned, 1.2 / 0.84)).toBe(cheap);
    expect(planReaching(model, turned, 1.42)).toBe(costly);
  });

  it("names the best ratio where none is, which then is enough", () => {
    let message = "";
    try {
      planReaching(model, paretoFront, 1.05);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      message = (error as Error).message;
    }
    const best = Number(/the best one has ([\d.]+) times/.exec(message)?.[1]);
    expect(best).toBeCloseTo(0.9 / 0.84, 3);
    expect(planReaching(model, paretoFront, best)).toBe(costly);
  });
});
