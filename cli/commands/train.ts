/** `magnets train`: from a configuration and data to a model folder. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import { collect, finishCommand, wholeNumber } from "../options.ts";
import { openReport } from "../report.ts";

interface TrainOptions {
  data?: string;
  set?: string[];
  quick?: boolean;
  resume?: boolean;
  stage: "all" | "tokenizer" | "tokenise" | "transformer";
  threads?: number;
  out?: string;
  json?: boolean;
}

export function addTrainCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("train")
    .description("train a tokenizer and a nested transformer; can be stopped at any moment and resumed")
    .argument("<config>", "a configuration file (YAML)")
    .option("--data <source>", '"sprites", or a folder of pictures; short for --set data.source=...')
    .option("--set <key=value>", "change one value of the configuration; repeatable", collect)
    .option("--quick", "apply the configuration's quick: block")
    .option("--resume", "go on with the run in the folder")
    .addOption(
      new Option("--stage <name>", "do one stage only")
        .choices(["all", "tokenizer", "tokenise", "transformer"])
        .default("all"),
    )
    .option("--threads <n>", "CPU threads (default: all cores)", wholeNumber(1, 1024))
    .option("--out <folder>", "the run's folder (default: runs/ and the configuration's name)");
  finishCommand(
    command,
    "train configs/sprites.yaml --quick",
    "train configs/sprites.yaml --data pictures/ --set transformer.training.steps=5000 --out runs/mine",
  ).action((config: string, options: TrainOptions) => train(config, options, signal));
}

async function train(path: string, options: TrainOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { loadConfig } = await import("../../src/train.ts");
  const fromData = options.data === undefined ? [] : [`data.source=${JSON.stringify(options.data)}`];
  const { config, overrides } = await loadConfig(path, {
    set: [...fromData, ...(options.set ?? [])],
    quick: options.quick,
  });
  for (const { key, value, before } of overrides) {
    const was = before === undefined ? "not in the file" : `${JSON.stringify(before)} in the file`;
    report.say(`${key} = ${JSON.stringify(value)} (${was})`);
  }
  const out = options.out ?? join("runs", config.name);
  report.say(`run folder: ${out}`);
  signal.throwIfAborted();
  throw new Error("train: the stages are not wired yet");
}
