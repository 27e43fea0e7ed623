/** Showing many images to the classifier, a few at a time. N images, F feature width, C classes. */
import type { HostTensor } from "../../core/tensor.ts";
import { classOf, type Image, toPlanes } from "../../data/source.ts";
import { imageBatches } from "../../data/views.ts";
import { joinedRows } from "../metrics/feature-set.ts";
import type { Classified, Classifier } from "./classifier.ts";

export interface Judged {
  /** [N], what each image is. */
  readonly labels: Int32Array;
  /** [N], what the classifier takes it for. */
  readonly found: Int32Array;
  /** [N, F]. */
  readonly features: HostTensor<"float32">;
  /** [N, C], before the softmax. */
  readonly logits: HostTensor<"float32">;
}

export interface JudgeOptions {
  /** N, at least 1. */
  readonly count: number;
  /** Index of the first image, 0 unless told. */
  readonly from?: number;
  readonly signal?: AbortSignal;
  /** Called after every batch. */
  readonly onProgress?: (done: number) => void;
}

/** Images that a network looks at together, however they come: what it sees shall not hang on that. */
export const shownTogether = 64;

/** Classifies images `from` to `from + count - 1`; the next batch is read while this one is computed. */
export async function judge(
  classifier: Classifier,
  read: (index: number) => Image | Promise<Image>,
  { count, from = 0, signal, onProgress }: JudgeOptions,
): Promise<Judged> {
  const judging = openJudging(classifier);
  let done = 0;
  for await (const images of imageBatches(read, { from, count, size: shownTogether, signal })) {
    await judging.add(images);
    done += images.length;
    onProgress?.(done);
  }
  return judging.read();
}

/** Adds some images to a set, as many as there are; await each call before the next. */
export type AddImages = (images: readonly Image[]) => Promise<void>;

/** Passes on what `fill` adds in groups of {@link shownTogether}, but for the last. */
export async function inGroups<T>(fill: (add: AddImages) => Promise<T>, use: AddImages): Promise<T> {
  let waiting: readonly Image[] = [];
  const filled = await fill(async (images) => {
    waiting = [...waiting, ...images];
    while (waiting.length >= shownTogether) {
      await use(waiting.slice(0, shownTogether));
      waiting = waiting.slice(shownTogether);
    }
  });
  if (waiting.length > 0) await use(waiting);
  return filled;
}

/** A set that is shown to the classifier as it comes; its images are not kept. */
export interface Judging {
  readonly add: AddImages;
  /** The set so far; needs one image at least. */
  read(): Judged;
}

export function openJudging(classifier: Classifier): Judging {
  const labels: number[] = [];
  const seen: Classified[] = [];
  return {
    async add(images) {
      seen.push(await classifier.classify(toPlanes(images)));
      labels.push(...images.map(classOf));
    },
    read: () => ({
      labels: Int32Array.from(labels),
      found: Int32Array.from(seen.flatMap((part) => [...part.labels])),
      features: joinedRows(seen.map(({ features }) => features)),
      logits: joinedRows(seen.map(({ logits }) => logits)),
    }),
  };
}

/** The share of images that the classifier takes for what they are, in [0, 1]. */
export function accuracyOf({ labels, found }: Pick<Judged, "labels" | "found">): number {
  return labels.reduce((right, label, i) => right + (label === found[i] ? 1 : 0), 0) / labels.length;
}
