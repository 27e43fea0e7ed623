/** What an evaluation comes to: an object for programs, sentences about its errors, and files. */
import { basename } from "node:path";
import { describeProcessor, type Processor } from "../runtime/node/machine.ts";
import type { ModelEvaluation } from "./evaluate.ts";
import { writeEvaluationFiles } from "./evaluation-files.ts";
import { setsBeside } from "./tables.ts";

/** When, by which command and on which machine something was measured. */
export interface Circumstances {
  /** ISO 8601. */
  readonly date: string;
  /** The command line, if there was one. */
  readonly command?: string;
  readonly machine: Processor;
}

export function circumstances(command?: string): Circumstances {
  const date = new Date().toISOString();
  return { date, ...(command !== undefined && { command }), machine: describeProcessor() };
}

/** An evaluation as one object of JSON. A seed that JSON's numbers cannot hold is a decimal string. */
export function resultOf(evaluation: ModelEvaluation) {
  const { subject, samples, seed, seeds, trainings, precision, classifier, result, rows } = evaluation;
  return {
    model: subject,
    samples,
    seed: typeof seed === "bigint" ? `${seed}` : seed,
    seeds,
    precision,
    ...(trainings && { trainings }),
    classifier: { folder: classifier.folder, accuracy: classifier.accuracy },
    ...result,
    warnings: warningsOf(evaluation),
    plans: rows,
  };
}

/** What makes distances doubtful: data with few images, sets too small for the features. */
export function warningsOf({ isVideo, samples, result, classifier, warnings }: ModelEvaluation): string[] {
  const { heldOut, reference, network } = result;
  const tooFew = (images: number | null, features: number) =>
    `${Math.min(samples, images ?? Infinity)} ${isVideo ? "videos" : "images"} are too few for ${features} features; ` +
    `distances mean little with fewer than ${features + 1}`;
  return [
    ...warnings,
    ...(heldOut.isUnderSampled ? [tooFew(reference.images, classifier.featureWidth)] : []),
    ...(network && heldOut.network?.isUnderSampled ? [tooFew(network.images, network.width)] : []),
  ];
}

/** What the error bars of an evaluation's tables are. */
export function errorBarsOf({
  task,
  seeds,
  trainings,
}: Pick<ModelEvaluation, "task" | "seeds" | "trainings">): string {
  if (trainings) return `± is the standard error between ${trainings.length} trainings`;
  const parts = [
    ...(task === "predict" ? ["PSNR and SSIM over the videos"] : []),
    "kernel distances over the set's vectors",
    ...(seeds > 1 ? ["all else over the seeds"] : []),
  ];
  return `± is the standard error: of ${parts.join(", ")}${seeds > 1 ? "" : "; with 3 seeds every figure has one"}`;
}

/** What is written of an evaluation, and where. */
export interface WriteEvaluationOptions {
  /** The command line that measured it, for the file. */
  readonly command?: string;
  /** Whether charts join the plans of one base by lines. */
  readonly isJoined?: boolean;
  /** What the JSON file gets before the result. */
  readonly extras?: object;
}

/**
 * Writes `evaluation.json`, `evaluation.csv` and charts of quality against compute into a folder.
 *
 * @returns the paths
 * @throws InputError when the system refuses
 */
export async function writeEvaluation(
  folder: string,
  evaluation: ModelEvaluation,
  { command, isJoined, extras = {} }: WriteEvaluationOptions = {},
): Promise<string[]> {
  return writeEvaluationFiles(folder, {
    result: { ...circumstances(command), ...extras, ...resultOf(evaluation) },
    beside: setsBeside(evaluation),
    rows: evaluation.rows,
    features: basename(evaluation.classifier.folder),
    network: evaluation.result.network?.name,
    isJoined,
  });
}
