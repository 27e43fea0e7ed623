/**
 * The reference set: real images that no generator made, and what the classifier finds in them. Every set of generated
 * images is compared with it.
 */
import { requireInput } from "../core/errors.ts";
import type { ImageSource } from "../data/source.ts";
import type { Runner } from "../runtime/runner.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import { type Classifier, loadClassifier } from "./features/classifier.ts";
import type { ClassifierFolder } from "./features/classifier-folder.ts";
import type { ClassifiedSet } from "./features/classify-images.ts";
import { referenceFeatures } from "./features/reference-features.ts";
import { type SetFeatures, setFeaturesOf } from "./metrics/set-measures.ts";

export interface ReferenceSetOptions {
  /** Computes the classifier and the measures; on the CPU, which alone has float64. */
  readonly runner: Runner;
  readonly classifier: ClassifierFolder;
  /** Real images that neither generator nor classifier trained on. */
  readonly heldOut: ImageSource;
  /** How many of them, from the first on, are the reference set; default 10,000. */
  readonly referenceImages?: number;
  /** Caches what was found in them; null: nowhere. */
  readonly cacheFolder?: string | null;
  readonly signal?: AbortSignal;
  /** Called as images are made and measured. */
  readonly onProgress?: (progress: EvaluateProgress) => void;
}

/** How far an evaluation is. */
export interface EvaluateProgress {
  /** "reference images", "feature network", "tokenizer", or the plan's name, with its seed where there are several. */
  readonly stage: string;
  /** The plan that is decoded, if one is. */
  readonly plan?: string;
  /** Images, or for a plan the images that its steps so far amount to. */
  readonly done: number;
  readonly total: number;
}

/** How many images a reference set has by default. */
export const defaultReferenceImages = 10_000;

/** The classifier, and what it finds in the reference set. */
export interface ReferenceSet {
  readonly classifier: Classifier;
  readonly classified: ClassifiedSet;
  readonly features: SetFeatures;
  /** What the classifier finds in other held-out images, from `from` on; cached as the reference set is. */
  classifyHeldOut(from: number, count: number, onProgress: (done: number) => void): Promise<ClassifiedSet>;
}

/**
 * Loads the classifier and shows it the reference set, or reads what an earlier call cached. The caller disposes the
 * classifier.
 *
 * @param others  how many held-out images will be classified besides
 * @throws InputError when there are too few held-out images, or they are not of the classes and size of the classifier
 */
export async function openReferenceSet(options: ReferenceSetOptions, others = 0): Promise<ReferenceSet> {
  const { runner, heldOut, cacheFolder = null, signal } = options;
  const { referenceImages = defaultReferenceImages } = options;
  const { config, tensors, classNames } = options.classifier;
  const wanted = { ...config, classNames };
  requireInput(
    isSameKind(wanted, heldOut),
    `data: must be ${describeKind(wanted, heldOut)}, as the classifier's, got ${describeKind(heldOut, wanted)} of ` +
      `${heldOut.name}; give the data that the model was trained on`,
  );
  const available = heldOut.length ?? Number.POSITIVE_INFINITY;
  requireInput(
    available >= referenceImages + others,
    `${heldOut.name}: must hold ${referenceImages} reference images and ${others} others, got ${available}; ask for ` +
      "fewer of either (--reference-images, --samples)",
  );
  const classifier = await loadClassifier(runner, config, tensors);
  try {
    const common = { classifier, digest: tensorsDigest(tensors), source: heldOut, cacheFolder, signal };
    const onProgress = (done: number) =>
      options.onProgress?.({ stage: "reference images", done, total: referenceImages + others });
    const classified = await referenceFeatures({ ...common, count: referenceImages, onProgress });
    return {
      classifier,
      classified,
      features: await setFeaturesOf(runner, classified.features),
      classifyHeldOut: (from, count, onProgress) => referenceFeatures({ ...common, from, count, onProgress }),
    };
  } catch (error) {
    await classifier.dispose();
    throw error;
  }
}

/**
 * Refuses a classifier of other images than a model makes.
 *
 * @throws InputError naming both kinds
 */
export function requireFittingClassifier(made: ImageKind, { config, classNames }: ClassifierFolder): void {
  const given = { ...config, classNames };
  requireInput(
    isSameKind(made, given),
    `classifier: must be of what the model makes, ${describeKind(made, given)}, got one of ` +
      `${describeKind(given, made)}; give data of the model's kind, and a classifier that was trained on it`,
  );
}

type ImageKind = Pick<ImageSource, "resolution" | "frames" | "classNames">;

/** A class's name as it is compared: macOS writes an accent apart from its letter. */
const composed = (name: string | undefined): string | undefined => name?.normalize("NFC");

const isSameKind = (a: ImageKind, b: ImageKind): boolean =>
  a.resolution === b.resolution &&
  a.frames === b.frames &&
  a.classNames.length === b.classNames.length &&
  a.classNames.every((name, i) => composed(name) === composed(b.classNames[i]));

/** So many class names a message lists; of more, the first one that is another. */
const listedClasses = 20;

function describeKind({ resolution, frames, classNames }: ImageKind, other: ImageKind): string {
  const things = frames === undefined ? "images" : `videos of ${frames} frames`;
  const at = classNames.findIndex((name, i) => composed(name) !== composed(other.classNames[i]));
  const names =
    classNames.length <= listedClasses
      ? classNames.join(", ") || "no classes"
      : `${classNames.length} classes${at < 0 ? "" : ` (class ${at}: ${classNames[at]})`}`;
  return `${resolution} x ${resolution} ${things} of ${names}`;
}
