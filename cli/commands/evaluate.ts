/** `magnets evaluate`: how good decode plans are, and what they cost, on one model. */
import type { Command } from "commander";
import {
  addEvaluationOptions,
  type EvaluationOptions,
  measuringOptionsOf,
} from "../options/evaluation-options.ts";
import { collect, decimalNumber, finishCommand } from "../options/parse.ts";
import { openEvaluationBars } from "../output/evaluation-progress.ts";
import { commandLine, sayEvaluation } from "../output/evaluation-report.ts";
import { openReport } from "../output/report.ts";

interface EvaluateCommandOptions extends EvaluationOptions {
  plans?: string[];
  guidance?: number[];
  choiceTemperature?: number[];
  tokenTemperature?: number[];
  minP?: number[];
  json?: boolean;
}

/** Values between commas, each read by `read`. */
const several =
  (read: (text: string) => number) =>
  (text: string): number[] =>
    text.split(",").map(read);

export function addEvaluateCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("evaluate")
    .description("compare decode plans: class accuracy, distances to a reference set, compute")
    .argument("<model>", "a model folder")
    .option(
      "--plans <plan,...>",
      'the plans to measure: "default", the model\'s own; "baseline", its baseline decode; "pareto", all that magnets ' +
        "search kept; a model schedule, 8x3,1x9; a plan's file, mine.json; named: late=8x2,1x10. Repeatable (default: " +
        "default,baseline)",
      collect,
    )
    .option("--guidance <s,...>", "guidance scales to try", several(decimalNumber(0)))
    .option("--choice-temperature <t,...>", "choice temperatures to try", several(decimalNumber(0)))
    .option("--token-temperature <t,...>", "token temperatures to try", several(decimalNumber(0, true)))
    .option(
      "--min-p <fraction,...>",
      "fractions of the likeliest to cut at",
      several(decimalNumber(0, true)),
    );
  finishCommand(
    addEvaluationOptions(command),
    "evaluate models/sprites --seeds 3 --out out/evaluation",
    "evaluate models/sprites --plans default,late=8x2,1x10 --choice-temperature 4,9,14 --samples 240",
    "evaluate models/sprites --plans default,baseline,pareto",
    "evaluate models/motions --given 5 --samples 240",
  ).action((model: string, options: EvaluateCommandOptions) => run(model, options, signal));
}

async function run(model: string, options: EvaluateCommandOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { evaluate, resultOf, writeEvaluation } = await import("../../src/evaluate.ts");
  const bars = openEvaluationBars();
  try {
    const evaluation = await evaluate(model, {
      ...measuringOptionsOf(options, signal),
      plans: options.plans,
      grid: {
        guidanceScale: options.guidance,
        choiceTemperature: options.choiceTemperature,
        tokenTemperature: options.tokenTemperature,
        minP: options.minP,
      },
      onProgress: bars.show,
    });
    bars.stop();
    await sayEvaluation(report, evaluation, options);
    if (options.out !== undefined) {
      const written = await writeEvaluation(options.out, evaluation, { command: commandLine() });
      report.say(`written: ${written.join(", ")}`);
    }
    report.finish(resultOf(evaluation));
  } finally {
    bars.stop();
  }
}
