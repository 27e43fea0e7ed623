/** The options that choose a decode plan, shared by the commands that decode or price one. */
import { type Command, Option } from "commander";
import type { DecodePlan, MaskSchedule, PlanInput, PlanOptions } from "../../src/index.ts";
import { decimalNumber, duration, wholeNumber } from "./parse.ts";

export interface PlanFlags {
  modelSchedule?: string;
  plan?: string;
  budget?: number;
  targetQuality?: number;
  /** Milliseconds. */
  deadline?: number;
  steps?: number;
  guidance?: number;
  cache: boolean;
  cacheRuns?: DecodePlan["cache"]["runs"];
  maskSchedule?: Exclude<MaskSchedule["kind"], "pow">;
  /** Nats. */
  entropyBound?: number;
  choiceTemperature?: number;
  tokenTemperature?: number;
  minP?: number;
}

/** Each option unset means: as the model's own default plan says. */
export function addPlanOptions(command: Command): Command {
  addCompletionPlanOptions(command);
  return command
    .addOption(
      new Option(
        "--target-quality <ratio>",
        "of the baseline decode's distance, e.g. 1.05: the cheapest plan that magnets search measured as good",
      )
        .argParser(decimalNumber(0, true))
        .conflicts(["modelSchedule", "plan", "steps", "budget", "deadline"])
        // Measured plans bring their settings.
        .conflicts(["guidance", "maskSchedule", "entropyBound", "cache", "choiceTemperature"])
        .conflicts(["cacheRuns", "tokenTemperature", "minP"]),
    )
    .option(
      "--guidance <s>",
      "guidance scale, 0 or more; logits = cond + s (cond - uncond)",
      decimalNumber(0),
    );
}

/** The same for completions, which are never guided, and of which no plans are measured beforehand. */
export function addCompletionPlanOptions(command: Command): Command {
  return command
    .option(
      "--model-schedule <sizes>",
      "sub-models in order, factor x steps: 8x3,1x9 is 3 steps at an eighth of the size, then 9 at full size",
    )
    .option(
      "--plan <file>",
      "JSON with every choice of a decode, e.g. the sample.json of an earlier one, to run what ran there",
    )
    .addOption(
      new Option(
        "--budget <fraction>",
        "of the multiply-adds of the default plan's baseline decode, above 0: the plan that makes the most of it",
      )
        .argParser(decimalNumber(0, true))
        .conflicts(["modelSchedule", "steps"]),
    )
    .addOption(
      new Option(
        "--deadline <time>",
        "400ms, 2s: the best plan for this machine, from the first step to the pixels; it shrinks where time runs out. " +
          "All images are decoded together",
      )
        .argParser(duration)
        .conflicts(["modelSchedule", "plan", "steps", "budget", "batch", "memory"]),
    )
    .option("--steps <n>", "decode steps, 1 to the number of tokens", wholeNumber(1))
    .addOption(
      new Option("--mask-schedule <name>", "how many tokens each step decodes; linear: equally many").choices(
        ["cosine", "linear", "arccos", "exp", "log", "halton"],
      ),
    )
    .addOption(
      new Option(
        "--entropy-bound <nats>",
        "a step decodes more tokens than scheduled while their entropies, less the largest, add up to no more than this: " +
          "4 is a little, 16 much; images are then decoded one at a time",
      )
        .argParser(decimalNumber(0))
        .conflicts(["deadline"]),
    )
    .option("--no-cache", "run every position in every step")
    .addOption(
      new Option(
        "--cache-runs <which>",
        "needed: with --mask-schedule halton, steps run only the tokens just decoded and those that they decode; " +
          "all-masked: every masked one too",
      ).choices(["all-masked", "needed"]),
    )
    .option("--choice-temperature <t>", "chance in which tokens are kept, 0 or more", decimalNumber(0))
    .option("--token-temperature <t>", "chance in what a token becomes, above 0", decimalNumber(0, true))
    .option(
      "--min-p <fraction>",
      "leave out what is less likely than this fraction, above 0 to 1, of the likeliest",
      decimalNumber(0, true),
    );
}

/** The plan that the options ask for, as the library takes it. */
export async function planOptionsOf(options: PlanFlags): Promise<PlanOptions> {
  const { guidance, maskSchedule, entropyBound, cache, cacheRuns } = options;
  const { choiceTemperature, tokenTemperature, minP } = options;
  const { readPlanFile } = await import("../../src/index.ts");
  const read = options.plan === undefined ? {} : await readPlanFile(options.plan);
  const plan: PlanInput = {
    ...read,
    ...(guidance !== undefined && { guidance: { ...read.guidance, scale: guidance } }),
    ...(maskSchedule !== undefined && { maskSchedule: { kind: maskSchedule } }),
    ...(entropyBound !== undefined && { unmask: { kind: "entropy", bound: entropyBound } as const }),
    ...((cache === false || cacheRuns !== undefined) && {
      cache: {
        ...read.cache,
        ...(cache === false && { enabled: false }),
        ...(cacheRuns !== undefined && { runs: cacheRuns }),
      },
    }),
    ...(choiceTemperature !== undefined && { choiceTemperature }),
    ...(tokenTemperature !== undefined && {
      tokenTemperature: { kind: "constant", value: tokenTemperature } as const,
    }),
    ...(minP !== undefined && { minP }),
  };
  return {
    plan,
    ...(options.plan !== undefined && { planName: options.plan }),
    ...(options.modelSchedule !== undefined && { modelSchedule: options.modelSchedule }),
    ...(options.steps !== undefined && { steps: options.steps }),
    ...(options.budget !== undefined && { budget: options.budget }),
    ...(options.targetQuality !== undefined && { targetQuality: options.targetQuality }),
    ...(options.deadline !== undefined && { deadlineMs: options.deadline }),
  };
}
