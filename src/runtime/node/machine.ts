/** What the machine offers: processor, memory, and which parts of the project work here. */
import { execFile } from "node:child_process";
import { availableParallelism, cpus, totalmem } from "node:os";
import { promisify } from "node:util";
import { type Device, devicesIn, factsOf } from "../device.ts";
import { oneNodeModel } from "../one-node-model.ts";
import { reasonOf } from "../tensor-home.ts";

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
  readonly name: "onnxruntime" | "sharp" | "ffmpeg" | `device ${Device}`;
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
    parts: await Promise.all([
      part("onnxruntime", true, reinstall, () => inChild(runtimeVersion)),
      ...devicesIn("node").map((device) => {
        const { remedy } = factsOf(device);
        // What comes with the runtime must work; other devices are the machine's.
        return part(`device ${device}`, remedy === null, remedy ?? reinstall, () =>
          inChild(deviceTrial(device)),
        );
      }),
      part("sharp", true, reinstall, () => inChild(sharpVersion)),
      part("ffmpeg", false, ffmpegRemedy, ffmpegVersion),
    ]),
  };
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

// Bodies of functions `async (load) => string`, in plain JavaScript, so that a bare `node -e` runs them from sources
// and from a build alike.
const runtimeVersion = `
  const { versions } = load("onnxruntime-node").env;
  return versions.node ?? versions.common;`;
const sharpVersion = `
  const { versions } = load("sharp");
  return versions.sharp + " with libvips " + versions.vips;`;

/** Makes the device copy three numbers. */
function deviceTrial(device: Device): string {
  const model = Buffer.from(oneNodeModel("Identity", "float32")).toString("base64");
  return `
  const { InferenceSession, Tensor, env } = load("onnxruntime-node");
  env.logLevel = "fatal";
  const options = { executionProviders: ["${factsOf(device).provider}"] };
  const session = await InferenceSession.create(Buffer.from("${model}", "base64"), options);
  const { out } = await session.run({ x: new Tensor("float32", Float32Array.of(1, 2, 3), [3]) });
  if (out.data.join() !== "1,2,3") throw new Error("it copied 1,2,3 as " + out.data.join());
  return "computes";`;
}

/** What `body` returns in a fresh Node process. Throws with its error, or with how the process ended. */
async function inChild(body: string): Promise<string> {
  const script = `
    const load = require("node:module").createRequire(${JSON.stringify(import.meta.url)});
    (async () => { ${body} })().then(
      (found) => console.log(JSON.stringify({ found })),
      (error) => console.log(JSON.stringify({ reason: error.message })),
    );`;
  try {
    const { stdout } = await run(process.execPath, ["-e", script], { timeout: 30_000 });
    const { found, reason } = JSON.parse(stdout.trim().split("\n").at(-1)!);
    if (reason !== undefined) throw new Error(reason);
    return found;
  } catch (error) {
    const { signal, code } = error as { signal?: string; code?: unknown };
    if (signal) throw new Error(`a process trying it ended with ${signal}`);
    if (typeof code === "number") throw new Error(`a process trying it ended with exit code ${code}`);
    throw error;
  }
}

async function ffmpegVersion(): Promise<string> {
  const { stdout } = await run("ffmpeg", ["-version"], { timeout: 30_000 }).catch((error) => {
    throw error.code === "ENOENT" ? new Error("there is no ffmpeg on the PATH") : error;
  });
  return stdout.split("\n")[0]!.replace(/^ffmpeg version (\S+).*$/, "$1");
}
