/** The options of measuring decode plans, shared by the commands that do. */
import { type Command, Option } from "commander";
import { addPaceOptions, type PaceOptions } from "./frame-rate-options.ts";
import { addMachineOptions, type MachineOptions } from "./machine-options.ts";
import { wholeNumber } from "./parse.ts";

/** Who judges, beside what. */
export interface ClassifyOptions extends PaceOptions {
  real: number;
  data?: string;
  classifier?: string;
  cacheFolder: string;
  batch: number;
}

export interface EvaluationOptions extends MachineOptions, ClassifyOptions {
  samples: number;
  seeds: number;
  given?: number;
  features?: string;
  referenceStatistics?: string;
  saveStatistics?: string;
  out?: string;
}

export function addEvaluationOptions(command: Command): Command {
  return addMeasuringOptions(command).option(
    "--given <n>",
    "judge predictions: the first n frames of held-out videos are given",
    wholeNumber(1),
  );
}

/** Those of measuring what models generate. */
export function addMeasuringOptions(command: Command): Command {
  command
    .option("--samples <n>", "images per plan and seed; the classes take turns", wholeNumber(4), 2000)
    .option("--seeds <n>", "seeds in a row, for error bars; the same for all plans", wholeNumber(1, 1000), 1)
    .option(
      "--features <file.onnx>",
      "measure in the features of this network too (FID, FVD); its description lies beside it",
    )
    .addOption(
      new Option(
        "--reference-statistics <file.npz>",
        "mu and sigma of its features to compare with, instead of those of the real images",
      ).conflicts("saveStatistics"),
    )
    .option("--save-statistics <file.npz>", "write mu and sigma of its features of the real images")
    .option("--out <folder>", "write every figure as JSON and CSV, and charts of quality against compute");
  return addMachineOptions(addJudgeOptions(command));
}

/** --real, --data, --classifier, --cache-folder and --batch. */
export function addJudgeOptions(command: Command): Command {
  return addPaceOptions(command)
    .option("--real <n>", "held-out real images to compare with", wholeNumber(4), 10_000)
    .option("--data <source>", 'the data of the model (default: "sprites", or "motions" if it makes videos)')
    .option(
      "--classifier <folder>",
      "the judge; see magnets classifier (default: models/ and the data's name)",
    )
    .option(
      "--cache-folder <folder>",
      "keeps what was measured, so that what was interrupted goes on where it stopped",
      ".cache/evaluation",
    )
    .option("--batch <n>", "images decoded together", wholeNumber(1, 4096), 64);
}
