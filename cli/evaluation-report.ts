/** What commands that measure say in the end, and what they give as JSON. */
import { basename } from "node:path";
import type { EvaluationOptions } from "./evaluation-options.ts";
import type { Measured } from "./evaluation-run.ts";
import { frameTable, generationTable, networkTable, predictionTable } from "./evaluation-tables.ts";
import { type Report, toJson } from "./report.ts";

const thingsOf = ({ isMoving }: Measured): string => (isMoving ? "clips" : "pictures");

export function sayEvaluation(report: Report, measured: Measured, options: EvaluationOptions): void {
  const { judge, isMoving, remembered } = measured;
  const { samples, seed, seeds } = options;
  const { pictures, source } = measured.result.reference;
  const facts =
    `${seeds === 1 ? `seed ${seed}` : `${seeds} seeds from ${seed} on`}; distances to ${pictures} real ones of ` +
    `${source} in the features of ${basename(judge.folder)} (not ${isMoving ? "FVD" : "FID"})`;
  if (measured.task === "predict") {
    report.say(predictionTable(measured.result, measured.rows));
    report.say(`\nPSNR in dB of each predicted frame:\n\n${frameTable(measured.result)}`);
    report.say(
      `\n${samples} held-out clips, the first ${measured.result.given} frames of each given, ${facts}\n` +
        `gained: over the last given frame again, clip by clip\n${errorBars(measured, seeds)}`,
    );
  } else {
    const { psnr, codebookUse, borderContrast, realBorderContrast } = measured.result.tokenizer;
    report.say(generationTable(measured.result, measured.rows));
    report.say(
      `\n${samples} ${thingsOf(measured)} each, ${facts}\n` +
        `${errorBars(measured, seeds)}\n` +
        `tokenizer: ${psnr.toFixed(2)} dB, ${(100 * codebookUse).toFixed(1)} % of the codebook used, ` +
        `border contrast ${borderContrast.toFixed(2)} (real pictures ${realBorderContrast.toFixed(2)})`,
    );
  }
  sayNetwork(report, measured);
  for (const warning of warningsOf(measured, options)) report.say(`warning: ${warning}`);
  if (remembered > 0) {
    report.say(
      `${remembered} sets of ${thingsOf(measured)} had been measured before (${options.cacheFolder})`,
    );
  }
}

/** What the error bars of the tables are. */
export function errorBars({ task }: Pick<Measured, "task">, seeds: number): string {
  const parts = [
    ...(task === "predict" ? ["PSNR and SSIM over the clips"] : []),
    "kernel distances over the set's vectors",
    ...(seeds > 1 ? ["all else over the seeds"] : []),
  ];
  return `± is the standard error: of ${parts.join(", ")}${seeds > 1 ? "" : "; --seeds 3 gives every figure one"}`;
}

/** The feature network's table and what it is held against, where there is one. */
function sayNetwork(report: Report, measured: Measured): void {
  const { network } = measured.result;
  if (!network) return;
  const { name, width, pictures, source } = network;
  report.say(`\nFeature network: ${name}, ${width} features\n`);
  report.say(networkTable([...besideOf(measured), ...measured.rows]));
  report.say(`\ncompared with ${pictures === null ? "those" : pictures} of ${source}`);
}

/** What makes the distances doubtful: sets too small for the features. */
export function warningsOf(measured: Measured, { samples }: EvaluationOptions): string[] {
  const { result, judge } = measured;
  const tooFew = (among: number | null, features: number) =>
    `${Math.min(samples, among ?? Infinity)} ${thingsOf(measured)} are too few for ${features} features; distances mean little with ` +
    `fewer than ${features + 1}`;
  const { real, reference, network } = result;
  return [
    ...(real.isUnderSampled ? [tooFew(reference.pictures, judge.featureWidth)] : []),
    ...(network && real.network?.isUnderSampled ? [tooFew(network.pictures, network.width)] : []),
  ];
}

/** Sets that no plan made, by name. */
export function besideOf(measured: Measured) {
  const { real, tokenizer } = measured.result;
  const repeat =
    measured.task === "predict" ? [{ name: "last given frame again", ...measured.result.repeat }] : [];
  return [
    { name: "real, held out", ...real },
    ...repeat,
    { name: "real, through the tokenizer", ...tokenizer },
  ];
}

/** The evaluation as one object for programs. */
export function toResult(model: string, measured: Measured, options: EvaluationOptions) {
  const { samples, seed, seeds, precision } = options;
  const { folder, accuracy } = measured.judge;
  return {
    model,
    samples,
    seed,
    seeds,
    precision,
    classifier: { folder, accuracy },
    ...measured.result,
    plans: measured.rows,
  };
}

/** When, by which command and on what something was measured. */
export async function circumstances() {
  const { describeProcessor } = await import("../src/index.ts");
  const command = ["magnets", ...process.argv.slice(2)].map((word) => (/\s/.test(word) ? `"${word}"` : word));
  return { date: new Date().toISOString(), command: command.join(" "), machine: describeProcessor() };
}

/**
 * Writes the evaluation into a folder.
 *
 * @param isJoined  whether the plans of one base are a line in charts
 */
export async function writeFiles(
  folder: string,
  result: object,
  measured: Measured,
  { isJoined = false }: { isJoined?: boolean } = {},
): Promise<string[]> {
  const { writeEvaluation } = await import("../src/evaluate.ts");
  return writeEvaluation(folder, {
    result: JSON.parse(toJson({ ...(await circumstances()), ...result })),
    beside: besideOf(measured),
    rows: measured.rows,
    features: basename(measured.judge.folder),
    network: measured.result.network?.name,
    isJoined,
  });
}
