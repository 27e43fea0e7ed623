/**
 * What is this machine's graphics card worth? The benches that concern one, in the order of their worth, each in a process
 * of its own: one that fails, or takes the whole process along, costs nothing but itself. Those for which the time
 * (`--minutes`, 3 unless told) is up are left out, and said to be. So one short visit to a card answers what it can.
 */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { table } from "../cli/output/table.ts";
import type { Bench } from "./bench.ts";

interface Part {
  readonly name: string;
  readonly args: readonly string[];
  /** The figures of its JSON line that the table shows. */
  readonly show: (figures: Figures) => string;
}
/** A bench's JSON line; what is read of it is checked by nobody, since a part may fail alone. */
type Figures = Readonly<Record<string, unknown>>;

function steps(figures: Figures): string {
  const { imagesPerSecond, gflops, peers } = figures as {
    imagesPerSecond: number;
    gflops: number;
    peers: Record<string, { ratio: number }> | null;
  };
  const rivals = Object.entries(peers ?? {}).map(
    ([name, { ratio }]) => `${ratio.toFixed(2)} x PyTorch ${name}`,
  );
  const own = [`${imagesPerSecond.toFixed(0)} images/s`, `${(gflops / 1e3).toFixed(1)} TFLOP/s`];
  return [...own, ...rivals].join(", ");
}

const saving =
  (size: string) =>
  (figures: Figures): string => {
    const { timeRatio, computeRatio } = figures[size] as { timeRatio: number; computeRatio: number };
    return `${timeRatio.toFixed(2)} times less time for ${computeRatio.toFixed(2)} times less compute`;
  };

const train = (device: string, size: string, ...more: string[]): Part => ({
  name: `joint step, ${size}, ${[device, ...more].join(", ")}`,
  args: ["train", "--device", device, "--size", size, ...more],
  show: steps,
});
const decode = (device: string, size: string): Part => ({
  name: `decode, ${size}, ${device}`,
  args: ["decode", "--device", device, "--size", size],
  show: saving(size),
});
const parts: readonly Part[] = [
  train("cuda", "base"),
  decode("cuda", "base"),
  train("cuda", "large"),
  decode("cuda", "small"),
  decode("webgpu", "base"),
  train("webgpu", "small"),
  decode("webgpu", "small"),
  train("cuda", "small"),
  train("cuda", "base", "--compile"),
];

export const benchGpu: Bench = async ({ say, isQuick, minutes = 3 }) => {
  const card = cardName();
  say(`card: ${card ?? "none that nvidia-smi names"}\n`);
  const until = performance.now() + minutes * 60_000;
  const figures: Record<string, Figures> = {};
  const rows: string[][] = [];
  for (const { name, args, show } of parts) {
    const left = until - performance.now();
    const began = performance.now();
    // None may take all that is left from those after it.
    const most = Math.min(left, Math.max(60_000, left / 2));
    const found = left > 0 ? await inProcess([...args, ...(isQuick ? ["--quick"] : [])], most) : notReached;
    figures[name] = found;
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    const line = "failed" in found ? `- ${found.failed}` : told(show, found);
    say(`${name}: ${line}`);
    rows.push([name, line.length > longest ? `${line.slice(0, longest)}...` : line, seconds]);
  }
  say(`\n${table(["what", "figures", "s"], rows)}`);
  return { card, minutes, parts: figures };
};

/** Of a line in the table, in characters; what failed was told in full above it. */
const longest = 90;

const notReached: Figures = { failed: "not reached in the time" };

/** A part whose line lacks a figure must not end the visit. */
function told(show: Part["show"], figures: Figures): string {
  try {
    return show(figures);
  } catch {
    return JSON.stringify(figures).slice(0, 100);
  }
}

/** One bench in a process of its own: the object of its last line, or why there is none. */
async function inProcess(args: readonly string[], leftMs: number): Promise<Figures> {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", main, ...args, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: Math.ceil(leftMs),
    killSignal: "SIGKILL",
  });
  let [output, words] = ["", ""];
  child.stdout.on("data", (data) => {
    output += data;
  });
  child.stderr.on("data", (data) => {
    words += data;
  });
  const how = await new Promise<string | null>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(code === 0 ? null : (signal ?? `exit status ${code}`)));
  });
  if (how === "SIGKILL") return notReached;
  if (how !== null) return { failed: `${how}: ${words.trim().split("\n").at(-1) ?? ""}` };
  try {
    return JSON.parse(output.trim().split("\n").at(-1)!) as Figures;
  } catch {
    return { failed: "it printed no figures" };
  }
}

function cardName(): string | null {
  const asked = spawnSync("nvidia-smi", ["--query-gpu=name,driver_version", "--format=csv,noheader"]);
  return asked.status === 0 ? asked.stdout.toString().trim() : null;
}
