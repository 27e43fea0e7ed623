/** `magnets evaluate`: how good decode plans are, and what they cost, on one model. */
import { type Command, InvalidArgumentError } from "commander";
import type { PlanInput } from "../../src/index.ts";
import { type PlanGround, runEvaluation } from "../evaluation-run.ts";
import { addEvaluationOptions, type EvaluationOptions } from "../options/evaluation-options.ts";
import { collect, decimalNumber, finishCommand } from "../options/parse.ts";
import { sayEvaluation, toResult, writeFiles } from "../output/evaluation-report.ts";
import { openReport } from "../output/report.ts";

interface EvaluateCommandOptions extends EvaluationOptions {
  plan?: string[];
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
    .description("compare decode plans: class accuracy, distances to real images, compute")
    .argument("<model>", "a model folder")
    .option(
      "--plan <name=sizes>",
      'a plan to judge, or the JSON file of one: late=late.json; repeatable. "default" and "baseline" name the model\'s own and ' +
        'the baseline decode (default: these two), "paretoFront" all plans that magnets search kept',
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
    "evaluate models/sprites --plan default --plan late=8x2,1x10 --choice-temperature 4,9,14 --samples 240",
    "evaluate models/sprites --plan default --plan baseline --plan Pareto front",
    "evaluate models/motions --given 5 --samples 240",
  ).action((model: string, options: EvaluateCommandOptions) => evaluate(model, options, signal));
}

async function evaluate(folder: string, options: EvaluateCommandOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { planGrid } = await import("../../src/evaluate.ts");
  const measured = await runEvaluation(
    folder,
    options,
    async (ground) =>
      planGrid(
        await plansOf(options.plan ?? ["default", "baseline"], await knownPlans(folder, ground), ground),
        {
          guidanceScale: options.guidance,
          choiceTemperature: options.choiceTemperature,
          tokenTemperature: options.tokenTemperature,
          minP: options.minP,
        },
      ),
    signal,
  );
  sayEvaluation(report, measured, options);
  const result = toResult(folder, measured, options);
  if (options.out !== undefined) {
    report.say(`written: ${(await writeFiles(options.out, result, measured)).join(", ")}`);
  }
  report.finish(result);
}

type NamedPlans = Readonly<Record<string, PlanInput>>;

/** The plans that a name of `--plan` alone stands for. */
async function knownPlans(
  folder: string,
  { model, base }: PlanGround,
): Promise<(name: string) => NamedPlans | null> {
  const { baselinePlan, InputError } = await import("../../src/index.ts");
  return (name): NamedPlans | null => {
    if (name === "default") return { default: {} };
    if (name === "baseline") return { baseline: baselinePlan(base) };
    if (name !== "paretoFront") return null;
    if (!model.paretoFront) {
      throw new InputError(
        `--plan Pareto front: ${folder} has no measured plans; magnets search finds and keeps them`,
      );
    }
    return Object.fromEntries(model.paretoFront.plans.map(({ plan }, i) => [`Pareto front ${i + 1}`, plan]));
  };
}

/** Plans by name from `name=sizes`, `modelSchedule`, a file in the place of sizes, or the name of known plans. */
async function plansOf(
  texts: readonly string[],
  known: (name: string) => NamedPlans | null,
  { base }: PlanGround,
): Promise<NamedPlans> {
  const { readPlanFile } = await import("../../src/index.ts");
  const plans: Record<string, PlanInput> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = at < 0 ? text : text.slice(0, at);
    const plan = at < 0 ? text : text.slice(at + 1);
    const found = (at < 0 ? known(text) : null) ?? {
      [name]: plan.endsWith(".json") ? await readPlanFile(plan) : { modelSchedule: plan },
    };
    for (const [one, each] of Object.entries(found)) {
      if (one === "" || Object.hasOwn(plans, one)) {
        throw new InvalidArgumentError(`--plan: every plan needs a name of its own, got "${text}" again.`);
      }
      plans[one] = each;
    }
  }
  return plans;
}
