/**
 * Are deadlines kept? Decodes of the shipped model with a deadline that leaves the default plan just enough time when
 * nothing else runs: half of them alone, half beside a process that burns a core. The device is calibrated once, alone,
 * so that under load the plans must shrink while they run.
 *
 * `kept`: the share of all decodes that were in time. `relative`: time taken over the deadline. `compute`: multiply-adds
 * over those that were planned, which tells how far plans shrank.
 */
import { spawn } from "node:child_process";
import { table } from "../cli/table.ts";
import { reservedShare } from "../src/decoding/deadline.ts";
import { ImagePipeline } from "../src/pipelines/image-pipeline.ts";
import { modelPlanCost, planFor } from "../src/pipelines/model.ts";
import { type Bench, median } from "./bench.ts";

const model = "models/sprites";
const pictures = 8;

/** One decode. */
interface Run {
  readonly relative: number;
  readonly compute: number;
  readonly isKept: boolean;
}

export const benchDeadlines: Bench = async ({ say, isQuick }) => {
  const half = isQuick ? 5 : 100;
  const pipeline = await ImagePipeline.fromPretrained(model);
  try {
    const deadlineMs = await enoughForDefault(pipeline, isQuick ? 3 : 9);
    const { plan, seconds } = await pipeline.planInTime({ deadlineMs, count: pictures });
    const planned = plan.sizes.map((run) => `${run.factor}x${run.steps}`).join();
    say(
      `${pictures} pictures, deadline ${deadlineMs} ms, plan ${planned}, predicted ${(1000 * seconds).toFixed(0)} ms`,
    );
    const alone = await runs(pipeline, deadlineMs, 0, half);
    const beside = await besideBurner(() => runs(pipeline, deadlineMs, half, half));
    const all = [...alone, ...beside];
    const groups = { alone, "beside a busy process": beside, all };
    const figures = Object.entries(groups).map(([name, group]) => ({ name, ...spreadOf(group) }));
    const heads = ["decodes", "runs", "kept", "median", "95 %", "longest", "compute, median", "least"];
    const rows = figures.map(({ name, count, kept, relative, compute }) => [
      name,
      count,
      `${(100 * kept).toFixed(1)} %`,
      ...[relative.median, relative.p95, relative.most, compute.median, compute.least].map((value) =>
        Number(value.toFixed(3)),
      ),
    ]);
    say(table(heads, rows));
    return {
      kept: figures[2]!.kept,
      model,
      pictures,
      deadlineMs,
      planned,
      predictedSeconds: seconds,
      figures,
    };
  } finally {
    await pipeline.dispose();
  }
};

/** Milliseconds that the default plan needs here, with the reserve that plans are chosen with. */
async function enoughForDefault(pipeline: ImagePipeline, rounds: number): Promise<number> {
  const plan = planFor(pipeline.model);
  const seconds: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { stats } = await pipeline.generate({ classes: ["all"], count: pictures, plan });
    if (round > 0) seconds.push(stats.seconds); // the first one compiles
  }
  return Math.ceil((1000 * median(seconds)) / (1 - reservedShare));
}

async function runs(
  pipeline: ImagePipeline,
  deadlineMs: number,
  seed: number,
  count: number,
): Promise<Run[]> {
  const found: Run[] = [];
  const { plan } = await pipeline.planInTime({ deadlineMs, count: pictures });
  const planned = modelPlanCost(pipeline.model.transformer.config, plan).multiplyAdds;
  for (let i = 0; i < count; i++) {
    const { stats } = await pipeline.generate({
      classes: ["all"],
      ...{ count: pictures, seed: seed + i, deadlineMs },
    });
    found.push({
      relative: (1000 * stats.seconds) / deadlineMs,
      compute: stats.multiplyAdds / (pictures * planned),
      isKept: stats.deadline!.isKept,
    });
  }
  return found;
}

/** Does work while another process keeps one core busy. */
async function besideBurner<T>(work: () => Promise<T>): Promise<T> {
  const burner = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  try {
    return await work();
  } finally {
    burner.kill("SIGKILL");
  }
}

function spreadOf(group: readonly Run[]) {
  const ordered = (read: (run: Run) => number) => group.map(read).sort((a, b) => a - b);
  const [relative, compute] = [ordered((run) => run.relative), ordered((run) => run.compute)];
  return {
    count: group.length,
    kept: group.filter(({ isKept }) => isKept).length / group.length,
    relative: {
      median: median(relative),
      p95: relative[Math.ceil(0.95 * relative.length) - 1]!,
      most: relative.at(-1)!,
    },
    compute: { median: median(compute), least: compute[0]! },
  };
}
