/** The options that choose how many images are decoded together, shared by the commands that make images. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { byteCount } from "./parse.ts";

export interface BatchOptions {
  batch: number | "auto";
  /** Bytes. */
  memory?: number;
}

export function addBatchOptions(command: Command): Command {
  return command
    .option("--batch <n>", 'images decoded together, or "auto": as many as memory allows', batchSize, 16)
    .addOption(
      new Option(
        "--memory <size>",
        "what --batch auto may take beyond the model (default: half of what is free)",
      )
        .argParser(byteCount)
        .implies({ batch: "auto" }),
    );
}

/** What decides how many images are decoded together; with a deadline: all. */
export function batchingOf({ batch, memory, deadline }: BatchOptions & { deadline?: number }) {
  if (deadline !== undefined) return {};
  return { batchSize: batch, ...(memory !== undefined && { memoryBudget: memory }) };
}

function batchSize(text: string): number | "auto" {
  if (text === "auto") return text;
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 4096) return Number(text);
  throw new InvalidArgumentError('It must be a whole number in 1..4096, or "auto".');
}
