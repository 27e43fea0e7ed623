/**
 * How long until the first pictures? Wall time of `magnets sample <model> --count 16` in a fresh process, from its
 * start to its end, when the sheet is written. The model is the shipped one; without it, a toy one with random weights.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { table } from "../cli/table.ts";
import { writeImageModel } from "../src/pipelines/image-model.ts";
import { toyModel } from "../test/pipelines/toy-model.ts";
import { type Bench, median } from "./bench.ts";

const shipped = "models/sprites";

export const benchStart: Bench = async ({ say, isQuick }) => {
  const folder = await mkdtemp(join(tmpdir(), "bench-start-"));
  try {
    const isShipped = existsSync(join(shipped, "model_index.json"));
    const model = isShipped ? shipped : join(folder, "toy");
    if (!isShipped) {
      say(`${shipped} is not there: measuring a toy model instead`);
      await writeImageModel(model, toyModel());
    }
    const seconds: number[] = [];
    for (let run = 0; run < (isQuick ? 1 : 3); run++) {
      const out = join(folder, `out-${run}`);
      const args = ["--import", "tsx", "cli/main.ts", "sample", model, "--count", "16", "--out", out];
      const began = performance.now();
      await promisify(execFile)(process.execPath, args);
      seconds.push((performance.now() - began) / 1000);
      await access(join(out, "sheet.png"));
    }
    const rows = seconds.map((took, i) => [i + 1, Number(took.toFixed(2))]);
    say(table(["run", "seconds"], rows));
    return { seconds: median(seconds), runs: seconds, model: isShipped ? shipped : "toy" };
  } finally {
    await rm(folder, { recursive: true });
  }
};
