/**
 * What the classifier finds in reference and held-out images, cached in a file: every evaluation compares with the same
 * ten thousand. N images, F feature width, C classes.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type HostTensor, tensor } from "../../core/tensor.ts";
import type { ImageSource } from "../../data/source.ts";
import { cachedTensors } from "../../weights/node/cache.ts";
import { tensorsDigest } from "../../weights/node/digest.ts";
import type { Tensors } from "../../weights/node/safetensors-file.ts";
import type { Classifier } from "./classifier.ts";
import { type ClassifiedSet, type ClassifyOptions, classifyImages } from "./classify-images.ts";

export interface ReferenceFeaturesOptions extends ClassifyOptions {
  readonly classifier: Classifier;
  /** Tells this classifier from others. */
  readonly digest: string;
  readonly source: ImageSource;
  /** Where to cache; null: nowhere. */
  readonly cacheFolder: string | null;
}

/** Images whose bytes go into the cache key: drawing code that changed gives other images. */
const keyImages = 16;

/** Classifies images `from` to `from + count - 1` of a source, or reads what an earlier call cached. */
export async function referenceFeatures(options: ReferenceFeaturesOptions): Promise<ClassifiedSet> {
  const { classifier, source, count } = options;
  const { featureWidth, classes } = classifier.config;
  const file = await referenceCacheFile("real", options);
  const shapes = {
    classIds: [count],
    predictedIds: [count],
    features: [count, featureWidth],
    logits: [count, classes],
  };
  const tensors = await cachedTensors(file, shapes, async () =>
    toTensors(await classifyImages(classifier, source.read, options)),
  );
  return {
    classIds: tensors.classIds!.data as Int32Array,
    predictedIds: tensors.predictedIds!.data as Int32Array,
    features: tensors.features as HostTensor<"float32">,
    logits: tensors.logits as HostTensor<"float32">,
  };
}

/**
 * The cache file for images `from` to `from + count - 1` of a source, as the network of this `digest` sees them; null
 * where nothing can be cached: a folder's files may change unseen, drawn images are a function of their index.
 *
 * @param kind  what the file's name begins with
 */
export async function referenceCacheFile(
  kind: string,
  {
    source,
    digest,
    from = 0,
    count,
    cacheFolder,
  }: Pick<ReferenceFeaturesOptions, "source" | "digest" | "from" | "count" | "cacheFolder">,
): Promise<string | null> {
  if (cacheFolder === null || source.length !== null) return null;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([source.name, source.resolution, source.classNames, digest, from, count]));
  for (let i = 0; i < Math.min(keyImages, count); i++) hash.update((await source.read(from + i)).pixels);
  return join(cacheFolder, `${kind}-${hash.digest("hex").slice(0, 16)}.safetensors`);
}

function toTensors({ classIds, predictedIds, features, logits }: ClassifiedSet): Tensors {
  const ids = (values: Int32Array) => tensor("int32", [values.length], values);
  return { classIds: ids(classIds), predictedIds: ids(predictedIds), features, logits };
}

/** Tells what one classifier finds in one set of images from what any finds in others. */
export const classifiedDigest = (set: ClassifiedSet): string => tensorsDigest(toTensors(set));
