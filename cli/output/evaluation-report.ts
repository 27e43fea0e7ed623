/** What commands that measure say in the end. */
import { basename } from "node:path";
import type { ModelEvaluation, StudyResult } from "../../src/evaluate.ts";
import type { Report } from "./report.ts";
import { table } from "./table.ts";

/** Says all tables of an evaluation, and what its figures are. */
export async function sayEvaluation(
  report: Report,
  evaluation: ModelEvaluation,
  { cacheFolder }: { readonly cacheFolder: string },
): Promise<void> {
  const { errorBarsOf, tablesOf, warningsOf } = await import("../../src/evaluate.ts");
  const { classifier, isVideo, cachedRuns, samples, seed, seeds, result } = evaluation;
  const things = isVideo ? "videos" : "images";
  const tables = tablesOf(evaluation);
  const facts =
    `${seeds === 1 ? `seed ${seed}` : `${seeds} seeds from ${seed} on`}; distances to ${result.reference.images} ` +
    `held-out ${things} of ${result.reference.source} in the features of ${basename(classifier.folder)} (not ${isVideo ? "FVD" : "FID"})`;
  report.say(table(tables.plans.head, tables.plans.rows));
  if (evaluation.task === "predict") {
    report.say(
      `\nPSNR in dB of each predicted frame:\n\n${table(tables.frames!.head, tables.frames!.rows)}\n` +
        `\n${samples} held-out videos, the first ${evaluation.result.given} frames of each given, ${facts}\n` +
        `gained: over the last given frame repeated, video by video\n${errorBarsOf(evaluation)}`,
    );
  } else {
    const { psnr, codebookUse, borderContrast, realBorderContrast } = evaluation.result.tokenizer;
    report.say(
      `\n${samples} ${things} each, ${facts}\n${errorBarsOf(evaluation)}\n` +
        `tokenizer: ${psnr.toFixed(2)} dB, ${(100 * codebookUse).toFixed(1)} % of the codebook used, ` +
        `border contrast ${borderContrast.toFixed(2)} (real images ${realBorderContrast.toFixed(2)})`,
    );
  }
  if (result.network && tables.network) {
    const { name, width, images, source } = result.network;
    report.say(`\nFeature network: ${name}, ${width} features\n`);
    report.say(table(tables.network.head, tables.network.rows));
    report.say(`\ncompared with ${images === null ? "those" : images} of ${source}`);
  }
  for (const warning of warningsOf(evaluation)) report.say(`warning: ${warning}`);
  if (cachedRuns > 0) report.say(`${cachedRuns} sets of ${things} were read from ${cacheFolder}`);
}

/** Says the figures and the answers of a study, and writes its page into a folder. */
export async function reportStudy(
  report: Report,
  result: StudyResult,
  options: { readonly cacheFolder: string; readonly out: string },
): Promise<void> {
  const { studyResultOf, writeStudy } = await import("../../src/evaluate.ts");
  await sayEvaluation(report, result.evaluation, options);
  report.say(`\n${result.answers.join("\n")}`);
  const written = await writeStudy(options.out, result, { command: commandLine() });
  report.say(`\nwritten: ${written.join(", ")}`);
  report.finish(studyResultOf(result));
}

/** The command as it was typed, for what is written. */
export function commandLine(): string {
  const words = ["magnets", ...process.argv.slice(2)];
  return words.map((word) => (/\s/.test(word) ? `"${word}"` : word)).join(" ");
}
