/** `magnets evaluate`: how good decode plans are, and what they cost, on one model. */
import { type Command, InvalidArgumentError } from "commander";
import type { PlanInput } from "../../src/index.ts";
import { addEvaluationOptions, type EvaluationOptions } from "../evaluation-options.ts";
import { sayEvaluation, toResult, writeFiles } from "../evaluation-report.ts";
import { runEvaluation } from "../evaluation-run.ts";
import { collect, decimalNumber, finishCommand } from "../options.ts";
import { openReport } from "../report.ts";

interface EvaluateCommandOptions extends EvaluationOptions {
  plan?: string[];
  guidance?: number[];
  choiceTemperature?: number[];
  tokenTemperature?: number[];
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
    .description("compare decode plans: class accuracy, distances to real pictures, compute")
    .argument("<model>", "a model folder")
    .option(
      "--plan <name=sizes>",
      'a plan to judge; repeatable. "default" and "flat" name the model\'s own and the flat decode ' +
        "(default: these two)",
      collect,
    )
    .option("--guidance <s,...>", "guidance scales to try", several(decimalNumber(0)))
    .option("--choice-temperature <t,...>", "choice temperatures to try", several(decimalNumber(0)))
    .option("--token-temperature <t,...>", "token temperatures to try", several(decimalNumber(0, true)));
  finishCommand(
    addEvaluationOptions(command),
    "evaluate models/sprites --seeds 3 --out out/evaluation",
    "evaluate models/sprites --plan default --plan late=8x2,1x10 --choice-temperature 4,9,14 --samples 240",
    "evaluate models/motions --given 5 --samples 240",
  ).action((model: string, options: EvaluateCommandOptions) => evaluate(model, options, signal));
}

async function evaluate(folder: string, options: EvaluateCommandOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { flatPlan, planGrid } = await import("../../src/evaluate.ts");
  const measured = await runEvaluation(
    folder,
    options,
    ({ base }) =>
      planGrid(plansOf(options.plan ?? ["default", "flat"], { default: {}, flat: flatPlan(base) }), {
        guidanceScale: options.guidance,
        choiceTemperature: options.choiceTemperature,
        tokenTemperature: options.tokenTemperature,
      }),
    signal,
  );
  sayEvaluation(report, measured, options);
  const result = toResult(folder, measured, options);
  if (options.out !== undefined) {
    report.say(`written: ${(await writeFiles(options.out, result, measured)).join(", ")}`);
  }
  report.finish(result);
}

/** Plans by name from `name=sizes`, `sizes` or the name of a known plan. */
function plansOf(
  texts: readonly string[],
  known: Readonly<Record<string, PlanInput>>,
): Record<string, PlanInput> {
  const plans: Record<string, PlanInput> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = at < 0 ? text : text.slice(0, at);
    if (name === "" || Object.hasOwn(plans, name)) {
      throw new InvalidArgumentError(`--plan: every plan needs a name of its own, got "${text}" again.`);
    }
    plans[name] = at < 0 ? (known[text] ?? { sizes: text }) : { sizes: text.slice(at + 1) };
  }
  return plans;
}
