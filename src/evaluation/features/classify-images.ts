/** Classifying many images, a group at a time. N images, F feature width, C classes. */
import type { HostTensor } from "../../core/tensor.ts";
import { classOf, type Image, toPlanes } from "../../data/source.ts";
import { imageBatches } from "../../data/views.ts";
import { joinedRows } from "../metrics/feature-set.ts";
import type { Classified, Classifier } from "./classifier.ts";

/** A set of images as a classifier sees it. */
export interface ClassifiedSet {
  /** [N], the class of each image. */
  readonly classIds: Int32Array;
  /** [N], the class that the classifier names. */
  readonly predictedIds: Int32Array;
  /** [N, F]. */
  readonly features: HostTensor<"float32">;
  /** [N, C], before the softmax. */
  readonly logits: HostTensor<"float32">;
}

export interface ClassifyOptions {
  /** N, at least 1. */
  readonly count: number;
  /** Index of the first image, default 0. */
  readonly from?: number;
  readonly signal?: AbortSignal;
  /** Called after every group with the number of images done. */
  readonly onProgress?: (done: number) => void;
}

/**
 * Images that a network is given together. Sets come in batches of any size, but are always regrouped to this one:
 * rounding then does not depend on how they came.
 */
export const featureBatch = 64;

/**
 * Classifies images `from` to `from + count - 1`; the next group is read while this one is computed.
 *
 * @throws InputError for an image without a class
 */
export async function classifyImages(
  classifier: Classifier,
  read: (index: number) => Image | Promise<Image>,
  { count, from = 0, signal, onProgress }: ClassifyOptions,
): Promise<ClassifiedSet> {
  const set = openClassifiedSet(classifier);
  let done = 0;
  for await (const images of imageBatches(read, { from, count, size: featureBatch, signal })) {
    await set.add(images);
    done += images.length;
    onProgress?.(done);
  }
  return set.read();
}

/** Adds any number of images to a set; await each call before the next. */
export type AddImages = (images: readonly Image[]) => Promise<void>;

/**
 * Passes on what `fill` adds in groups of {@link featureBatch}; only the last one may be smaller.
 *
 * @returns what `fill` returns
 */
export async function inGroups<T>(fill: (add: AddImages) => Promise<T>, use: AddImages): Promise<T> {
  let waiting: readonly Image[] = [];
  const filled = await fill(async (images) => {
    waiting = [...waiting, ...images];
    while (waiting.length >= featureBatch) {
      await use(waiting.slice(0, featureBatch));
      waiting = waiting.slice(featureBatch);
    }
  });
  if (waiting.length > 0) await use(waiting);
  return filled;
}

/** A set that is classified as it comes; its images are not kept. */
export interface OpenClassifiedSet {
  readonly add: AddImages;
  /** The set so far; needs at least one image. */
  read(): ClassifiedSet;
}

export function openClassifiedSet(classifier: Classifier): OpenClassifiedSet {
  const classIds: number[] = [];
  const parts: Classified[] = [];
  return {
    async add(images) {
      parts.push(await classifier.classify(toPlanes(images)));
      classIds.push(...images.map(classOf));
    },
    read: () => ({
      classIds: Int32Array.from(classIds),
      predictedIds: Int32Array.from(parts.flatMap((part) => [...part.predictedIds])),
      features: joinedRows(parts.map(({ features }) => features)),
      logits: joinedRows(parts.map(({ logits }) => logits)),
    }),
  };
}

/** The share of images whose class the classifier names, in [0, 1]. */
export function accuracyOf({
  classIds,
  predictedIds,
}: Pick<ClassifiedSet, "classIds" | "predictedIds">): number {
  const right = classIds.reduce((sum, id, i) => sum + (id === predictedIds[i] ? 1 : 0), 0);
  return right / classIds.length;
}
