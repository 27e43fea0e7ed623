/** The options that share work among several processes or machines. */
import { type Command, CommanderError, Option } from "commander";
import type { FleetOptions } from "../../fleet/fleet.ts";
import { wholeNumber } from "./parse.ts";

export interface FleetFlags {
  workers?: number;
  queue?: string;
  store?: string;
}

/** More processes than this compete for one machine's cores and memory. */
const mostWorkers = 64;

export function addFleetOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--workers <n>", "share the work among n processes on this machine; the result is the same")
        .argParser(wholeNumber(1, mostWorkers))
        .conflicts("queue"),
    )
    .addOption(queueOption())
    .addOption(storeOption());
}

/** --queue, for whoever asks for work, does it or watches it. */
export function queueOption(): Option {
  return new Option(
    "--queue <url>",
    "redis://host:port, where magnets worker processes on any machine wait for work; needs --store",
  );
}

/** --store, for whoever asks for work and for whoever does it. */
export function storeOption(): Option {
  return new Option(
    "--store <place>",
    "where workers put results: a folder that all machines see, or s3://bucket/prefix; what is there is not made again (of a server, results only pass through it)",
  );
}

/** Whether the work goes to several processes. */
export function sharesWork({ workers, queue, store }: FleetFlags): boolean {
  const isShared = workers !== undefined || queue !== undefined;
  if (store !== undefined && !isShared) {
    throw new CommanderError(
      2,
      "magnets.store",
      "--store is for shared work; give --workers or --queue beside it",
    );
  }
  return isShared;
}

/** The options as a fleet takes them. */
export function fleetOptionsOf(
  { workers, queue, store, threads }: FleetFlags & { threads?: number },
  onNotice: (notice: string) => void,
): FleetOptions {
  return { workers, queue, store, threads, onNotice };
}
