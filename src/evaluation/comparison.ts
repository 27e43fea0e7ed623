/**
 * What sets of images are held against, the same for all of them: one classifier as the judge, and what it sees in
 * real images, some of which stand for the truth while as many as in a set stand beside it.
 */
import { requireInput } from "../core/errors.ts";
import type { ImageSource } from "../data/source.ts";
import type { Runner } from "../runtime/runner.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import { classFactors, factorAccuracies } from "./features/class-factors.ts";
import { type Classifier, loadClassifier } from "./features/classifier.ts";
import type { ClassifierFolder } from "./features/classifier-folder.ts";
import {
  type AddImages,
  accuracyOf,
  inGroups,
  type Judged,
  openJudging,
} from "./features/feature-extractor.ts";
import { judgedDigest, realFeatures } from "./features/reference-features.ts";
import { inceptionScore } from "./metrics/inception-score.ts";
import {
  fewestImages,
  measureSet,
  type SeenSet,
  type SetMeasures,
  seenSetOf,
} from "./metrics/set-metrics.ts";
import {
  type NetworkComparison,
  type NetworkFacts,
  type NetworkOptions,
  type NetworkVerdict,
  openNetworkComparison,
} from "./network-comparison.ts";

/** What every evaluation is told. */
export interface ComparisonOptions {
  /** Computes the classifier and the measures; on the CPU, which alone has float64. */
  readonly runner: Runner;
  readonly classifier: ClassifierFolder;
  /** N, the images of each set. */
  readonly samples: number;
  /** Held-out real images. */
  readonly real: ImageSource;
  /** How many of them stand for the truth, 10,000 unless told; the next `samples` stand beside it. */
  readonly realCount?: number;
  /** A network besides the judge, whose figures may be those of the field. */
  readonly network?: NetworkOptions;
  /** Keeps what was found in real images; null: nowhere. */
  readonly cacheFolder?: string | null;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvaluateProgress) => void;
}

export interface EvaluateProgress {
  /** "real images", "feature network", "tokenizer", or the name of what is judged, with its seed where there are several. */
  readonly stage: string;
  /** The plan that is decoded, if one is. */
  readonly plan?: string;
  readonly done: number;
  readonly total: number;
}

/** How a set of images stands with the judge. Its distances are in this classifier's features: neither FID nor FVD. */
export interface Verdict extends SetMeasures {
  /** The share taken for the class that was asked for, in [0, 1]. */
  readonly classAccuracy: number;
  /** The same for each factor of the class names (class-factors.ts); empty where they have none. */
  readonly factorAccuracies: readonly number[];
  /**
   * What the Inception score's formula makes of the judge's probabilities, all images in one part: 1 for images of
   * one kind, the number of classes for clear images of all.
   */
  readonly classScore: number;
  /** The same in the features of another network, where one was given. */
  readonly network?: NetworkVerdict;
}

export interface Comparison {
  /** How many real images stand for the truth, and where they come from. */
  readonly reference: { readonly images: number; readonly source: string };
  /** The network besides the judge, where one was given. */
  readonly network?: NetworkFacts;
  /** Tells the real images, and who judges, from others. */
  readonly digest: string;
  /** Other real images: the best that any model could do. */
  readonly real: Verdict;
  /**
   * The verdict on the images that `fill` adds, all of a set in their order, and what it returns. No image is kept, so
   * that a set may be larger than memory.
   */
  verdictOn<T>(fill: (add: AddImages) => Promise<T>): Promise<{ verdict: Verdict; filled: T }>;
  dispose(): Promise<void>;
}

/** How many real images stand for the truth, unless told. */
export const defaultRealCount = 10_000;

/** The judge, and what it sees in the real images that stand for the truth. */
export interface Truth {
  readonly classifier: Classifier;
  readonly judged: Judged;
  readonly set: SeenSet;
  /** What the judge sees in other real images, from `from` on; cached as the truth is. */
  see(from: number, count: number, onProgress: (done: number) => void): Promise<Judged>;
}

/**
 * Loads the judge and shows it the real images that stand for the truth, or reads what it saw in them before.
 *
 * @param others  real images that will be looked at besides
 * @throws InputError when there are too few real images, or they are not of the classes and size that the judge knows
 */
export async function openTruth(options: Omit<ComparisonOptions, "samples">, others = 0): Promise<Truth> {
  const { runner, real, realCount = defaultRealCount, cacheFolder = null, signal } = options;
  const { config, tensors, classNames } = options.classifier;
  const [known, given] = [describe({ ...config, classNames }), describe(real)];
  requireInput(
    given === known,
    `evaluate: the real images must be ${known}; ${real.name} has ${given}; give the data the model was trained on`,
  );
  const available = real.length ?? Number.POSITIVE_INFINITY;
  requireInput(
    available >= realCount + others,
    `${real.name}: needs ${realCount} real images to compare with and ${others} others, has ${available}; ` +
      "ask for fewer of either",
  );
  const classifier = await loadClassifier(runner, config, tensors);
  try {
    const seen = { classifier, digest: tensorsDigest(tensors), source: real, cacheFolder, signal };
    const onProgress = (done: number) =>
      options.onProgress?.({ stage: "real images", done, total: realCount + others });
    const judged = await realFeatures({ ...seen, count: realCount, onProgress });
    return {
      classifier,
      judged,
      set: await seenSetOf(runner, judged.features),
      see: (from, count, onProgress) => realFeatures({ ...seen, from, count, onProgress }),
    };
  } catch (error) {
    await classifier.dispose();
    throw error;
  }
}

/**
 * Opens the truth, and has the judge look at other real images beside it.
 *
 * @throws InputError when sets are too small, and as {@link openTruth}
 */
export async function openComparison(options: ComparisonOptions): Promise<Comparison> {
  const { runner, samples, real, realCount = defaultRealCount, signal } = options;
  requireInput(
    Math.min(samples, realCount) >= fewestImages,
    `evaluate: sets need ${fewestImages} images at least, got ${samples} samples and ${realCount} real images`,
  );
  const truth = await openTruth(options, samples);
  const { classifier } = truth;
  let network: NetworkComparison | null = null;
  const dispose = async () => {
    await network?.dispose();
    await classifier.dispose();
  };
  try {
    if (options.network) {
      network = await openNetworkComparison(options.network, {
        ...{ runner, samples, real, realCount, signal, cacheFolder: options.cacheFolder ?? null },
        onProgress: (done) => options.onProgress?.({ stage: "feature network", done, total: realCount }),
      });
    }
    const beside = async (verdict: Promise<NetworkVerdict> | undefined) =>
      verdict && { network: await verdict };
    const others = await truth.see(realCount, samples, (done) =>
      options.onProgress?.({ stage: "real images", done: realCount + done, total: realCount + samples }),
    );
    const factors = classFactors(options.classifier.classNames);
    const verdictOf = async (judged: Judged): Promise<Verdict> => ({
      classAccuracy: accuracyOf(judged),
      factorAccuracies: factorAccuracies(judged, factors),
      classScore: inceptionScore(judged.logits, { splits: 1 }).mean,
      ...(await measureSet(runner, truth.set, await seenSetOf(runner, judged.features), signal)),
    });
    return {
      reference: { images: realCount, source: real.name },
      ...(network && { network: network.facts }),
      digest: [judgedDigest(truth.judged), judgedDigest(others), ...(network ? [network.digest] : [])].join(
        "-",
      ),
      real: { ...(await verdictOf(others)), ...(await beside(network?.verdictOnReal())) },
      verdictOn: async (fill) => {
        const judging = openJudging(classifier);
        const seen = await network?.openSet();
        try {
          const filled = await inGroups(fill, async (images) => {
            signal?.throwIfAborted();
            await judging.add(images);
            await seen?.add(images);
          });
          const verdict = { ...(await verdictOf(judging.read())), ...(await beside(seen?.verdict())) };
          return { verdict, filled };
        } finally {
          await seen?.dispose();
        }
      },
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/**
 * Refuses a judge that does not know what a model makes.
 *
 * @throws InputError naming both
 */
export function requireKnown(made: ImageKind, { config, classNames }: ClassifierFolder): void {
  const [wanted, known] = [describe(made), describe({ ...config, classNames })];
  requireInput(
    wanted === known,
    `evaluate: the classifier must know what the model makes, ${wanted}; it knows ${known}; give data of ` +
      "the model's kind, and a classifier trained on it",
  );
}

type ImageKind = Pick<ImageSource, "resolution" | "frames" | "classNames">;

function describe({ resolution, frames, classNames }: ImageKind): string {
  const moving = frames === undefined ? "images" : `videos of ${frames} frames`;
  return `${resolution} x ${resolution} ${moving} of ${classNames.join(", ") || "no classes"}`;
}
