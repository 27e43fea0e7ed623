/**
 * A classifier's folder: `config.json` (the network, its classes, how it was trained and how well it does),
 * `model.safetensors` (weights, float16) and `README.md` (its card).
 */
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { requireInput } from "../core/errors.ts";
import { countParameters } from "../models/parameters.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import { readJson, writeJson } from "../weights/json-file.ts";
import { readSafetensors, type Tensors, writeSafetensors } from "../weights/safetensors.ts";
import { type ClassifierConfig, classifierConfig, classifierParameters } from "./classifier.ts";

const folderSchema = z.strictObject({
  network: z.unknown(),
  classNames: z.array(z.string()),
  accuracy: z.strictObject({ value: z.number(), pictures: z.int(), source: z.string() }),
  training: z.strictObject({
    command: z.string(),
    source: z.string(),
    pictures: z.int(),
    steps: z.int(),
  }),
});

export interface ClassifierFolder {
  readonly config: ClassifierConfig;
  readonly tensors: Tensors;
  /** In label order. */
  readonly classNames: readonly string[];
  /** The share of held-out pictures it names rightly, in [0, 1], and of which pictures. */
  readonly accuracy: { readonly value: number; readonly pictures: number; readonly source: string };
  readonly training: {
    readonly command: string;
    readonly source: string;
    readonly pictures: number;
    readonly steps: number;
  };
}

/**
 * Reads a classifier's folder.
 *
 * @throws InputError naming the file and what is wrong with it
 */
export async function readClassifier(folder: string): Promise<ClassifierFolder> {
  const path = join(folder, "config.json");
  const parsed = folderSchema.safeParse(await readJson(path));
  requireInput(parsed.success, `${path}: ${parsed.success ? "" : z.prettifyError(parsed.error)}`);
  const { network, ...rest } = parsed.data;
  const config = classifierConfig(network, `${path}: network`);
  requireInput(
    rest.classNames.length === config.classes,
    `${path}: classNames must name the network's ${config.classes} classes, got ${rest.classNames.length}`,
  );
  const weights = join(folder, "model.safetensors");
  const { tensors } = await readSafetensors(weights);
  checkTensors(weights, tensors, classifierParameters(config));
  return { config, tensors, ...rest };
}

/** Writes a classifier's folder, its card included. */
export async function writeClassifier(folder: string, classifier: ClassifierFolder): Promise<void> {
  const { config, tensors, ...rest } = classifier;
  await writeSafetensors(join(folder, "model.safetensors"), tensors, { store: "float16" });
  await writeFileAtomic(join(folder, "README.md"), card(classifier));
  await writeJson(join(folder, "config.json"), { network: config, ...rest });
}

function card({ config, classNames, accuracy, training }: ClassifierFolder): string {
  const percent = (100 * accuracy.value).toFixed(2);
  const size = countParameters(classifierParameters(config)).toLocaleString("en");
  return `# A small picture classifier, for evaluation only

Names the class of a ${config.resolution} x ${config.resolution} colour picture, and gives a vector of
${config.featureWidth} features per picture in which sets of pictures are compared (\`magnets evaluate\`).

**This is not Inception, and distances in its features are not FID.** They compare decode plans of one model, on one
dataset, with one another; they cannot be set beside figures from any paper.

| | |
|---|---|
| classes | ${classNames.join(", ")} |
| right on held-out pictures | ${percent} % of ${accuracy.pictures.toLocaleString("en")} (${accuracy.source}) |
| trained on | ${training.pictures.toLocaleString("en")} pictures of ${training.source}, ${training.steps.toLocaleString("en")} steps; half of them mirrored |
| parameters | ${size}, stored as float16 |
| network | ${config.patchSize} x ${config.patchSize} pixel blocks, 3 x 3 convolutions of ${config.channels.join(", ")} channels with group norm and SiLU, mean over space, ${config.featureWidth} features, one linear layer |

It learned from real pictures alone, never from anything that a generator made.

Trained by:

    ${training.command}
`;
}
