/**
 * Frame prediction, measured: the first frames of held-out videos are given, and what plans of one model make of the
 * others is held against the true ones, on equal terms: the same videos and seeds.
 *
 * n videos of T frames, of which g are given.
 */
import { setImmediate } from "node:timers/promises";
import { requireInput } from "../core/errors.ts";
import type { Seed } from "../core/random.ts";
import { type Completion, filledIn, withGivenFrames } from "../data/completion.ts";
import { frameOf, type Image, type Video, videoOf } from "../data/source.ts";
import { imageBatches, keptInMemory } from "../data/views.ts";
import type { PlanInput } from "../decoding/plan.ts";
import {
  type Comparison,
  type ComparisonOptions,
  defaultRealCount,
  openComparison,
  requireKnown,
  type Verdict,
} from "./comparison.ts";
import { type Made, makeSet } from "./make-set.ts";
import { type Estimate, estimate, mean } from "./metrics/estimate.ts";
import { decibels, meanSquaredError, ssim } from "./metrics/image-metrics.ts";
import { measureBeside, measurePlans, type PlanOptions, type PlanRow } from "./plan-runs.ts";
import type { ImageCodec } from "./tokenizer-report.ts";

/** What is asked of a model; `VideoPipeline` is one. */
export interface PredictingModel extends ImageCodec {
  readonly resolution: number;
  /** T. */
  readonly frames: number;
  /** Predicts the frames after the first `given` ones, of video i by the random numbers of sample firstIndex + i. */
  predict(options: {
    readonly videos: readonly Video[];
    readonly given: number;
    readonly firstIndex: number;
    readonly seed: Seed;
    readonly plan: PlanInput;
    readonly batchSize: number;
    readonly signal?: AbortSignal;
    readonly onStep?: (progress: { readonly step: number; readonly total: number }) => void;
  }): Promise<Made & { readonly videos: readonly Video[] }>;
}

/** How near frames are to the true ones. */
export interface Nearness {
  /** In dB, over the videos; what is exactly right counts as {@link exactMatch}. */
  readonly psnr: Estimate;
  readonly ssim: Estimate;
}

/** The PSNR, in dB, that no error at all counts as: little above that of rounding to bytes, 58.9. */
export const exactMatch = 60;

/**
 * One way to predict, and the whole videos before the judge. The PSNR of a video is that of the mean squared error of its
 * predicted frames: the mean of their PSNRs would hang on {@link exactMatch} wherever the first of them is still the
 * last given one. Its SSIM is the mean of theirs.
 */
export interface PredictionVerdict extends Nearness, Verdict {
  /** How much nearer than the last given frame again, video by video: what videos differ by falls out of the error. */
  readonly gain: Nearness;
  /** [T - g], every predicted frame by itself, in the order of time. */
  readonly frames: readonly Nearness[];
}

export type PredictionRow = PlanRow<PredictionVerdict>;

export interface PredictionEvaluation {
  readonly reference: Comparison["reference"];
  /** The network besides the judge, where one was given. */
  readonly network?: Comparison["network"];
  readonly given: number;
  /** The true videos, as the judge sees them. */
  readonly real: Verdict;
  /** The last given frame again and again: what must be beaten. */
  readonly repeat: PredictionVerdict;
  /** The true frames through the tokenizer: the best that this model could do. */
  readonly tokenizer: PredictionVerdict;
  readonly plans: readonly PredictionRow[];
}

export interface EvaluatePredictionOptions extends ComparisonOptions, PlanOptions {
  readonly pipeline: PredictingModel;
  /** g. */
  readonly given: number;
}

/**
 * Predicts the real videos that stand beside the reference by every plan, and without a model, a batch at a time.
 *
 * @throws InputError when classifier, model and real videos have not the same size, for a bad number of given frames,
 *   when there are too few real videos, and for a plan that does not fit the model
 */
export async function evaluatePrediction(options: EvaluatePredictionOptions): Promise<PredictionEvaluation> {
  const { pipeline, given, samples, batchSize = 64, real, signal } = options;
  const { realCount = defaultRealCount, onProgress } = options;
  const { frames } = pipeline;
  requireInput(
    Number.isInteger(given) && given >= 1 && given < frames,
    `evaluate: given must be a whole number in 1..${frames - 1}, fewer than the model's ${frames} frames, got ${given}`,
  );
  // A prediction is asked for by frames and not by class: what classes the model knows is all one.
  requireKnown({ ...pipeline, classNames: options.classifier.classNames }, options.classifier);
  const comparison = await openComparison(options);
  try {
    const completion: Completion = { task: "predict", given };
    const { reference, network, digest, real: whole } = comparison;
    const { read } = keptInMemory(real); // so that most sets are read once, and not at every way to predict
    const batches = (): AsyncGenerator<TrueVideo[]> =>
      imageBatches(read, { from: realCount, count: samples, size: batchSize, signal }) as AsyncGenerator<
        TrueVideo[]
      >;

    /** Judges what one way makes of the true videos, which `make` adds a batch at a time. */
    const judgeWay = async <T>(
      make: (add: (videos: readonly Video[], truth: readonly TrueVideo[]) => Promise<void>) => Promise<T>,
    ) => {
      const parts: FrameErrors[] = [];
      const { verdict, filled } = await comparison.verdictOn((add) =>
        make(async (videos, truth) => {
          parts.push(await frameErrors(videos, truth, given, signal));
          await add(videos.map((video, i) => ({ ...video, classId: truth[i]!.classId })));
        }),
      );
      return { errors: joinedErrors(parts), verdict, filled };
    };
    /** The same of a way that needs no plan. */
    const judgeEach = (of: (truth: readonly TrueVideo[]) => readonly Video[] | Promise<readonly Video[]>) =>
      judgeWay(async (add) => {
        for await (const truth of batches()) await add(await of(truth), truth);
      });
    const repeated = (truth: readonly TrueVideo[]) => truth.map((video) => filledIn(video, completion));
    let least: FrameErrors | null = null; // of the repeated ones; of use only where something is measured anew
    const ofRepeated = async () => {
      if (least) return least;
      const parts: FrameErrors[] = [];
      for await (const truth of batches()) {
        parts.push(await frameErrors(repeated(truth), truth, given, signal));
      }
      least = joinedErrors(parts);
      return least;
    };
    const figuresOf = async ({ errors, verdict }: { errors: FrameErrors; verdict: Verdict }) => ({
      ...nearness(errors),
      gain: gainOver(await ofRepeated(), errors),
      ...verdict,
    });

    const repeat = await measureBeside(options, { set: "repeat", given, digest }, async () => {
      const judged = await judgeEach(repeated);
      least = judged.errors;
      return figuresOf(judged);
    });
    const tokenizer = await measureBeside(options, { set: "tokenizer", given, digest }, async () => {
      let done = 0;
      const judged = await judgeEach(async (truth) => {
        const back = (await pipeline.decodeTokens(await pipeline.encode(truth))) as Video[];
        done += truth.length;
        onProgress?.({ stage: "tokenizer", done, total: samples });
        return back.map((video, i) => withGivenFrames(video, truth[i]!, completion));
      });
      return figuresOf(judged);
    });
    // What a predictor is not given, it cannot read.
    const shown = (video: Video) => videoOf(Array.from({ length: given }, (_, t) => frameOf(video, t)));
    const facts = { task: "predict", given, digest };
    const plans = await measurePlans<PredictionVerdict>(options, facts, async (job) => {
      const judged = await judgeWay((add) =>
        makeSet({ ...job, samples }, async ({ firstIndex, count, onStep }) => {
          const indexes = Array.from({ length: count }, (_, i) => realCount + firstIndex + i);
          const truth = (await Promise.all(indexes.map(read))) as TrueVideo[];
          const made = await pipeline.predict({
            ...job,
            videos: truth.map(shown),
            given,
            firstIndex,
            onStep,
          });
          await add(made.videos, truth);
          return made;
        }),
      );
      return { made: judged.filled, figures: await figuresOf(judged) };
    });
    return { reference, ...(network && { network }), given, real: whole, repeat, tokenizer, plans };
  } finally {
    await comparison.dispose();
  }
}

type TrueVideo = Image & Video;

/** [n][T - g], of the predicted frames of every video. */
interface FrameErrors {
  readonly squared: readonly (readonly number[])[];
  readonly similarity: readonly (readonly number[])[];
}

/** Holds the frames after the first `given` ones against the true ones. */
async function frameErrors(
  videos: readonly Video[],
  truth: readonly Video[],
  given: number,
  signal?: AbortSignal,
): Promise<FrameErrors> {
  const predicted = Array.from({ length: truth[0]!.frames - given }, (_, i) => given + i);
  const squared: number[][] = [];
  const similarity: number[][] = [];
  for (const [i, video] of videos.entries()) {
    await setImmediate(); // lets a signal come in
    signal?.throwIfAborted();
    const pairs = predicted.map((t) => [frameOf(video, t), frameOf(truth[i]!, t)] as const);
    squared.push(pairs.map(([made, wanted]) => meanSquaredError(made, wanted)));
    similarity.push(pairs.map(([made, wanted]) => ssim(made, wanted)));
  }
  return { squared, similarity };
}

const joinedErrors = (parts: readonly FrameErrors[]): FrameErrors => ({
  squared: parts.flatMap(({ squared }) => squared),
  similarity: parts.flatMap(({ similarity }) => similarity),
});

const peakToNoise = (squared: number): number => Math.min(exactMatch, decibels(squared));

/** [n] each, of whole videos. */
const videoPsnrs = ({ squared }: FrameErrors): number[] => squared.map((video) => peakToNoise(mean(video)));
const videoSimilarities = ({ similarity }: FrameErrors): number[] => similarity.map(mean);

function nearness(errors: FrameErrors): Nearness & { frames: Nearness[] } {
  const { squared, similarity } = errors;
  return {
    psnr: estimate(videoPsnrs(errors)),
    ssim: estimate(videoSimilarities(errors)),
    frames: squared[0]!.map((_, t) => ({
      psnr: estimate(squared.map((video) => peakToNoise(video[t]!))),
      ssim: estimate(similarity.map((video) => video[t]!)),
    })),
  };
}

function gainOver(least: FrameErrors, own: FrameErrors): Nearness {
  const over = (read: (errors: FrameErrors) => number[]): Estimate => {
    const before = read(least);
    return estimate(read(own).map((value, i) => value - before[i]!));
  };
  return { psnr: over(videoPsnrs), ssim: over(videoSimilarities) };
}
