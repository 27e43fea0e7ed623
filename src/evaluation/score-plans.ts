/**
 * One figure for a decode plan, asked for many times: the Fréchet distance of what it makes to real images, in the
 * judge's features. Nothing is measured twice, so that a search that was stopped goes on where it was.
 */
import type { DecodePlan } from "../decoding/plan.ts";
import { cached } from "../weights/node/cache.ts";
import { type ComparisonOptions, openTruth, requireKnown } from "./comparison.ts";
import { generateSet, type ImageModel } from "./evaluate-model.ts";
import { inGroups, openJudging } from "./features/feature-extractor.ts";
import { judgedDigest } from "./features/reference-features.ts";
import { frechetDistance } from "./metrics/frechet.ts";
import { seenSetOf } from "./metrics/set-metrics.ts";

export interface PlanJudgeOptions extends Omit<ComparisonOptions, "samples"> {
  readonly pipeline: ImageModel;
  /** Images decoded together. */
  readonly batchSize: number;
  /** What tells the model and the way it is computed from others, as JSON. */
  readonly identity: unknown;
}

export interface PlanJudge {
  /**
   * The distance of the first `samples` images of a seed, the classes taking turns; smaller is better.
   *
   * @param onStep  told of decode steps; not called for what is cached
   */
  distance(
    plan: DecodePlan,
    images: { readonly samples: number; readonly seed: number },
    onStep?: (progress: { readonly step: number; readonly total: number }) => void,
  ): Promise<number>;
  dispose(): Promise<void>;
}

/**
 * Opens the judge; distances are cached in `cacheFolder`, if there is one.
 *
 * @throws InputError when model, classifier and real images have not the same classes and size, and when there are
 *   too few real images
 */
export async function openPlanJudge(options: PlanJudgeOptions): Promise<PlanJudge> {
  const { pipeline, runner, batchSize, identity, cacheFolder = null, signal } = options;
  requireKnown({ ...pipeline, classNames: pipeline.model.classNames }, options.classifier);
  const { classifier, judged, set } = await openTruth(options);
  const truth = judgedDigest(judged);
  return {
    async distance(plan, { samples, seed }, onStep) {
      const told = { figure: "frechet", identity, truth, plan, samples, seed, batchSize };
      const { found } = await cached(cacheFolder, told, async () => {
        const judging = openJudging(classifier);
        const job = { samples, seed, plan, batchSize, signal, onStep };
        await inGroups((add) => generateSet(pipeline, job, add), judging.add);
        const { statistics } = await seenSetOf(runner, judging.read().features);
        return (await frechetDistance(runner, statistics, set.statistics)).distance;
      });
      return found;
    },
    dispose: () => classifier.dispose(),
  };
}
