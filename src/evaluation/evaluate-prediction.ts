/**
 * Frame prediction, measured: the first frames of held-out clips are given, and what plans of one model make of the
 * others is held against the true ones, on equal terms: the same clips and seeds.
 *
 * n clips of T frames, of which g are given.
 */
import { setImmediate } from "node:timers/promises";
import { requireInput } from "../core/errors.ts";
import type { Seed } from "../core/random.ts";
import { type Completion, filledIn, withGivenFrames } from "../data/completion.ts";
import { type Clip, clipOf, frameOf, type Picture } from "../data/source.ts";
import { pictureBatches } from "../data/views.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import {
  type Comparison,
  type ComparisonOptions,
  defaultRealCount,
  openComparison,
  requireKnown,
  type Verdict,
} from "./comparison.ts";
import { type Estimate, estimate, mean } from "./estimate.ts";
import { decibels, meanSquaredError, ssim } from "./picture-metrics.ts";
import {
  type DecodeStats,
  measureBeside,
  measurePlans,
  type PlanOptions,
  type PlanRow,
} from "./plan-runs.ts";
import type { PictureCodec } from "./tokenizer-report.ts";

/** What is asked of a model; `VideoPipeline` is one. */
export interface PredictingModel extends PictureCodec {
  readonly resolution: number;
  /** T. */
  readonly frames: number;
  /** Predicts the frames after the first `given` ones, of clip i by the random numbers of sample i of the seed. */
  predict(options: {
    readonly clips: readonly Clip[];
    readonly given: number;
    readonly seed: Seed;
    readonly plan: PlanInput;
    readonly batchSize: number;
    readonly signal?: AbortSignal;
    readonly onStep?: (progress: { readonly step: number; readonly total: number }) => void;
  }): Promise<{
    readonly videos: readonly Clip[];
    readonly plan: DecodePlan;
    readonly stats: DecodeStats;
  }>;
}

/** How near frames are to the true ones. */
export interface Nearness {
  /** In dB, over the clips; what is exactly right counts as {@link exactMatch}. */
  readonly psnr: Estimate;
  readonly ssim: Estimate;
}

/** The PSNR, in dB, that no error at all counts as: little above that of rounding to bytes, 58.9. */
export const exactMatch = 60;

/**
 * One way to predict, and the whole clips before the judge. The PSNR of a clip is that of the mean squared error of its
 * predicted frames: the mean of their PSNRs would hang on {@link exactMatch} wherever the first of them is still the
 * last given one. Its SSIM is the mean of theirs.
 */
export interface PredictionVerdict extends Nearness, Verdict {
  /** How much nearer than the last given frame again, clip by clip: what clips differ by falls out of the error. */
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
  /** The true clips, as the judge sees them. */
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
 * Predicts the real clips that stand beside the reference by every plan, and without a model. All of them are kept in
 * memory, 0.2 MB for 16 frames of 64 x 64 pixels, once for the truth and once per way while it is judged.
 *
 * @throws InputError when classifier, model and real clips have not the same size, for a bad number of given frames,
 *   when there are too few real clips, and for a plan that does not fit the model
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
    const truth: (Picture & Clip)[] = [];
    for await (const clips of pictureBatches(real.read, {
      from: realCount,
      count: samples,
      size: batchSize,
      signal,
    })) {
      truth.push(...(clips as (Picture & Clip)[]));
    }
    const repeated = () => truth.map((clip) => filledIn(clip, completion));
    const errorsOf = (clips: readonly Clip[]) => frameErrors(clips, truth, given, signal);
    let least: FrameErrors | null = null; // of the repeated ones; of use only where something is measured anew
    const ofRepeated = async () => (least ??= await errorsOf(repeated()));
    const verdictOn = async (clips: readonly Clip[], known?: FrameErrors): Promise<PredictionVerdict> => {
      const base = await ofRepeated();
      const own = known ?? (await errorsOf(clips));
      const labelled = (i: number): Picture => ({ ...clips[i]!, label: truth[i]!.label });
      return { ...nearness(own), gain: gainOver(base, own), ...(await comparison.verdictOn(labelled)) };
    };
    const repeat = await measureBeside(options, { set: "repeat", given, digest }, async () =>
      verdictOn(repeated(), await ofRepeated()),
    );
    const tokenizer = await measureBeside(options, { set: "tokenizer", given, digest }, async () => {
      const rebuilt: Clip[] = [];
      const batches = { count: samples, size: batchSize, signal };
      for await (const clips of pictureBatches((i) => truth[i]!, batches)) {
        const back = (await pipeline.decodeTokens(await pipeline.encode(clips))) as Clip[];
        rebuilt.push(...back.map((clip, i) => withGivenFrames(clip, clips[i] as Picture & Clip, completion)));
        onProgress?.({ stage: "tokenizer", done: rebuilt.length, total: samples });
      }
      return verdictOn(rebuilt);
    });
    // What a predictor is not given, it cannot read.
    const shown = truth.map((clip) => clipOf(Array.from({ length: given }, (_, t) => frameOf(clip, t))));
    const facts = { task: "predict", given, digest };
    const plans = await measurePlans<PredictionVerdict>(options, facts, async (job) => {
      const made = await pipeline.predict({ ...job, clips: shown, given });
      return { made, figures: await verdictOn(made.videos) };
    });
    return { reference, ...(network && { network }), given, real: whole, repeat, tokenizer, plans };
  } finally {
    await comparison.dispose();
  }
}

/** [n][T - g], of the predicted frames of every clip. */
interface FrameErrors {
  readonly squared: readonly (readonly number[])[];
  readonly similarity: readonly (readonly number[])[];
}

/** Holds the frames after the first `given` ones against the true ones. */
async function frameErrors(
  clips: readonly Clip[],
  truth: readonly Clip[],
  given: number,
  signal?: AbortSignal,
): Promise<FrameErrors> {
  const predicted = Array.from({ length: truth[0]!.frames - given }, (_, i) => given + i);
  const squared: number[][] = [];
  const similarity: number[][] = [];
  for (const [i, clip] of clips.entries()) {
    await setImmediate(); // lets a signal come in
    signal?.throwIfAborted();
    const pairs = predicted.map((t) => [frameOf(clip, t), frameOf(truth[i]!, t)] as const);
    squared.push(pairs.map(([made, wanted]) => meanSquaredError(made, wanted)));
    similarity.push(pairs.map(([made, wanted]) => ssim(made, wanted)));
  }
  return { squared, similarity };
}

const peakToNoise = (squared: number): number => Math.min(exactMatch, decibels(squared));

/** [n] each, of whole clips. */
const clipPsnrs = ({ squared }: FrameErrors): number[] => squared.map((clip) => peakToNoise(mean(clip)));
const clipSimilarities = ({ similarity }: FrameErrors): number[] => similarity.map(mean);

function nearness(errors: FrameErrors): Nearness & { frames: Nearness[] } {
  const { squared, similarity } = errors;
  return {
    psnr: estimate(clipPsnrs(errors)),
    ssim: estimate(clipSimilarities(errors)),
    frames: squared[0]!.map((_, t) => ({
      psnr: estimate(squared.map((clip) => peakToNoise(clip[t]!))),
      ssim: estimate(similarity.map((clip) => clip[t]!)),
    })),
  };
}

function gainOver(least: FrameErrors, own: FrameErrors): Nearness {
  const over = (read: (errors: FrameErrors) => number[]): Estimate => {
    const before = read(least);
    return estimate(read(own).map((value, i) => value - before[i]!));
  };
  return { psnr: over(clipPsnrs), ssim: over(clipSimilarities) };
}
