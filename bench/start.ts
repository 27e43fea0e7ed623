/**
 * How long until the first image? Time from the start of a fresh process, `magnets sample <model> --count 16` as it is
 * installed (built), until the first PNG of the 16 is there, and until the process ends, with the sheet written. The
 * model is the shipped one; without it, a toy one with random weights.
 */
import { execFile } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { access, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { table } from "../cli/output/table.ts";
import { writeModel } from "../src/pipelines/node/model-folder.ts";
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
      await writeModel(model, toyModel());
    }
    say("building");
    await promisify(execFile)("npm", ["run", "build"]);
    const [seconds, wholes]: [number[], number[]] = [[], []];
    for (let run = 0; run < (isQuick ? 1 : 7); run++) {
      const out = join(folder, `out-${run}`);
      await mkdir(out);
      const began = performance.now();
      const since = () => (performance.now() - began) / 1000;
      let first = Number.NaN;
      // A file is written aside and renamed: under its own name it is whole.
      const watcher = watch(out, (_event, name) => {
        if (Number.isNaN(first) && name?.endsWith(".png")) first = since();
      });
      await promisify(execFile)(process.execPath, [
        "dist/cli/main.js",
        "sample",
        model,
        "--count",
        "16",
        "--out",
        out,
      ]);
      wholes.push(since());
      watcher.close();
      await access(join(out, "sheet.png"));
      seconds.push(first);
    }
    const rows = seconds.map((took, i) => [i + 1, Number(took.toFixed(2)), Number(wholes[i]!.toFixed(2))]);
    say(table(["run", "first image, s", "all and the sheet, s"], rows));
    const figures = { seconds: median(seconds), secondsWhole: median(wholes), runs: seconds };
    return { ...figures, model: isShipped ? shipped : "toy" };
  } finally {
    await rm(folder, { recursive: true });
  }
};
