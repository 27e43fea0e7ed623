/**
 * How fast is this beside PyTorch? The same baseline MaskGIT decode (width, depth, heads, tokens, steps, guidance, batch,
 * threads), taking turns with ours, and our default plan. Skipped, visibly, where python3 has no torch.
 */
import { availableParallelism } from "node:os";
import { table } from "../cli/output/table.ts";
import { InputError } from "../src/core/errors.ts";
import { makePlan } from "../src/decoding/plan.ts";
import { initialise } from "../src/models/parameters.ts";
import { transformerConfig } from "../src/models/transformer/config.ts";
import { transformerParameters } from "../src/models/transformer/parameters.ts";
import { loadTransformer } from "../src/models/transformer/predictor.ts";
import { modelPlanCost } from "../src/pipelines/choose-plan.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";
import { type Bench, median } from "./bench.ts";
import { decodeOnce } from "./decode-once.ts";
import { noPeer, startPeer } from "./torch.ts";

const batch = 8;
const guidance = { scale: 1.5 };
const sizes = {
  small: { grid: [8, 8], width: 192, depth: 6, heads: 8, rounds: 9 },
  base: { grid: [16, 16], width: 768, depth: 12, heads: 16, rounds: 1 },
};

export const benchPeer: Bench = async ({ say, isQuick, size = "small", device = "cpu" }) => {
  if (!(size in sizes))
    throw new InputError(`--size: must be one of ${Object.keys(sizes).join(", ")}, got ${size}`);
  const { rounds, ...shape } = isQuick
    ? { grid: [4, 4], width: 64, depth: 2, heads: 8, rounds: 1 }
    : sizes[size as keyof typeof sizes];
  const config = transformerConfig({ ...shape, codebookSize: 1024, classes: 10 });
  const scheduled = makePlan({ guidance });
  const baseline = makePlan({ modelSchedule: "1x12", guidance, cache: { enabled: false } });
  const options = {
    width: config.width,
    depth: config.depth,
    heads: config.heads,
    tokens: config.grid.reduce((a, b) => a * b, 1),
    codebookSize: config.codebookSize,
    classes: config.classes,
    factors: config.factors,
    batch,
    steps: baseline.steps,
    guidanceScale: guidance.scale,
    threads: availableParallelism(),
    ...(device !== "cpu" && { device: "cuda" as const, mode: "tf32" as const }), // as ours
  };
  const peer = await startPeer(options, "pass");
  if (!peer) {
    say(noPeer);
    return { skipped: noPeer };
  }
  const runner = await createNodeRunner({ device });
  try {
    const tensors = initialise(transformerParameters(config), [1, 2]);
    const transformer = await loadTransformer(runner, config, tensors);
    const seconds = { peer: [] as number[], baseline: [] as number[], scheduled: [] as number[] };
    if (!isQuick && size !== "base") await peer.time("decode"); // warm, as ours are
    const isOneRun = true;
    for (const plan of [baseline, scheduled]) await decodeOnce(transformer, plan, 1, { isOneRun });
    for (let round = 0; round < rounds; round++) {
      seconds.peer.push(await peer.time("decode"));
      seconds.baseline.push(await decodeOnce(transformer, baseline, batch, { isOneRun }));
      seconds.scheduled.push(await decodeOnce(transformer, scheduled, batch, { isOneRun }));
    }
    const ratio = (ours: readonly number[]) => median(seconds.peer.map((theirs, i) => theirs / ours[i]!));
    const baselineCost = modelPlanCost(config, baseline).multiplyAdds * batch;
    const rows = Object.entries({
      [`PyTorch ${peer.version}, baseline`]: seconds.peer,
      "ours, baseline": seconds.baseline,
      "ours, scheduled and cached": seconds.scheduled,
    }).map(([name, took]): (string | number)[] => [
      name,
      Number(median(took).toFixed(3)),
      Number(ratio(took).toFixed(2)),
    ]);
    say(
      `${size}: D ${config.width}, L ${config.depth}, grid ${config.grid.join(" x ")}, batch ${batch}, guided`,
    );
    say(table(["decode", "s (median)", "times PyTorch's speed"], rows));
    const rate = (took: readonly number[]) => ((2 * baselineCost) / median(took) / 1e9).toFixed(0);
    say(`baseline decode: ${rate(seconds.baseline)} GFLOP/s, PyTorch's ${rate(seconds.peer)}`);
    return {
      baselineRatio: ratio(seconds.baseline),
      scheduledRatio: ratio(seconds.scheduled),
      size,
      rounds,
      torch: peer.version,
      seconds,
    };
  } finally {
    peer.close();
    await runner.close();
  }
};
