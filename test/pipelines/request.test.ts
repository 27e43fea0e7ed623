/** What is asked of a model, and what becomes of it: known, costed, or refused by the option's name. */
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { makePlan } from "../../src/decoding/plan.ts";
import { fittingBatchSize, modelPlanMemory } from "../../src/pipelines/batch-size.ts";
import { modelPlanCost } from "../../src/pipelines/choose-plan.ts";
import { type RequestSubject, resolveRequest } from "../../src/pipelines/request.ts";
import { toyModel } from "./toy-model.ts";
import { toyVideoModel } from "./toy-video-model.ts";

const model = toyModel();
const mask = 8;

describe("resolveRequest", () => {
  it("of nothing is one unconditional image by the model's default plan", () => {
    expect(resolveRequest({}, model)).toEqual({
      seed: 0,
      firstIndex: 0,
      classRows: [3],
      plan: model.plan,
      cost: modelPlanCost(model.transformer.config, model.plan),
      maskedTokens: 16,
      startTokens: null,
      batchSize: 16,
      deadlineMs: null,
    });
  });

  it("puts named options before the same thing in a plan, and leaves the rest of the plan", () => {
    const { plan } = resolveRequest(
      {
        plan: { modelSchedule: "8x4", guidance: { scale: 1, schedule: "linear" }, minP: 0.5 },
        modelSchedule: "4x2,1x1",
        guidanceScale: 3,
        tokenTemperature: 2,
      },
      model,
    );
    const parts = {
      modelSchedule: "4x2,1x1",
      guidance: { scale: 3, schedule: "linear" },
      minP: 0.5,
      tokenTemperature: { kind: "constant", value: 2 },
    } as const;
    expect(plan).toEqual(makePlan(parts, model.plan));
  });

  it("takes turns over classes by the index in the series, and conditions a completion on its task", () => {
    const classes = ["cat", "7"];
    expect(resolveRequest({ classes, count: 5, firstIndex: 3 }, model).classRows).toEqual([2, 0, 2, 0, 2]);
    const video = toyVideoModel();
    const rows = resolveRequest({ task: "predict", count: 2 }, video).classRows;
    expect(new Set(rows).size).toBe(1);
    expect(rows[0]).toBeGreaterThan(video.classNames.length); // behind the classes and the null class
  });

  it("takes a text for one class", () => {
    expect(resolveRequest({ classes: "dog", count: 2 }, model).classRows).toEqual([1, 1]);
    expect(resolveRequest({ classes: "all", count: 3 }, model).classRows).toEqual([0, 1, 2]);
  });

  it("counts what start tokens leave to decode, the same for every image, and prices that", () => {
    const start = Int32Array.from({ length: 16 }, (_, i) => (i < 5 ? mask : 1));
    const request = resolveRequest({ startTokens: start, count: 2 }, model);
    expect(request.maskedTokens).toBe(5);
    expect(request.startTokens).toEqual(Int32Array.of(...start, ...start));
    expect(request.cost).toEqual(modelPlanCost(model.transformer.config, request.plan, 5));
  });

  it("lets half of the free memory decide how many images go together", () => {
    const free = 2 ** 30;
    const { batchSize, plan } = resolveRequest({ count: 1000, batchSize: "auto" }, model, () => free);
    expect(batchSize).toBe(fittingBatchSize(modelPlanMemory(model, plan, 16), 1000, free / 2));
  });

  it("decodes images one by one where an entropy rule gives each counts of its own", () => {
    const plan = { unmask: { kind: "entropy", bound: 1 } } as const;
    expect(resolveRequest({ count: 9, batchSize: 4, plan }, model).batchSize).toBe(1);
  });

  it.each<[RequestSubject, RegExp]>([
    [{ count: 0 }, /^generate: count: must be a whole number in 1\.\.1000000, got 0$/],
    [{ firstIndex: -1 }, /^generate: firstIndex: must be a whole number of at least 0, got -1$/],
    [{ seed: -4 }, /^generate: seed: must be a whole number in 0.*, got -4$/],
    [{ seed: 2 ** 53 + 2 }, /^generate: seed: must be/],
    [{ class: "cat" } as never, /must have no other keys than .*, got "class"; did you mean "classes"/],
    [{ classes: ["cta"] }, /^classes: must be one of cat, dog, 7, got "cta"; did you mean "cat"\?$/],
    [
      { plan: "8x3" as never },
      /^generate: plan: must be an object with parts of a plan, got "8x3"; a model schedule .* is modelSchedule$/,
    ],
    [{ modelSchedule: "3x4" }, /plan: modelSchedule: must name .* p = 1, 2, 4, 8, got 3/],
    [
      { modelSchedule: "8x100" },
      /plan: steps: must be a whole number in 1\.\.16, one per token at most, got 100/,
    ],
    [{ budget: 0.5, steps: 4 }, /budget: decides the model schedule and the steps/],
    [{ budget: 0.5, plan: { modelSchedule: "1x4" } }, /budget: decides the model schedule/],
    [{ targetQuality: 1.1, steps: 4 }, /targetQuality: measured plans bring all their settings/],
    [{ targetQuality: 1.1 }, /no plans were measured/],
    [{ planName: "my.json", plan: { steps: -1 } }, /^my\.json: steps: must be a whole number/],
    [{ memoryBudget: 5, batchSize: 4 }, /memoryBudget is for batchSize "auto"/],
    [{ startTokens: new Int32Array(3) }, /must hold 16 ids/],
    [
      { startTokens: Int32Array.from({ length: 16 }, (_, i) => (i === 5 ? 9 : mask)) },
      /^startTokens: must be ids in 0\.\.7, or the mask id 8 where a token is wanted, got 9 at place 5; take what/,
    ],
    [
      { startTokens: new Int32Array(16).fill(-1) },
      /^startTokens: must be ids in 0\.\.7, .* got -1 at place 0;/,
    ],
    [
      { startTokens: [8, 8] as never },
      /^generate: startTokens: must be an Int32Array of token ids, got \[8,8\]$/,
    ],
    [{ task: "predict" }, /predict/],
    [
      { task: "predict", classes: "cat" },
      /^predict: classes: must be left out, since what is given decides, got "cat"$/,
    ],
  ])("refuses %j", (options, message) => {
    const resolve = () => resolveRequest(options, model);
    expect(resolve).toThrow(InputError);
    expect(resolve).toThrow(message);
  });
});
