/**
 * Sets of images in the features of a network that the user brought (feature-network.ts), besides those of the
 * classifier: the field's figures, where it is the field's network. A set is taken in parts, so that memory does not
 * grow with it beyond the logits. N images, F feature width.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type HostTensor, tensor } from "../core/tensor.ts";
import type { Image, ImageSource } from "../data/source.ts";
import { imageBatches } from "../data/views.ts";
import type { Runner } from "../runtime/runner.ts";
import { cachedTensors } from "../weights/node/cache.ts";
import { tensorsDigest } from "../weights/node/digest.ts";
import type { Tensors } from "../weights/node/safetensors-file.ts";
import { featureBatch } from "./features/classify-images.ts";
import {
  type FeatureNetwork,
  type FeatureNetworkDescription,
  openFeatureNetwork,
} from "./features/feature-network.ts";
import { referenceCacheFile } from "./features/reference-features.ts";
import { readStatistics, writeStatistics } from "./features/statistics-file.ts";
import { joinedRows } from "./metrics/feature-set.ts";
import { momentsOf } from "./metrics/frechet.ts";
import { inceptionScore } from "./metrics/inception-score.ts";
import {
  keptVectors,
  measureSet,
  openSetFeatures,
  type SetFeatures,
  type SetMeasures,
} from "./metrics/set-measures.ts";

/** A feature network, and what it compares with. */
export interface NetworkOptions {
  readonly description: FeatureNetworkDescription;
  /** Path of statistics to compare with, in the place of those of the reference set. */
  readonly referenceStatistics?: string;
  /** Where to write the statistics of the reference set; left out: nowhere. */
  readonly saveStatistics?: string;
}

/** The measures of a set in the network's features. */
export interface NetworkMeasures extends SetMeasures {
  /** The mean Inception score over ten parts, fewer for fewer images; null for a network without logits. */
  readonly inceptionScore: number | null;
}

/** What the network is, and what its figures compare with. */
export interface NetworkFacts {
  readonly name: string;
  /** F. */
  readonly width: number;
  /** Images of the reference set; null where a file of statistics does not tell. */
  readonly images: number | null;
  /** Where they come from: a source, or a file of statistics. */
  readonly source: string;
}

export interface NetworkComparison {
  readonly facts: NetworkFacts;
  /** Tells the network and the reference set from others. */
  readonly digest: string;
  /** Begins a set of `samples` images. */
  openSet(): Promise<NetworkSet>;
  /** The measures of the held-out set: the images behind the reference set. */
  measureHeldOut(): Promise<NetworkMeasures>;
  dispose(): Promise<void>;
}

/** A set whose features are extracted as it comes; its images are not kept. */
export interface NetworkSet {
  /** Await each call before the next. */
  add(images: readonly Image[]): Promise<void>;
  measures(): Promise<NetworkMeasures>;
  dispose(): Promise<void>;
}

interface NetworkContext {
  readonly runner: Runner;
  readonly samples: number;
  readonly heldOut: ImageSource;
  readonly referenceImages: number;
  readonly cacheFolder: string | null;
  readonly signal?: AbortSignal;
  /** Called with the reference images done so far. */
  readonly onProgress?: (done: number) => void;
}

/** What a network gives for a set. */
interface NetworkOutputs extends SetFeatures {
  readonly logits: HostTensor<"float32"> | null;
}

/** Parts that the Inception score is taken of. */
const splits = 10;

/**
 * Opens the network, tries it on one held-out image, and then extracts the features of the reference set.
 *
 * @throws InputError where the network's file, its description, the images or the statistics do not go together
 */
export async function openNetworkComparison(
  { description, referenceStatistics, saveStatistics }: NetworkOptions,
  context: NetworkContext,
): Promise<NetworkComparison> {
  const { runner, samples, heldOut, referenceImages, signal } = context;
  const network = await openFeatureNetwork(runner, description);
  try {
    const { features } = await network.extract([await heldOut.read(0)], { signal });
    const width = features.dims[1]!;
    const file = createHash("sha256").update(await readFile(description.file));
    const digest = file.update(descriptionFacts(description)).digest("hex");
    const extraction = { ...context, network, width, digest };
    const owner = { name: description.name, digest };
    const reference: SetFeatures =
      referenceStatistics === undefined
        ? await heldOutOutputs({ ...extraction, from: 0, count: referenceImages })
        : { statistics: await readStatistics(referenceStatistics, width, owner), features: null };
    if (saveStatistics !== undefined) await writeStatistics(saveStatistics, reference.statistics, owner);
    const measuresOf = async ({ logits, ...features }: NetworkOutputs): Promise<NetworkMeasures> => ({
      ...(await measureSet(runner, reference, features, signal)),
      inceptionScore: logits && inceptionScore(logits, { splits: Math.min(splits, samples) }).mean,
    });
    return {
      facts: {
        name: description.name,
        width,
        images: reference.statistics.count,
        source: referenceStatistics ?? heldOut.name,
      },
      digest: [digest.slice(0, 16), referenceDigest(reference)].join("-"),
      openSet: async () => {
        const { add, read, dispose } = await openExtraction(extraction);
        return { add, dispose, measures: async () => measuresOf(await read()) };
      },
      measureHeldOut: async () =>
        measuresOf(
          await heldOutOutputs({
            ...extraction,
            onProgress: undefined,
            from: referenceImages,
            count: samples,
          }),
        ),
      dispose: () => network.dispose(),
    };
  } catch (error) {
    await network.dispose();
    throw error;
  }
}

/** Tells a reference set from others; statistics alone tell less than the vectors do. */
function referenceDigest({ statistics, features }: SetFeatures): string {
  const { width, mean, covariance } = "scatter" in statistics ? momentsOf(statistics) : statistics;
  return tensorsDigest({
    mean: tensor("float64", [width], mean),
    covariance: tensor("float64", [width, width], covariance),
    ...(features && { features }),
  });
}

/** A description but for where its file lies. */
const descriptionFacts = ({ file: _, ...description }: FeatureNetworkDescription): string =>
  JSON.stringify(description);

interface ExtractionOptions {
  readonly runner: Runner;
  readonly network: FeatureNetwork;
  /** F. */
  readonly width: number;
  readonly from: number;
  readonly count: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

/** Extracts the features of images as they come. */
async function openExtraction({
  runner,
  network,
  width,
  signal,
}: Pick<ExtractionOptions, "runner" | "network" | "width" | "signal">) {
  const gatherer = await openSetFeatures(runner, width);
  const logits: HostTensor<"float32">[] = [];
  return {
    async add(images: readonly Image[]): Promise<void> {
      const extracted = await network.extract(images, { signal });
      await gatherer.add(extracted.features);
      if (extracted.logits) logits.push(extracted.logits);
    },
    read: async (): Promise<NetworkOutputs> => ({
      ...(await gatherer.read()),
      logits: logits.length > 0 ? joinedRows(logits) : null,
    }),
    dispose: () => gatherer.dispose(),
  };
}

/** The outputs for held-out images `from` to `from + count - 1`, computed or read from the cache. */
async function heldOutOutputs(
  options: ExtractionOptions & Pick<NetworkContext, "heldOut" | "cacheFolder"> & { readonly digest: string },
): Promise<NetworkOutputs> {
  const { heldOut, cacheFolder, digest, from, count, width, signal, onProgress } = options;
  const file = await referenceCacheFile("network", { source: heldOut, cacheFolder, digest, from, count });
  const kept = Math.min(count, keptVectors);
  const shapes = { mean: [width], scatter: [width, width], features: [kept, width] };
  const tensors = await cachedTensors(file, shapes, async () => {
    const extraction = await openExtraction(options);
    try {
      let done = 0;
      for await (const images of imageBatches(heldOut.read, { from, count, size: featureBatch, signal })) {
        await extraction.add(images);
        done += images.length;
        onProgress?.(done);
      }
      return toTensors(await extraction.read());
    } finally {
      await extraction.dispose();
    }
  });
  return {
    statistics: {
      width,
      count,
      mean: tensors.mean!.data as Float64Array,
      scatter: tensors.scatter!.data as Float64Array,
    },
    features: tensors.features as HostTensor<"float32">,
    logits: (tensors.logits as HostTensor<"float32"> | undefined) ?? null,
  };
}

function toTensors({ statistics, features, logits }: NetworkOutputs): Tensors {
  if (!("scatter" in statistics))
    throw new Error("network comparison: caches only statistics with a scatter");
  const { width, mean, scatter } = statistics;
  return {
    mean: tensor("float64", [width], mean),
    scatter: tensor("float64", [width, width], scatter),
    ...(features && { features }),
    ...(logits && { logits }),
  };
}
