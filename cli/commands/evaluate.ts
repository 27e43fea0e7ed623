/** `magnets evaluate`: how good decode plans are, and what they cost, on one model. */
import type { Command } from "commander";
import type { MakeSet } from "../../src/evaluate.ts";
import {
  addEvaluationOptions,
  type EvaluationOptions,
  measuringOptionsOf,
} from "../options/evaluation-options.ts";
import { addFleetOptions, type FleetFlags, fleetOptionsOf, sharesWork } from "../options/fleet-options.ts";
import { collect, decimalNumber, finishCommand, several } from "../options/parse.ts";
import { openEvaluationBars } from "../output/evaluation-progress.ts";
import { commandLine, sayEvaluation } from "../output/evaluation-report.ts";
import { openReport } from "../output/report.ts";

interface EvaluateCommandOptions extends EvaluationOptions, FleetFlags {
  plans?: string[];
  guidance?: number[];
  choiceTemperature?: number[];
  tokenTemperature?: number[];
  minP?: number[];
  json?: boolean;
}

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
    addFleetOptions(addEvaluationOptions(command)),
    "evaluate models/sprites --seeds 3 --out out/evaluation",
    "evaluate models/sprites --seeds 3 --workers 2",
    "evaluate models/sprites --plans default,late=8x2,1x10 --choice-temperature 4,9,14 --samples 240",
    "evaluate models/sprites --plans default,baseline,pareto",
    "evaluate models/motions --given 5 --samples 240",
  ).action((model: string, options: EvaluateCommandOptions) => run(model, options, signal));
}

async function run(model: string, options: EvaluateCommandOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { evaluate, resultOf, writeEvaluation } = await import("../../src/evaluate.ts");
  const fleet = await openEvaluationFleet(model, options, report.say);
  const bars = openEvaluationBars();
  try {
    const evaluation = await evaluate(model, {
      ...measuringOptionsOf(options, signal),
      makeSet: fleet?.makeSet,
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
    await fleet?.close();
  }
}

/** Workers that make the images, where the options ask for some. */
async function openEvaluationFleet(
  model: string,
  options: EvaluateCommandOptions,
  say: (line: string) => void,
): Promise<{ makeSet: MakeSet; close(): Promise<void> } | null> {
  if (!sharesWork(options)) return null;
  const { openFleet } = await import("../../fleet/open-fleet.ts");
  const { openFleetModel, setsByFleet } = await import("../../fleet/sample.ts");
  const by = await openFleetModel(model, options);
  const fleet = await openFleet(fleetOptionsOf(options, say));
  return { makeSet: setsByFleet(fleet, by), close: () => fleet.close() };
}
