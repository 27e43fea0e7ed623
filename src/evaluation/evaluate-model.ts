/**
 * Decode plans of one model, compared on equal terms: the same classes, seeds and number of pictures, one classifier
 * as the judge, one set of real pictures to compare with. N pictures, F feature width.
 */
import type { Seed } from "../core/random.ts";
import { type Picture, toPlanes } from "../data/source.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import {
  type Comparison,
  type ComparisonOptions,
  defaultRealCount,
  openComparison,
  requireKnown,
  type Verdict,
} from "./comparison.ts";
import { judge } from "./judge.ts";
import { type PictureCodec, type TokenizerReport, tokenizerReport } from "./tokenizer-report.ts";

/** What decoding a series of pictures cost. */
export interface DecodeStats {
  /** Wall time, the tokenizer's decoder included. */
  readonly seconds: number;
  /** Of the transformer, over all pictures. */
  readonly multiplyAdds: number;
  readonly multiplyAddsFlat: number;
  readonly ratio: number;
}

/** Images are still pictures, videos moving ones; either goes before the same judge. */
type Made = { readonly images: readonly Picture[] } | { readonly videos: readonly Picture[] };

/** What is asked of a model; `ImagePipeline` and `VideoPipeline` are such. */
export interface PictureModel extends PictureCodec {
  readonly resolution: number;
  /** T of its clips; left out: it makes still pictures. */
  readonly frames?: number;
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
  }): Promise<Made & { readonly plan: DecodePlan; readonly stats: DecodeStats }>;
}

/** What a plan cost. */
export interface PlanFigures {
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

export interface PlanVerdict extends PlanFigures, Verdict {}

export interface Evaluation {
  readonly reference: Comparison["reference"];
  readonly real: Verdict;
  /** The same pictures through the tokenizer: the best that this model could do. */
  readonly tokenizer: Verdict & TokenizerReport;
  readonly plans: readonly PlanVerdict[];
}

/** What is asked of the plans of a model. */
export interface PlanOptions {
  /** What differs from the model's default plan, by name. */
  readonly plans: Readonly<Record<string, PlanInput>>;
  /** 0 unless told. */
  readonly seed?: Seed;
  /** Pictures decoded together, 64 unless told. */
  readonly batchSize?: number;
}

export interface EvaluateOptions extends ComparisonOptions, PlanOptions {
  readonly pipeline: PictureModel;
}

/**
 * Judges every plan.
 *
 * @throws InputError when model, classifier and real pictures have not the same classes and size, when there are too
 *   few real pictures, and for a plan that does not fit the model
 */
export async function evaluateModel(options: EvaluateOptions): Promise<Evaluation> {
  const { pipeline, plans, samples, seed = 0, batchSize = 64, signal } = options;
  const { classNames } = pipeline.model;
  requireKnown({ ...pipeline, classNames }, options.classifier);
  const comparison = await openComparison(options);
  try {
    const tokenizer = await throughTokenizer(options, comparison);
    const verdicts: PlanVerdict[] = [];
    for (const [name, plan] of Object.entries(plans)) {
      const made = await pipeline.generate({
        classes: ["all"],
        count: samples,
        seed,
        plan,
        batchSize,
        signal,
        onStep: ({ step, total }) => options.onProgress?.({ stage: name, done: step, total }),
      });
      const pictures = "images" in made ? made.images : made.videos;
      const judged = await judge(comparison.classifier, (index) => pictures[index]!, {
        count: samples,
        signal,
      });
      verdicts.push({ ...planFigures(name, made, samples), ...comparison.verdictOf(judged) });
    }
    return { reference: comparison.reference, real: comparison.real, tokenizer, plans: verdicts };
  } finally {
    await comparison.dispose();
  }
}

/** What decoding `samples` pictures by a plan cost. */
export function planFigures(
  name: string,
  { plan, stats }: { readonly plan: DecodePlan; readonly stats: DecodeStats },
  samples: number,
): PlanFigures {
  return {
    name,
    multiplyAdds: stats.multiplyAdds / samples,
    multiplyAddsFlat: stats.multiplyAddsFlat / samples,
    ratio: stats.ratio,
    seconds: stats.seconds,
    plan,
  };
}

/** The real pictures beside the reference, as the tokenizer gives them back. */
async function throughTokenizer(
  { pipeline, real, realCount = defaultRealCount, samples, signal, onProgress }: EvaluateOptions,
  { classifier, verdictOf }: Comparison,
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
      onProgress?.({ stage: "tokenizer", done, total: samples });
    },
  });
  return { ...report, ...verdictOf(judged) };
}
