/** `magnets train`: from a configuration and data to a model folder. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { Device } from "../../src/index.ts";
import type { EncodeParts } from "../../src/train.ts";
import { addFleetOptions, type FleetFlags, fleetOptionsOf, sharesWork } from "../options/fleet-options.ts";
import { addDeviceOptions } from "../options/machine-options.ts";
import { collect, finishCommand } from "../options/parse.ts";
import { openReport } from "../output/report.ts";
import { openTrainingBars } from "../output/training-progress.ts";

interface TrainOptions extends FleetFlags {
  data?: string;
  set?: string[];
  quick?: boolean;
  resume?: boolean;
  stage: "all" | "tokenizer" | "tokenise" | "transformer";
  threads?: number;
  device: Device;
  out?: string;
  json?: boolean;
}

export function addTrainCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("train")
    .description("train a tokenizer and a nested transformer; can be stopped at any moment and resumed")
    .argument("<config>", "a configuration file (YAML)")
    .option(
      "--data <source>",
      '"sprites", "scenes", "motions", or a folder of images or videos; short for --set data.source=...',
    )
    .option("--set <key=value>", "change one value of the configuration; repeatable", collect)
    .option("--quick", "apply the configuration's quick: block")
    .option("--resume", "go on with the run in the folder")
    .addOption(
      new Option("--stage <name>", "do one stage only")
        .choices(["all", "tokenizer", "tokenise", "transformer"])
        .default("all"),
    );
  addFleetOptions(addDeviceOptions(command)).option(
    "--out <folder>",
    "the run's folder (default: runs/ and the configuration's name)",
  );
  finishCommand(
    command,
    "train configs/sprites.yaml --quick",
    "train configs/motions.yaml --data videos/ --out runs/mine",
    "train configs/imagenet256.yaml --stage tokenise --workers 4",
    "train configs/sprites.yaml --data images/ --set transformer.training.steps=5000 --out runs/mine",
  ).action((config: string, options: TrainOptions) => train(config, options, signal));
}

async function train(path: string, options: TrainOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { loadConfig, trainModel } = await import("../../src/train.ts");
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
  const started = performance.now();
  const fleet = await openTokenFleet(options, report.say);
  const bars = openTrainingBars();
  try {
    const model = await trainModel({
      config,
      out,
      stage: options.stage,
      resume: options.resume,
      threads: options.threads,
      device: options.device,
      encodeParts: fleet?.encodeParts,
      signal,
      onMessage: (message) => report.say(message),
      onProgress: (progress) => bars.show(progress),
    });
    const seconds = (performance.now() - started) / 1000;
    if (model) report.say(`model: ${model}\ntry: magnets sample ${model} --count 16`);
    report.finish({ run: out, model, seconds });
  } catch (error) {
    if (signal.aborted)
      report.say(`stopped; --resume with the same command goes on from where it is: ${out}`);
    throw error;
  } finally {
    bars.stop();
    await fleet?.close();
  }
}

/** Workers that tokenise the images, where the options ask for some; the training itself is this process's. */
async function openTokenFleet(
  options: TrainOptions,
  say: (line: string) => void,
): Promise<{ encodeParts: EncodeParts; close(): Promise<void> } | null> {
  if (!sharesWork(options)) return null;
  const { openFleet } = await import("../../fleet/open-fleet.ts");
  const { encodeByFleet } = await import("../../fleet/tokenise.ts");
  const fleet = await openFleet(fleetOptionsOf(options, say));
  return { encodeParts: encodeByFleet(fleet, options.device), close: () => fleet.close() };
}
