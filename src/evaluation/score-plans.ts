/**
 * One figure for a decode plan, computed many times by a search: the Fréchet distance of what the plan makes to the
 * reference set. Every distance is cached, so that a search that was stopped goes on where it was.
 */
import type { DecodePlan } from "../decoding/plan.ts";
import type { Precision } from "../models/transformer/precision.ts";
import { decodingIdentity } from "../pipelines/node/identity.ts";
import { openImagePipeline, openVideoPipeline } from "../pipelines/node/open-pipeline.ts";
import type { Device } from "../runtime/device.ts";
import { cached } from "../weights/node/cache.ts";
import { type GeneratingModel, generateSet } from "./evaluate-generation.ts";
import { inGroups, openClassifiedSet } from "./features/classify-images.ts";
import { classifiedDigest } from "./features/reference-features.ts";
import { frechetDistance } from "./metrics/frechet.ts";
import { setFeaturesOf } from "./metrics/set-measures.ts";
import type { EvaluationRunners, Subject } from "./open-subject.ts";
import { openReferenceSet, type ReferenceSetOptions, requireFittingClassifier } from "./reference-set.ts";

/** What scores plans, and against what. */
export interface PlanScorerOptions extends ReferenceSetOptions {
  readonly pipeline: GeneratingModel;
  /** Images decoded together. */
  readonly batchSize: number;
  /** Tells the model and the way it is computed from others, as JSON; part of the cache key. */
  readonly identity: unknown;
}

/** How a model is decoded for {@link openSubjectScorer}, and what its images are compared with. */
export interface SubjectScorerOptions
  extends Pick<ReferenceSetOptions, "cacheFolder" | "signal" | "onProgress"> {
  readonly referenceImages: number;
  readonly batchSize: number;
  readonly device: Device;
  readonly threads?: number;
  readonly precision: Precision;
}

/** {@link openPlanScorer} of an opened model, beside its own held-out images; throws as that. */
export async function openSubjectScorer(
  { model, classifier, heldOut }: Pick<Subject, "model" | "classifier" | "heldOut">,
  {
    device,
    threads,
    precision,
    referenceImages,
    batchSize,
    cacheFolder,
    signal,
    onProgress,
  }: SubjectScorerOptions,
  { runner, measuring }: Pick<EvaluationRunners, "runner" | "measuring">,
): Promise<PlanScorer> {
  const isVideo = model.tokenizer.config.frames !== undefined;
  const openPipeline = isVideo ? openVideoPipeline : openImagePipeline;
  return openPlanScorer({
    pipeline: await openPipeline(model, { runner, precision }),
    runner: measuring,
    identity: decodingIdentity(model, { device, precision, threads }),
    ...{ classifier, heldOut, referenceImages, batchSize, cacheFolder, signal, onProgress },
  });
}

/** Measures plans by the distance of their images to a reference set. */
export interface PlanScorer {
  /**
   * The distance of the first `samples` images of a seed, the classes taking turns; smaller is better.
   *
   * @param onStep  called after decode steps; not for what is cached
   */
  distance(
    plan: DecodePlan,
    images: { readonly samples: number; readonly seed: number },
    onStep?: (progress: { readonly step: number; readonly total: number }) => void,
  ): Promise<number>;
  dispose(): Promise<void>;
}

/**
 * Opens the classifier and the reference set.
 *
 * @throws InputError when model, classifier and held-out images have not the same classes and size, and when there are
 *   too few held-out images
 */
export async function openPlanScorer(options: PlanScorerOptions): Promise<PlanScorer> {
  const { pipeline, runner, batchSize, identity, cacheFolder = null, signal } = options;
  requireFittingClassifier({ ...pipeline, classNames: pipeline.model.classNames }, options.classifier);
  const reference = await openReferenceSet(options);
  const { classifier } = reference;
  const digest = classifiedDigest(reference.classified);
  return {
    async distance(plan, { samples, seed }, onStep) {
      const facts = { figure: "frechet", identity, reference: digest, plan, samples, seed, batchSize };
      const { found } = await cached(cacheFolder, facts, async () => {
        const set = openClassifiedSet(classifier);
        const run = { samples, seed, plan, batchSize, signal, onStep };
        await inGroups((add) => generateSet(pipeline, run, add), set.add);
        const { statistics } = await setFeaturesOf(runner, set.read().features);
        return (await frechetDistance(runner, statistics, reference.features.statistics)).distance;
      });
      return found;
    },
    dispose: () => classifier.dispose(),
  };
}
