/** What a study refuses before it measures anything. */
import { describe, expect, it } from "vitest";
import { runStudyOver } from "../../../src/evaluation/studies/run-study.ts";
import { initialise } from "../../../src/models/parameters.ts";
import { transformerParameters } from "../../../src/models/transformer/parameters.ts";
import type { GenerativeModel } from "../../../src/pipelines/model.ts";
import { toyModel } from "../../pipelines/toy-model.ts";

/** The toy, trained with another seed. */
function training(seed: number): GenerativeModel {
  const toy = toyModel();
  const { config } = toy.transformer;
  return { ...toy, transformer: { config, tensors: initialise(transformerParameters(config), [seed, 0]) } };
}

describe("a study of several trainings", () => {
  it("refuses the same weights twice, which would be an error bar of nothing", async () => {
    await expect(runStudyOver("direction", [training(1), training(2), training(1)])).rejects.toThrow(
      "study: models: must be trainings that differ, but model 1 and model 3 have the same weights; name each training once",
    );
  });

  it("refuses models of two configurations, before any is measured", async () => {
    const toy = training(1);
    const other = {
      ...training(2),
      plan: { ...toy.plan, choiceTemperature: toy.plan.choiceTemperature + 1 },
    };
    await expect(runStudyOver("direction", [toy, other])).rejects.toThrow(
      "study: models: must be trainings of one configuration, but model 2 has other networks or another default plan than model 1",
    );
  });

  it("refuses numbers of steps where the question has none", async () => {
    await expect(runStudyOver("direction", [training(1)], { decodeSteps: [4] })).rejects.toThrow(
      'study: decodeSteps: must be left out of the study "direction": only few-steps, steps and order vary them, got [4]',
    );
  });
});
