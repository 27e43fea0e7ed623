/**
 * Decode plans of one model measured on equal terms: the same classes, seeds and number of images, one classifier, one
 * reference set.
 */
import type { Seed } from "../core/random.ts";
import type { Image } from "../data/source.ts";
import type { PlanInput } from "../decoding/plan.ts";
import { type Comparison, type ComparisonOptions, type ImageMeasures, openComparison } from "./comparison.ts";
import type { AddImages } from "./features/classify-images.ts";
import { type Made, makeSet, type SetOptions, together } from "./make-set.ts";
import { measureBeside, measurePlans, type PlanRow, type PlanRunOptions } from "./plan-runs.ts";
import { defaultReferenceImages, requireFittingClassifier } from "./reference-set.ts";
import { type ImageCodec, type TokenizerReport, tokenizerReport } from "./tokenizer-report.ts";

type Generated = { readonly images: readonly Image[] } | { readonly videos: readonly Image[] };

/** What evaluation needs of a model; `ImagePipeline` and `VideoPipeline` have it. */
export interface GeneratingModel extends ImageCodec {
  readonly resolution: number;
  /** T of its videos; left out: it makes images. */
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
    readonly firstIndex?: number;
    readonly seed: Seed;
    readonly plan: PlanInput;
    readonly batchSize: number;
    readonly signal?: AbortSignal;
    readonly onStep?: (progress: { readonly step: number; readonly total: number }) => void;
  }): Promise<Generated & Made>;
}

/** Makes the first `samples` images of a seed, the classes taking turns, and adds them a batch at a time. */
export function generateSet(
  pipeline: GeneratingModel,
  options: SetOptions & Omit<Parameters<GeneratingModel["generate"]>[0], "classes" | "count" | "firstIndex">,
  add: AddImages,
): Promise<Made> {
  const { samples: _, ...request } = options;
  return makeSet(options, async (batch) => {
    const made = await pipeline.generate({ ...request, ...batch, classes: ["all"] });
    await add("images" in made ? made.images : made.videos);
    return made;
  });
}

/** The first `samples` images of a seed, the classes taking turns. */
export interface SetRequest {
  readonly samples: number;
  readonly seed: Seed;
  readonly plan: PlanInput;
  readonly batchSize: number;
  readonly signal?: AbortSignal;
  /** Called with the images that are there. */
  readonly onStep?: (progress: { readonly step: number; readonly total: number }) => void;
}

/** Makes a set in the place of the model, anywhere: the images that the model would make, in order, some at a time. */
export type MakeSet = (set: SetRequest) => AsyncIterable<Made & { readonly images: readonly Image[] }>;

async function setFrom(batches: ReturnType<MakeSet>, add: AddImages): Promise<Made> {
  const made: Made[] = [];
  for await (const { images, plan, stats } of batches) {
    await add(images);
    made.push({ plan, stats });
  }
  return together(made);
}

/** A plan's cost and the measures of what it generates. */
export type GenerationRow = PlanRow<ImageMeasures>;

/** What an evaluation of generated images measured, plan by plan, beside what no plan can beat. */
export interface GenerationEvaluation {
  /** How many images the reference set has, and where they come from. */
  readonly reference: Comparison["reference"];
  /** The feature network besides the classifier, where one was given. */
  readonly network?: Comparison["network"];
  /** The measures of held-out images: the best that any model could do. */
  readonly heldOut: ImageMeasures;
  /** The same images through the tokenizer: the best that this model could do. */
  readonly tokenizer: ImageMeasures & TokenizerReport;
  readonly plans: readonly GenerationRow[];
}

/** Which plans to evaluate, and on how many images. */
export interface EvaluateGenerationOptions extends ComparisonOptions, PlanRunOptions {
  readonly pipeline: GeneratingModel;
  /** What makes the images; default: the pipeline. */
  readonly makeSet?: MakeSet;
}

/**
 * Measures what every plan generates.
 *
 * @throws InputError when model, classifier and held-out images have not the same classes and size, when there are too
 *   few held-out images, and for a plan that does not fit the model
 */
export async function evaluateGeneration(options: EvaluateGenerationOptions): Promise<GenerationEvaluation> {
  const { pipeline, samples, makeSet } = options;
  const { classNames } = pipeline.model;
  requireFittingClassifier({ ...pipeline, classNames }, options.classifier);
  const comparison = await openComparison(options);
  try {
    const { reference, network, heldOut, digest, measureImages } = comparison;
    const tokenizer = await measureBeside(options, { set: "tokenizer", digest }, () =>
      throughTokenizer(options, comparison),
    );
    const facts = { task: "generate", digest };
    const plans = await measurePlans<ImageMeasures>(options, facts, async (run) => {
      const { measures, filled } = await measureImages((add) =>
        makeSet
          ? setFrom(makeSet({ ...run, samples }), add)
          : generateSet(pipeline, { ...run, samples }, add),
      );
      return { made: filled, figures: measures };
    });
    return { reference, ...(network && { network }), heldOut, tokenizer, plans };
  } finally {
    await comparison.dispose();
  }
}

/** The measures of the held-out set as the tokenizer gives it back. */
async function throughTokenizer(
  options: EvaluateGenerationOptions,
  { measureImages }: Comparison,
): Promise<ImageMeasures & TokenizerReport> {
  const { pipeline, heldOut, samples, signal, onProgress } = options;
  let done = 0;
  const { measures, filled: report } = await measureImages((add) =>
    tokenizerReport({
      codec: pipeline,
      codebookSize: pipeline.model.transformer.config.codebookSize,
      stride: heldOut.resolution / pipeline.model.transformer.config.grid.at(-1)!,
      source: heldOut,
      from: options.referenceImages ?? defaultReferenceImages,
      count: samples,
      signal,
      async onImages(images) {
        await add(images);
        done += images.length;
        onProgress?.({ stage: "tokenizer", done, total: samples });
      },
    }),
  );
  return { ...report, ...measures };
}
