/** The options that choose how clips are written, shared by the commands that make them. */
import { type Command, Option } from "commander";
import { decimalNumber } from "./options.ts";

export interface ClipOptions {
  format: "webp" | "gif" | "mp4";
  fps: number;
}

export function addClipOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--format <name>", "of written clips; mp4 needs ffmpeg")
        .choices(["webp", "gif", "mp4"])
        .default("webp"),
    )
    .option("--fps <n>", "frames per second of written clips", decimalNumber(0, true), 8);
}
