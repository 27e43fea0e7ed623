/**
 * `npm run faults`: what becomes of work that is killed. A tiny training, a tokenising and an evaluation are killed (-9) at
 * random moments and gone on with, again and again; in the end every file must be that of an undisturbed run, byte for byte
 * but for times, and no other file may be there. Exit status 1 where one is not.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { wholeNumber } from "../../cli/options/parse.ts";
import { keyFromSeed, uniformAt } from "../../src/core/random.ts";

interface FaultOptions {
  readonly seed: number;
  readonly kills: number;
  readonly minutes: number;
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

/** Work that can be killed: its command, the folder that it writes, and what lies there before it begins. */
interface Work {
  readonly name: string;
  readonly folder: string;
  /** What the folder holds at first; null: nothing. */
  readonly from: string | null;
  command(isResumed: boolean): readonly string[];
}

/** How a process ended, after how long. */
interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly output: string;
  readonly ms: number;
}

/** Runs magnets; kills it after so many milliseconds, if any are given. */
function magnets(args: readonly string[], killAfterMs?: number): Promise<Ended> {
  const began = performance.now();
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", "cli/main.ts", ...args]);
  let output = "";
  for (const stream of [child.stdout!, child.stderr!]) {
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

async function succeed(args: readonly string[]): Promise<Ended> {
  const ended = await magnets(args);
  if (ended.code !== 0) throw new Error(`${args.join(" ")}: ended with ${ended.code}: ${ended.output}`);
  return ended;
}

/** Every file of a folder by its path; text without times, the rest as it is. */
async function contentOf(folder: string): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    content.set(path.slice(folder.length + 1), withoutTimes(entry.name, bytes));
  }
  return content;
}

/** Figures of speed, which no two runs share. */
const times =
  /"(?:\w*[sS]econds\w*|imagesPerSecond|gflops|idleShare|window)":(?:"(?:[^"\\]|\\.)*"|\{[^{}]*\}|[^,}\]]*)/g;

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
  return name === "README.md"
    ? bytes.toString().replace(/\d+(\.\d+)? (s|minutes?|hours?)\b/g, "")
    : bytes.toString("base64");
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

const program = new Command("npm run faults --")
  .option("--seed <n>", "of the moments", wholeNumber(0), 0)
  .option("--kills <n>", "how many in all", wholeNumber(1), 100)
  .option("--minutes <n>", "stop after so many", wholeNumber(1), 10)
  .parse();
const { seed, kills, minutes } = program.opts<FaultOptions>();
const say = (line: string) => void process.stdout.write(`${line}\n`);
const began = performance.now();
const until = began + minutes * 60_000;
const parent = await mkdtemp(join(tmpdir(), "magnets-faults-"));
let failures = 0;
try {
  const file = join(parent, "tiny.json");
  await writeFile(file, JSON.stringify(config)); // JSON is YAML
  const at = (...names: string[]) => join(parent, ...names);
  const threads = ["--threads", "1"];
  const train = (out: string, ...more: string[]) => ["train", file, "--out", out, ...threads, ...more];

  // The undisturbed runs.
  const time = () => `${((performance.now() - began) / 1000).toFixed(0)} s`;
  say("undisturbed runs");
  await succeed(train(at("first", "training"), "--stage", "tokenizer"));
  const small = ["--resolution", "16", "--steps", "10", "--images", "200", "--held-out", "100"];
  await succeed([
    "classifier",
    ...small,
    "--run",
    at("classifier-run"),
    "--out",
    at("classifier"),
    ...threads,
  ]);
  const works: Work[] = [
    {
      name: "training",
      folder: at("training"),
      from: null,
      command: (isResumed) => train(at("training"), ...(isResumed ? ["--resume"] : [])),
    },
    {
      name: "tokenising",
      folder: at("tokenising"),
      from: at("first", "training"),
      command: () => train(at("tokenising"), "--stage", "tokenise", "--resume"),
    },
    {
      name: "evaluation",
      folder: at("evaluation"),
      from: null,
      command: () => [
        ...[
          "evaluate",
          at("right", "training", "model"),
          "--classifier",
          at("classifier"),
          "--data",
          "sprites",
        ],
        ...["--samples", "16", "--seeds", "2", "--reference-images", "64", ...threads],
        ...["--cache-folder", at("evaluation")],
      ],
    },
  ];
  const duration = new Map<Work, number>();
  const right = new Map<Work, Map<string, string>>();
  const prepare = async ({ folder, from }: Work) => {
    await rm(folder, { recursive: true, force: true });
    if (from) await cp(from, folder, { recursive: true });
  };
  for (const work of works) {
    await prepare(work);
    duration.set(work, (await succeed(work.command(false))).ms);
    right.set(work, await contentOf(work.folder));
    await cp(work.folder, at("right", work.name), { recursive: true });
  }

  const done = new Map(works.map(({ name }) => [name, { kills: 0, runs: 0 }]));
  let killed = 0;
  for (let round = 0; killed < kills && performance.now() < until; round++) {
    const work = works[round % works.length]!;
    const count = done.get(work.name)!;
    await prepare(work);
    // Several kills in a row, each anywhere in what an undisturbed run takes; the first runs are still new ones.
    for (let time = 0; time < 4 && killed < kills && performance.now() < until; time++) {
      const ms = duration.get(work)! * uniformAt(keyFromSeed(seed), killed);
      const isResumed = time > 0;
      const ended = await magnets(work.command(isResumed), ms);
      if (ended.signal !== "SIGKILL") {
        if (ended.code !== 0) throw new Error(`${work.name}: ended with ${ended.code}: ${ended.output}`);
        break;
      }
      killed++;
      count.kills++;
    }
    await succeed(work.command(true));
    count.runs++;
    say(`${time()}: ${work.name}, killed ${killed} times in all`);
    const differing = differencesOf(await contentOf(work.folder), right.get(work)!);
    for (const difference of differing) say(`${work.name}, run ${count.runs}: ${difference}`);
    failures += differing.length;
  }
  for (const [name, { kills, runs }] of done) say(`${name}: killed ${kills} times in ${runs} runs`);
  say(
    `${killed} kills of seed ${seed}: ${failures === 0 ? "nothing differs, nothing is left" : `${failures} differences`}`,
  );
} finally {
  await rm(parent, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
