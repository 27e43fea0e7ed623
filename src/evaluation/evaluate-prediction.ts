/**
 * Frame prediction, measured: the first frames of held-out videos are given, and the frames that plans of one model
 * predict are compared with the true ones, on equal terms: the same videos and seeds.
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
import { type Comparison, type ComparisonOptions, type ImageMeasures, openComparison } from "./comparison.ts";
import { type Made, makeSet } from "./make-set.ts";
import { type Estimate, estimate, mean } from "./metrics/estimate.ts";
import { decibels, meanSquaredError, ssim } from "./metrics/image-metrics.ts";
import { measureBeside, measurePlans, type PlanRow, type PlanRunOptions } from "./plan-runs.ts";
import { defaultReferenceImages, requireFittingClassifier } from "./reference-set.ts";
import type { ImageCodec } from "./tokenizer-report.ts";

/** What evaluation needs of a model that predicts frames; `VideoPipeline` has it. */
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

/** How similar predicted frames are to the true ones. */
export interface FrameSimilarity {
  /** In dB, over the videos; what is exactly right counts as `exactMatch`. */
  readonly psnr: Estimate;
  /** At most 1, over the videos. */
  readonly ssim: Estimate;
}

/** The PSNR, in dB, that no error at all counts as: little above that of rounding to bytes, 58.9. */
export const exactMatch = 60;

/**
 * The measures of one way to predict: of the predicted frames beside the true ones, and of the whole videos as a set.
 * The PSNR of a video is that of the mean squared error of its predicted frames: the mean of their PSNRs would depend on
 * `exactMatch` wherever the first of them equals the last given one. Its SSIM is the mean of theirs.
 */
export interface PredictionMeasures extends FrameSimilarity, ImageMeasures {
  /** Above the last given frame repeated, video by video, so that the error leaves out what videos differ by. */
  readonly gain: FrameSimilarity;
  /** [T - g], every predicted frame by itself, in the order of time. */
  readonly frames: readonly FrameSimilarity[];
}

/** A plan's cost and the measures of its predictions. */
export type PredictionRow = PlanRow<PredictionMeasures>;

/**
 * What an evaluation of predicted frames measured, plan by plan, beside what they must beat and cannot beat.
 */
export interface PredictionEvaluation {
  /** How many videos the reference set has, and where they come from. */
  readonly reference: Comparison["reference"];
  /** The feature network besides the classifier, where one was given. */
  readonly network?: Comparison["network"];
  /** g. */
  readonly given: number;
  /** The measures of the true videos. */
  readonly heldOut: ImageMeasures;
  /** The last given frame repeated: what a prediction must beat. */
  readonly repeat: PredictionMeasures;
  /** The true frames through the tokenizer: the best that this model could do. */
  readonly tokenizer: PredictionMeasures;
  readonly plans: readonly PredictionRow[];
}

/** Which predictions to evaluate, and on what. */
export interface EvaluatePredictionOptions extends ComparisonOptions, PlanRunOptions {
  readonly pipeline: PredictingModel;
  /** g. */
  readonly given: number;
}

/**
 * Predicts the frames of held-out videos by every plan, and without a model, a batch at a time.
 *
 * @throws InputError when classifier, model and held-out videos have not the same size, for a bad number of given
 *   frames, when there are too few held-out videos, and for a plan that does not fit the model
 */
export async function evaluatePrediction(options: EvaluatePredictionOptions): Promise<PredictionEvaluation> {
  const { pipeline, given, samples, batchSize = 64, heldOut, signal } = options;
  const { referenceImages = defaultReferenceImages, onProgress } = options;
  const { frames } = pipeline;
  requireInput(
    Number.isInteger(given) && given >= 1 && given < frames,
    `evaluate: given: must be a whole number in 1..${frames - 1}, fewer than the model's ${frames} frames, got ${given}`,
  );
  // A prediction depends on frames and not on classes, so the model's classes do not matter.
  requireFittingClassifier({ ...pipeline, classNames: options.classifier.classNames }, options.classifier);
  const comparison = await openComparison(options);
  try {
    const completion: Completion = { task: "predict", given };
    const { read } = keptInMemory(heldOut); // so that most sets are read once, and not for every way to predict
    const batches = () =>
      imageBatches(read, {
        from: referenceImages,
        count: samples,
        size: batchSize,
        signal,
      }) as AsyncGenerator<TrueVideo[]>;
    const repeatLast = (trueVideos: readonly TrueVideo[]) =>
      trueVideos.map((video) => filledIn(video, completion));

    /** Measures one way to predict, whose videos `make` adds a batch at a time. */
    const measureWay = async <T>(
      make: (
        add: (videos: readonly Video[], trueVideos: readonly TrueVideo[]) => Promise<void>,
      ) => Promise<T>,
    ) => {
      const parts: FrameErrors[] = [];
      const { measures, filled } = await comparison.measureImages((add) =>
        make(async (videos, trueVideos) => {
          parts.push(await frameErrors(videos, trueVideos, given, signal));
          await add(videos.map((video, i) => ({ ...video, classId: trueVideos[i]!.classId })));
        }),
      );
      return { errors: joinedErrors(parts), measures, filled };
    };
    /** Measures a way that needs no plan. */
    const measureWithoutPlan = (
      predict: (trueVideos: readonly TrueVideo[]) => readonly Video[] | Promise<readonly Video[]>,
    ) =>
      measureWay(async (add) => {
        for await (const trueVideos of batches()) await add(await predict(trueVideos), trueVideos);
      });

    let repeatErrors: FrameErrors | null = null; // needed only where something is not cached
    const errorsOfRepeat = async (): Promise<FrameErrors> => {
      if (repeatErrors) return repeatErrors;
      const parts: FrameErrors[] = [];
      for await (const trueVideos of batches()) {
        parts.push(await frameErrors(repeatLast(trueVideos), trueVideos, given, signal));
      }
      repeatErrors = joinedErrors(parts);
      return repeatErrors;
    };
    const withSimilarity = async (way: { errors: FrameErrors; measures: ImageMeasures }) => ({
      ...similarityOf(way.errors),
      gain: gainOver(await errorsOfRepeat(), way.errors),
      ...way.measures,
    });

    const { reference, network, digest } = comparison;
    const repeat = await measureBeside(options, { set: "repeat", given, digest }, async () => {
      const way = await measureWithoutPlan(repeatLast);
      repeatErrors = way.errors;
      return withSimilarity(way);
    });
    const tokenizer = await measureBeside(options, { set: "tokenizer", given, digest }, async () => {
      let done = 0;
      const way = await measureWithoutPlan(async (trueVideos) => {
        const back = (await pipeline.decodeTokens(await pipeline.encode(trueVideos))) as Video[];
        done += trueVideos.length;
        onProgress?.({ stage: "tokenizer", done, total: samples });
        return back.map((video, i) => withGivenFrames(video, trueVideos[i]!, completion));
      });
      return withSimilarity(way);
    });
    // The model is handed the given frames alone, so that it cannot read the others.
    const givenFrames = (video: Video) => videoOf(Array.from({ length: given }, (_, t) => frameOf(video, t)));
    const facts = { task: "predict", given, digest };
    const plans = await measurePlans<PredictionMeasures>(options, facts, async (run) => {
      const way = await measureWay((add) =>
        makeSet({ ...run, samples }, async ({ firstIndex, count, onStep }) => {
          const indexes = Array.from({ length: count }, (_, i) => referenceImages + firstIndex + i);
          const trueVideos = (await Promise.all(indexes.map(read))) as TrueVideo[];
          const videos = trueVideos.map(givenFrames);
          const made = await pipeline.predict({ ...run, videos, given, firstIndex, onStep });
          await add(made.videos, trueVideos);
          return made;
        }),
      );
      return { made: way.filled, figures: await withSimilarity(way) };
    });
    return {
      reference,
      ...(network && { network }),
      given,
      heldOut: comparison.heldOut,
      repeat,
      tokenizer,
      plans,
    };
  } finally {
    await comparison.dispose();
  }
}

type TrueVideo = Image & Video;

/** [n][T - g] each, of the predicted frames of every video. */
interface FrameErrors {
  readonly squared: readonly (readonly number[])[];
  readonly similarity: readonly (readonly number[])[];
}

/** Compares the frames after the first `given` ones with the true ones. */
async function frameErrors(
  videos: readonly Video[],
  trueVideos: readonly Video[],
  given: number,
  signal?: AbortSignal,
): Promise<FrameErrors> {
  const predicted = Array.from({ length: trueVideos[0]!.frames - given }, (_, i) => given + i);
  const squared: number[][] = [];
  const similarity: number[][] = [];
  for (const [i, video] of videos.entries()) {
    await setImmediate(); // lets a signal come in
    signal?.throwIfAborted();
    const pairs = predicted.map((t) => [frameOf(video, t), frameOf(trueVideos[i]!, t)] as const);
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

function similarityOf(errors: FrameErrors): FrameSimilarity & { frames: FrameSimilarity[] } {
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

/** How much more similar one way is than repeating the last given frame, video by video. */
function gainOver(repeat: FrameErrors, own: FrameErrors): FrameSimilarity {
  const gain = (figuresOf: (errors: FrameErrors) => number[]): Estimate => {
    const before = figuresOf(repeat);
    return estimate(figuresOf(own).map((value, i) => value - before[i]!));
  };
  return { psnr: gain(videoPsnrs), ssim: gain(videoSimilarities) };
}
