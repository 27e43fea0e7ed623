/** The options that say which frames of which videos to take, shared by the commands that read folders of them. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Fold } from "../../src/evaluate.ts";
import { decimalNumber, wholeNumber } from "./parse.ts";

export interface PaceOptions {
  stride?: number;
  frameRate?: number;
  fold?: Fold;
}

/** `what` it resamples: "it", "videos". */
export const frameRateOption = (what: string): Option =>
  new Option("--frame-rate <n>", `resample ${what} to so many frames per second`)
    .argParser(decimalNumber(0, true))
    .conflicts("stride");

export function addPaceOptions(command: Command): Command {
  return command
    .option("--stride <n>", "take every n-th frame of a video", wholeNumber(1))
    .addOption(frameRateOption("videos"))
    .option("--fold <n>", "of UCF-101's three ways to split, 1 to 3", wholeNumber(1, 3));
}

/** What the options say, and where they say nothing what a training chose, if it was on the same data. */
export function paceOf(
  { stride, frameRate, fold, data }: PaceOptions & { readonly data?: string },
  trained: PaceOptions & { readonly source?: string },
): PaceOptions {
  const isSame =
    data !== undefined && trained.source !== undefined && resolve(data) === resolve(trained.source);
  const before: PaceOptions = isSame ? trained : {};
  const isPaced = stride !== undefined || frameRate !== undefined;
  return {
    stride: isPaced ? stride : before.stride,
    frameRate: isPaced ? frameRate : before.frameRate,
    fold: fold ?? before.fold,
  };
}
