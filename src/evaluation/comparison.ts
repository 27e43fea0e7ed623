/**
 * What sets of pictures are held against, the same for all of them: one classifier as the judge, and what it sees in
 * real pictures, some of which stand for the truth while as many as in a set stand beside it.
 */
import { requireInput } from "../core/errors.ts";
import type { PictureSource } from "../data/source.ts";
import type { Runner } from "../runtime/runner.ts";
import { tensorsDigest } from "../weights/digest.ts";
import { classFactors, factorAccuracies } from "./class-factors.ts";
import { type Classifier, loadClassifier } from "./classifier.ts";
import type { ClassifierFolder } from "./classifier-folder.ts";
import { addFeatures, emptyStatistics, frechetDistance } from "./frechet.ts";
import { accuracyOf, type Judged } from "./judge.ts";
import { realFeatures } from "./real-features.ts";

/** What every evaluation is told. */
export interface ComparisonOptions {
  /** Computes the classifier. */
  readonly runner: Runner;
  readonly classifier: ClassifierFolder;
  /** N, the pictures of each set. */
  readonly samples: number;
  /** Held-out real pictures. */
  readonly real: PictureSource;
  /** How many of them stand for the truth, 10,000 unless told; the next `samples` stand beside it. */
  readonly realCount?: number;
  /** Keeps what was found in real pictures; null: nowhere. */
  readonly cacheFolder?: string | null;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvaluateProgress) => void;
}

export interface EvaluateProgress {
  /** "real pictures", "tokenizer", or the name of what is judged. */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/** How a set of pictures stands with the judge. */
export interface Verdict {
  readonly pictures: number;
  /** The share taken for the class that was asked for, in [0, 1]. */
  readonly classAccuracy: number;
  /** The same for each factor of the class names (class-factors.ts); empty where they have none. */
  readonly factorAccuracies: readonly number[];
  /** Fréchet distance to the real pictures, in this classifier's features: neither FID nor FVD. */
  readonly frechet: number;
  /** Too few pictures for the distance to mean much. */
  readonly isUnderSampled: boolean;
}

export interface Comparison {
  readonly classifier: Classifier;
  /** How many real pictures stand for the truth, and where they come from. */
  readonly reference: { readonly pictures: number; readonly source: string };
  /** Other real pictures: the best that any model could do. */
  readonly real: Verdict;
  verdictOf(judged: Judged): Verdict;
  dispose(): Promise<void>;
}

/** How many real pictures stand for the truth, unless told. */
export const defaultRealCount = 10_000;

/**
 * Loads the judge and shows it the real pictures, or reads what it saw in them before.
 *
 * @throws InputError when there are too few real pictures, or they are not of the classes and size that the judge knows
 */
export async function openComparison(options: ComparisonOptions): Promise<Comparison> {
  const { runner, samples, real, realCount = defaultRealCount, cacheFolder = null, signal } = options;
  const { config, tensors, classNames } = options.classifier;
  const [known, given] = [describe({ ...config, classNames }), describe(real)];
  requireInput(
    given === known,
    `evaluate: the real pictures must be ${known}; ${real.name} has ${given}; give the data the model was trained on`,
  );
  const available = real.length ?? Number.POSITIVE_INFINITY;
  requireInput(
    available >= realCount + samples,
    `${real.name}: needs ${realCount} real pictures to compare with and ${samples} others, has ${available}; ` +
      "ask for fewer of either",
  );
  const classifier = await loadClassifier(runner, config, tensors);
  try {
    const tell = (done: number) =>
      options.onProgress?.({ stage: "real pictures", done, total: realCount + samples });
    const seen = { classifier, digest: tensorsDigest(tensors), source: real, cacheFolder, signal };
    const reference = await realFeatures({ ...seen, count: realCount, onProgress: tell });
    const others = await realFeatures({
      ...seen,
      from: realCount,
      count: samples,
      onProgress: (done) => tell(realCount + done),
    });
    const truth = emptyStatistics(config.featureWidth);
    addFeatures(truth, reference.features);
    const factors = classFactors(classNames);
    const verdictOf = (judged: Judged): Verdict => {
      const statistics = emptyStatistics(config.featureWidth);
      addFeatures(statistics, judged.features);
      const { distance, isUnderSampled } = frechetDistance(statistics, truth);
      return {
        pictures: judged.labels.length,
        classAccuracy: accuracyOf(judged),
        factorAccuracies: factorAccuracies(judged, factors),
        frechet: distance,
        isUnderSampled,
      };
    };
    return {
      classifier,
      reference: { pictures: realCount, source: real.name },
      real: verdictOf(others),
      verdictOf,
      dispose: () => classifier.dispose(),
    };
  } catch (error) {
    await classifier.dispose();
    throw error;
  }
}

/**
 * Refuses a judge that does not know what a model makes.
 *
 * @throws InputError naming both
 */
export function requireKnown(made: PictureKind, { config, classNames }: ClassifierFolder): void {
  const [wanted, known] = [describe(made), describe({ ...config, classNames })];
  requireInput(
    wanted === known,
    `evaluate: the classifier must know what the model makes, ${wanted}; it knows ${known}; train one on the model's data`,
  );
}

type PictureKind = Pick<PictureSource, "resolution" | "frames" | "classNames">;

function describe({ resolution, frames, classNames }: PictureKind): string {
  const moving = frames === undefined ? "pictures" : `clips of ${frames} frames`;
  return `${resolution} x ${resolution} ${moving} of ${classNames.join(", ") || "no classes"}`;
}
