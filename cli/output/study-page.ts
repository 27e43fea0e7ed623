/** The page of a study: what was asked, the answer in sentences, and the tables and charts that it was read from. */
import { basename } from "node:path";
import type { Study } from "../../src/evaluate.ts";
import type { DecodePlan } from "../../src/index.ts";
import type { Measured } from "../evaluation-run.ts";
import type { EvaluationOptions } from "../options/evaluation-options.ts";
import { besideOf, type circumstances, errorBars, warningsOf } from "./evaluation-report.ts";
import { generationTable, networkTable, predictionTable } from "./evaluation-tables.ts";
import { markdownTable } from "./table.ts";

/**
 * The page in Markdown.
 *
 * @param charts    file names of the charts, which lie beside it
 * @param verdicts  the answers
 * @param notes     what else is to be known, paragraph by paragraph
 */
export function studyPage(
  study: Study,
  measured: Measured,
  {
    model,
    options,
    verdicts,
    charts,
    facts,
    notes = [],
  }: {
    readonly model: string;
    readonly options: EvaluationOptions;
    readonly verdicts: readonly string[];
    readonly charts: readonly string[];
    readonly facts: Awaited<ReturnType<typeof circumstances>>;
    readonly notes?: readonly string[];
  },
): string {
  const { command, date, machine } = facts;
  const { network } = measured.result;
  return [
    `# ${study.title}: ${basename(model)}${measured.task === "predict" ? ", frame prediction" : ""}`,
    "",
    study.question,
    "",
    `\`${command}\`, ${date.slice(0, 10)}, ${machine.processor}, ${machine.cores} cores, Node ${machine.node}.`,
    "",
    setting(measured, options),
    "",
    ...notes.flatMap((note) => [note, ""]),
    "## ImageMeasures",
    "",
    ...verdicts.map((verdict) => `- ${verdict}`),
    ...warningsOf(measured, options).map((warning) => `- **Doubtful:** ${warning}.`),
    "",
    "## Figures",
    "",
    measured.task === "predict"
      ? predictionTable(measured.result, measured.rows, markdownTable)
      : generationTable(measured.result, measured.rows, markdownTable),
    "",
    ...(network
      ? [
          `In the features of ${network.name}, beside ${network.images ?? "those"} of ${basename(network.source)}:`,
          "",
          networkTable([...besideOf(measured), ...measured.rows], markdownTable),
          "",
        ]
      : []),
    "All figures are in [evaluation.json](evaluation.json) and [evaluation.csv](evaluation.csv).",
    "",
    ...charts.flatMap((chart) => [`![${chart.replace(/\.svg$/, "").replaceAll("-", " ")}](${chart})`, ""]),
  ].join("\n");
}

/** What all plans have in common. */
function setting(measured: Measured, { samples, seed, seeds }: EvaluationOptions): string {
  const { judge, isVideo, result, rows } = measured;
  const { choiceTemperature, maskSchedule, tokenTemperature } = rows[0]!.plan;
  const token = tokenTemperature.kind === "constant" ? `${tokenTemperature.value}` : "annealed";
  const what =
    measured.task === "predict"
      ? `${samples} held-out videos, the first ${measured.result.given} frames of each given`
      : `${samples} ${isVideo ? "videos" : "images"} per plan and seed, the classes taking turns`;
  return (
    `${what}; ${seeds === 1 ? `seed ${seed}` : `${seeds} seeds from ${seed} on`}, the same for all plans. Distances are ` +
    `to ${result.reference.images} real ones of ${result.reference.source}, in the features of ` +
    `${basename(judge.folder)}: neither FID nor FVD. All plans decode with choice temperature ${choiceTemperature}, token ` +
    `temperature ${token}, the ${maskSchedule.kind} mask schedule and ${guidanceOf(rows.map(({ plan }) => plan))}. Multiply-adds and ` +
    `seconds are per ${isVideo ? "video" : "image"}; "saved" is beside the baseline decode of as many steps. ` +
    `${errorBars(measured, seeds)}.`
  );
}

/** The guidance that plans have in common; baseline decodes are baseline in both branches. */
function guidanceOf(plans: readonly DecodePlan[]): string {
  const guided = plans.map(({ guidance }) => guidance).filter(({ scale }) => scale > 0);
  const [first] = guided;
  if (!first) return "no guidance";
  const isNamed = new Set(guided.map(({ interval }) => interval.join())).size > 1;
  if (isNamed) return `guidance ${first.scale}, on in the steps and by the branch that are named`;
  const [from, to] = first.interval;
  const when = from > 0 || to < 1 ? ` from ${from} to ${to} of the steps` : "";
  const factor = guided
    .map(({ unconditionalFactor }) => unconditionalFactor)
    .find((branch) => typeof branch === "number");
  const branch =
    factor === undefined ? "" : `, its unguided branch 1/${factor} where the decode is not baseline`;
  return `guidance ${first.scale}${when}${branch}`;
}
