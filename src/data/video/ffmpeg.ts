/**
 * The system's ffmpeg and ffprobe, the programs that know every video format. They are looked for on the PATH, given
 * their arguments as a list (no shell reads them), and whatever goes wrong in them becomes one sentence.
 */
import { execFile, spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { InputError, requireInput } from "../../core/errors.ts";

export type Tool = "ffmpeg" | "ffprobe";

/** What a program is to do, for the sentence that says it failed. */
export interface Job {
  /** e.g. `cannot read video videos/a.mp4`. */
  readonly action: string;
  /** e.g. `replace or remove the file`. */
  readonly remedy: string;
  readonly signal?: AbortSignal;
  /** After so long the program counts as hanging. Default ten minutes. */
  readonly timeoutMs?: number;
  /** What {@link ffmpegVersion} said, so that readers of many files ask once; left out, it is asked every time. */
  readonly version?: number | null;
}

/** The oldest version whose options are used here. */
const oldest = 4;

/** The file formats that are opened as videos; playlists and scripts, which name other files, are not among them. */
const formats = ["mov", "mp4", "m4a", "3gp", "3g2", "mj2", "matroska", "webm", "avi"];

/** The arguments that open a file, whatever characters its name holds, and nothing else that it may refer to. */
export const inputArguments = (path: string): string[] => [
  ...["-protocol_whitelist", "file,pipe", "-format_whitelist", formats.join()],
  ...["-i", fileName(path)],
];

/** A path as ffmpeg takes it: never an option, a protocol or a pattern. */
export const fileName = (path: string): string => `file:${resolve(path)}`;

/** The option that passes each frame on as it is, neither dropped nor repeated; renamed in ffmpeg 5.1. */
export async function everyFrame(job: Job): Promise<string[]> {
  const version = job.version !== undefined ? job.version : await ffmpegVersion(job);
  return [version === null || version >= 5.1 ? "-fps_mode" : "-vsync", "passthrough"];
}

/**
 * The version of the ffmpeg on the PATH, e.g. 5.1; null for a build between releases, which counts as new.
 *
 * @throws InputError when ffmpeg or ffprobe is absent, does not start or is older than 4.0
 */
export async function ffmpegVersion({ action }: Pick<Job, "action">): Promise<number | null> {
  try {
    const [version] = await Promise.all([versionOf("ffmpeg"), versionOf("ffprobe")]);
    return version;
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${action}: ${error.message}`) : error;
  }
}

async function versionOf(tool: Tool): Promise<number | null> {
  const { stdout } = await promisify(execFile)(tool, ["-version"], { timeout: 30_000 }).catch(
    (error: NodeJS.ErrnoException) => {
      throw new InputError(
        error.code === "ENOENT"
          ? `${tool} is not on the PATH; install it with "apt install ffmpeg" (Debian, Ubuntu) or "brew install ` +
              'ffmpeg" (macOS), or use animated GIF or WebP files or folders of frames, which do not need it'
          : `${tool} does not start (${error.message.split("\n")[0]}); reinstall ffmpeg`,
      );
    },
  );
  const found = /version n?(\d+\.\d+)/.exec(stdout)?.[1];
  if (found === undefined) return null;
  requireInput(
    Number(found) >= oldest,
    `${tool} ${found} is too old, ${oldest}.0 or newer is required; update ffmpeg`,
  );
  return Number(found);
}

/**
 * Runs a program and hands out what it writes to its standard output, piece by piece. Whoever stops taking pieces
 * stops the program. At most as many run at once as the machine has cores; the others wait their turn.
 *
 * @param input  bytes for its standard input
 * @throws InputError when the program fails, dies or hangs, with the last line it said; the signal's reason
 */
export async function* run(
  tool: Tool,
  args: readonly string[],
  job: Job,
  input?: Uint8Array,
): AsyncGenerator<Uint8Array, void> {
  if (job.version === undefined) await ffmpegVersion(job);
  const done = await turn();
  try {
    job.signal?.throwIfAborted();
    yield* output(tool, args, job, input);
  } finally {
    done();
  }
}

async function* output(
  tool: Tool,
  args: readonly string[],
  { action, remedy, signal, timeoutMs = 600_000 }: Job,
  input?: Uint8Array,
): AsyncGenerator<Uint8Array, void> {
  // Detached, or a terminal's Ctrl-C would end it too, and look like a broken video.
  const child = spawn(tool, args, {
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
    detached: process.platform !== "win32",
  });
  const end = new Promise<string | null>((resolve) => {
    child.once("error", (error) => resolve(`${tool} does not start (${error.message})`));
    child.once("close", (code, by) =>
      resolve(code === 0 ? null : `${tool} ${by ? `ended by ${by}` : `failed with status ${code}`}`),
    );
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4096);
  });
  child.stdin.on("error", () => {}); // a program that ended does not read on; its status says why
  child.stdin.end(input);

  // The pipes are cut too: a program it started may outlive it and hold them open.
  const stop = () => {
    child.kill("SIGKILL");
    for (const pipe of child.stdio) pipe?.destroy();
  };
  let isLate = false;
  const clock = setTimeout(() => {
    isLate = true;
    stop();
  }, timeoutMs);
  signal?.addEventListener("abort", stop);
  try {
    let cut: unknown;
    try {
      for await (const piece of child.stdout) yield piece;
    } catch (error) {
      cut = error; // the pipe broke; how the program ended says why
    }
    const failure = await end;
    signal?.throwIfAborted();
    const reason = isLate ? `${tool} did not finish within ${timeoutMs / 1000} seconds` : failure;
    if (reason !== null) throw new InputError(`${action}: ${reason}: ${lastLine(said, args)}; ${remedy}`);
    if (cut) throw cut;
  } finally {
    clearTimeout(clock);
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** All that a program writes, as text. */
export async function textOf(tool: Tool, args: readonly string[], job: Job): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of run(tool, args, job)) pieces.push(piece);
  return Buffer.concat(pieces).toString("utf8");
}

/** The last line that tells something, without the addresses and the files' names that ffmpeg prints before it. */
function lastLine(said: string, args: readonly string[]): string {
  const files = args.filter((arg) => arg.startsWith("file:"));
  const bare = files.reduce((text, file) => text.replaceAll(`${file}: `, ""), said);
  const lines = bare
    .split(/[\r\n]+/)
    .map((line) => line.replace(/^\[[^\]]* @ 0x[0-9a-f]+\] /, "").trim())
    .filter((line) => line && !/^(Last message repeated|To ignore this|Invalid argument$)/.test(line));
  return lines.at(-1) ?? "it gave no reason";
}

/**
 * The programs that this process runs now, and those that wait. The cores are the process's, and so is the turn at them,
 * whoever asks.
 */
let running = 0;
const waiting: (() => void)[] = [];

/** Waits for a free core; the caller gives it back by calling what it gets. */
async function turn(): Promise<() => void> {
  if (running < availableParallelism()) running++;
  else await new Promise<void>((start) => waiting.push(start));
  return () => {
    const next = waiting.shift();
    if (next) next();
    else running--;
  };
}
