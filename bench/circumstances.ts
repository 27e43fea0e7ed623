/** What a figure was measured on: without it, it cannot be compared with another day's. */
import { execFileSync } from "node:child_process";
import { describeProcessor } from "../src/runtime/node/machine.ts";

export function circumstances() {
  const { processor, cores, node } = describeProcessor();
  return { machine: { processor, cores }, node, commit: commit(), date: new Date().toISOString() };
}

function commit(): string | null {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], { stdio: "pipe" }).toString().trim();
  } catch {
    return null; // no repository, or no git
  }
}
