/**
 * One figure for a decode plan, computed many times by a search: the Fréchet distance of what the plan makes to the
 * reference set. Every distance is cached, so that a search that was stopped goes on where it was.
 */
import type { DecodePlan } from "../decoding/plan.ts";
import { cached } from "../weights/node/cache.ts";
import { type GeneratingModel, generateSet } from "./evaluate-generation.ts";
import { inGroups, openClassifiedSet } from "./features/classify-images.ts";
import { classifiedDigest } from "./features/reference-features.ts";
import { frechetDistance } from "./metrics/frechet.ts";
import { setFeaturesOf } from "./metrics/set-measures.ts";
import { openReferenceSet, type ReferenceSetOptions, requireFittingClassifier } from "./reference-set.ts";

/** What scores plans, and against what. */
export interface PlanScorerOptions extends ReferenceSetOptions {
  readonly pipeline: GeneratingModel;
  /** Images decoded together. */
  readonly batchSize: number;
  /** Tells the model and the way it is computed from others, as JSON; part of the cache key. */
  readonly identity: unknown;
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
