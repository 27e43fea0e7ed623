/** What a study refuses before it measures anything, and what its ways are tuned on. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { behind } from "../../../src/data/views.ts";
import { makePlan } from "../../../src/decoding/plan.ts";
import { openRunners, openSubject } from "../../../src/evaluation/open-subject.ts";
import { openSubjectScorer } from "../../../src/evaluation/score-plans.ts";
import { runStudyOver } from "../../../src/evaluation/studies/run-study.ts";
import { initialise } from "../../../src/models/parameters.ts";
import { transformerParameters } from "../../../src/models/transformer/parameters.ts";
import type { GenerativeModel } from "../../../src/pipelines/model.ts";
import { settingsToTry, withSettings } from "../../../src/planning/tune.ts";
import { writeToySprites } from "../../cli/toy-sprites.ts";
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

it("tunes every way on all trainings: the settings whose mean distance is least", async () => {
  const folder = await mkdtemp(join(tmpdir(), "study-"));
  const runners = await openRunners({ threads: 1 });
  try {
    await writeToySprites(folder);
    const measuring = {
      ...{ data: "sprites", classifier: join(folder, "classifier"), batchSize: 16, threads: 1 },
      ...{ samples: 16, referenceImages: 16 },
    };
    const first = (await openSubject(join(folder, "model"), measuring)).model;
    const { config } = first.transformer;
    const tensors = initialise(transformerParameters(config), [9, 9]);
    const trainings = [first, { ...first, transformer: { config, tensors } }];
    const tuning = { tries: 4, samples: 32, referenceImages: 24, seed: 77 };
    const result = await runStudyOver("few-steps", trainings, { ...measuring, decodeSteps: [2], tuning });

    const { ways } = (
      result.extras as { tuning: { ways: { name: string; settings: object; distance: number }[] } }
    ).tuning;
    const way = ways.find(({ name }) => name === "default plan")!;
    // By successive halving: 4 settings on 8 images, the better 2 on 16, and the best on 32; all of both trainings.
    let tries = settingsToTry({ base: first.plan, factors: config.factors, branch: "any" }, 4, tuning.seed);
    let best = Number.NaN;
    for (const [kept, samples] of [
      [4, 8],
      [2, 16],
      [1, 32],
    ] as const) {
      const found: { settings: (typeof tries)[number]; distance: number }[] = [];
      for (const settings of tries.slice(0, kept)) {
        const distances: number[] = [];
        for (const model of trainings) {
          const subject = await openSubject(model, measuring);
          const scorer = await openSubjectScorer(
            // Real images that are none of the report's: it has 16, and could compare with 16 more.
            { ...subject, heldOut: behind(subject.heldOut, 32) },
            { device: "cpu", threads: 1, precision: "fp32", batchSize: 16, referenceImages: 24 },
            runners,
          );
          const plan = makePlan(withSettings({}, settings), first.plan);
          distances.push(await scorer.distance(plan, { samples, seed: tuning.seed }));
          await scorer.dispose();
        }
        found.push({ settings, distance: (distances[0]! + distances[1]!) / 2 });
      }
      found.sort((a, b) => a.distance - b.distance);
      tries = found.map(({ settings }) => settings);
      best = found[0]!.distance;
    }
    expect(way.settings).toEqual(tries[0]);
    expect(way.distance).toBeCloseTo(best, 10);
    expect(result.notes[0]).toContain("by each of the 2 trainings, whose mean distance decides");
  } finally {
    await runners.close();
    await rm(folder, { recursive: true });
  }
});
