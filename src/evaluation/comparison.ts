/**
 * What sets of images are compared with, the same for all of them: one classifier, one reference set, and beside it a
 * held-out set of as many images as are generated: the best that any model could do.
 */
import { requireInput } from "../core/errors.ts";
import { classFactors, factorAccuracies } from "./features/class-factors.ts";
import {
  type AddImages,
  accuracyOf,
  type ClassifiedSet,
  inGroups,
  openClassifiedSet,
} from "./features/classify-images.ts";
import { classifiedDigest } from "./features/reference-features.ts";
import { inceptionScore } from "./metrics/inception-score.ts";
import { fewestImages, measureSet, type SetMeasures, setFeaturesOf } from "./metrics/set-measures.ts";
import {
  type NetworkComparison,
  type NetworkFacts,
  type NetworkMeasures,
  type NetworkOptions,
  openNetworkComparison,
} from "./network-comparison.ts";
import { defaultReferenceImages, openReferenceSet, type ReferenceSetOptions } from "./reference-set.ts";

/** What every evaluation compares with. */
export interface ComparisonOptions extends ReferenceSetOptions {
  /** N, the images of each set. The held-out set is the N images behind the reference set. */
  readonly samples: number;
  /** A feature network besides the classifier, e.g. the one of the field's figures. */
  readonly network?: NetworkOptions;
}

/** The measures of a set of images. Distances are in this classifier's features: neither FID nor FVD. */
export interface ImageMeasures extends SetMeasures {
  /** The share of images whose class the classifier names, in [0, 1]. */
  readonly classAccuracy: number;
  /** The same for each factor of the class names (class-factors.ts); empty where they have none. */
  readonly factorAccuracies: readonly number[];
  /**
   * The Inception score's formula on the classifier's logits, all images in one part: 1 for images of one kind, the
   * number of classes for clear images of all.
   */
  readonly classScore: number;
  /** The measures in the features of another network, where one was given. */
  readonly network?: NetworkMeasures;
}

export interface Comparison {
  /** How many images the reference set has, and where they come from. */
  readonly reference: { readonly images: number; readonly source: string };
  /** The feature network besides the classifier, where one was given. */
  readonly network?: NetworkFacts;
  /** Tells classifier, network, reference set and held-out set from others. */
  readonly digest: string;
  /** The measures of the held-out set. */
  readonly heldOut: ImageMeasures;
  /**
   * Measures the images that `fill` adds, all of a set in their order; also returns what `fill` does. No image is kept,
   * so that a set may be larger than memory.
   */
  measureImages<T>(
    fill: (add: AddImages) => Promise<T>,
  ): Promise<{ readonly measures: ImageMeasures; readonly filled: T }>;
  dispose(): Promise<void>;
}

/**
 * Opens the reference set, and measures the held-out set beside it.
 *
 * @throws InputError when sets are too small, and as {@link openReferenceSet}
 */
export async function openComparison(options: ComparisonOptions): Promise<Comparison> {
  const { runner, samples, heldOut, cacheFolder = null, signal, onProgress } = options;
  const { referenceImages = defaultReferenceImages } = options;
  requireInput(
    Math.min(samples, referenceImages) >= fewestImages,
    `evaluate: sets must have at least ${fewestImages} images, got ${samples} samples and ${referenceImages} ` +
      "reference images",
  );
  const reference = await openReferenceSet(options, samples);
  const { classifier } = reference;
  let network: NetworkComparison | null = null;
  const dispose = async () => {
    await network?.dispose();
    await classifier.dispose();
  };
  try {
    if (options.network) {
      network = await openNetworkComparison(options.network, {
        runner,
        samples,
        heldOut,
        referenceImages,
        cacheFolder,
        signal,
        onProgress: (done) => onProgress?.({ stage: "feature network", done, total: referenceImages }),
      });
    }
    const factors = classFactors(options.classifier.classNames);
    const measuresOf = async (
      classified: ClassifiedSet,
      measureByNetwork?: () => Promise<NetworkMeasures>,
    ): Promise<ImageMeasures> => {
      const features = await setFeaturesOf(runner, classified.features);
      return {
        classAccuracy: accuracyOf(classified),
        factorAccuracies: factorAccuracies(classified, factors),
        classScore: inceptionScore(classified.logits, { splits: 1 }).mean,
        ...(await measureSet(runner, reference.features, features, signal)),
        ...(measureByNetwork && { network: await measureByNetwork() }),
      };
    };
    const others = await reference.classifyHeldOut(referenceImages, samples, (done) =>
      onProgress?.({
        stage: "reference images",
        done: referenceImages + done,
        total: referenceImages + samples,
      }),
    );
    const digests = [classifiedDigest(reference.classified), classifiedDigest(others)];
    return {
      reference: { images: referenceImages, source: heldOut.name },
      ...(network && { network: network.facts }),
      digest: [...digests, ...(network ? [network.digest] : [])].join("-"),
      heldOut: await measuresOf(others, network?.measureHeldOut),
      measureImages: async (fill) => {
        const set = openClassifiedSet(classifier);
        const networkSet = await network?.openSet();
        try {
          const filled = await inGroups(fill, async (images) => {
            signal?.throwIfAborted();
            await set.add(images);
            await networkSet?.add(images);
          });
          return { measures: await measuresOf(set.read(), networkSet?.measures), filled };
        } finally {
          await networkSet?.dispose();
        }
      },
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}
