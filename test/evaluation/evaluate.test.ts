import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { evaluate } from "../../src/evaluation/evaluate.ts";
import { classifierConfig, classifierParameters } from "../../src/evaluation/features/classifier.ts";
import { writeClassifier } from "../../src/evaluation/features/classifier-folder.ts";
import { searchParetoFront } from "../../src/evaluation/search-pareto-front.ts";
import { resultOf, warningsOf } from "../../src/evaluation/write-evaluation.ts";
import { initialise } from "../../src/models/parameters.ts";
import { writeImages } from "../pipelines/image-folder.ts";
import { toyModel } from "../pipelines/toy-model.ts";

const classNames = ["a", "b", "c"];
const model = { ...toyModel(), classNames };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluate-"));
  await writeImages(join(folder, "photos"), classNames, 20);
  await writeFile(join(folder, "photos", "a", "notes.txt"), "no image");
  const config = classifierConfig({ resolution: 16, classes: 3, channels: [8], featureWidth: 4 });
  await writeClassifier(join(folder, "classifier"), {
    config,
    tensors: initialise(classifierParameters(config), [5, 6]),
    classNames,
    accuracy: { value: 0.3, factors: [], images: 10, source: "nothing" },
    training: {
      ...{ command: "none", source: "nothing", images: 1, steps: 1 },
      ...{ randomFlip: true, shift: 0, isDegraded: false },
    },
  });
});
afterAll(() => rm(folder, { recursive: true }));

describe("on a small folder of one's own", () => {
  const own = () => ({ data: join(folder, "photos"), classifier: join(folder, "classifier"), threads: 1 });

  it("evaluates with what there is, and says what that is worth", async () => {
    // 60 images, of which a fifth is held out.
    const evaluation = await evaluate(model, { ...own(), plans: ["1x2"] });
    expect([evaluation.samples, evaluation.result.reference.images]).toEqual([6, 6]);
    const warnings = warningsOf(evaluation);
    expect(warnings).toEqual([
      expect.stringContaining("left out 1 not JPEG, PNG or WebP: a/notes.txt"),
      expect.stringContaining("so 6 are compared with 6 in the place of 2000 with 10000"),
    ]);
    expect(resultOf(evaluation).warnings).toEqual(warnings);
    expect(evaluation.rows[0]!.frechet.mean).toBeGreaterThan(0);
    await expect(evaluate(model, { ...own(), plans: ["1x2"], samples: 9 })).rejects.toThrow(
      "evaluate: data: must hold out 9 images to measure (--samples) and 4 others to compare with",
    );
  });

  it("searches with what there is, and says what that is worth", async () => {
    const few = { candidates: 2, rounds: 1, samples: 4, finalSamples: 4 };
    const { reference, warnings } = await searchParetoFront(model, { ...own(), ...few });
    expect(reference.images).toBe(12);
    expect(warnings.join()).toMatch(
      /left out 1 .*holds out 12 images, not the usual 10000 \(--reference-images\)/,
    );
    const asked = await searchParetoFront(model, { ...own(), ...few, referenceImages: 8 });
    expect(asked.warnings.join()).not.toContain("not the usual");
  });
});
