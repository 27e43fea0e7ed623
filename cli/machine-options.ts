/** The options that choose what computes, shared by the commands that decode. */
import { type Command, Option } from "commander";
import { seed, wholeNumber } from "./options.ts";

export interface MachineOptions {
  seed: number | bigint;
  batch: number;
  threads?: number;
  device: "cpu" | "webgpu";
}

/** @param batch  the default of --batch */
export function addMachineOptions(command: Command, batch = 16): Command {
  return command
    .option("--seed <n>", "0..2^64-1; picture i of a seed is the same in any batch", seed, 0)
    .option("--batch <n>", "pictures decoded together", wholeNumber(1, 4096), batch)
    .option("--threads <n>", "CPU threads (default: all cores)", wholeNumber(1, 1024))
    .addOption(new Option("--device <name>", "where to compute").choices(["cpu", "webgpu"]).default("cpu"));
}
