/**
 * Decode plans of one model, compared on equal terms: the same classes, seeds and number of pictures, one classifier
 * as the judge, one set of real pictures to compare with. N pictures, F feature width.
 */
import type { Seed } from "../core/random.ts";
import type { Picture } from "../data/source.ts";
import type { PlanInput } from "../decoding/plan.ts";
import {
  type Comparison,
  type ComparisonOptions,
  defaultRealCount,
  openComparison,
  requireKnown,
  type Verdict,
} from "./comparison.ts";
import type { AddPictures } from "./judge.ts";
import { type Made, makeSet, type SetOptions } from "./make-set.ts";
import { measureBeside, measurePlans, type PlanOptions, type PlanRow } from "./plan-runs.ts";
import { type PictureCodec, type TokenizerReport, tokenizerReport } from "./tokenizer-report.ts";

/** Images are still pictures, videos moving ones; either goes before the same judge. */
type Generated = { readonly images: readonly Picture[] } | { readonly videos: readonly Picture[] };

/** What is asked of a model; `ImagePipeline` and `VideoPipeline` are such. */
export interface PictureModel extends PictureCodec {
  readonly resolution: number;
  /** T of its clips; left out: it makes still pictures. */
  readonly frames?: number;
  readonly model: {
    readonly classNames: readonly string[];
    readonly transformer: {
      readonly config: { readonly codebookSize: number; readonly grid: readonly number[] };
    };
  };
  generate(options: {
    readonly classes: readonly string[];
    readonly count: number;
    /** Index of the first one in the seed's series. */
    readonly firstPicture?: number;
    readonly seed: Seed;
    readonly plan: PlanInput;
    readonly batchSize: number;
    readonly signal?: AbortSignal;
    readonly onStep?: (progress: { readonly step: number; readonly total: number }) => void;
  }): Promise<Generated & Made>;
}

/** Makes the first `samples` pictures of a seed, the classes taking turns, and adds them a batch at a time. */
export function generateSet(
  pipeline: PictureModel,
  job: SetOptions & Omit<Parameters<PictureModel["generate"]>[0], "classes" | "count" | "firstPicture">,
  add: AddPictures,
): Promise<Made> {
  const { samples: _, ...asked } = job;
  return makeSet(job, async (batch) => {
    const made = await pipeline.generate({ ...asked, ...batch, classes: ["all"] });
    await add("images" in made ? made.images : made.videos);
    return made;
  });
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
      const { verdict: figures, filled: made } = await verdictOn((add) =>
        generateSet(pipeline, { ...job, samples }, add),
      );
      return { made, figures };
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
  let done = 0;
  const { verdict, filled: report } = await verdictOn((add) =>
    tokenizerReport({
      codec: pipeline,
      codebookSize: pipeline.model.transformer.config.codebookSize,
      stride: real.resolution / pipeline.model.transformer.config.grid.at(-1)!,
      source: real,
      from: realCount,
      count: samples,
      signal,
      async onPictures(pictures) {
        await add(pictures);
        done += pictures.length;
        onProgress?.({ stage: "tokenizer", done, total: samples });
      },
    }),
  );
  return { ...report, ...verdict };
}
