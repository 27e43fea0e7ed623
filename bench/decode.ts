/**
 * Does compute saved become time saved? Decodes of K = 12 steps in four ways (at full size or with the model's default
 * plan, each without and with the cache), all steps in one run, take turns with the first and the last of them step by
 * step and with the best square product; then one profiled decode of each kind, step by step, shows where a step's time
 * goes. The sizes whose steps take long go step by step only.
 *
 * `computeRatio` and `timeRatio`: baseline without cache over scheduled with cache, batch 8, guided. `steppedTimeRatio` is
 * the same where both go step by step, and `oneRunRatio` the seconds of the scheduled one step by step over those in one
 * run. With `--precision int8` a last way is the scheduled one in integers; `int8Ratio` is the time of the scheduled one
 * in float32 over its.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../cli/output/table.ts";
import { InputError } from "../src/core/errors.ts";
import type { HostTensor } from "../src/core/tensor.ts";
import { baselinePlan, type DecodePlan, makePlan } from "../src/decoding/plan.ts";
import { initialise } from "../src/models/parameters.ts";
import { type TransformerConfig, transformerConfig } from "../src/models/transformer/config.ts";
import { transformerParameters } from "../src/models/transformer/parameters.ts";
import type { Precision } from "../src/models/transformer/precision.ts";
import { type LoadedTransformer, loadTransformer } from "../src/models/transformer/predictor.ts";
import { modelPlanCost } from "../src/pipelines/choose-plan.ts";
import { readModel } from "../src/pipelines/node/model-folder.ts";
import type { Device } from "../src/runtime/device.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";
import type { Runner } from "../src/runtime/runner.ts";
import { type Bench, type BenchRequest, median } from "./bench.ts";
import { decodeOnce } from "./decode-once.ts";
import { type RunTimes, readProfile } from "./profile.ts";
import { type SquareProduct, squareProduct } from "./square-product.ts";

interface Subject {
  readonly config: TransformerConfig;
  readonly tensors: Readonly<Record<string, HostTensor>>;
  readonly plan: DecodePlan;
}

const classes = 10;
const guidance = { scale: 1.5 };

function random(shape: Pick<TransformerConfig, "grid" | "width" | "depth" | "heads">): Subject {
  const config = transformerConfig({ codebookSize: 1024, classes, ...shape });
  return { config, tensors: initialise(transformerParameters(config), [1, 2]), plan: makePlan({ guidance }) };
}

/** The sizes, and the most rounds that each is worth: one of `video` takes minutes. */
const sizes: Record<string, { rounds: number; isOneRun?: boolean; load: () => Promise<Subject> }> = {
  small: {
    rounds: 7,
    isOneRun: true,
    load: async () => {
      const { transformer, plan } = await readModel("models/sprites");
      return { ...transformer, plan };
    },
  },
  base: {
    rounds: 3,
    isOneRun: true,
    load: async () => random({ grid: [16, 16], width: 768, depth: 12, heads: 16 }),
  },
  scenes: {
    rounds: 3,
    isOneRun: true,
    load: async () => {
      const { transformer, plan } = await readModel("models/scenes");
      return { ...transformer, plan };
    },
  },
  large: { rounds: 1, load: async () => random({ grid: [16, 16], width: 1024, depth: 24, heads: 16 }) },
  video: { rounds: 1, load: async () => random({ grid: [4, 16, 16], width: 768, depth: 12, heads: 16 }) },
};

const quickSize = async () => random({ grid: [4, 4], width: 64, depth: 2, heads: 8 });

export const benchDecoding: Bench = async ({ say, isQuick, size, device = "cpu", precision = "fp32" }) => {
  if (size !== undefined && !(size in sizes)) {
    throw new InputError(`--size: must be one of ${Object.keys(sizes).join(", ")}, got ${size}`);
  }
  const figures: Record<string, unknown> = {};
  for (const name of size ? [size] : Object.keys(sizes)) {
    const { rounds, isOneRun = false, load } = sizes[name]!;
    const subject = await (isQuick ? quickSize() : load());
    const { width, depth, heads, grid } = subject.config;
    say(
      `\n${name}: D ${width}, L ${depth}, H ${heads}, grid ${grid.join(" x ")}, plan ${sizesOf(subject.plan)}`,
    );
    // The whole table at the small size; elsewhere the case that the ratios are stated for.
    const all = [1, 8, 32].flatMap((batch) => [true, false].map((isGuided) => ({ batch, isGuided })));
    const guided = [1, 8].map((batch) => ({ batch, isGuided: true }));
    const cases =
      isQuick || !["small", "scenes"].includes(name) ? guided.slice(1) : name === "small" ? all : guided;
    const measured = [];
    for (const one of cases) {
      measured.push(
        await measureCase(subject, { ...one, device, precision, isOneRun }, isQuick ? 1 : rounds, say),
      );
    }
    const headline = measured.find(({ batch, isGuided }) => batch === 8 && isGuided)!;
    // Kernels of a GPU run later than the runtime's profile says.
    const steps = device === "cpu" ? await profileSteps(subject, isQuick ? 2 : 8, precision, say) : null;
    figures[name] = { ...headline, device, cases: measured, steps };
  }
  return figures;
};

const sizesOf = (plan: DecodePlan): string =>
  plan.modelSchedule.map((run) => `${run.factor}x${run.steps}`).join();

const inIntegers = "scheduled, cached, int8";
/** The ways that are also measured step by step, and by which name. */
const stepped = (way: string): string => `${way}, step by step`;
const [slowest, fastest] = ["baseline, no cache", "scheduled, cached"];

/** The four ways, in the order of the table. */
function plansOf({ plan }: Subject, isGuided: boolean): Record<string, DecodePlan> {
  const scheduled = isGuided ? plan : makePlan({ guidance: { scale: 0 } }, plan);
  const baseline = baselinePlan(plan);
  const [cached, uncached] = [true, false].map((enabled) => ({ cache: { enabled } }));
  return {
    "baseline, no cache": makePlan(baseline, scheduled),
    "baseline, cached": makePlan({ ...baseline, ...cached }, scheduled),
    "scheduled, no cache": makePlan(uncached, scheduled),
    "scheduled, cached": scheduled,
  };
}

interface Case {
  readonly batch: number;
  readonly isGuided: boolean;
  readonly device: Device;
  readonly precision: Precision;
  /** Whether all steps go in one run, too. */
  readonly isOneRun: boolean;
}

async function measureCase(
  subject: Subject,
  { batch, isGuided, device, precision, isOneRun }: Case,
  rounds: number,
  say: BenchRequest["say"],
) {
  const runner = await createNodeRunner({ device });
  try {
    const transformer = await loadTransformer(runner, subject.config, subject.tensors);
    const plans = plansOf(subject, isGuided);
    let integers: LoadedTransformer | undefined;
    if (precision === "int8") {
      integers = await loadTransformer(runner, subject.config, subject.tensors, { precision });
      plans[inIntegers] = plans[fastest]!;
    }
    if (isOneRun) for (const way of [slowest, fastest]) plans[stepped(way)] = plans[way]!;
    const once = (way: string, size: number) =>
      decodeOnce(way === inIntegers ? integers! : transformer, plans[way]!, size, {
        isOneRun: isOneRun && !way.endsWith(stepped("")),
      });
    const products = [await squareProduct(runner, 1024, 4), await squareProduct(runner, 2048, 1)];
    const seconds: Record<string, number[]> = Object.fromEntries(Object.keys(plans).map((way) => [way, []]));
    const productSeconds = products.map((): number[] => []);
    for (const way of Object.keys(plans)) await once(way, 1); // sessions are made now
    for (let round = 0; round < rounds; round++) {
      for (const way of Object.keys(plans)) {
        seconds[way]!.push(await once(way, batch));
        for (const [i, product] of products.entries()) productSeconds[i]!.push(await product.run());
      }
    }
    return report(subject, { batch, isGuided, rounds, plans, seconds, products, productSeconds }, say);
  } finally {
    await runner.close();
  }
}

interface Measured {
  readonly batch: number;
  readonly isGuided: boolean;
  readonly rounds: number;
  readonly plans: Record<string, DecodePlan>;
  readonly seconds: Record<string, number[]>;
  readonly products: readonly SquareProduct[];
  readonly productSeconds: readonly number[][];
}

function report(subject: Subject, measured: Measured, say: BenchRequest["say"]) {
  const { batch, isGuided, rounds, plans, seconds, products, productSeconds } = measured;
  const gemmPeak = Math.max(
    ...products.map(({ size }, i) => (2 * size ** 3) / median(productSeconds[i]!) / 1e9),
  );
  const ways = Object.entries(plans).map(([way, plan]) => {
    const multiplyAdds = batch * modelPlanCost(subject.config, plan).multiplyAdds;
    const took = median(seconds[way]!);
    // Pair by pair, so that what else the machine does in a round meets both.
    const timeRatio = median(
      seconds["baseline, no cache"]!.map((baseline, i) => baseline / seconds[way]![i]!),
    );
    return { way, seconds: took, multiplyAdds, gflops: (2 * multiplyAdds) / took / 1e9, timeRatio };
  });
  const baseline = ways[0]!;
  const rows = ways.map((one): (string | number)[] => [
    one.way,
    Number(one.seconds.toFixed(3)),
    Number((one.multiplyAdds / 1e9).toFixed(1)),
    Number(one.gflops.toFixed(1)),
    Number((one.gflops / gemmPeak).toFixed(2)),
    Number((baseline.multiplyAdds / one.multiplyAdds).toFixed(2)),
    Number(one.timeRatio.toFixed(2)),
  ]);
  const heads = [
    "decode",
    "s (median)",
    "G multiply-adds",
    "GFLOP/s",
    "of peak",
    "compute saved",
    "time saved",
  ];
  say(`\nbatch ${batch}, ${isGuided ? "guided" : "not guided"}, ${rounds} rounds`);
  say(table(heads, rows));
  say(`best square product ${gemmPeak.toFixed(1)} GFLOP/s`);
  const best = ways.find(({ way }) => way === fastest)!;
  const ratioOf = (way: string, other: string) =>
    seconds[way] && seconds[other] && median(seconds[way].map((each, i) => each / seconds[other]![i]!));
  const ratios = {
    int8Ratio: ratioOf(fastest, inIntegers),
    steppedTimeRatio: ratioOf(stepped(slowest), stepped(fastest)),
    oneRunRatio: ratioOf(stepped(fastest), fastest),
  };
  if (ratios.oneRunRatio) say(`one run instead of one a step: ${ratios.oneRunRatio.toFixed(2)} times faster`);
  return {
    computeRatio: baseline.multiplyAdds / best.multiplyAdds,
    timeRatio: best.timeRatio,
    ...ratios,
    gflops: baseline.gflops,
    gemmPeak,
    batch,
    isGuided,
    rounds,
    ways,
  };
}

/** Where a step's time goes, in milliseconds. */
interface StepTimes {
  readonly step: number;
  readonly factor: number;
  readonly positions: number;
  readonly total: number;
  /** In matrix products. */
  readonly matrix: number;
  /** In the runtime's other kernels. */
  readonly rest: number;
  /** In the runtime, but in no kernel: copies of outputs, bindings. */
  readonly copies: number;
  readonly javascript: number;
}

/** Profiled decodes of a batch, guided: the steps of the scheduled one, and the sums of the baseline one and in integers. */
async function profileSteps(subject: Subject, batch: number, precision: Precision, say: BenchRequest["say"]) {
  const plans = plansOf(subject, true);
  const scheduled = await profiled(subject, plans["scheduled, cached"]!, batch);
  const baseline = await profiled(subject, plans["baseline, no cache"]!, batch);
  const integers =
    precision === "int8" ? await profiled(subject, plans["scheduled, cached"]!, batch, precision) : null;
  const names = ["total", "matrix", "rest", "copies", "javascript"] as const;
  const sum = (steps: readonly StepTimes[]) =>
    names.map((name) => Number(steps.reduce((all, step) => all + step[name], 0).toFixed(1)));
  say(`\nwhere a step's time goes, ms (profiled, batch ${batch}, guided)`);
  say(
    table(
      ["step", "p", "positions", ...names],
      [
        ...scheduled.steps.map((step): (string | number)[] => [
          String(step.step),
          step.factor,
          step.positions,
          ...names.map((name) => Number(step[name].toFixed(1))),
        ]),
        ["all", 0, 0, ...sum(scheduled.steps)],
        ["baseline", 1, 0, ...sum(baseline.steps)],
        ...(integers ? [["int8", 0, 0, ...sum(integers.steps)]] : []),
      ],
    ),
  );
  for (const [name, { byOperator }] of Object.entries({
    scheduled,
    baseline,
    ...(integers && { integers }),
  })) {
    const largest = Object.entries(byOperator).sort(([, a], [, b]) => b - a);
    say(
      `${name}: ${largest
        .slice(0, 12)
        .map(([op, s]) => `${op} ${(s * 1000).toFixed(1)}`)
        .join(", ")}`,
    );
  }
  return {
    scheduled: scheduled.steps,
    baseline: baseline.steps,
    ...(integers && { integers: integers.steps }),
  };
}

async function profiled(subject: Subject, plan: DecodePlan, batch: number, precision: Precision = "fp32") {
  const folder = await mkdtemp(join(tmpdir(), "bench-decode-"));
  const prefix = join(folder, "profile-");
  const runner = await createNodeRunner({ inProcess: true, profilePrefix: prefix });
  const runs: { id: number; seconds: number; step: number }[] = [];
  let step = 0;
  try {
    const transformer = await loadTransformer(watched(runner), subject.config, subject.tensors, {
      precision,
    });
    // Sessions are made now, and where a decode is short memory is touched for the first time, which would show there.
    await decodeOnce(transformer, plan, subject.config.width <= 256 ? batch : 1);
    runs.length = 0;
    step = 0;
    const ends: number[] = [];
    const resolved: { factor: number; positions: number }[] = [];
    const began = performance.now();
    const onStep = () => {
      ends.push(performance.now() - began);
      step++;
    };
    await decodeOnce(transformer, plan, batch, { onStep });
    const { steps } = modelPlanCost(subject.config, plan);
    for (const { factor, active } of steps) resolved.push({ factor, positions: active });
    await transformer.dispose();
    await runner.close();
    const profiles = new Map<number, RunTimes[]>();
    for (const id of new Set(runs.map((run) => run.id))) {
      const count = runs.filter((run) => run.id === id).length;
      profiles.set(id, (await readProfile(prefix, id)).slice(-count));
    }
    const byOperator: Record<string, number> = {};
    const times = resolved.map(({ factor, positions }, k): StepTimes => {
      let [engine, matrix, rest] = [0, 0, 0];
      for (const run of runs.filter((one) => one.step === k)) {
        const kernels = profiles.get(run.id)!.shift()!;
        engine += run.seconds;
        matrix += kernels.matrix;
        rest += kernels.rest;
        for (const [op, s] of Object.entries(kernels.byOperator)) byOperator[op] = (byOperator[op] ?? 0) + s;
      }
      const total = ends[k]! - (ends[k - 1] ?? 0);
      const copies = (engine - matrix - rest) * 1000;
      return {
        step: k,
        factor,
        positions,
        total,
        matrix: matrix * 1000,
        rest: rest * 1000,
        copies,
        javascript: total - engine * 1000,
      };
    });
    return { steps: times, byOperator };
  } finally {
    await runner.close();
    await rm(folder, { recursive: true });
  }

  /** The runner, noting how long each run of the current step took. */
  function watched(inner: Runner): Runner {
    return {
      ...inner,
      run: async (program, feeds, outputs) => {
        const began = performance.now();
        const results = await inner.run(program, feeds, outputs);
        runs.push({ id: program.id, seconds: (performance.now() - began) / 1000, step });
        return results;
      },
    };
  }
}
