/** `magnets plan`: what a plan costs on a model, step by step, without running it. */
import { type Command, Option } from "commander";
import type { GenerativeModel, PlanInTimeOptions, PlanOptions, Task, TimedPlan } from "../../src/index.ts";
import { addComputeOptions, type ComputeOptions, computingOf } from "../options/machine-options.ts";
import { finishCommand, wholeNumber } from "../options/parse.ts";
import { addPlanOptions, type PlanFlags, planOptionsOf } from "../options/plan-options.ts";
import { planTable } from "../output/plan-table.ts";
import { openReport } from "../output/report.ts";
import { short } from "../output/table.ts";

interface PlanCommandOptions extends PlanFlags, ComputeOptions {
  task: "generate" | Task;
  count: number;
  json?: boolean;
}

export function addPlanCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("plan")
    .description("the cost of a decode plan, step by step, without decoding by it")
    .argument("<model>", "a model folder")
    .addOption(
      new Option("--task <name>", "whose default plan to start from")
        .choices(["generate", "predict", "interpolate"])
        .default("generate"),
    )
    .option("--count <n>", "images at once, for --deadline, as are the next three", wholeNumber(1, 4096), 16);
  finishCommand(
    addPlanOptions(addComputeOptions(command)),
    "plan models/sprites --model-schedule 8x3,4x3,2x3,1x3 --guidance 2",
    "plan models/sprites --budget 0.2",
    "plan models/sprites --target-quality 1.05",
    "plan models/sprites --steps 24 --entropy-bound 2",
    "plan models/sprites --deadline 400ms --count 8",
    "plan models/motions --task predict",
  ).action((folder: string, options: PlanCommandOptions) => showPlan(folder, options, signal));
}

async function showPlan(folder: string, options: PlanCommandOptions, signal: AbortSignal): Promise<void> {
  const { task, deadline, count } = options;
  const report = openReport(options);
  const { modelPlanCost, printModelSchedule, readModel, resolveRequest } = await import("../../src/index.ts");
  const model = await readModel(folder);
  const asked = await planOptionsOf(options);
  const request = resolveRequest({ ...asked, task, count }, model);
  const timed =
    deadline === undefined
      ? null
      : await timedPlan(model, options, { ...asked, task, count, deadlineMs: deadline, signal });
  const plan = timed?.plan ?? request.plan;
  const cost = timed ? modelPlanCost(model.transformer.config, plan) : request.cost;
  report.say(planTable(cost, timed?.stepSeconds));
  // What budgets are fractions of; a plan of fewer or unguided steps also has a cheaper baseline decode of its own.
  const baseline = resolveRequest({ task }, model).cost.baselineMultiplyAdds;
  const share = cost.multiplyAdds / baseline;
  report.say(
    baseline === cost.baselineMultiplyAdds
      ? `budget: ${share.toFixed(3)} (the fraction of that baseline decode)`
      : `budget: ${share.toFixed(3)} (the fraction of ${short(baseline)}, the baseline decode with the default plan's steps and ` +
          "guidance; the one above has this plan's)",
  );
  if (timed) {
    const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(1)} ms`;
    report.say(
      `predicted here for ${count} at once: ${milliseconds(timed.seconds)}, of which the tokenizer's decoder ` +
        `${milliseconds(timed.decoderSeconds)}; deadline ${deadline} ms`,
    );
  }
  report.finish({
    modelSchedule: printModelSchedule(plan.modelSchedule),
    multiplyAdds: cost.multiplyAdds,
    leastMultiplyAdds: cost.leastMultiplyAdds,
    baselineMultiplyAdds: cost.baselineMultiplyAdds,
    ratio: cost.ratio,
    shareOfDefaultBaseline: share,
    steps: cost.steps,
    plan,
    ...(timed && {
      seconds: timed.seconds,
      stepSeconds: timed.stepSeconds,
      decoderSeconds: timed.decoderSeconds,
    }),
  });
}

/** The plan for a deadline, by a calibration of this machine. */
async function timedPlan(
  model: GenerativeModel,
  computing: ComputeOptions,
  request: PlanOptions & PlanInTimeOptions & { readonly count: number; readonly signal: AbortSignal },
): Promise<TimedPlan> {
  const { openImagePipeline, openVideoPipeline } = await import("../../src/index.ts");
  const open = model.tokenizer.config.frames === undefined ? openImagePipeline : openVideoPipeline;
  const pipeline = await open(model, computingOf(computing));
  try {
    return await pipeline.planInTime(request);
  } finally {
    await pipeline.dispose();
  }
}
