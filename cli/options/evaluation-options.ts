/** The options of measuring decode plans, shared by the commands that do, and what they are to the library. */
import { type Command, Option } from "commander";
import type { MeasuringOptions, SubjectOptions } from "../../src/evaluate.ts";
import { addVideoSamplingOptions, type VideoSampling } from "./frame-rate-options.ts";
import { addMachineOptions, type ComputeOptions, type MachineOptions } from "./machine-options.ts";
import { wholeNumber } from "./parse.ts";

/** What images are compared with. */
export interface ReferenceOptions extends VideoSampling {
  referenceImages?: number;
  data?: string;
  classifier?: string;
  cacheFolder: string;
  batch: number;
}

export interface EvaluationOptions extends MachineOptions, ReferenceOptions {
  samples?: number;
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
    "measure predictions: the first n frames of held-out videos are given",
    wholeNumber(1),
  );
}

/** Those of measuring what models generate. */
export function addMeasuringOptions(command: Command): Command {
  command
    .option(
      "--samples <n>",
      "images per plan and seed; the classes take turns (default: 2000, or what the data allow)",
      wholeNumber(4),
    )
    .option("--seeds <n>", "seeds in a row, for error bars; the same for all plans", wholeNumber(1, 1000), 1)
    .option(
      "--features <file.onnx>",
      "measure in the features of this network too (FID, FVD); its description lies beside it",
    )
    .addOption(
      new Option(
        "--reference-statistics <file.npz>",
        "mu and sigma of its features to compare with, instead of those of the reference set",
      ).conflicts("saveStatistics"),
    )
    .option("--save-statistics <file.npz>", "write mu and sigma of its features of the reference set")
    .option("--out <folder>", "write every figure as JSON and CSV, and charts of quality against compute");
  return addMachineOptions(addReferenceOptions(command));
}

/** --reference-images, --data, --classifier, --cache-folder and --batch. */
export function addReferenceOptions(command: Command): Command {
  return addVideoSamplingOptions(command)
    .option(
      "--reference-images <n>",
      "held-out images in the reference set (default: 10000, or what there is)",
      wholeNumber(4),
    )
    .option("--data <source>", 'the data of the model (default: "sprites", or "motions" if it makes videos)')
    .option(
      "--classifier <folder>",
      "tells classes and gives features; see magnets classifier (default: models/ and the data's name)",
    )
    .option(
      "--cache-folder <folder>",
      "caches what was measured, so that what was interrupted goes on where it stopped",
      ".cache/evaluation",
    )
    .option("--batch <n>", "images decoded together", wholeNumber(1, 4096), 64);
}

/** The options as the library takes them. */
export function subjectOptionsOf(
  options: ReferenceOptions & ComputeOptions,
  signal: AbortSignal,
): SubjectOptions {
  const { data, classifier, referenceImages, cacheFolder, batch, stride, frameRate, fold } = options;
  const { device, threads, precision } = options;
  return {
    data,
    classifier,
    referenceImages,
    cacheFolder,
    batchSize: batch,
    stride,
    frameRate,
    fold,
    device,
    threads,
    precision,
    signal,
  };
}

/** The options as the library takes them. */
export function measuringOptionsOf(options: EvaluationOptions, signal: AbortSignal): MeasuringOptions {
  const { samples, seed, seeds, given, features, referenceStatistics, saveStatistics, out } = options;
  return {
    ...subjectOptionsOf(options, signal),
    samples,
    seed,
    seeds,
    given,
    features,
    referenceStatistics,
    saveStatistics,
    out,
  };
}
