/**
 * `npm run bench -- train|memory|start [--json] [--quick]`: each answers one question by medians within one run. A
 * table for people (on standard error under `--json`), and as the very last line of standard output one JSON object.
 * With `--quick` it is small and measured once: to see that it runs, not for figures.
 */
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { toJson } from "../cli/report.ts";
import type { Bench } from "./bench.ts";

const benches: Record<string, () => Promise<Bench>> = {
  train: async () => (await import("./train.ts")).benchTraining,
  memory: async () => (await import("./memory.ts")).benchMemory,
  start: async () => (await import("./start.ts")).benchStart,
};

const [name = "", ...flags] = process.argv.slice(2);
const open = benches[name];
if (!open || flags.some((flag) => flag !== "--json" && flag !== "--quick")) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(benches).join("|")} [--json] [--quick]\n`);
  process.exitCode = 2;
} else {
  const stream = flags.includes("--json") ? process.stderr : process.stdout;
  const bench = await open();
  const isQuick = flags.includes("--quick");
  const figures = await bench((line = "") => void stream.write(`${line}\n`), isQuick);
  process.stdout.write(`${toJson({ bench: name, isQuick, ...figures, ...circumstances() })}\n`);
}

/** Without these a figure cannot be compared with another day's. */
function circumstances() {
  const machine = { processor: cpus()[0]?.model.trim() ?? "unknown", cores: availableParallelism() };
  return { machine, node: process.versions.node, commit: commit(), date: new Date().toISOString() };
}

function commit(): string | null {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], { stdio: "pipe" }).toString().trim();
  } catch {
    return null; // no repository, or no git
  }
}
