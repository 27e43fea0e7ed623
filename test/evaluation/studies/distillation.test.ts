import { expect, it } from "vitest";
import { printModelSchedule } from "../../../src/decoding/model-schedule.ts";
import { basePlan, makePlan } from "../../../src/decoding/plan.ts";
import { isFullSize, planDistillation } from "../../../src/evaluation/studies/distillation.ts";
import { transformerConfigOf } from "../../../src/training/config.ts";
import { resolveConfig } from "../../../src/training/read-config.ts";

const factors = [1, 2, 4, 8];
const base = makePlan(
  { guidance: { scale: 1.5, unconditionalFactor: 8 }, choiceTemperature: 7 },
  basePlan(factors),
);
const ground = { base, factors };
const { variants, points, claims } = planDistillation(ground);

const trainingOf = (settings: readonly string[]) => {
  const file = { name: "x", decoding: { guidance: { unconditionalFactor: 8 } } };
  return resolveConfig(file, "f", { set: settings }).config;
};

it("trains nested ones by each teacher and by none, and every sub-model by itself", () => {
  const found = variants.map(({ name, settings, factors }) => {
    const config = trainingOf(settings);
    const { teacher, lambda } = config.transformer.training;
    expect(transformerConfigOf(config, 1).factors, name).toEqual(factors);
    return [name, lambda.end === 1 ? "truth" : teacher, factors.join()];
  });
  expect(found).toEqual([
    ["no teacher", "truth", "1,2,4,8"],
    ["full teacher", "full", "1,2,4,8"],
    ["next-larger teacher", "next-larger", "1,2,4,8"],
    ...factors.map((factor) => [`separate ${factor}`, "next-larger", `${factor}`]), // nobody to teach
    ["separate 1, longer", "next-larger", "1"],
  ]);
  // All separate trainings together, and the longer one, take a nested training's compute.
  const nestedSteps = factors.reduce((sum, factor) => sum + 1 / factor, 0);
  expect(variants.map(({ length }) => length)).toEqual([1, 1, 1, 1, 1, 1, 1, nestedSteps]);
});

it("decodes each trained sub-model baseline, in their order, and nested ones by the schedule too", () => {
  const plans = variants.map(({ points }) =>
    points.map(({ name, plan }) => {
      const { modelSchedule, cache, guidance } = makePlan(plan, base);
      expect(guidance.unconditionalFactor, name).toBe(cache.enabled ? 8 : "same"); // separate models have no 8
      return `${printModelSchedule(modelSchedule)}${cache.enabled ? " cached" : ""}`;
    }),
  );
  const whole = ["1x12", "2x12", "4x12", "8x12", "8x3,4x3,2x3,1x3 cached"];
  expect(plans).toEqual([whole, whole, whole, ["1x12"], ["2x12"], ["4x12"], ["8x12"], ["1x12"]]);
});

it("names every plan once, and holds each beside the full size of its kind of training", () => {
  const names = points.map(({ name }) => name);
  expect(new Set(names).size).toBe(20);
  for (const { plan, against } of claims)
    expect(names).toEqual(expect.arrayContaining([plan, against].flat()));
  const full = points.filter(isFullSize);
  expect(full.map(({ name }) => name)).toEqual(
    ["no teacher", "full teacher", "next-larger teacher", "separate"].map((kind) => `${kind}, full size`),
  );
  for (const { settings } of points) expect(full.map((one) => one.settings)).toContain(settings);
});

it("claims about teachers where there is one, about nesting at every size, and beside equal compute", () => {
  const said = claims.map(({ plan, against }) => `${plan} / ${against}`);
  expect(said).toContain("full teacher, 1/8 / no teacher, 1/8");
  expect(said).toContain("next-larger teacher, scheduled / full teacher, scheduled");
  expect(said.filter((claim) => /teacher, full size \/ .*teacher/.test(claim))).toEqual([]);
  expect(said).toContain("no teacher, full size / separate, full size");
  // Of those, the one of about the same compute is found when all is measured.
  const modelSchedule = ["full size", "1/2", "1/4", "1/8"];
  expect(claims.at(-1)).toEqual({
    plan: "next-larger teacher, scheduled",
    against: modelSchedule.map((size) => `separate, ${size}`),
  });
});

it("needs sub-models", () => {
  expect(() => planDistillation({ ...ground, factors: [1] })).toThrow("must have sub-models, got [1]");
});
