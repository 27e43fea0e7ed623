/** A study from start to end: its plans measured on a model, its claims answered, and a page written. */
import { basename, join } from "node:path";
import { writeFileAtomic } from "../../core/node/atomic-file.ts";
import { gridTokens } from "../../models/transformer/config.ts";
import { modelPlanCost, planFor } from "../../pipelines/choose-plan.ts";
import { evaluateChosen, type MeasuringOptions } from "../evaluate.ts";
import type { ModelOrFolder } from "../open-subject.ts";
import type { PlanGround } from "../plan-names.ts";
import { circumstances, resultOf, writeEvaluation } from "../write-evaluation.ts";
import { answersOf } from "./answers.ts";
import { planStudy, type Study, type StudyName } from "./studies.ts";
import { type StudyResult, studyPage } from "./study-page.ts";

/**
 * Runs one of the studies of decode plans on a model.
 *
 * @param name  "main", "direction", "refresh", "steps", "guidance" or "unmask"; studies.ts says what each asks
 * @throws InputError for an unknown name, a model that the study cannot be made of, and as {@link evaluate}
 * @example
 * const result = await runStudy("main", "models/sprites", { samples: 240, seeds: 3 });
 * console.log(result.answers.join("\n"));
 * await writeStudy("out/sprites-main", result);
 */
export async function runStudy(
  name: StudyName,
  model: ModelOrFolder,
  options: MeasuringOptions = {},
): Promise<StudyResult> {
  let study: Study | undefined;
  const evaluation = await evaluateChosen(model, options, (ground) => {
    study = studyOf(name, ground);
    return study.points;
  });
  return {
    name,
    study: study!,
    evaluation,
    answers: answersOf(study!, evaluation.rows),
    notes: [],
    extras: {},
  };
}

/** The study's plans for a model. */
function studyOf(name: StudyName, { model, base }: PlanGround): Study {
  const { config } = model.transformer;
  return planStudy(name, {
    base,
    factors: config.factors,
    tokens: gridTokens(config),
    costOf: (plan) => modelPlanCost(config, planFor({ ...model, plan: base }, plan)).multiplyAdds,
  });
}

/** A study as one object of JSON. */
export function studyResultOf({ name, answers, extras, evaluation }: StudyResult) {
  return { study: name, answers, ...extras, ...resultOf(evaluation) };
}

/**
 * Writes a study into a folder: a page, README.md, with the answers and tables; evaluation.json and evaluation.csv with
 * every figure; charts.
 *
 * @param options.command  the command line that ran it, for the page
 * @returns the paths, the page first
 * @throws InputError when the system refuses
 */
export async function writeStudy(
  folder: string,
  result: StudyResult,
  { command }: { readonly command?: string } = {},
): Promise<string[]> {
  const { name, study, evaluation, answers, extras } = result;
  const files = await writeEvaluation(folder, evaluation, {
    command,
    isJoined: study.isJoined,
    extras: { study: name, answers, ...extras },
  });
  const page = join(folder, "README.md");
  const charts = files.filter((path) => path.endsWith(".svg")).map((path) => basename(path));
  await writeFileAtomic(page, studyPage(result, { charts, ...circumstances(command) }));
  return [page, ...files];
}
