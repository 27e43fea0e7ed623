/** From images with classes to a classifier's folder: train, measure on held-out images, write. */
import { requireInput } from "../../core/errors.ts";
import { withFolderLocked } from "../../core/node/folder-lock.ts";
import { few } from "../../core/nouns.ts";
import { foldIn, keyFromSeed } from "../../core/random.ts";
import { invalidValue } from "../../core/validate.ts";
import type { ImageSource } from "../../data/source.ts";
import { keptInMemory } from "../../data/views.ts";
import { dataName } from "../../runs/data-name.ts";
import { createNodeRunner } from "../../runtime/node/runner.ts";
import type { Runner } from "../../runtime/runner.ts";
import { type Schedule, type TrainingProgress, train } from "../../training/loop.ts";
import { averagedWeights } from "../../training/optimiser-state.ts";
import { openRunFolder } from "../../training/run-folder.ts";
import { classFactors, factorAccuracies } from "./class-factors.ts";
import { type Classifier, classifierConfig, loadClassifier } from "./classifier.ts";
import { type ClassifierFolder, writeClassifier } from "./classifier-folder.ts";
import { classifierJob } from "./classifier-job.ts";
import { accuracyOf, type ClassifiedSet, classifyImages } from "./classify-images.ts";

/** The schedule of the shipped classifier. */
const classifierSchedule: Schedule = {
  steps: 1000,
  batchSize: 32,
  learningRate: 2e-3,
  warmupSteps: 100,
  schedule: { kind: "cosine", finalFraction: 0.01 },
  betas: [0.9, 0.98],
  weightDecay: 0.02,
  clipNorm: 1,
  emaDecay: 0.98,
  checkpointEvery: 100,
  sampleEvery: 1_000_000,
  logEvery: 25,
};

/** The last of five convolutions sees a whole image of 64 pixels; as many as the side can be halved for. */
const channelsFor = (resolution: number): number[] =>
  [16, 32, 64, 96, 128].filter((_, i) => resolution % 2 ** (i + 1) === 0);

/**
 * The network for images: one that saw only parts would not notice parts that do not go together. A side that cannot be
 * halved often, as 28, gets every pixel and two convolutions of each size in place of more sizes.
 */
function imageNetwork(resolution: number) {
  const channels = channelsFor(resolution);
  return channels.length >= 4
    ? { patchSize: 2, channels }
    : { patchSize: 1, channels: [32, 64, 128].slice(0, channels.length + 1), convolutions: 2 };
}

/**
 * The network for videos: each block is first looked at by itself. Time halves as often as it can, but for the
 * first time, which its blocks have done.
 */
function videoNetwork(resolution: number, frames: number) {
  const channels = channelsFor(resolution);
  return {
    patchSize: 2,
    framePatch: frames % 2 === 0 ? 2 : 1,
    channels,
    temporalDownsampling: [2, 4, 8, 16]
      .map((step) => step > 2 && frames % step === 0)
      .slice(0, Math.max(0, channels.length - 1)),
    firstKernel: 1,
  };
}

/** What a classifier is trained on, for how long, and where it is kept. */
export interface TrainClassifierOptions {
  /** The run's folder: metrics and checkpoints. */
  readonly run: string;
  /** The classifier's folder. */
  readonly out: string;
  readonly source: ImageSource;
  /** Images 0..count-1 of the source train. */
  readonly count: number;
  /** Other images of the same classes. */
  readonly heldOut: ImageSource;
  readonly heldOutCount: number;
  /** What trained it, for its card. */
  readonly command: string;
  readonly schedule?: Partial<Schedule>;
  /** Of the network's start and its batches; default 0. */
  readonly seed?: number;
  /** Where the network differs from the schema's defaults; left out: as the shipped classifiers have it, for this size. */
  readonly network?: Readonly<Record<string, unknown>>;
  /** Whether half of the images are turned left to right, which must then change no class; default true. */
  readonly randomFlip?: boolean;
  /** Whole pixels by which images are moved at most, in either direction; default 0. */
  readonly shift?: number;
  /** Whether images lose detail and get blocks of other shades (classifier-job.ts); default false. */
  readonly isDegraded?: boolean;
  readonly resume?: boolean;
  /** Default: all cores. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called after every logged step. */
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/**
 * Trains, measures and writes a classifier.
 *
 * @returns what was written
 * @throws InputError for fewer than two classes, for held-out images of other classes, and as the run folder does
 */
export function trainClassifier(options: TrainClassifierOptions): Promise<ClassifierFolder> {
  return withFolderLocked(options.run, () => trainAndWrite(options));
}

async function trainAndWrite(options: TrainClassifierOptions): Promise<ClassifierFolder> {
  const { run, out, source, count, heldOut, heldOutCount, resume, threads, signal } = options;
  const { seed = 0, randomFlip = true, shift = 0, isDegraded = false } = options;
  const { classNames, resolution, frames } = source;
  requireInput(
    classNames.length >= 2,
    `${source.name}: a classifier needs images of at least 2 classes, got ${classNames.length}`,
  );
  requireInput(
    heldOut.classNames.join() === classNames.join() &&
      heldOut.resolution === resolution &&
      heldOut.frames === frames,
    `${heldOut.name}: held-out images must have the classes and size of ${source.name}: ${few(classNames)}`,
  );
  if (!(Number.isInteger(shift) && shift >= 0 && shift < resolution)) {
    const must = `must be whole pixels in 0..${resolution - 1}, less than an image is wide`;
    throw invalidValue("classifier", ["shift"], must, shift);
  }
  const schedule = { ...classifierSchedule, ...options.schedule };
  const network =
    options.network ?? (frames === undefined ? imageNetwork(resolution) : videoNetwork(resolution, frames));
  const config = classifierConfig({ ...network, resolution, frames, classes: classNames.length });
  const name = await dataName(run, source);
  const settings = { seed, source: name, count, randomFlip, shift, isDegraded, config, schedule };
  const folder = await openRunFolder(run, settings, { resume, mayGrow: "schedule.steps" });
  const runner = await createNodeRunner({ threads });
  try {
    const key = foldIn(keyFromSeed(seed), 3);
    const images = { source: keptInMemory(source), count };
    const job = classifierJob({ config, schedule, ...images, randomFlip, shift, isDegraded, key });
    const state = await train(runner, folder, job, options);
    const tensors = averagedWeights(state);
    const heldOutSet = await classifyHeldOut(runner, config, tensors, heldOut, heldOutCount, signal);
    const written: ClassifierFolder = {
      config,
      tensors,
      classNames,
      accuracy: {
        value: accuracyOf(heldOutSet),
        factors: factorAccuracies(heldOutSet, classFactors(classNames)),
        images: heldOutCount,
        source: heldOut.name,
      },
      training: {
        command: options.command,
        source: source.name,
        images: count,
        steps: schedule.steps,
        randomFlip,
        shift,
        isDegraded,
      },
    };
    await writeClassifier(out, written);
    return written;
  } finally {
    await runner.close();
  }
}

async function classifyHeldOut(
  runner: Runner,
  config: Classifier["config"],
  tensors: Parameters<typeof loadClassifier>[2],
  source: ImageSource,
  count: number,
  signal?: AbortSignal,
): Promise<ClassifiedSet> {
  const classifier = await loadClassifier(runner, config, tensors);
  try {
    return await classifyImages(classifier, source.read, { count, signal });
  } finally {
    await classifier.dispose();
  }
}
