/**
 * Work that is disturbed: a tiny training, a tokenising, an evaluation, a search and a sampling, each a command in a process of its own; and
 * whether the files that it leaves are those of an undisturbed run.
 */
import { spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Work that can be disturbed: its command, the folder that it writes, and what an undisturbed run is like. */
export interface Work {
  readonly name: string;
  readonly folder: string;
  /** How long an undisturbed run takes. */
  readonly ms: number;
  command(isResumed: boolean): readonly string[];
  /** Puts the folder back to what it holds before the work. */
  prepare(): Promise<void>;
  /** What differs from an undisturbed run, in words. */
  differences(): Promise<string[]>;
}

/** How a process ended, after how long. */
export interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  /** Standard output and error. */
  readonly output: string;
  readonly ms: number;
}

/** What disturbs a process. */
interface Disturbance {
  /** Killed after so many milliseconds. */
  readonly killAfterMs?: number;
  /** Modules that the process loads before its own. */
  readonly preload?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs magnets, disturbed if need be. */
export function magnets(args: readonly string[], disturbance: Disturbance = {}): Promise<Ended> {
  const { killAfterMs, preload = [], env } = disturbance;
  const began = performance.now();
  const loaded = ["tsx", ...preload].flatMap((module) => ["--import", module]);
  const child = spawn(process.execPath, [...loaded, "cli/main.ts", ...args], {
    env: { ...process.env, ...env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      output += data;
    });
  }
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, output, ms: performance.now() - began });
    });
  });
}

/** The same, for what must succeed. */
export async function succeed(args: readonly string[]): Promise<Ended> {
  const ended = await magnets(args);
  if (ended.code !== 0) throw new Error(`${args.join(" ")}: ended with ${ended.code}: ${ended.output}`);
  return ended;
}

const training = { batchSize: 4, learningRate: 0.001, warmupSteps: 1, checkpointEvery: 2, logEvery: 1 };
const config = {
  name: "tiny",
  seed: 0,
  data: { source: "sprites", resolution: 16, seed: 0, count: 2112 },
  tokenizer: {
    model: {
      patchSize: 4,
      channels: 16,
      multipliers: [1],
      residualBlocks: 1,
      latentWidth: 8,
      groups: 4,
      quantizer: { kind: "vq", codebookSize: 16 },
    },
    training: { ...training, steps: 8, sampleEvery: 4 },
  },
  transformer: {
    model: { width: 16, depth: 1, heads: 4, factors: [1, 2, 4] },
    training: { ...training, steps: 12, sampleEvery: 6 },
  },
  decoding: { steps: 4, modelSchedule: "4x2,2x1,1x1" },
};

/**
 * Does each work once undisturbed, in a folder of its own that is removed in the end, and hands them all on.
 *
 * @param names  of these alone; default: all
 */
export async function withWorks(
  use: (works: readonly Work[]) => Promise<void>,
  names: readonly string[] = ["training", "tokenising", "evaluation", "searching", "sampling"],
): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), "magnets-faults-"));
  try {
    const works: Work[] = [];
    for (const plain of await plainWorks(parent)) works.push(await undisturbed(plain, parent));
    await use(works.filter(({ name }) => names.includes(name)));
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

/** A work of which no undisturbed run is known yet. */
type PlainWork = Pick<Work, "name" | "folder" | "command"> & {
  /** What the folder holds at first; null: nothing. */
  readonly from: string | null;
};

async function plainWorks(parent: string): Promise<PlainWork[]> {
  const at = (...names: string[]) => join(parent, ...names);
  const file = at("tiny.json");
  await writeFile(file, JSON.stringify(config)); // JSON is YAML
  const threads = ["--threads", "1"];
  const train = (out: string, ...more: string[]) => ["train", file, "--out", out, ...threads, ...more];
  const model = at("right", "training", "model");
  await succeed(train(at("first"), "--stage", "tokenizer"));
  const small = ["--resolution", "16", "--steps", "10", "--images", "200", "--held-out", "100"];
  const folders = ["--run", at("classifier-run"), "--out", at("classifier")];
  await succeed(["classifier", ...small, ...folders, ...threads]);
  const sets = ["--samples", "16", "--seeds", "2", "--reference-images", "64"];
  return [
    {
      name: "training",
      folder: at("training"),
      from: null,
      command: (isResumed) => train(at("training"), ...(isResumed ? ["--resume"] : [])),
    },
    {
      name: "tokenising",
      folder: at("tokenising"),
      from: at("first"),
      command: () => train(at("tokenising"), "--stage", "tokenise", "--resume"),
    },
    {
      name: "evaluation",
      folder: at("evaluation"),
      from: null,
      command: () => [
        ...["evaluate", model, "--classifier", at("classifier"), "--data", "sprites", ...sets, ...threads],
        ...["--cache-folder", at("evaluation", "cache"), "--out", at("evaluation", "out")],
      ],
    },
    {
      name: "searching",
      folder: at("searching"),
      from: model,
      command: () => [
        ...["search", at("searching"), "--classifier", at("classifier"), "--data", "sprites", ...threads],
        ...["--candidates", "4", "--rounds", "2", "--samples", "16", "--final-samples", "16"],
        ...[
          "--reference-images",
          "64",
          "--budget",
          "0.9",
          "--cache-folder",
          at("searching", "cache"),
          "--replace",
        ],
      ],
    },
    {
      name: "sampling",
      folder: at("sampling"),
      from: null,
      command: () => [
        "sample",
        model,
        "--count",
        "4",
        "--out",
        at("sampling"),
        "--tokens",
        "npy",
        ...threads,
      ],
    },
  ];
}

async function undisturbed({ name, folder, from, command }: PlainWork, parent: string): Promise<Work> {
  const prepare = async () => {
    await rm(folder, { recursive: true, force: true });
    if (from) await cp(from, folder, { recursive: true });
  };
  await prepare();
  const { ms } = await succeed(command(false));
  const right = await contentOf(folder);
  await cp(folder, join(parent, "right", name), { recursive: true });
  const differences = async () => differencesOf(await contentOf(folder), right);
  return { name, folder, ms, command, prepare, differences };
}

/** Every file of a folder by its path; text without times, the rest as it is. */
async function contentOf(folder: string): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith("-seconds.svg")) continue; // charts of times
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    content.set(path.slice(folder.length + 1), withoutTimes(entry.name, bytes));
  }
  return content;
}

/** Figures of speed, which no two runs share. */
const times =
  /"(?:\w*[sS]econds\w*|imagesPerSecond|gflops|idleShare|window|date)":(?:"(?:[^"\\]|\\.)*"|\{[^{}]*\}|[^,}\]]*)/g;

function withoutTimes(name: string, bytes: Buffer): string {
  if (/\.jsonl?$/.test(name)) {
    const lines = bytes.toString().trimEnd();
    const values = name.endsWith("l") ? lines.split("\n").map((line) => JSON.parse(line)) : JSON.parse(lines);
    return JSON.stringify(values).replace(times, "");
  }
  // A checkpoint's header tells seconds; a card and its chart are about times too.
  if (name.endsWith(".safetensors")) {
    const end = 8 + Number(bytes.readBigUInt64LE(0));
    const { __metadata__, ...tensors } = JSON.parse(bytes.subarray(8, end).toString()) as Record<
      string,
      object
    >;
    const { seconds, window, ...metadata } = (__metadata__ ?? {}) as Record<string, string>;
    return JSON.stringify([metadata, tensors]) + bytes.subarray(end).toString("base64");
  }
  if (name === "README.md") return bytes.toString().replace(/\d+(\.\d+)? (s|minutes?|hours?)\b/g, "");
  return name.endsWith(".csv") ? withoutSeconds(bytes.toString()) : bytes.toString("base64");
}

/** A table without its columns of seconds. */
function withoutSeconds(csv: string): string {
  const rows = csv.split("\n").map((line) => line.split(","));
  return rows.map((row) => row.filter((_, i) => !/seconds/i.test(rows[0]![i] ?? ""))).join("\n");
}

/** What differs between two folders, in words. */
function differencesOf(found: Map<string, string>, right: Map<string, string>): string[] {
  const paths = new Set([...found.keys(), ...right.keys()]);
  return [...paths].flatMap((path) => {
    if (!right.has(path)) return [`${path} is too much`];
    if (!found.has(path)) return [`${path} is missing`];
    return found.get(path) === right.get(path) ? [] : [`${path} differs`];
  });
}
