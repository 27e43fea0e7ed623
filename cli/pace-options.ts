/** The options that say which frames of videos to take, shared by the commands that read folders of them. */
import { type Command, Option } from "commander";
import { decimalNumber, wholeNumber } from "./options.ts";

export interface PaceOptions {
  stride?: number;
  frameRate?: number;
}

export function addPaceOptions(command: Command): Command {
  return command
    .option("--stride <n>", "take every n-th frame of a video", wholeNumber(1))
    .addOption(
      new Option("--frame-rate <n>", "resample videos to so many frames per second")
        .argParser(decimalNumber(0, true))
        .conflicts("stride"),
    );
}
