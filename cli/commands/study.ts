/** `magnets study`: one question of the paper's study, measured on a model and written up. */
import { basename, join } from "node:path";
import { Argument, type Command } from "commander";
import type { StudyName } from "../../src/evaluate.ts";
import {
  addEvaluationOptions,
  type EvaluationOptions,
  measuringOptionsOf,
} from "../options/evaluation-options.ts";
import { finishCommand } from "../options/parse.ts";
import { openEvaluationBars } from "../output/evaluation-progress.ts";
import { reportStudy } from "../output/evaluation-report.ts";
import { openReport } from "../output/report.ts";
import { addDistillationStudy } from "./study-distillation.ts";

export function addStudyCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("study")
    .description(
      "measure what the method brings, question by question, and write it up in a folder (default: out/ and the names " +
        "of the model and the study)",
    )
    .addArgument(
      new Argument(
        "<name>",
        "main: schedule and cache; direction: of the model schedule; refresh: of the cache; steps: how many; guidance: when, " +
          "and by which sub-model; unmask: as many tokens a step as scheduled, or as entropies allow",
      ).choices(["main", "direction", "refresh", "steps", "guidance", "unmask"]),
    )
    .argument("<model>", "a model folder");
  addDistillationStudy(command, signal);
  finishCommand(
    addEvaluationOptions(command),
    "study main models/sprites --seeds 3 --out docs/results/sprites-main",
    "study steps models/motions --given 5 --samples 240 --seeds 3",
  ).action((name: StudyName, model: string, options: EvaluationOptions & { json?: boolean }) =>
    run(name, model, options, signal),
  );
}

async function run(
  name: StudyName,
  model: string,
  given: EvaluationOptions & { json?: boolean },
  signal: AbortSignal,
): Promise<void> {
  const report = openReport(given);
  const options = { ...given, out: given.out ?? join("out", `${basename(model)}-${name}`) };
  const { runStudy } = await import("../../src/evaluate.ts");
  const bars = openEvaluationBars();
  try {
    const onProgress = bars.show;
    const result = await runStudy(name, model, { ...measuringOptionsOf(options, signal), onProgress });
    bars.stop();
    await reportStudy(report, result, options);
  } finally {
    bars.stop();
  }
}
