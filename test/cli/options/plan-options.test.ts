/** What the options of a plan change of a model's default one. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { planOptionsOf } from "../../../cli/options/plan-options.ts";
import { type GenerativeModel, modelPlanCost, type Task } from "../../../src/index.ts";
import { planFor } from "../../../src/pipelines/choose-plan.ts";
import { choosePlan } from "../../../src/pipelines/request.ts";
import { toyModel } from "../../pipelines/toy-model.ts";
import { toyVideoModel } from "../../pipelines/toy-video-model.ts";

/** The plan that a model decodes by under these options. */
const planOf = async (
  options: Parameters<typeof planOptionsOf>[0],
  model: GenerativeModel,
  task?: "generate" | Task,
) => choosePlan(await planOptionsOf(options), model, task);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plan-options-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("the file of a plan", () => {
  it("says what differs from the default of the task it is used for", async () => {
    const path = join(folder, "plan.json");
    await writeFile(path, JSON.stringify({ modelSchedule: "4x3,1x2" }));
    const model = toyVideoModel();
    for (const task of ["generate", "predict"] as const) {
      const plan = await planOf({ cache: true, plan: path }, model, task);
      expect(plan).toEqual(planFor(model, { modelSchedule: "4x3,1x2" }, task));
      expect(plan.maskSchedule.kind).toBe(task === "predict" ? "linear" : "cosine");
    }
  });

  it("may be the record of a decode, and other options change it", async () => {
    const model = toyVideoModel();
    const path = join(folder, "sample.json");
    const ran = planFor(model, { modelSchedule: "8x1,2x2", choiceTemperature: 2 });
    await writeFile(path, JSON.stringify({ plan: ran, seed: 4 }));
    expect(await planOf({ cache: true, plan: path }, model)).toEqual(ran);
    const hotter = await planOf({ cache: true, plan: path, choiceTemperature: 5 }, model);
    expect(hotter).toEqual({ ...ran, choiceTemperature: 5 });
  });
});

it("a model schedule where a file is expected is answered by the option that takes one", async () => {
  await expect(planOf({ cache: true, plan: "8x3,4x3" }, toyModel())).rejects.toThrow(
    "--model-schedule 8x3,4x3",
  );
});

it("runs only what is needed where that is asked for, and not where a file does and the option says otherwise", async () => {
  const model = toyModel();
  const asked = { cache: true, maskSchedule: "halton", cacheRuns: "needed" } as const;
  const plan = await planOf(asked, model);
  expect(plan).toEqual(planFor(model, { maskSchedule: { kind: "halton" }, cache: { runs: "needed" } }));
  const path = join(folder, "needed.json");
  await writeFile(path, JSON.stringify({ plan }));
  expect(await planOf({ cache: true, plan: path }, model)).toEqual(plan);
  const all = await planOf({ cache: true, plan: path, cacheRuns: "all-masked" }, model);
  expect(all).toEqual(planFor(model, { maskSchedule: { kind: "halton" } }));
  await expect(planOf({ cache: false, plan: path }, model)).rejects.toThrow(
    /cache\.runs: must be "all-masked" without the cache, got "needed"/,
  );
});

it("guides no completion, since none was trained without its task", () => {
  const guided = { guidance: { scale: 2 } };
  expect(() => planFor(toyVideoModel(), guided, "predict")).toThrow(
    /plan: guidance\.scale: must be 0 to predict, .* got 2/,
  );
  expect(planFor(toyVideoModel(), guided).guidance.scale).toBe(2);
});

describe("a budget", () => {
  it("takes measured plans only at the settings they were measured at", async () => {
    const plan = planFor(toyModel(), { modelSchedule: "8x6,4x6", choiceTemperature: 9 });
    const paretoFront = {
      classifier: "c",
      samples: 9,
      seed: 1,
      baselineDistance: 2,
      plans: [{ plan, distance: 1 }],
    };
    const model = { ...toyModel(), paretoFront };
    expect(await planOf({ cache: true, budget: 0.5 }, model)).toBe(plan);
    const colder = await planOf({ cache: true, budget: 0.5, choiceTemperature: 1 }, model);
    expect([colder.choiceTemperature, colder.modelSchedule]).not.toEqual([9, plan.modelSchedule]);
    expect(colder.choiceTemperature).toBe(1);
  });

  it("never drops guidance that was asked for", async () => {
    const model = toyModel();
    const guided = await planOf({ cache: true, budget: 0.05, guidance: 3 }, model);
    expect(guided.guidance!.scale).toBe(3);
    await expect(planOf({ cache: true, budget: 0.001, guidance: 3 }, model)).rejects.toThrow(
      /what one step of/,
    );
  });

  it("is kept whatever else is asked for, at the settings asked for", async () => {
    const model = toyModel();
    const baseline = modelPlanCost(model.transformer.config, model.plan).baselineMultiplyAdds;
    for (const more of [{}, { cache: false }, { guidance: 3 }, { choiceTemperature: 1, minP: 0.1 }]) {
      const plan = await planOf({ cache: true, budget: 0.3, ...more }, model);
      expect(modelPlanCost(model.transformer.config, plan).multiplyAdds / baseline).toBeLessThanOrEqual(0.3);
      expect(plan.cache.enabled).toBe(!("cache" in more));
      expect(plan.guidance.scale).toBe("guidance" in more ? 3 : model.plan.guidance.scale);
    }
  });
});
