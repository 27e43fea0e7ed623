/** The options that say which frames of which videos to take, shared by the commands that read folders of them. */
import { type Command, Option } from "commander";
import type { Fold } from "../../src/evaluate.ts";
import { decimalNumber, wholeNumber } from "./parse.ts";

export interface VideoSampling {
  stride?: number;
  frameRate?: number;
  fold?: Fold;
}

/** `what` it resamples: "it", "videos". */
export const frameRateOption = (what: string): Option =>
  new Option("--frame-rate <n>", `resample ${what} to so many frames per second`)
    .argParser(decimalNumber(0, true))
    .conflicts("stride");

export function addVideoSamplingOptions(command: Command): Command {
  return command
    .option("--stride <n>", "take every n-th frame of a video", wholeNumber(1))
    .addOption(frameRateOption("videos"))
    .option("--fold <n>", "of UCF-101's three ways to split, 1 to 3", wholeNumber(1, 3));
}
