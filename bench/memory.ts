/**
 * What do four sub-models cost in memory? The resident memory of a process that decodes with all of them over that
 * of one that decodes with the full model alone: same weights, steps, guidance and batch. Each measurement is a fresh
 * process; the two plans take turns.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { table } from "../cli/output/table.ts";
import { type Bench, median } from "./bench.ts";
import type { MemoryUse } from "./memory-child.ts";

const plans = { nested: "8x3,4x3,2x3,1x3", alone: "1x12" };

export const benchMemory: Bench = async ({ say, isQuick }) => {
  const uses: Record<keyof typeof plans, MemoryUse[]> = { nested: [], alone: [] };
  for (let round = 0; round < (isQuick ? 1 : 3); round++) {
    uses.nested.push(await decodeInChild(plans.nested, isQuick));
    uses.alone.push(await decodeInChild(plans.alone, isQuick));
  }
  const middle = (of: readonly MemoryUse[], figure: keyof MemoryUse) => median(of.map((use) => use[figure]));
  const megabytes = (bytes: number) => Number((bytes / 2 ** 20).toFixed(1));
  say(
    table(
      ["plan", "resident MiB", "peak MiB", "before decoding MiB"],
      Object.entries(plans).map(([name, plan]) => {
        const own = uses[name as keyof typeof plans];
        const figures = (["resident", "peak", "before"] as const).map((figure) => middle(own, figure));
        return [plan, ...figures.map(megabytes)];
      }),
    ),
  );
  const over = (figure: keyof MemoryUse) => middle(uses.nested, figure) / middle(uses.alone, figure);
  const { parameters } = uses.alone[0]!;
  say(`\nratio ${over("resident").toFixed(3)} resident, ${over("peak").toFixed(3)} at the peak;`);
  say(
    `${(parameters / 1e6).toFixed(1)} M parameters, of which the weights are ${megabytes(4 * parameters)} MiB`,
  );
  return {
    ratio: over("resident"),
    ratioPeak: over("peak"),
    residentNested: middle(uses.nested, "resident"),
    residentAlone: middle(uses.alone, "resident"),
    parameters,
  };
};

/** One decode in a process of its own. */
async function decodeInChild(plan: string, isQuick: boolean): Promise<MemoryUse> {
  const script = fileURLToPath(new URL("./memory-child.ts", import.meta.url));
  const flags = ["--import", "tsx", "--expose-gc"];
  const args = [...flags, script, plan, isQuick ? "quick" : "whole"];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as MemoryUse;
}
