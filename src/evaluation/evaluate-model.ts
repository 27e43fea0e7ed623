/**
 * Decode plans of one model, compared on equal terms: the same classes, seeds and number of pictures, one classifier
 * as the judge, one set of real pictures to compare with. N pictures, F feature width.
 */
import type { Seed } from "../core/random.ts";
import type { Picture } from "../data/source.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import {
  type Comparison,
  type ComparisonOptions,
  defaultRealCount,
  openComparison,
  requireKnown,
  type Verdict,
} from "./comparison.ts";
import {
  type DecodeStats,
  measureBeside,
  measurePlans,
  type PlanOptions,
  type PlanRow,
} from "./plan-runs.ts";
import { type PictureCodec, type TokenizerReport, tokenizerReport } from "./tokenizer-report.ts";

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

export type PlanVerdict = PlanRow<Verdict>;

export interface Evaluation {
  readonly reference: Comparison["reference"];
  /** The network besides the judge, where one was given. */
  readonly network?: Comparison["network"];
  readonly real: Verdict;
  /** The same pictures through the tokenizer: the best that this model could do. */
  readonly tokenizer: Verdict & TokenizerReport;
  readonly plans: readonly PlanVerdict[];
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
  const { pipeline, samples } = options;
  const { classNames } = pipeline.model;
  requireKnown({ ...pipeline, classNames }, options.classifier);
  const comparison = await openComparison(options);
  try {
    const { reference, network, real, digest, verdictOn } = comparison;
    const tokenizer = await measureBeside(options, { set: "tokenizer", digest }, () =>
      throughTokenizer(options, comparison),
    );
    const facts = { task: "generate", digest };
    const plans = await measurePlans<Verdict>(options, facts, async (job) => {
      const made = await pipeline.generate({ ...job, classes: ["all"], count: samples });
      const pictures = "images" in made ? made.images : made.videos;
      return { made, figures: await verdictOn((index) => pictures[index]!) };
    });
    return { reference, ...(network && { network }), real, tokenizer, plans };
  } finally {
    await comparison.dispose();
  }
}

/** The real pictures beside the reference, as the tokenizer gives them back. */
async function throughTokenizer(
  { pipeline, real, realCount = defaultRealCount, samples, signal, onProgress }: EvaluateOptions,
  { verdictOn }: Comparison,
): Promise<Verdict & TokenizerReport> {
  const back: Picture[] = [];
  const report = await tokenizerReport({
    codec: pipeline,
    codebookSize: pipeline.model.transformer.config.codebookSize,
    source: real,
    from: realCount,
    count: samples,
    signal,
    onPictures(pictures) {
      back.push(...pictures);
      onProgress?.({ stage: "tokenizer", done: back.length, total: samples });
    },
  });
  return { ...report, ...(await verdictOn((index) => back[index]!)) };
}
