/** A toy that draws sprites of 16 pixels a side, random but for its classes, and a classifier for it, for commands to run on. */
import { join } from "node:path";
import { spriteClasses } from "../../src/data/drawn/sprites/index.ts";
import { classifierConfig, classifierParameters } from "../../src/evaluation/features/classifier.ts";
import { writeClassifier } from "../../src/evaluation/features/classifier-folder.ts";
import { initialise } from "../../src/models/parameters.ts";
import { transformerParameters } from "../../src/models/transformer/parameters.ts";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { toyModel } from "../pipelines/toy-model.ts";

/** Writes `model` and `classifier` into a folder. */
export async function writeToySprites(folder: string): Promise<void> {
  const toy = toyModel();
  const transformer = { ...toy.transformer.config, classes: spriteClasses.length };
  await writeModel(join(folder, "model"), {
    ...toy,
    classNames: spriteClasses,
    transformer: {
      config: transformer,
      tensors: initialise(transformerParameters(transformer), [3, 4]),
    },
  });
  const network = classifierConfig({ resolution: 16, classes: 12, channels: [8], featureWidth: 4 });
  await writeClassifier(join(folder, "classifier"), {
    config: network,
    tensors: initialise(classifierParameters(network), [5, 6]),
    classNames: spriteClasses,
    accuracy: { value: 0.1, factors: [], images: 10, source: "nothing" },
    training: {
      command: "none",
      source: "nothing",
      images: 1,
      steps: 1,
      randomFlip: true,
      shift: 0,
      isDegraded: false,
    },
  });
}
