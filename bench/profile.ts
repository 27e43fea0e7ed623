/** Reads the runtime's profiles: how long each run of a program spent in matrix products and in everything else. */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** One run of a program, in seconds. */
export interface RunTimes {
  /** In the kernels of matrix products. */
  readonly matrix: number;
  /** In all other kernels. */
  readonly rest: number;
  /** Seconds by operator, both kinds. */
  readonly byOperator: Readonly<Record<string, number>>;
}

interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

const matrixOperators = /MatMul|Gemm|Attention/;

/**
 * The runs of program `id`, in order.
 *
 * @param prefix  the runner's `profilePrefix`; the program must be unloaded
 */
export async function readProfile(prefix: string, id: number): Promise<RunTimes[]> {
  const files = await readdir(dirname(prefix));
  const start = `${basename(prefix)}${id}_`;
  const file = files.find((name) => name.startsWith(start));
  if (!file) throw new Error(`bench: no profile ${start}*.json in ${dirname(prefix)}`);
  const events = JSON.parse(await readFile(join(dirname(prefix), file), "utf8")) as TraceEvent[];
  const runs = events.filter(({ name }) => name === "model_run").sort((a, b) => a.ts - b.ts);
  const kernels = events.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
  return runs.map(({ ts, dur }) => {
    const byOperator: Record<string, number> = {};
    let [matrix, rest] = [0, 0];
    for (const kernel of kernels) {
      if (kernel.ts < ts || kernel.ts >= ts + dur) continue;
      const operator = kernel.args?.op_name ?? "unknown";
      const seconds = kernel.dur / 1e6;
      byOperator[operator] = (byOperator[operator] ?? 0) + seconds;
      if (matrixOperators.test(operator)) matrix += seconds;
      else rest += seconds;
    }
    return { matrix, rest, byOperator };
  });
}
