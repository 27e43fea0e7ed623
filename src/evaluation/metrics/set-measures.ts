/** The measures of one set of images beside a reference set, in the features of a network. F feature width. */
import type { HostTensor } from "../../core/tensor.ts";
import type { Runner } from "../../runtime/runner.ts";
import type { Estimate } from "./estimate.ts";
import { firstRows, joinedRows } from "./feature-set.ts";
import { type FeatureStatistics, frechetDistance, type Moments } from "./frechet.ts";
import { kernelDistance } from "./kernel-distance.ts";
import { precisionRecall } from "./precision-recall.ts";
import { openStatisticsStream } from "./statistics-stream.ts";

/** What is kept of the feature vectors of a set. */
export interface SetFeatures {
  /** Of all vectors. */
  readonly statistics: FeatureStatistics | Moments;
  /** [n, F], the first vectors, at most {@link keptVectors}; null: the set is known by its statistics alone. */
  readonly features: HostTensor<"float32"> | null;
}

/** How many vectors of a set are kept, for the measures that need more than statistics. */
export const keptVectors = 10_000;

/** Gathers the vectors of a set as they come, in memory that does not grow with a large set. */
export interface OpenSetFeatures {
  /** Adds vectors [n, F]; await each call before the next. */
  add(features: HostTensor<"float32">): Promise<void>;
  /** The set so far; needs one vector at least. */
  read(): Promise<SetFeatures>;
  /** Frees what the runner keeps. */
  dispose(): Promise<void>;
}

export async function openSetFeatures(runner: Runner, width: number): Promise<OpenSetFeatures> {
  const stream = await openStatisticsStream(runner, width);
  const kept: HostTensor<"float32">[] = [];
  let count = 0;
  return {
    async add(features) {
      await stream.add(features);
      if (count < keptVectors) kept.push(firstRows(features, keptVectors - count));
      count += features.dims[0]!;
    },
    read: async () => ({ statistics: await stream.read(), features: joinedRows(kept) }),
    dispose: () => stream.dispose(),
  };
}

/** The set of vectors [N, F] that are all in memory. */
export async function setFeaturesOf(runner: Runner, features: HostTensor<"float32">): Promise<SetFeatures> {
  const gatherer = await openSetFeatures(runner, features.dims[1]!);
  try {
    await gatherer.add(features);
    return await gatherer.read();
  } finally {
    await gatherer.dispose();
  }
}

/** How near a set is to the reference set. */
export interface SetMeasures {
  /** Fréchet distance, at least 0; smaller is better. */
  readonly frechet: number;
  /**
   * Kernel distance; null where the reference set is known by its statistics alone, as the next two. Where classes take turns,
   * images of a small set are less alike than by chance, which draws it below 0.
   */
  readonly kernel: Estimate | null;
  /** Improved precision, in [0, 1]. */
  readonly precision: number | null;
  /** Improved recall, in [0, 1]. */
  readonly recall: number | null;
  /** A set has too few images for the Fréchet distance to mean much. */
  readonly isUnderSampled: boolean;
}

/** The fewest images of a set that can be measured: precision looks at three neighbours of each. */
export const fewestImages = 4;

/**
 * Measures a set. Precision and recall are taken of as many images of either set, since they fall with their number.
 *
 * @throws when the widths differ or a set has fewer than {@link fewestImages}
 */
export async function measureSet(
  runner: Runner,
  reference: SetFeatures,
  made: SetFeatures,
  signal?: AbortSignal,
): Promise<SetMeasures> {
  const { distance, isUnderSampled } = await frechetDistance(runner, made.statistics, reference.statistics);
  if (!reference.features || !made.features) {
    return { frechet: distance, kernel: null, precision: null, recall: null, isUnderSampled };
  }
  const fewest = Math.min(reference.features.dims[0]!, made.features.dims[0]!);
  const kernel = await kernelDistance(runner, made.features, reference.features, { signal });
  const near = await precisionRecall(
    runner,
    firstRows(reference.features, fewest),
    firstRows(made.features, fewest),
    { signal },
  );
  return { frechet: distance, kernel, ...near, isUnderSampled };
}
