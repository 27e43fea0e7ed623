/** A classifier of a dataset by its name, from the data to the folder. */
import { basename, join } from "node:path";
import { few } from "../core/nouns.ts";
import type { TrainingProgress } from "../training/loop.ts";
import { classifierCommand, defaultClassifierFolder } from "./classifier-command.ts";
import type { ClassifierFolder } from "./features/classifier-folder.ts";
import { trainClassifier } from "./features/train-classifier.ts";
import { splitData } from "./split-data.ts";
import type { VideoSampling } from "./video-sampling.ts";

/** What a classifier is trained on, for how long, and where it is kept. */
export interface MakeClassifierOptions extends VideoSampling {
  /** "sprites", "scenes", "motions" or the path of a folder with one sub-folder per class. */
  readonly data: string;
  /** Side of the images, in pixels. */
  readonly resolution: number;
  /** T of videos; default as the data has them. */
  readonly frames?: number;
  /** Images to train on; default 8000, or what there is. */
  readonly images?: number;
  /** Other images to measure it on; default 2000, or what there is. */
  readonly heldOutImages?: number;
  /** Training steps of 32 images; default 1000. */
  readonly steps?: number;
  /** Whether half of the images are flipped left to right, which must then change no class; default true. */
  readonly randomFlip?: boolean;
  /** Whole pixels by which training images are moved at most, in either direction; default 0. */
  readonly shift?: number;
  /** Whether images lose detail and get blocks of other shades, to look past a tokenizer's; default false. */
  readonly isDegraded?: boolean;
  /** Whether to go on with the run in the run folder; default false. */
  readonly resume?: boolean;
  /** CPU threads; default all cores. */
  readonly threads?: number;
  /** The run's folder, for metrics and checkpoints; default `runs/` and the classifier's name. */
  readonly run?: string;
  /** The classifier's folder; default `models/<data>-classifier`, where evaluations look for it. */
  readonly out?: string;
  readonly signal?: AbortSignal;
  /** One line about the data, before the training begins. */
  readonly onMessage?: (message: string) => void;
  /** Called after every logged step. */
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/**
 * Trains a classifier of a dataset, measures it on held-out images, and writes its folder.
 *
 * @returns what was written, and where
 * @throws InputError for data that cannot be read or has fewer than two classes, and as run folders do; the signal's
 *   reason when aborted, after a checkpoint was saved
 * @example
 * const { accuracy } = await makeClassifier({ data: "images/", resolution: 64, out: "out/my-classifier" });
 */
export async function makeClassifier(
  options: MakeClassifierOptions,
): Promise<ClassifierFolder & { readonly out: string }> {
  const { data, resolution, frames, stride, frameRate, fold, steps, images = 8000 } = options;
  const {
    heldOutImages = 2000,
    randomFlip,
    shift,
    isDegraded,
    resume,
    threads,
    signal,
    onProgress,
  } = options;
  const out = options.out ?? defaultClassifierFolder(data);
  const { training, heldOut, warnings } = await splitData(
    data,
    { resolution, frames, stride, frameRate, fold },
    { signal },
  );
  for (const warning of warnings) options.onMessage?.(`warning: ${warning}`);
  options.onMessage?.(`${training.classNames.length} classes: ${few(training.classNames, 40)}`);
  const written = await trainClassifier({
    run: options.run ?? join("runs", basename(out)),
    out,
    source: training,
    count: Math.min(images, training.length ?? Infinity),
    heldOut,
    heldOutCount: Math.min(heldOutImages, heldOut.length ?? Infinity),
    command: classifierCommand({ ...options, out }),
    ...(steps !== undefined && { schedule: { steps } }),
    randomFlip,
    shift,
    isDegraded,
    resume,
    threads,
    signal,
    onProgress,
  });
  return { ...written, out };
}
