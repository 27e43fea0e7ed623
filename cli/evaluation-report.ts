/** What commands that measure say in the end, and what they give as JSON. */
import { basename } from "node:path";
import type { EvaluationOptions } from "./evaluation-options.ts";
import type { Measured } from "./evaluation-run.ts";
import { frameTable, generationTable, predictionTable } from "./evaluation-tables.ts";
import { type Report, toJson } from "./report.ts";

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
        `± is the standard error over the ${seeds === 1 ? "clips" : "seeds"}; of a kernel distance ` +
        "alone, over its subsets",
    );
  } else {
    const { psnr, codebookUse } = measured.result.tokenizer;
    report.say(generationTable(measured.result, measured.rows));
    report.say(
      `\n${samples} pictures each, ${facts}\n` +
        `± is the standard error over ${seeds === 1 ? "the subsets" : "the seeds"}` +
        `${seeds === 1 ? " of a kernel distance; --seeds 3 gives every figure one" : ""}\n` +
        `tokenizer: ${psnr.toFixed(2)} dB, ${(100 * codebookUse).toFixed(1)} % of the codebook used`,
    );
  }
  if (measured.result.real.isUnderSampled) {
    report.say(
      `warning: ${Math.min(samples, pictures)} pictures are too few for ${judge.featureWidth} features; distances ` +
        `mean little with fewer than ${judge.featureWidth + 1}`,
    );
  }
  if (remembered > 0) {
    report.say(`${remembered} sets of pictures had been measured before (${options.cacheFolder})`);
  }
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
  result: ReturnType<typeof toResult>,
  measured: Measured,
  { isJoined = false }: { isJoined?: boolean } = {},
): Promise<string[]> {
  const { writeEvaluation } = await import("../src/evaluate.ts");
  const { real, tokenizer } = measured.result;
  const repeat =
    measured.task === "predict" ? [{ name: "last given frame again", ...measured.result.repeat }] : [];
  return writeEvaluation(folder, {
    result: JSON.parse(toJson({ ...(await circumstances()), ...result })),
    beside: [
      { name: "real, held out", ...real },
      ...repeat,
      { name: "real, through the tokenizer", ...tokenizer },
    ],
    rows: measured.rows,
    features: basename(measured.judge.folder),
    isJoined,
  });
}
