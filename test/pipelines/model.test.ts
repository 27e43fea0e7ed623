/** Measured plans in a model folder: written, read, checked, and used for budgets. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makePlan } from "../../src/decoding/plan.ts";
import { planFor, planForBudget, planForQuality } from "../../src/pipelines/choose-plan.ts";
import { readModel, writeModel, writeParetoFront } from "../../src/pipelines/node/model-folder.ts";
import type { ParetoFront } from "../../src/planning/pareto-front.ts";
import { toyModel } from "./toy-model.ts";
import { toyVideoModel } from "./toy-video-model.ts";

let folder: string;
let path: string;
const paretoFront: ParetoFront = {
  classifier: "classifier",
  samples: 40,
  seed: 5,
  baselineDistance: 2,
  plans: [
    { plan: planFor(toyModel(), { modelSchedule: "8x12" }), distance: 4 },
    { plan: planFor(toyModel(), { modelSchedule: "8x6,4x6", choiceTemperature: 9 }), distance: 3 },
  ],
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "model-"));
  path = join(folder, "generation_config.json");
  await writeModel(folder, toyModel());
});
afterAll(() => rm(folder, { recursive: true }));

describe("a measured Pareto front", () => {
  it("is absent until it is put into the folder, where nothing else changes", async () => {
    expect(await readModel(folder)).not.toHaveProperty("paretoFront");
    const before = JSON.parse(await readFile(path, "utf8"));
    await writeParetoFront(folder, paretoFront);
    const { paretoFront: written, ...rest } = JSON.parse(await readFile(path, "utf8"));
    expect(rest).toEqual(before);
    expect(written).toEqual(paretoFront);
    expect((await readModel(folder)).paretoFront).toEqual(paretoFront);
  });

  it("is written with the model", async () => {
    await writeModel(folder, { ...toyModel(), paretoFront });
    expect((await readModel(folder)).paretoFront).toEqual(paretoFront);
  });

  it("names the file and the field that are wrong, and plans that the model cannot run", async () => {
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"samples": 40', '"samples": "many"'));
    await expect(readModel(folder)).rejects.toThrow(
      `${path}: paretoFront.samples: must be a whole number of at least 1, got "many"`,
    );
    await writeParetoFront(folder, {
      ...paretoFront,
      plans: [{ plan: makePlan({ modelSchedule: "3x4" }, toyModel().plan), distance: 1 }],
    });
    await expect(readModel(folder)).rejects.toThrow(/p = 1, 2, 4, 8, got 3/);
    await writeFile(path, text);
  });

  it("serves budgets of generating, and of no other task", () => {
    const still = { ...toyModel(), paretoFront };
    expect(planForBudget(still, 1)).toBe(paretoFront.plans[1]!.plan);
    expect(planForBudget(toyModel(), 1).modelSchedule).toEqual([{ factor: 1, steps: 12 }]);
    const moving = { ...toyVideoModel(), paretoFront };
    expect(planForBudget(moving, 1)).toBe(paretoFront.plans[1]!.plan);
    expect(planForBudget(moving, 1, "predict")).toEqual(planForBudget(toyVideoModel(), 1, "predict"));
  });

  it("serves a target of quality, or says that it is missing", () => {
    expect(planForQuality({ ...toyModel(), paretoFront }, 2)).toBe(paretoFront.plans[0]!.plan);
    expect(planForQuality({ ...toyModel(), paretoFront }, 1.9)).toBe(paretoFront.plans[1]!.plan);
    expect(() => planForQuality(toyModel(), 2)).toThrow(/no plans were measured.*magnets search/);
    expect(() => planForQuality({ ...toyModel(), paretoFront }, 2, "predict")).toThrow(/not for predict/);
  });
});
