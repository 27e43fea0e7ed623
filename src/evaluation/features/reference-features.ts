/**
 * What the classifier sees in real images, kept in a file: the same ten thousand images are compared with at every
 * evaluation. N images, F feature width, C classes.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type HostTensor, tensor } from "../../core/tensor.ts";
import type { ImageSource } from "../../data/source.ts";
import { tensorsDigest } from "../../weights/node/digest.ts";
import { readTensorsIfWhole, type Tensors, writeSafetensors } from "../../weights/node/safetensors-file.ts";
import type { Classifier } from "./classifier.ts";
import { type Judged, type JudgeOptions, judge } from "./feature-extractor.ts";

export interface RealFeaturesOptions extends JudgeOptions {
  readonly classifier: Classifier;
  /** Tells this classifier from others. */
  readonly digest: string;
  readonly source: ImageSource;
  /** Where to keep the file; null: keep none. */
  readonly cacheFolder: string | null;
}

/** Images whose bytes go into the file's name: drawing code that changed gives other images. */
const probed = 16;

/** Classifies images `from` to `from + count - 1` of a source, or reads what an earlier call found. */
export async function realFeatures(options: RealFeaturesOptions): Promise<Judged> {
  const { classifier, source, count } = options;
  const file = await realCacheFile("real", options);
  const kept = file && (await readJudged(file, count, classifier.config.featureWidth));
  if (kept) return kept;
  const judged = await judge(classifier, source.read, options);
  if (file) await writeSafetensors(file, toTensors(judged));
  return judged;
}

/**
 * The file for what was found in images `from` to `from + count - 1` of a source, by what `digest` tells from others;
 * null where nothing can be kept: a folder's files may change unseen, drawn images are a function of their index.
 *
 * @param kind  what the file's name begins with
 */
export async function realCacheFile(
  kind: string,
  {
    source,
    digest,
    from = 0,
    count,
    cacheFolder,
  }: Pick<RealFeaturesOptions, "source" | "digest" | "from" | "count" | "cacheFolder">,
): Promise<string | null> {
  if (cacheFolder === null || source.length !== null) return null;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([source.name, source.resolution, source.classNames, digest, from, count]));
  for (let i = 0; i < Math.min(probed, count); i++) hash.update((await source.read(from + i)).pixels);
  return join(cacheFolder, `${kind}-${hash.digest("hex").slice(0, 16)}.safetensors`);
}

function toTensors({ labels, found, features, logits }: Judged): Tensors {
  const numbers = (values: Int32Array) => tensor("int32", [values.length], values);
  return { labels: numbers(labels), found: numbers(found), features, logits };
}

/** Tells what one classifier saw in one set of images from what any saw in others. */
export const judgedDigest = (judged: Judged): string => tensorsDigest(toTensors(judged));

/** Null when there is no such file, or not a whole one. */
async function readJudged(file: string, count: number, width: number): Promise<Judged | null> {
  const { labels, found, features, logits } = (await readTensorsIfWhole(file)) ?? {};
  if (features?.dims.join() !== `${count},${width}` || logits?.dims[0] !== count || !labels || !found) {
    return null;
  }
  return {
    labels: labels.data as Int32Array,
    found: found.data as Int32Array,
    features: features as HostTensor<"float32">,
    logits: logits as HostTensor<"float32">,
  };
}
