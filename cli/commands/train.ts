/** `magnets train`: from a configuration and data to a model folder. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { Device } from "../../src/index.ts";
import type { EncodeParts, LoadedConfig, Stage } from "../../src/train.ts";
import { addFleetOptions, type FleetFlags, fleetOptionsOf, sharesWork } from "../options/fleet-options.ts";
import { addDeviceOptions } from "../options/machine-options.ts";
import { collect, decimalNumber, finishCommand } from "../options/parse.ts";
import { openReport } from "../output/report.ts";
import { openTrainingBars } from "../output/training-progress.ts";

interface TrainOptions extends FleetFlags {
  from?: string;
  data?: string;
  set?: string[];
  quick?: boolean;
  resume?: boolean;
  minutes?: number;
  stage: "all" | Stage;
  threads?: number;
  device: Device;
  out?: string;
  json?: boolean;
}

export function addTrainCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("train")
    .description("train a tokenizer and a nested transformer; can be stopped at any moment and resumed")
    .argument("[config]", "a configuration file (YAML); with --from none is needed")
    .option(
      "--from <model>",
      "go on from a model folder with other images: its tokenizer as it is, its transformer continued, for the " +
        "classes of --data; settings for a few hundred images and a quarter of an hour, which --set changes",
    )
    .option(
      "--data <source>",
      '"sprites", "scenes", "motions", or a folder of images or videos; short for --set data.source=...',
    )
    .option("--set <key=value>", "change one value of the configuration; repeatable", collect)
    .option("--quick", "apply the configuration's quick: block")
    .option("--resume", "go on with the run in the folder")
    .option(
      "--minutes <n>",
      "stop after so many minutes, with a checkpoint; --resume goes on from there",
      decimalNumber(0, true),
    )
    .addOption(
      new Option("--stage <name>", "do one stage only")
        .choices(["all", "tokenizer", "tokenise", "transformer", "decoder"] satisfies ("all" | Stage)[])
        .default("all"),
    );
  addFleetOptions(addDeviceOptions(command)).option(
    "--out <folder>",
    "the run's folder (default: runs/ and the configuration's name)",
  );
  finishCommand(
    command,
    "train --from models/scenes --data icons/ --set data.resolution=64",
    "train configs/sprites.yaml --quick",
    "train configs/motions.yaml --data videos/ --out runs/mine",
    "train configs/imagenet256.yaml --stage tokenise --workers 4",
    "train configs/sprites.yaml --data images/ --set transformer.training.steps=5000 --out runs/mine",
  ).action((config: string | undefined, options: TrainOptions) => train(config, options, signal));
}

async function train(path: string | undefined, options: TrainOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { trainModel } = await import("../../src/train.ts");
  const { config, overrides } = await loadedConfig(path, options);
  for (const { key, value, before } of overrides) {
    const was = before === undefined ? "the default" : JSON.stringify(before);
    report.say(`${key} = ${JSON.stringify(value)} (in the place of ${was})`);
  }
  const out = options.out ?? join("runs", config.name);
  report.say(`run folder: ${out}`);
  if (options.resume && !(await hasBegun(out))) report.say("no training has begun there: this one begins");
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const clock =
    options.minutes === undefined ? null : AbortSignal.timeout(Math.ceil(options.minutes * 60_000));
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
      signal: clock ? AbortSignal.any([signal, clock]) : signal,
      onMessage: (message) => report.say(message),
      onProgress: (progress) => bars.show(progress),
    });
    if (model) report.say(`model: ${model}\ntry: magnets sample ${model} --count 16`);
    report.finish({ run: out, model, seconds: seconds() });
  } catch (error) {
    const isTimeUp = clock?.aborted === true && error === clock.reason;
    if (signal.aborted || isTimeUp) {
      report.say(
        (await hasBegun(out))
          ? `stopped; --resume with the same command goes on from where it is: ${out}`
          : `stopped before the first step, with nothing to save yet; --resume with the same command begins again: ${out}`,
      );
    }
    if (!isTimeUp || signal.aborted) throw error;
    report.finish({ run: out, model: null, seconds: seconds() });
  } finally {
    bars.stop();
    await fleet?.close();
  }
}

/** Whether a run folder holds anything to go on with. */
async function hasBegun(out: string): Promise<boolean> {
  const { hasCheckpoint } = await import("../../src/train.ts");
  const stages = ["tokenizer", "transformer", "decoder"].map((stage) => hasCheckpoint(join(out, stage)));
  return (await Promise.all(stages)).includes(true);
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

/** The configuration of a file, of a model to go on from, or of both. */
async function loadedConfig(
  config: string | undefined,
  { from, data, set = [], quick }: TrainOptions,
): Promise<LoadedConfig> {
  const { configFromModel, loadConfig } = await import("../../src/train.ts");
  if (from !== undefined) return configFromModel(from, { config, data, set, quick });
  const { InputError } = await import("../../src/index.ts");
  if (config === undefined) {
    throw new InputError(
      "train: must be given a configuration file, or a model to go on from with images, got neither; " +
        "e.g. train configs/sprites.yaml, or train --from models/scenes --data images/",
    );
  }
  const fromData = data === undefined ? [] : [`data.source=${JSON.stringify(data)}`];
  return loadConfig(config, { set: [...fromData, ...set], quick });
}
