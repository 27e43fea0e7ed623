/** The options that choose what computes, shared by the commands that decode. */
import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import type { Device } from "../../src/index.ts";
import { seed, wholeNumber } from "./parse.ts";

/** Whether the command line offers a device: it runs in Node, so WebAssembly is not among them. */
const isOffered: Record<Device, boolean> = { cpu: true, webgpu: true, wasm: false };
const deviceNames = (Object.keys(isOffered) as Device[]).filter((name) => isOffered[name]);

/** Keeps what --deadline needs to know of this machine. */
const calibrationFolder = ".cache/calibration";

export interface MachineOptions extends ComputeOptions {
  seed: number | bigint;
}

/** What computes, and in what. */
export interface ComputeOptions {
  threads?: number;
  device: Device;
  precision: "fp32" | "int8";
}

export function addMachineOptions(command: Command): Command {
  command.option("--seed <n>", "0..2^64-1; image i of a seed is the same in any batch", seed, 0);
  return addComputeOptions(command);
}

/** --threads, --device and --precision. */
export function addComputeOptions(command: Command): Command {
  return addDeviceOptions(command).addOption(
    new Option("--precision <name>", "what layers compute with; int8: faster, on the CPU only")
      .choices(["fp32", "int8"])
      .default("fp32"),
  );
}

/** --threads and --device, for every command that computes on either. */
export function addDeviceOptions(command: Command): Command {
  return addThreadsOption(command).addOption(
    new Option("--device <name>", "where to compute").choices(deviceNames).default("cpu"),
  );
}

/** Waiting threads spin, so that many more than there are cores bring a machine to a stop. */
const mostThreads = Math.max(64, availableParallelism());

/** --threads alone, for what computes on the CPU only. */
export function addThreadsOption(command: Command): Command {
  return command.addOption(
    new Option("--threads <n>", "CPU threads (default: all cores)")
      .argParser(wholeNumber(1, mostThreads))
      .env("MAGNETS_THREADS"),
  );
}

/** What computes, as the library takes it. */
export function computingOf({ device, threads, precision }: ComputeOptions) {
  const onCalibration = () => void process.stderr.write("timing this machine for the deadline, once ...\n");
  return { device, threads, precision, calibrationFolder, onCalibration };
}
