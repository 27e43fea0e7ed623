/** What the machine offers: processor, memory, and which parts of the project work here. */
import { execFile } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import { promisify } from "node:util";
import { type Device, devicesIn, factsOf } from "../device.ts";
import { reasonOf } from "../tensor-home.ts";
import { inChild } from "./child.ts";
import { cudaParts, deviceTrial } from "./cuda.ts";

/** What computes, by name. */
export interface Processor {
  readonly node: string;
  /** Operating system and processor type, e.g. `linux-x64`. */
  readonly platform: string;
  readonly processor: string;
  /** Threads that run at once, as far as this process may use them. */
  readonly cores: number;
}

/** What this machine has of what the project can use; printed by `magnets doctor`. */
export interface Machine extends Processor {
  /** Memory this process may use, in bytes: the machine's, or its container's limit. */
  readonly memoryBytes: number;
  readonly parts: readonly MachinePart[];
}

/** A part that magnets needs or can use, and whether this machine has it. */
export interface MachinePart {
  readonly name: "onnxruntime" | "sharp" | "ffmpeg" | `device ${Device}` | `library ${string}`;
  readonly isPresent: boolean;
  /** Whether anything works without it. */
  readonly isRequired: boolean;
  /** Its version, or why it is not there. */
  readonly detail: string;
  /** How to get it, where it is missing. */
  readonly remedy?: string;
}

const run = promisify(execFile);

/** What figures of speed were measured on. */
export function describeProcessor(): Processor {
  return {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
  };
}

/**
 * Looks at the machine. Native parts are tried in processes of their own, so that one that crashes is reported
 * instead of taking this process along. Takes about a second; never throws.
 */
export async function describeMachine(): Promise<Machine> {
  const limit = process.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  return {
    ...describeProcessor(),
    memoryBytes: Math.min(totalmem(), limit),
    parts: (
      await Promise.all([
        part("onnxruntime", true, reinstall, () => inChild(runtimeVersion)),
        ...devicesIn("node")
          .filter((device) => device !== "cuda")
          .map((device) => {
            const { provider, remedy } = factsOf(device);
            // What comes with the runtime must work; other devices are the machine's.
            return part(`device ${device}`, remedy === null, remedy ?? reinstall, () =>
              inChild(deviceTrial(provider)),
            );
          }),
        part("sharp", true, reinstall, () => inChild(sharpVersion)),
        part("ffmpeg", false, ffmpegRemedy, ffmpegVersion),
        cudaDevice(),
      ])
    ).flat(),
  };
}

/** The device, and where ONNX Runtime's provider for it is installed, each library too. */
async function cudaDevice(): Promise<MachinePart[]> {
  const parts = await cudaParts();
  const first = parts.find(({ fault }) => fault !== null);
  const detail = first ? `${first.name}: ${first.fault}` : "computes; products are TF32";
  const what = (name: MachinePart["name"], fault: string | null, said: string, remedy?: string) => ({
    ...{ name, isPresent: fault === null, isRequired: false, detail: said },
    ...(fault !== null && { remedy }),
  });
  const device = what("device cuda", first?.fault ?? null, detail, first?.remedy);
  if (!parts.some(({ name, fault }) => name.includes("providers_cuda") && fault === null)) return [device];
  const libraries = parts.filter(({ name }) => name.startsWith("lib"));
  return [
    device,
    ...libraries.map(({ name, fault, remedy }) => what(`library ${name}`, fault, fault ?? "found", remedy)),
  ];
}

const reinstall =
  "run `npm install` again on this machine (its prebuilt binaries are chosen by operating system and processor)";
const ffmpegRemedy =
  "only video files need it: `apt install ffmpeg`, `brew install ffmpeg` or `winget install ffmpeg`";

async function part(
  name: MachinePart["name"],
  isRequired: boolean,
  remedy: string,
  find: () => Promise<string>,
): Promise<MachinePart> {
  try {
    return { name, isPresent: true, isRequired, detail: await find() };
  } catch (error) {
    return { name, isPresent: false, isRequired, detail: reasonOf(error), remedy };
  }
}

// Bodies for fresh processes.
const runtimeVersion = `
  const { versions } = load("onnxruntime-node").env;
  return versions.node ?? versions.common;`;
const sharpVersion = `
  const { versions } = load("sharp");
  return versions.sharp + " with libvips " + versions.vips;`;

async function ffmpegVersion(): Promise<string> {
  const { stdout } = await run("ffmpeg", ["-version"], { timeout: 30_000 }).catch((error) => {
    throw error.code === "ENOENT" ? new Error("there is no ffmpeg on the PATH") : error;
  });
  return stdout.split("\n")[0]!.replace(/^ffmpeg version (\S+).*$/, "$1");
}
