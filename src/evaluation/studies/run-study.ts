/** A study from start to end: its plans measured on a model, its claims answered, and a page written. */
import { basename, join } from "node:path";
import { requireInput } from "../../core/errors.ts";
import { writeFileAtomic } from "../../core/node/atomic-file.ts";
import { invalidValue, parse } from "../../core/validate.ts";
import { countMultiplyAdds } from "../../graph/index.ts";
import { decoderGraph } from "../../models/tokenizer/codec.ts";
import { gridTokens } from "../../models/transformer/config.ts";
import { modelPlanCost, planFor } from "../../pipelines/choose-plan.ts";
import type { GenerativeModel } from "../../pipelines/model.ts";
import { modelDigest } from "../../pipelines/node/identity.ts";
import { readModel } from "../../pipelines/node/model-folder.ts";
import { combineTrainings } from "../combine-trainings.ts";
import {
  checkedOptions,
  evaluateChosen,
  type MeasuringOptions,
  type ModelEvaluation,
  type Workbench,
} from "../evaluate.ts";
import type { ModelOrFolder } from "../open-subject.ts";
import type { PlanGround } from "../plan-names.ts";
import { markdownTable } from "../tables.ts";
import { openTimeLeft, type TimeLeft } from "../time-left.ts";
import { circumstances, resultOf, writeEvaluation } from "../write-evaluation.ts";
import { answersOf } from "./answers.ts";
import { planStudy, type Study, type StudyName } from "./studies.ts";
import { type StudyResult, studyPage } from "./study-page.ts";
import {
  requireOtherSeeds,
  requireTunable,
  type TunedWay,
  type TuningOptions,
  tunedStudy,
  tunedWaysOf,
  tuneWays,
  tuningNotes,
  tuningSchema,
} from "./tuned-study.ts";

/** How a study is measured, and whether its ways are tuned with equal effort before. */
export interface StudyOptions extends MeasuringOptions {
  /** Of any study but that of guidance; null, the default: every way has the default plan's settings. */
  readonly tuning?: TuningOptions | null;
  /**
   * The numbers of steps that the studies "steps" and "order" compare, 1..N each; default 4, 6, 8, 12, 16, 24, 32, and of the order
   * 6, 12, 24, as far as there are tokens.
   */
  readonly decodeSteps?: readonly number[];
}

/**
 * Runs one of the studies of decode plans on a model.
 *
 * @param name  "main", "few-steps", "direction", "refresh", "steps", "guidance", "unmask" or "order"; studies.ts says what each asks
 * @throws InputError for an unknown name, a model that the study cannot be made of, and as {@link evaluate}
 * @example
 * const result = await runStudy("main", "models/sprites", { samples: 240, seeds: 3 });
 * console.log(result.answers.join("\n"));
 * await writeStudy("out/sprites-main", result);
 */
export async function runStudy(
  name: StudyName,
  model: ModelOrFolder,
  options: StudyOptions = {},
): Promise<StudyResult> {
  return runStudyOver(name, [model], options);
}

/**
 * {@link runStudy} over several trainings of one configuration, which differ by their seeds: the error bars are then between
 * trainings, and say what another training would give. Ways are tuned on all of them.
 *
 * @param models  at least one
 * @throws InputError as {@link runStudy}, for models of other networks or another default plan, and for the same weights twice
 */
export async function runStudyOver(
  name: StudyName,
  models: readonly ModelOrFolder[],
  options: StudyOptions = {},
): Promise<StudyResult> {
  if (models.length === 0) throw invalidValue("study", ["models"], "must be one at least", models);
  const { tuning: asked = null, decodeSteps, ...measuring } = options;
  if (decodeSteps && !["few-steps", "steps", "order"].includes(name)) {
    const must = `must be left out of the study "${name}": only few-steps, steps and order vary them`;
    throw invalidValue("study", ["decodeSteps"], must, decodeSteps);
  }
  const trainings = await readTrainings(models);
  const tuning = asked && parse(tuningSchema, asked, "study", ["tuning"]);
  if (tuning) {
    requireOtherSeeds(tuning, checkedOptions(measuring));
    requireTunable(name);
  }
  let study: Study | undefined;
  let tuned: readonly TunedWay[] | undefined;
  let decoder: number | undefined;
  const evaluations: ModelEvaluation[] = [];
  const choosePlans = async (ground: PlanGround, workbench: Workbench) => {
    study = studyOf(name, ground, decodeSteps);
    decoder = decoderCost(ground.model);
    if (tuning) {
      tuned ??= await tuneWays(study, tunedWaysOf(study, ground.base), ground, workbench, trainings, tuning);
      study = tunedStudy(study, tuned);
    }
    return study.points;
  };
  let left: TimeLeft | undefined;
  const timeLeftOf = (work: number): TimeLeft => {
    left ??= openTimeLeft(models.length * work);
    return left;
  };
  for (const model of models)
    evaluations.push(await evaluateChosen(model, measuring, choosePlans, { timeLeftOf }));
  const evaluation = combineTrainings(evaluations);
  const unit = evaluation.trainings ? "training" : "seed";
  const found = tuning && tuningNotes(tuned!, tuning, trainings.length);
  return {
    name,
    study: study!,
    evaluation,
    answers: answersOf(study!, evaluation.rows, { decoderMultiplyAdds: decoder, unit }),
    notes: found ? [found.text, markdownTable(found.table)] : [],
    extras: { decoderMultiplyAdds: decoder, ...(tuning && { tuning: { ...tuning, ways: tuned } }) },
  };
}

/**
 * Reads the models, and refuses those that are not several trainings of one configuration before any of them is measured.
 *
 * @throws InputError naming two that differ, or that are the same
 */
async function readTrainings(models: readonly ModelOrFolder[]): Promise<GenerativeModel[]> {
  const trainings: GenerativeModel[] = [];
  const seen = new Map<string, string>();
  let first: { readonly name: string; readonly config: string } | undefined;
  for (const [i, given] of models.entries()) {
    const name = typeof given === "string" ? given : `model ${i + 1}`;
    const model = typeof given === "string" ? await readModel(given) : given;
    const config = JSON.stringify([model.tokenizer.config, model.transformer.config, model.plan]);
    first ??= { name, config };
    const digest = modelDigest(model);
    const same = seen.get(digest);
    requireInput(
      same === undefined,
      `study: models: must be trainings that differ, but ${same} and ${name} have the same weights; name each training once`,
    );
    requireInput(
      config === first.config,
      `study: models: must be trainings of one configuration, but ${name} has other networks or another default plan ` +
        `than ${first.name}; study them apart`,
    );
    seen.set(digest, name);
    trainings.push(model);
  }
  return trainings;
}

/** Multiply-adds of the tokenizer's decoder for one image or video. */
const decoderCost = ({ tokenizer }: PlanGround["model"]): number =>
  countMultiplyAdds(decoderGraph(tokenizer.config), { B: 1 });

/** The study's plans for a model. */
function studyOf(name: StudyName, { model, base }: PlanGround, decodeSteps?: readonly number[]): Study {
  const { config } = model.transformer;
  return planStudy(name, {
    base,
    factors: config.factors,
    tokens: gridTokens(config),
    costOf: (plan) => modelPlanCost(config, planFor({ ...model, plan: base }, plan)).multiplyAdds,
    decodeSteps,
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
 * @returns the paths, the page first
 * @throws InputError when the system refuses
 */
export async function writeStudy(
  folder: string,
  result: StudyResult,
  { command }: { /** The command line that ran it, for the page. */ readonly command?: string } = {},
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
