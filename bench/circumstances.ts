/** What a figure was measured on: without it, it cannot be compared with another day's. */
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";

export function circumstances() {
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
