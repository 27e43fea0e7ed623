/** A search for a model's best plans from start to end: candidates drawn, measured, and the Pareto front written. */
import { basename } from "node:path";
import { z } from "zod";
import { ensureWritableFolder } from "../core/node/atomic-file.ts";
import { invalidValue, parse } from "../core/validate.ts";
import { findModelParetoFront } from "../pipelines/choose-plan.ts";
import { writeParetoFront } from "../pipelines/node/model-folder.ts";
import type { Finalist } from "../planning/find-pareto-front.ts";
import type { ParetoFront } from "../planning/pareto-front.ts";
import {
  type ModelOrFolder,
  openRunners,
  openSubject,
  type SubjectOptions,
  subjectFields,
} from "./open-subject.ts";
import { defaultReferenceImages, type EvaluateProgress } from "./reference-set.ts";
import { openSubjectScorer } from "./score-plans.ts";

export interface SearchOptions extends SubjectOptions {
  /** The most that a plan may cost, as a fraction of the baseline decode's multiply-adds, above 0; default 0.4. */
  readonly budget?: number;
  /** Plans to begin with, default 48. */
  readonly candidates?: number;
  /** Halvings: the better half goes on, with twice the images; default 3. */
  readonly rounds?: number;
  /** Images per plan in the last round, at least 4; default 1000. */
  readonly samples?: number;
  /** Images per plan of another seed, at least 4, for the distances that are kept; default 2000. */
  readonly finalSamples?: number;
  /** Of the plans drawn and of their images, 0..2^32 - 1; default 0. */
  readonly seed?: number;
  /** Whether a Pareto front that was measured on more images is replaced; default false. */
  readonly replace?: boolean;
  /** Called as images are made and measured. */
  readonly onProgress?: (progress: EvaluateProgress) => void;
}

/** What a search found. */
export interface SearchResult {
  readonly paretoFront: ParetoFront;
  /** The plans that were measured in the end, by ascending cost. */
  readonly finalists: readonly Finalist[];
  /** Where the reference set comes from, and how many images it has. */
  readonly reference: { readonly source: string; readonly images: number };
  /** What makes the distances doubtful. */
  readonly warnings: readonly string[];
}

const searchSchema = z.strictObject({
  ...subjectFields,
  budget: z.number().positive().default(0.4),
  candidates: z.int().min(1).default(48),
  rounds: z.int().min(1).default(3),
  samples: z.int().min(4).default(1000),
  finalSamples: z.int().min(4).default(2000),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(0),
  replace: z.boolean().default(false),
  onProgress: z.custom<SearchOptions["onProgress"]>().optional(),
});

/**
 * Finds the plans that no other beats in both compute and distance. Given a folder, writes them into its
 * generation_config.json, where budgets and target qualities of later decodes find them.
 *
 * @throws InputError for what is wrong with the model, the data or an option, before anything runs; for a Pareto front
 *   that was measured on more images, unless `replace` is set; the signal's reason when aborted
 * @example
 * const { paretoFront } = await searchParetoFront("models/sprites", { budget: 0.33, samples: 400 });
 */
export async function searchParetoFront(
  given: ModelOrFolder,
  unchecked: SearchOptions = {},
): Promise<SearchResult> {
  const options = parse(searchSchema, unchecked, "search");
  const { budget, candidates, rounds, samples, finalSamples, seed, threads } = options;
  const { device, onProgress } = options;
  const subject = await openSubject(given, options);
  const { model, folder, classifier, classifierFolder, heldOut, warnings } = subject;
  // Only the reference set is taken from the data, so it may be all of it.
  const available = heldOut.length ?? Number.POSITIVE_INFINITY;
  const { referenceImages = Math.min(defaultReferenceImages, available) } = options;
  const { paretoFront: kept } = model;
  if (folder !== null && kept && kept.samples > finalSamples && !options.replace) {
    throw invalidValue(
      "search",
      ["finalSamples"],
      `must be at least ${kept.samples}, the images that the Pareto front in ${folder} was measured on`,
      finalSamples,
      "ask for as many, or to replace it",
    );
  }
  if (folder !== null) await ensureWritableFolder(folder);
  const runners = await openRunners({ device, threads });
  try {
    const scorer = await openSubjectScorer(subject, { ...options, referenceImages }, runners);
    let shown: EvaluateProgress = { stage: "search", done: 0, total: 1 };
    const found = await findModelParetoFront(model, {
      budget,
      count: candidates,
      rounds,
      samples,
      heldOutSamples: finalSamples,
      seed,
      measure: (plan, images) =>
        scorer.distance(plan, images, ({ step, total }) =>
          onProgress?.({ ...shown, done: shown.done + Math.floor((images.samples * step) / total) }),
        ),
      onProgress: (progress) => {
        shown = progress;
        onProgress?.(progress);
      },
    });
    const paretoFront = { classifier: basename(classifierFolder), ...found.paretoFront };
    if (folder !== null) await writeParetoFront(folder, paretoFront);
    const { featureWidth } = classifier.config;
    const isSmall = options.referenceImages === undefined && referenceImages < defaultReferenceImages;
    const small =
      `${heldOut.name} holds out ${referenceImages} images, not the usual ${defaultReferenceImages} ` +
      "(--reference-images): distances to so few are too large, and order plans of like quality by chance";
    const tooFew = `${finalSamples} images are too few for ${featureWidth} features; distances mean little`;
    return {
      paretoFront,
      finalists: found.finalists,
      reference: { source: heldOut.name, images: referenceImages },
      warnings: [...warnings, ...(isSmall ? [small] : []), ...(finalSamples <= featureWidth ? [tooFew] : [])],
    };
  } finally {
    await runners.close();
  }
}
