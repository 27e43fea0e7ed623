/**
 * How do time and memory of a decode grow with batch, tokens, depth and steps? From one middle point, one of them at a
 * time: random weights, the default plan, guided. Every measurement is a process of its own, and the order turns round
 * from round to round, so that what else the machine does meets all points alike.
 *
 * Three statements are checked: the time per image does not grow with the batch; time grows with the tokens no faster
 * than the multiply-adds; peak memory stays below the estimate that `--batch auto` goes by, and not far below.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { table } from "../cli/output/table.ts";
import { InputError } from "../src/core/errors.ts";
import { evenModelSchedule } from "../src/decoding/model-schedule.ts";
import { type DecodePlan, makePlan } from "../src/decoding/plan.ts";
import { gridTokens, type TransformerConfig, transformerConfig } from "../src/models/transformer/config.ts";
import { transformerFacts } from "../src/models/transformer/facts.ts";
import { modelPlanCost } from "../src/pipelines/choose-plan.ts";
import { decodeMemory } from "../src/planning/memory.ts";
import { type Bench, median } from "./bench.ts";
import {
  type Axis,
  type AxisName,
  axisNames,
  checksOf,
  columns,
  figuresOf,
  type MeasuredPoint,
} from "./scaling-axis.ts";
import type { ScalingPoint, ScalingUse } from "./scaling-child.ts";
import { writeScaling } from "./scaling-report.ts";

interface Middle {
  readonly shape: { width: number; depth: number; heads: number };
  readonly batch: number;
  readonly steps: number;
  readonly values: Readonly<Record<AxisName, readonly number[]>>;
}

const middle: Middle = {
  shape: { width: 192, depth: 6, heads: 8 },
  batch: 8,
  steps: 12,
  values: {
    batch: [1, 2, 4, 8, 16, 32, 64],
    tokens: [64, 128, 256, 512, 1024, 2048, 4096],
    depth: [2, 4, 6, 8, 12, 16, 24],
    steps: [4, 8, 12, 16, 24, 32, 64],
  },
};

const quickMiddle: Middle = {
  shape: { width: 64, depth: 2, heads: 8 },
  batch: 2,
  steps: 12,
  values: { batch: [1, 2, 4], tokens: [64, 128], depth: [1, 2], steps: [4, 8] },
};

export const benchScaling: Bench = async ({ say, isQuick, axis }) => {
  const wanted = axisNames.filter((name) => axis === undefined || name === axis);
  if (wanted.length === 0)
    throw new InputError(`--axis: must be one of ${axisNames.join(", ")}, got ${axis}`);
  const axes: Axis[] = [];
  for (const name of wanted) {
    const measured = await measureAxis(name, isQuick ? quickMiddle : middle, isQuick ? 1 : 3);
    report(measured, say);
    axes.push(measured);
  }
  if (!isQuick) say(`\nwritten: ${(await writeScaling(axes, axis)).join(", ")}`);
  return { isTrue: axes.every(({ checks }) => checks.every(({ isTrue }) => isTrue)), axes };
};

async function measureAxis(name: AxisName, from: Middle, rounds: number): Promise<Axis> {
  const values = from.values[name];
  const points = values.map((value) => pointAt(from, name, value));
  const uses: ScalingUse[][] = points.map(() => []);
  for (let round = 0; round < rounds; round++) {
    const order = [...points.keys()];
    for (const i of round % 2 === 0 ? order : order.reverse()) uses[i]!.push(await useOf(points[i]!));
  }
  const measured = points.map((point, i) => measuredPoint(values[i]!, point, uses[i]!));
  const { width, depth, heads } = from.shape;
  const others = {
    batch: `batch ${points[0]!.batch}`,
    tokens: `${gridTokens(points[0]!.config)} tokens`,
    depth: `L ${depth}`,
    steps: `K ${from.steps}`,
  };
  const rest = axisNames.filter((other) => other !== name).map((other) => others[other]);
  return {
    name,
    at: `D ${width}, H ${heads}, V 1024, ${rest.join(", ")}, guided`,
    rounds,
    points: measured,
    checks: checksOf(name, measured),
  };
}

/** Tokens are measured one image at a time: the tables of scores of eight of 4,096 tokens do not fit in memory. */
function pointAt({ shape, batch, steps }: Middle, name: AxisName, value: number): ScalingPoint {
  const tokens = name === "tokens" ? value : 64;
  const rows = 2 ** Math.floor(Math.log2(tokens) / 2);
  const config = transformerConfig({
    grid: [rows, tokens / rows],
    codebookSize: 1024,
    classes: 10,
    ...shape,
    ...(name === "depth" && { depth: value }),
  });
  const modelSchedule = evenModelSchedule(name === "steps" ? value : steps, config.factors);
  return {
    config,
    plan: makePlan({ modelSchedule, guidance: { scale: 1.5 } }),
    batch: name === "batch" ? value : name === "tokens" ? 1 : batch,
  };
}

/** One measurement in a process of its own. */
async function useOf(point: ScalingPoint): Promise<ScalingUse> {
  const script = fileURLToPath(new URL("./scaling-child.ts", import.meta.url));
  const args = ["--import", "tsx", "--expose-gc", script, JSON.stringify(point)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as ScalingUse;
}

function measuredPoint(
  value: number,
  { config, plan, batch }: { config: TransformerConfig; plan: DecodePlan; batch: number },
  uses: readonly ScalingUse[],
): MeasuredPoint {
  const seconds = median(uses.map((use) => use.seconds));
  const peak = median(uses.map((use) => use.peak));
  const multiplyAdds = batch * modelPlanCost(config, plan).multiplyAdds;
  const { bytesFixed, bytesPerImage } = decodeMemory(transformerFacts(config), plan);
  return {
    value,
    batch,
    seconds,
    secondsPerImage: seconds / batch,
    multiplyAdds,
    gflops: (2 * multiplyAdds) / seconds / 1e9,
    peak,
    peakPerImage: peak / batch,
    peakBound: bytesFixed + batch * bytesPerImage,
  };
}

function report({ name, at, points, checks, rounds }: Axis, say: (line?: string) => void): void {
  say(`\n${name} (${at}; ${rounds} rounds)`);
  say(
    table(
      [name, ...columns],
      points.map((point) => [point.value, ...figuresOf(point)]),
    ),
  );
  for (const { statement, isTrue, figures } of checks)
    say(`${isTrue ? "true" : "FALSE"}: ${statement}: ${figures}`);
}
