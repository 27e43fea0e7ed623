/**
 * Decode plans of one model, compared on equal terms: the same classes, seeds and number of pictures, one classifier
 * as the judge, one set of real pictures to compare with. N pictures, F feature width.
 */
import { requireInput } from "../core/errors.ts";
import type { Seed } from "../core/random.ts";
import { type Picture, type PictureSource, toPlanes } from "../data/source.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import type { Runner } from "../runtime/runner.ts";
import { tensorsDigest } from "../weights/digest.ts";
import { type Classifier, loadClassifier } from "./classifier.ts";
import type { ClassifierFolder } from "./classifier-folder.ts";
import { addFeatures, emptyStatistics, type FeatureStatistics, frechetDistance } from "./frechet.ts";
import { accuracyOf, type Judged, judge } from "./judge.ts";
import { realFeatures } from "./real-features.ts";
import { type PictureCodec, type TokenizerReport, tokenizerReport } from "./tokenizer-report.ts";

/** What is asked of a model; `ImagePipeline` is one. */
export interface PictureModel extends PictureCodec {
  readonly resolution: number;
  readonly model: {
    readonly classNames: readonly string[];
    readonly transformer: { readonly config: { readonly codebookSize: number } };
  };
  generate(options: {
    readonly classes: readonly string[];
    readonly count: number;
    readonly seed: Seed;
    readonly plan: PlanInput;
    readonly batchSize: number;
    readonly signal?: AbortSignal;
    readonly onStep?: (progress: { readonly step: number; readonly total: number }) => void;
  }): Promise<{
    readonly images: readonly Picture[];
    readonly plan: DecodePlan;
    readonly stats: {
      readonly seconds: number;
      readonly multiplyAdds: number;
      readonly multiplyAddsFlat: number;
      readonly ratio: number;
    };
  }>;
}

/** How a set of pictures stands with the judge. */
export interface Verdict {
  readonly pictures: number;
  /** The share taken for the class that was asked for, in [0, 1]. */
  readonly classAccuracy: number;
  /** Fréchet distance to the real pictures, in this classifier's features: not FID. */
  readonly frechet: number;
  /** Too few pictures for the distance to mean much. */
  readonly isUnderSampled: boolean;
}

export interface PlanVerdict extends Verdict {
  readonly name: string;
  /** Multiply-adds of the transformer per picture. */
  readonly multiplyAdds: number;
  /** Those of the flat decode of the same steps and guidance. */
  readonly multiplyAddsFlat: number;
  /** Flat over plan. */
  readonly ratio: number;
  /** Wall time of all pictures, the tokenizer's decoder included. */
  readonly seconds: number;
  readonly plan: DecodePlan;
}

export interface Evaluation {
  /** How many real pictures stood for the truth, and where they came from. */
  readonly reference: { readonly pictures: number; readonly source: string };
  /** Other real pictures: the best that any generator could do. */
  readonly real: Verdict;
  /** The same pictures through the tokenizer: the best that this model could do. */
  readonly tokenizer: Verdict & TokenizerReport;
  readonly plans: readonly PlanVerdict[];
}

export interface EvaluateOptions {
  readonly pipeline: PictureModel;
  /** Computes the classifier. */
  readonly runner: Runner;
  readonly classifier: ClassifierFolder;
  /** What differs from the model's default plan, by name. */
  readonly plans: Readonly<Record<string, PlanInput>>;
  /** N of each plan, and of the real pictures beside them. */
  readonly samples: number;
  /** 0 unless told. */
  readonly seed?: Seed;
  /** Pictures decoded together, 64 unless told. */
  readonly batchSize?: number;
  /** Held-out real pictures. */
  readonly real: PictureSource;
  /** How many of them stand for the truth, 10,000 unless told. */
  readonly realCount?: number;
  /** Keeps what was found in real pictures; null: nowhere. */
  readonly cacheFolder?: string | null;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvaluateProgress) => void;
}

export interface EvaluateProgress {
  /** "real pictures", "tokenizer", or a plan's name. */
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

/**
 * Judges every plan.
 *
 * @throws InputError when model, classifier and real pictures have not the same classes and size, when there are too
 *   few real pictures, and for a plan that does not fit the model
 */
export async function evaluateModel(options: EvaluateOptions): Promise<Evaluation> {
  const { pipeline, runner, plans, samples, seed = 0, batchSize = 64, real, signal } = options;
  const { realCount = 10_000, cacheFolder = null } = options;
  checkFit(options);
  const available = real.length ?? Infinity;
  requireInput(
    available >= realCount + samples,
    `${real.name}: needs ${realCount} real pictures to compare with and ${samples} others, has ${available}; ` +
      "ask for fewer of either",
  );
  const progress = (stage: string, total: number) => (done: number) =>
    options.onProgress?.({ stage, done, total });
  const classifier = await loadClassifier(runner, options.classifier.config, options.classifier.tensors);
  try {
    const digest = tensorsDigest(options.classifier.tensors);
    const seen = { classifier, digest, source: real, cacheFolder, signal };
    const tell = progress("real pictures", realCount + samples);
    const reference = await realFeatures({ ...seen, count: realCount, onProgress: tell });
    const others = await realFeatures({
      ...seen,
      from: realCount,
      count: samples,
      onProgress: (done) => tell(realCount + done),
    });
    const truth = emptyStatistics(classifier.config.featureWidth);
    addFeatures(truth, reference.features);

    const tokenizer = await throughTokenizer(options, classifier, truth, progress("tokenizer", samples));
    const verdicts: PlanVerdict[] = [];
    for (const [name, plan] of Object.entries(plans)) {
      const tellSteps = (done: number, total: number) => options.onProgress?.({ stage: name, done, total });
      const result = await pipeline.generate({
        classes: ["all"],
        count: samples,
        seed,
        plan,
        batchSize,
        signal,
        onStep: ({ step, total }) => tellSteps(step, total),
      });
      const judged = await judge(classifier, (index) => result.images[index]!, { count: samples, signal });
      const { seconds, multiplyAdds, multiplyAddsFlat, ratio } = result.stats;
      verdicts.push({
        name,
        ...verdict(judged, truth),
        multiplyAdds: multiplyAdds / samples,
        multiplyAddsFlat: multiplyAddsFlat / samples,
        ratio,
        seconds,
        plan: result.plan,
      });
    }
    return {
      reference: { pictures: realCount, source: real.name },
      real: verdict(others, truth),
      tokenizer,
      plans: verdicts,
    };
  } finally {
    await classifier.dispose();
  }
}

function checkFit({ pipeline, classifier, real }: EvaluateOptions): void {
  const describe = (resolution: number, names: readonly string[]) =>
    `${resolution} x ${resolution} pictures of ${names.join(", ") || "no classes"}`;
  const judged = describe(classifier.config.resolution, classifier.classNames);
  const made = describe(pipeline.resolution, pipeline.model.classNames);
  const given = describe(real.resolution, real.classNames);
  requireInput(
    made === judged,
    `evaluate: the classifier must know what the model makes, ${made}; it knows ${judged}; train one on the model's data`,
  );
  requireInput(
    given === judged,
    `evaluate: the real pictures must be ${judged}; ${real.name} has ${given}; give the data the model was trained on`,
  );
}

function verdict(judged: Judged, truth: FeatureStatistics): Verdict {
  const statistics = emptyStatistics(truth.width);
  addFeatures(statistics, judged.features);
  const { distance, isUnderSampled } = frechetDistance(statistics, truth);
  return {
    pictures: judged.labels.length,
    classAccuracy: accuracyOf(judged),
    frechet: distance,
    isUnderSampled,
  };
}

/** The real pictures beside the reference, as the tokenizer gives them back. */
async function throughTokenizer(
  { pipeline, real, realCount = 10_000, samples, signal }: EvaluateOptions,
  classifier: Classifier,
  truth: FeatureStatistics,
  onProgress: (done: number) => void,
): Promise<Verdict & TokenizerReport> {
  const width = classifier.config.featureWidth;
  const judged = {
    labels: new Int32Array(samples),
    found: new Int32Array(samples),
    features: new Float32Array(samples * width),
  };
  let done = 0;
  const report = await tokenizerReport({
    codec: pipeline,
    codebookSize: pipeline.model.transformer.config.codebookSize,
    source: real,
    from: realCount,
    count: samples,
    signal,
    async onPictures(pictures) {
      const { labels, features } = await classifier.classify(toPlanes(pictures));
      for (const [i, { label }] of pictures.entries()) judged.labels[done + i] = label;
      judged.found.set(labels, done);
      judged.features.set(features.data, done * width);
      done += pictures.length;
      onProgress(done);
    },
  });
  return { ...report, ...verdict(judged, truth) };
}
