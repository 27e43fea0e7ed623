/**
 * How much of the machine does a training step use? The rate of a whole joint step (all sub-models forward, losses,
 * gradients, clipping, AdamW, averaging) over that of the best square float32 product in the same runner. Steps and
 * products take turns, so that whatever else the machine does meets both alike.
 *
 * D 256, L 8, H 8, N 64 tokens, V 1024, a batch of 32; `--size` has larger ones. Where python3 has PyTorch, the same step
 * of the same model there takes turns too; one more step, profiled, shows where the time goes. Two short trainings by the
 * real loop, of this transformer and of the shipped tokenizer on drawn images, tell what share of the time nothing is computed.
 *
 * On a card a run has as many steps as training takes there, a step is the run's share, and PyTorch is measured after ours
 * in each of its ways.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../cli/output/table.ts";
import { InputError } from "../src/core/errors.ts";
import { foldIn, type Key, uniforms } from "../src/core/random.ts";
import type { HostTensor } from "../src/core/tensor.ts";
import { spritesSource } from "../src/data/drawn/node/draw.ts";
import { neededNodes } from "../src/graph/encode.ts";
import { transformerConfig } from "../src/models/transformer/config.ts";
import { factsOf } from "../src/runtime/device.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";
import type { Runner } from "../src/runtime/runner.ts";
import { type TrainingJob, train } from "../src/training/loop.ts";
import { learningRateAt, optimiserFeeds } from "../src/training/optimiser.ts";
import { initialState } from "../src/training/optimiser-state.ts";
import { loadConfig, resolveConfig } from "../src/training/read-config.ts";
import { openRunFolder } from "../src/training/run-folder.ts";
import { loadStepRuns } from "../src/training/step-runs.ts";
import { tokenizerJob } from "../src/training/tokenizer-job.ts";
import { transformerJob } from "../src/training/transformer-job.ts";
import { type Bench, type BenchRequest, median } from "./bench.ts";
import { type RunTimes, readProfile } from "./profile.ts";
import { squareProduct } from "./square-product.ts";
import { noPeer, type Peer, type PeerOptions, startPeer } from "./torch.ts";

type Say = BenchRequest["say"];
const key: Key = [7, 7];

interface Size {
  readonly grid: readonly [number, number];
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  readonly batch: number;
}
const sizes: Record<string, Size> = {
  small: { grid: [8, 8], width: 256, depth: 8, heads: 8, batch: 32 },
  base: { grid: [16, 16], width: 256, depth: 8, heads: 8, batch: 64 },
  large: { grid: [16, 16], width: 768, depth: 12, heads: 16, batch: 32 },
};

/** PyTorch's ways on a card, the one that computes as ours does first. */
const cardPeers = { TF32: { mode: "tf32" }, bfloat16: { mode: "bf16" } } as const;
const compiledPeers = {
  "TF32, compiled": { mode: "tf32", compile: true },
  "bfloat16, compiled": { mode: "bf16", compile: true },
} as const;

export const benchTraining: Bench = async ({
  say,
  isQuick,
  device = "cpu",
  size = "small",
  isCompiled = false,
}) => {
  if (!(size in sizes)) {
    throw new InputError(`--size: must be one of ${Object.keys(sizes).join(", ")}, got ${size}`);
  }
  const chosen = isQuick ? { ...sizes[size]!, depth: 1 } : sizes[size]!;
  const perRun =
    isQuick && device !== "cpu" ? Math.min(2, factsOf(device).stepsPerRun) : factsOf(device).stepsPerRun;
  const [warmUps, rounds] = isQuick ? [0, 1] : perRun > 1 ? [1, 3] : [3, 15];
  const runner = await createNodeRunner({ device });
  let peer: Peer | null = null;
  try {
    const step = await trainingStep(runner, chosen, perRun);
    const products = [await squareProduct(runner, 1024, isQuick ? 1 : 4)];
    if (!isQuick) products.push(await squareProduct(runner, 2048, 1));
    const tokens = chosen.grid[0] * chosen.grid[1];
    const decoding = { tokens, batch: chosen.batch, steps: 12, guidanceScale: 1 };
    const rival = { ...step.config, ...decoding, threads: availableParallelism() };
    if (device === "cpu") peer = await startPeer(rival, "train");
    const seconds: number[] = [];
    const peerSeconds: number[] = [];
    const productSeconds = products.map((): number[] => []);
    let work = 0;
    for (let round = -warmUps; round < rounds; round++) {
      const { took, multiplyAdds } = await step.run(round + warmUps);
      const theirs = await peer?.time("train");
      const others: number[] = [];
      for (const product of products) others.push(await product.run());
      if (round < 0) continue;
      seconds.push(took);
      if (theirs !== undefined) peerSeconds.push(theirs);
      work += multiplyAdds / rounds;
      others.forEach((other, i) => {
        productSeconds[i]!.push(other);
      });
    }
    const stepSeconds = median(seconds);
    const gflops = (2 * work) / stepSeconds / 1e9;
    const rates = products.map(({ size }, i) => (2 * size ** 3) / median(productSeconds[i]!) / 1e9);
    const gemmPeak = Math.max(...rates);
    const name = `joint step, ${step.batchSize} images, ${step.nodes} nodes`;
    say(
      table(
        ["what", "ms (median)", "GFLOP/s"],
        [
          [name, Number((stepSeconds * 1e3).toFixed(1)), Number(gflops.toFixed(1))],
          ...products.map(({ size }, i): (string | number)[] => [
            `product ${size} x ${size}`,
            Number((median(productSeconds[i]!) * 1e3).toFixed(1)),
            Number(rates[i]!.toFixed(1)),
          ]),
        ],
      ),
    );
    const imagesPerSecond = step.batchSize / stepSeconds;
    say(`\n${(gflops / gemmPeak).toFixed(3)} of the best product; ${imagesPerSecond.toFixed(1)} images/s`);
    const fraction = gflops / gemmPeak;
    const peers =
      device === "cuda"
        ? await timeCardPeers(rival, { rounds: isQuick ? 1 : 8, ours: stepSeconds, isCompiled, say })
        : null;
    const peerRatio = peer
      ? median(peerSeconds.map((theirs, i) => theirs / seconds[i]!))
      : (peers?.TF32?.ratio ?? null);
    if (peer && peerRatio !== null) {
      const rate = step.batchSize / median(peerSeconds);
      say(`PyTorch ${peer.version}: ${rate.toFixed(1)} images/s; ours is ${peerRatio.toFixed(2)} times that`);
    } else if (device === "cpu") {
      say(noPeer);
    }
    // Kernels of a GPU run later than the runtime's profile says.
    const parts = device === "cpu" ? await profiledStep(chosen) : null;
    if (parts) sayParts(parts, say);
    // At the large size batches take as long and steps ten times as long, and the trainings minutes.
    const idleShares = size === "large" ? null : await loopIdleShares(runner, isQuick, size, perRun);
    const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
    if (idleShares) {
      say(
        `the training loop computes nothing for ${percent(idleShares.transformer)} of its time (transformer), ` +
          `${percent(idleShares.tokenizer)} (tokenizer)`,
      );
    }
    return {
      size,
      nodes: step.nodes,
      stepsPerRun: perRun,
      idleShares,
      peerRatio,
      peers,
      torch: peer?.version ?? null,
      parts,
      gflops,
      gemmPeak,
      fraction,
      imagesPerSecond,
      stepSeconds,
      multiplyAdds: work,
      rounds,
      device,
    };
  } finally {
    peer?.close();
    await runner.close();
  }
};

/** A step of PyTorch on the card, in each of its ways; one that fails there is left out, with what it said. */
async function timeCardPeers(
  options: PeerOptions,
  { rounds, ours, isCompiled, say }: { rounds: number; ours: number; isCompiled: boolean; say: Say },
) {
  const found: Record<string, { version: string; seconds: number; ratio: number }> = {};
  const ways = { ...cardPeers, ...(isCompiled && compiledPeers) };
  for (const [name, way] of Object.entries(ways)) {
    let peer: Peer | null = null;
    try {
      peer = await startPeer({ ...options, ...way, device: "cuda" }, "train");
      if (!peer) {
        say(noPeer);
        break;
      }
      const times: number[] = [];
      for (let round = -3; round < rounds; round++) {
        const took = await peer.time("train");
        if (round >= 0) times.push(took);
      }
      const seconds = median(times);
      found[name] = { version: peer.version, seconds, ratio: seconds / ours };
      say(
        `PyTorch ${peer.version}, ${name}: ${(options.batch / seconds).toFixed(0)} images/s; ours is ` +
          `${(seconds / ours).toFixed(2)} times that`,
      );
    } catch (error) {
      say(`PyTorch, ${name}: ${error instanceof Error ? error.message : error}`);
    } finally {
      peer?.close();
    }
  }
  return found;
}

function sayParts({ matrix, rest, byOperator }: RunTimes, say: Say): void {
  const milliseconds = (value: number) => (value * 1e3).toFixed(0);
  say(`a profiled step: matrix products ${milliseconds(matrix)} ms, all else ${milliseconds(rest)} ms:`);
  const largest = Object.entries(byOperator).sort(([, a], [, b]) => b - a);
  say(
    largest
      .slice(0, 12)
      .map(([op, took]) => `${op} ${milliseconds(took)}`)
      .join(", "),
  );
}

/** Where the time of one step goes, after two that warm up. */
async function profiledStep(size: Size) {
  const folder = await mkdtemp(join(tmpdir(), "bench-train-"));
  const profilePrefix = join(folder, "profile-");
  const runner = await createNodeRunner({ inProcess: true, profilePrefix });
  try {
    const step = await trainingStep(runner, size, 1);
    for (const k of [0, 1, 2]) await step.run(k);
    await step.unload();
    return (await readProfile(profilePrefix, step.programId)).at(-1)!;
  } finally {
    await runner.close();
    await rm(folder, { recursive: true });
  }
}

/** The share of the time in which the loop computes nothing: waiting for data, logging, bookkeeping. */
async function loopIdleShares(runner: Runner, isQuick: boolean, size: string, perRun: number) {
  const folder = await mkdtemp(join(tmpdir(), "bench-train-"));
  const measure = async (name: string, job: TrainingJob): Promise<number> => {
    const shares: number[] = [];
    const run = await openRunFolder(join(folder, name), {});
    await train(runner, run, job, {
      stepsPerRun: perRun,
      onProgress: ({ metrics }) => shares.push(metrics.idleShare!),
    });
    return median(shares.slice(1)); // the first line counts the first batch, which nothing hides
  };
  const each = isQuick ? 1 : Math.max(4, perRun);
  const steps = (isQuick || perRun > 1 ? 2 : 6) * each;
  const { config } = await loadConfig("configs/sprites.yaml", {
    set: ["tokenizer", "transformer"].flatMap((part) => [
      `${part}.training.steps=${steps}`,
      `${part}.training.logEvery=${each}`,
      `${part}.training.warmupSteps=1`,
      `${part}.training.sampleEvery=1000`,
    ]),
  });
  const { model, training } = config.tokenizer;
  const source = spritesSource({ seed: 0, resolution: model.resolution });
  const images = { source, count: 1000, randomFlip: false, key };
  try {
    return {
      transformer: await measure(
        "transformer",
        transformerJob({
          ...randomTask(isQuick ? { ...sizes[size]!, depth: 1 } : sizes[size]!),
          training: { ...config.transformer.training, batchSize: sizes[size]!.batch },
          key,
        }),
      ),
      tokenizer: await measure("tokenizer", tokenizerJob({ runner, config: model, training, ...images })),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Steps as the training loop runs them: state in the runner, new batches of random tokens each time. */
async function trainingStep(runner: Runner, size: Size, perRun: number) {
  const { config, dataset } = randomTask(size);
  const defaults = resolveConfig({ name: "bench" }, "bench").config.transformer.training;
  const training = { ...defaults, subModels: "all" as const, batchSize: size.batch };
  const job = transformerJob({ config, training, dataset, key });
  await runner.put(initialState(job.specs, await job.initialise()));
  const outputs = ["loss", "gradientNorm", ...job.outputs];
  const { specs } = job;
  const graph = job.graphAt(0);
  const runs = await loadStepRuns(runner, { specs, graph, outputs }, perRun > 1);
  const rateOptions = { ...training, ...training.schedule };
  return {
    config,
    programId: runs.program.id,
    unload: () => runs.unload(),
    batchSize: size.batch,
    nodes: neededNodes(graph).length,
    /** The `round`-th run of `perRun` steps; seconds and multiply-adds of one. */
    async run(round: number) {
      const feeds: Record<string, HostTensor>[] = [];
      let work = 0;
      for (let step = round * perRun; step < (round + 1) * perRun; step++) {
        const batch = await job.batch(step);
        const rate = learningRateAt(step, training.steps, rateOptions);
        feeds.push({ ...optimiserFeeds(step, rate, training), ...batch.feeds });
        work = batch.multiplyAdds;
      }
      const began = performance.now();
      await runs.run(feeds);
      return { took: (performance.now() - began) / 1000 / perRun, multiplyAdds: work };
    },
  };
}

/** The model of this bench, and random tokens for it. */
function randomTask({ grid, width, depth, heads }: Size) {
  const classNames = Array.from({ length: 12 }, (_, i) => String(i));
  const [codebookSize, count] = [1024, 256];
  const shape = { grid: [...grid], width, depth, heads };
  const config = transformerConfig({ ...shape, codebookSize, classes: classNames.length });
  const draws = uniforms(foldIn(key, 0), count * grid[0] * grid[1]);
  const ids = Uint16Array.from(draws, (u) => Math.floor(u * codebookSize));
  const classIds = Int32Array.from({ length: count }, (_, i) => i % classNames.length);
  const dataset = {
    grid: shape.grid,
    codebookSize,
    classNames,
    count,
    ids,
    classIds,
    source: "random",
    tokenizer: "none",
  };
  return { config, dataset };
}
