/**
 * A classifier's folder: `config.json` (the network, its classes, how it was trained and how well it does),
 * `model.safetensors` (weights, float16) and `README.md` (its card).
 */
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomic } from "../../core/node/atomic-file.ts";
import { nounOf } from "../../core/nouns.ts";
import { invalidValue, parse } from "../../core/validate.ts";
import { countParameters } from "../../models/parameters.ts";
import { checkTensors } from "../../weights/check-tensors.ts";
import { readJson, writeJson } from "../../weights/node/json-file.ts";
import { readSafetensors, type Tensors, writeSafetensors } from "../../weights/node/safetensors-file.ts";
import { classFactors } from "./class-factors.ts";
import { type ClassifierConfig, classifierConfig, classifierParameters } from "./classifier.ts";

const folderSchema = z.strictObject({
  network: z.unknown(),
  classNames: z.array(z.string()),
  accuracy: z.strictObject({
    value: z.number(),
    factors: z.array(z.number()).default([]),
    images: z.int(),
    source: z.string(),
  }),
  training: z.strictObject({
    command: z.string(),
    source: z.string(),
    images: z.int(),
    steps: z.int(),
    randomFlip: z.boolean().default(true),
    shift: z.int().min(0).default(0),
    isDegraded: z.boolean().default(false),
  }),
});

/** A classifier as its folder holds it: configuration, weights, and how well it names held-out images. */
export interface ClassifierFolder {
  readonly config: ClassifierConfig;
  readonly tensors: Tensors;
  /** In the order of the class ids. */
  readonly classNames: readonly string[];
  readonly accuracy: {
    /** The share of held-out images whose class it names, in [0, 1]. */
    readonly value: number;
    /** The same for each factor of the class names (class-factors.ts); empty where they have none. */
    readonly factors: readonly number[];
    readonly images: number;
    readonly source: string;
  };
  readonly training: {
    readonly command: string;
    readonly source: string;
    readonly images: number;
    readonly steps: number;
    readonly randomFlip: boolean;
    /** Whole pixels by which images were moved at most. */
    readonly shift: number;
    readonly isDegraded: boolean;
  };
}

/**
 * Reads a classifier's folder.
 *
 * @throws InputError naming the file and what is wrong with it
 */
export async function readClassifier(folder: string): Promise<ClassifierFolder> {
  const path = join(folder, "config.json");
  const { network, ...rest } = parse(folderSchema, await readJson(path), path);
  const config = classifierConfig(network, path, ["network"]);
  if (rest.classNames.length !== config.classes) {
    const must = `must be the names of the network's ${config.classes} classes`;
    throw invalidValue(path, ["classNames"], must, rest.classNames);
  }
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
  const { resolution, frames, patchSize, framePatch, channels, convolutions, firstKernel, featureWidth } =
    config;
  const isVideo = frames !== undefined;
  const noun = nounOf(config);
  const by = (side: number, time: number) => `${isVideo ? `${time} x ` : ""}${side} x ${side}`;
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  const count = (value: number) => value.toLocaleString("en");
  const kernels = (firstKernel === 3 ? [3] : [firstKernel, 3]).map((extent) => by(extent, extent));
  const factors = classFactors(classNames);
  const classes = factors.length === 0 ? [classNames] : factors.map(({ values }) => values);
  return `# A small ${isVideo ? "video" : "image"} classifier, for evaluation only

Names the class of a ${by(resolution, frames ?? 1)} colour ${noun}, and gives a vector of
${featureWidth} features per ${noun} in which sets of them are compared (\`magnets evaluate\`).

**This is not ${isVideo ? "I3D" : "Inception"}, and distances in its features are not ${isVideo ? "FVD" : "FID"}.** They compare decode plans of one model, on one
dataset, with one another; they cannot be set beside figures from any paper.

| | |
|---|---|
| classes | ${classes.map((names) => names.join(", ")).join(" × ")} |
| right on held-out ${noun}s | ${percent(accuracy.value)} of ${count(accuracy.images)} (${accuracy.source})${accuracy.factors.map((value, i) => `; ${percent(value)} in word ${i + 1}`).join("")} |
| trained on | ${count(training.images)} ${noun}s of ${training.source}, ${count(training.steps)} steps; ${training.randomFlip ? "half" : "none"} of them mirrored${training.shift > 0 ? `, all moved by up to ${training.shift} pixels` : ""}${training.isDegraded ? ", all with less detail and blocks of other shades" : ""} |
| parameters | ${count(countParameters(classifierParameters(config)))}, stored as float16 |
| network | ${by(patchSize, framePatch)} pixel blocks, ${kernels.join(" and then ")} convolutions of ${channels.join(", ")} channels${convolutions > 1 ? ` (${convolutions} of each)` : ""} with group norm and SiLU, mean over ${isVideo ? "time and space" : "space"}, ${featureWidth} features, one linear layer |

It learned from real ${noun}s alone, never from anything that a generator made.

Trained by:

    ${training.command}
`;
}
