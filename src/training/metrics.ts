/** What a run logged, read back. */
import { readFile } from "node:fs/promises";
import { fileError } from "../core/node/file-error.ts";

/** The figures of one logged line, `step` among them. */
export type MetricsLine = Readonly<Record<string, number>>;

/**
 * The lines of a `metrics.jsonl`, in order.
 *
 * @throws InputError when it cannot be read
 */
export async function readMetrics(path: string): Promise<MetricsLine[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("cannot read", path, error);
  });
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as MetricsLine);
}

/** The mean of a figure over the last tenth of a run; of the lines that have it. */
export function finalMean(lines: readonly MetricsLine[], name: string): number {
  const having = lines.filter((line) => line[name] !== undefined);
  const last = having.slice(-Math.max(1, Math.floor(having.length / 10)));
  return last.reduce((total, line) => total + line[name]!, 0) / last.length;
}
