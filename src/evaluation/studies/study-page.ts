/** The page of a study: the question, the answers in sentences, and the tables and charts that they come from. */
import { basename, dirname } from "node:path";
import type { DecodePlan } from "../../decoding/plan.ts";
import type { ModelEvaluation } from "../evaluate.ts";
import { markdownTable, tablesOf } from "../tables.ts";
import { type Circumstances, errorBarsOf, warningsOf } from "../write-evaluation.ts";
import type { Study } from "./studies.ts";

/** A study that was run. */
export interface StudyResult {
  readonly name: string;
  readonly study: Study;
  readonly evaluation: ModelEvaluation;
  /** One sentence per claim of the study. */
  readonly answers: readonly string[];
  /** What else the page says, paragraph by paragraph. */
  readonly notes: readonly string[];
  /** What else the result for programs holds. */
  readonly extras: object;
}

export interface StudyPageOptions extends Circumstances {
  /** File names of the charts, which lie beside the page. */
  readonly charts: readonly string[];
}

/** The page in Markdown: a chart and the question, how it was measured, the answers, all figures. */
export function studyPage(
  { study, evaluation, answers, notes }: StudyResult,
  { date, command, machine, charts }: StudyPageOptions,
): string {
  const { network } = evaluation.result;
  const tables = tablesOf(evaluation);
  const title = `${study.title}: ${titleOf(evaluation.subject)}`;
  const origin = [
    ...(command === undefined ? [] : [`\`${command}\``]),
    date.slice(0, 10),
    machine.processor,
    `${machine.cores} cores`,
    `Node ${machine.node}.`,
  ];
  const images = charts.map((chart) => `![${chart.replace(/\.svg$/, "").replaceAll("-", " ")}](${chart})`);
  const paragraphs = [
    `# ${title}${evaluation.task === "predict" ? ", frame prediction" : ""}`,
    ...images.slice(0, 1),
    `**The question.** ${study.question}`,
    "## How it was measured",
    origin.join(", "),
    settingsOf(evaluation),
    ...(evaluation.seeds > 1 || evaluation.trainings ? [significanceOf(evaluation)] : []),
    ...notes,
    "## Comparisons",
    [
      ...answers.map((answer) => `- ${answer}`),
      ...warningsOf(evaluation).map((warning) => `- **Doubtful:** ${warning}.`),
    ].join("\n"),
    "## Figures",
    markdownTable(tables.plans),
    ...(network && tables.network
      ? [
          `In the features of ${network.name}, beside ${network.images ?? "those"} of ${basename(network.source)}:`,
          markdownTable(tables.network),
        ]
      : []),
    "All figures are in [evaluation.json](evaluation.json) and [evaluation.csv](evaluation.csv).",
    ...images.slice(1),
  ];
  return `${paragraphs.join("\n\n")}\n`;
}

/** What a model folder is called: a run keeps its model in `model/`, so the run's name says more. */
const titleOf = (folder: string): string =>
  basename(folder) === "model" && dirname(folder) !== "." ? basename(dirname(folder)) : basename(folder);

/** What the answers call significant. */
function significanceOf({ seeds, isVideo, trainings }: ModelEvaluation): string {
  if (trainings) {
    return (
      `_Significant_ means that the 95 % interval of the ratio (Student's t over ${trainings.length} trainings that differ by their ` +
      `seeds, ${trainings.map(titleOf).join(", ")}; of each the mean over ${seeds} sampling seeds, the same for all) leaves out 1.`
    );
  }
  return (
    `_Significant_ means that the 95 % interval of the ratio (Student's t over ${seeds} sampling seeds) leaves out 1. All ` +
    `${isVideo ? "videos" : "images"} of a plan come from one trained model, so what another training would give is not in the error bars.`
  );
}

/** What all plans have in common. */
function settingsOf(evaluation: ModelEvaluation): string {
  const { classifier, isVideo, samples, seed, seeds, result, rows } = evaluation;
  const { choiceTemperature, tokenTemperature } = rows[0]!.plan;
  const maskSchedules = new Set(rows.map(({ plan }) => plan.maskSchedule.kind));
  const masks =
    maskSchedules.size === 1
      ? `the ${[...maskSchedules].join()} mask schedule`
      : "the mask schedules that are named";
  const isTuned =
    new Set(rows.map(({ plan }) => `${plan.choiceTemperature} ${plan.guidance.scale}`)).size > 1;
  const token = tokenTemperature.kind === "constant" ? `${tokenTemperature.value}` : "annealed";
  const things = isVideo ? "videos" : "images";
  const settings = isTuned
    ? `All plans decode with ${masks}, each with settings of its own`
    : `All plans decode with choice temperature ${choiceTemperature}, token temperature ${token}, ${masks} ` +
      `and ${guidanceOf(rows.map(({ plan }) => plan))}`;
  const what =
    evaluation.task === "predict"
      ? `${samples} held-out videos, the first ${evaluation.result.given} frames of each given`
      : `${samples} ${things} per plan and seed, the classes taking turns`;
  return (
    `${what}; ${seeds === 1 ? `seed ${seed}` : `${seeds} seeds from ${seed} on`}, the same for all plans. Distances are ` +
    `to a reference set of ${result.reference.images} ${things} of ${result.reference.source}, in the features of ` +
    `${basename(classifier.folder)}: neither FID nor FVD. ${settings}. Multiply-adds and ` +
    `seconds are per ${isVideo ? "video" : "image"}; "saved" is beside the baseline decode of as many steps. ` +
    `${errorBarsOf(evaluation)}.`
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
