/** `magnets plan`: what a plan costs on a model, step by step, without running it. */
import { type Command, Option } from "commander";
import type { Task } from "../../src/index.ts";
import { finishCommand } from "../options.ts";
import { addPlanOptions, type PlanOptions, planInputOf } from "../plan-options.ts";
import { planTable } from "../plan-table.ts";
import { openReport } from "../report.ts";

export function addPlanCommand(program: Command): void {
  const command = program
    .command("plan")
    .description("the cost of a decode plan, step by step, without running it")
    .argument("<model>", "a model folder")
    .addOption(
      new Option("--task <name>", "whose default plan to start from")
        .choices(["generate", "predict", "interpolate"])
        .default("generate"),
    );
  finishCommand(
    addPlanOptions(command),
    "plan models/sprites --plan 8x3,4x3,2x3,1x3 --guidance 2",
    "plan models/sprites --budget 0.2",
    "plan models/sprites --target-quality 1.05",
    "plan models/motions --task predict",
  ).action(async (folder: string, options: PlanOptions & { task: "generate" | Task; json?: boolean }) => {
    const report = openReport(options);
    const { modelPlanCost, planFor, printSizes, readModel } = await import("../../src/index.ts");
    const model = await readModel(folder);
    const plan = planFor(model, await planInputOf(options, model, options.task), options.task);
    const cost = modelPlanCost(model.transformer.config, plan);
    report.say(planTable(cost));
    report.finish({
      plan: printSizes(plan.sizes),
      multiplyAdds: cost.multiplyAdds,
      multiplyAddsFlat: cost.multiplyAddsFlat,
      ratio: cost.ratio,
      steps: cost.steps,
      settings: plan,
    });
  });
}
