/** Showing many pictures to the classifier, a few at a time. N pictures, F feature width, C classes. */
import type { HostTensor } from "../../core/tensor.ts";
import { type Picture, toPlanes } from "../../data/source.ts";
import { pictureBatches } from "../../data/views.ts";
import { joinedRows } from "../metrics/feature-set.ts";
import type { Classified, Classifier } from "./classifier.ts";

export interface Judged {
  /** [N], what each picture is. */
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
  /** Index of the first picture, 0 unless told. */
  readonly from?: number;
  readonly signal?: AbortSignal;
  /** Called after every batch. */
  readonly onProgress?: (done: number) => void;
}

/** Pictures that a network looks at together, however they come: what it sees shall not hang on that. */
export const shownTogether = 64;

/** Classifies pictures `from` to `from + count - 1`; the next batch is read while this one is computed. */
export async function judge(
  classifier: Classifier,
  read: (index: number) => Picture | Promise<Picture>,
  { count, from = 0, signal, onProgress }: JudgeOptions,
): Promise<Judged> {
  const judging = openJudging(classifier);
  let done = 0;
  for await (const pictures of pictureBatches(read, { from, count, size: shownTogether, signal })) {
    await judging.add(pictures);
    done += pictures.length;
    onProgress?.(done);
  }
  return judging.read();
}

/** Adds some pictures to a set, as many as there are; await each call before the next. */
export type AddPictures = (pictures: readonly Picture[]) => Promise<void>;

/** Passes on what `fill` adds in groups of {@link shownTogether}, but for the last. */
export async function inGroups<T>(fill: (add: AddPictures) => Promise<T>, use: AddPictures): Promise<T> {
  let waiting: readonly Picture[] = [];
  const filled = await fill(async (pictures) => {
    waiting = [...waiting, ...pictures];
    while (waiting.length >= shownTogether) {
      await use(waiting.slice(0, shownTogether));
      waiting = waiting.slice(shownTogether);
    }
  });
  if (waiting.length > 0) await use(waiting);
  return filled;
}

/** A set that is shown to the classifier as it comes; its pictures are not kept. */
export interface Judging {
  readonly add: AddPictures;
  /** The set so far; needs one picture at least. */
  read(): Judged;
}

export function openJudging(classifier: Classifier): Judging {
  const labels: number[] = [];
  const seen: Classified[] = [];
  return {
    async add(pictures) {
      seen.push(await classifier.classify(toPlanes(pictures)));
      labels.push(...pictures.map(({ label }) => label));
    },
    read: () => ({
      labels: Int32Array.from(labels),
      found: Int32Array.from(seen.flatMap((part) => [...part.labels])),
      features: joinedRows(seen.map(({ features }) => features)),
      logits: joinedRows(seen.map(({ logits }) => logits)),
    }),
  };
}

/** The share of pictures that the classifier takes for what they are, in [0, 1]. */
export function accuracyOf({ labels, found }: Pick<Judged, "labels" | "found">): number {
  return labels.reduce((right, label, i) => right + (label === found[i] ? 1 : 0), 0) / labels.length;
}
