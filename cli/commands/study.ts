/** `magnets study`: one question of the paper's study, measured on a model and written up. */
import { basename, join } from "node:path";
import { Argument, type Command } from "commander";
import type { Study } from "../../src/evaluate.ts";
import { type PlanGround, runEvaluation } from "../evaluation-run.ts";
import { addEvaluationOptions, type EvaluationOptions } from "../options/evaluation-options.ts";
import { finishCommand } from "../options/parse.ts";
import { openReport } from "../output/report.ts";
import { reportStudy } from "../output/study-report.ts";
import { addDistillationStudy } from "./study-distillation.ts";

export function addStudyCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("study")
    .description(
      "measure what the method brings, question by question, and write it up in a folder " +
        "(out/ and the names of the model and the study, unless told)",
    )
    .addArgument(
      new Argument(
        "<name>",
        "main: schedule and cache; direction: of the sizes; refresh: of the cache; steps: how many; guidance: when, and " +
          "by which sub-model; unmask: as many tokens a step as scheduled, or as entropies allow",
      ).choices(["main", "direction", "refresh", "steps", "guidance", "unmask"]),
    )
    .argument("<model>", "a model folder");
  addDistillationStudy(command, signal);
  finishCommand(
    addEvaluationOptions(command),
    "study main models/sprites --seeds 3 --out docs/results/sprites-main",
    "study steps models/motions --given 5 --samples 240 --seeds 3",
  ).action((name: string, model: string, options: EvaluationOptions & { json?: boolean }) =>
    runStudy(name, model, options, signal),
  );
}

async function runStudy(
  name: string,
  model: string,
  given: EvaluationOptions & { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const report = openReport(given);
  const options = { ...given, out: given.out ?? join("out", `${basename(model)}-${name}`) };
  let study: Study | undefined;
  const measured = await runEvaluation(
    model,
    options,
    async (ground) => {
      study = await studyOf(name, ground);
      return study.points;
    },
    signal,
  );
  await reportStudy(report, study!, measured, { name, subject: model, options });
}

/** The study's plans for a model. */
async function studyOf(name: string, { model, base }: PlanGround): Promise<Study> {
  const { modelPlanCost, planFor } = await import("../../src/index.ts");
  const { planStudy } = await import("../../src/evaluate.ts");
  const { config } = model.transformer;
  return planStudy(name, {
    base,
    factors: config.factors,
    tokens: config.grid.reduce((product, extent) => product * extent, 1),
    costOf: (plan) => modelPlanCost(config, planFor({ ...model, plan: base }, plan)).multiplyAdds,
  });
}
