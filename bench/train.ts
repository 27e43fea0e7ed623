/**
 * How much of the machine does a training step use? The rate of a whole joint step (all sub-models forward, losses,
 * gradients, clipping, AdamW, averaging) over that of the best square float32 product in the same runner. Steps and
 * products take turns, so that whatever else the machine does meets both alike.
 *
 * D 256, L 8, H 8, N 64 tokens, V 1024, a batch of 32. Where python3 has PyTorch, the same step of the same model there
 * takes turns too; one more step, profiled, shows where the time goes. Two short trainings by the real loop, of this
 * transformer and of the shipped tokenizer on drawn images, tell what share of the time nothing is computed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { table } from "../cli/output/table.ts";
import { foldIn, type Key, uniforms } from "../src/core/random.ts";
import { spritesSource } from "../src/data/drawn/node/draw.ts";
import { encode } from "../src/graph/index.ts";
import { transformerConfig } from "../src/models/transformer/config.ts";
import type { Device } from "../src/runtime/device.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";
import type { Runner } from "../src/runtime/runner.ts";
import { type TrainingJob, train } from "../src/training/loop.ts";
import { learningRateAt, optimiserFeeds } from "../src/training/optimiser.ts";
import { initialState, stateFeeds, stateSinks } from "../src/training/optimiser-state.ts";
import { loadConfig, resolveConfig } from "../src/training/read-config.ts";
import { openRunFolder } from "../src/training/run-folder.ts";
import { tokenizerJob } from "../src/training/tokenizer-job.ts";
import { transformerJob } from "../src/training/transformer-job.ts";
import { type Bench, median } from "./bench.ts";
import { readProfile } from "./profile.ts";
import { squareProduct } from "./square-product.ts";
import { noPeer, type Peer, startPeer } from "./torch.ts";

const key: Key = [7, 7];

export const benchTraining: Bench = async ({ say, isQuick, device = "cpu" }) => {
  const [warmUps, rounds] = isQuick ? [0, 1] : [3, 15];
  const runner = await createNodeRunner({ device });
  let peer: Peer | null = null;
  try {
    const step = await trainingStep(runner, isQuick ? 1 : 8);
    const products = [await squareProduct(runner, 1024, isQuick ? 1 : 4)];
    if (!isQuick) products.push(await squareProduct(runner, 2048, 1));
    const decoding = { tokens: 64, batch: step.batchSize, steps: 12, guidanceScale: 1 };
    peer = await startPeer({ ...step.config, ...decoding, threads: availableParallelism() }, "train");
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
    const peerRatio = peer ? median(peerSeconds.map((theirs, i) => theirs / seconds[i]!)) : null;
    if (peer && peerRatio !== null) {
      const rate = step.batchSize / median(peerSeconds);
      say(`PyTorch ${peer.version}: ${rate.toFixed(1)} images/s; ours is ${peerRatio.toFixed(2)} times that`);
    } else {
      say(noPeer);
    }
    const parts = await profiledStep(isQuick ? 1 : 8, device);
    const milliseconds = (value: number) => (value * 1e3).toFixed(0);
    say(
      `a profiled step: matrix products ${milliseconds(parts.matrix)} ms, all else ${milliseconds(parts.rest)} ms:`,
    );
    const idleShares = await loopIdleShares(runner, isQuick);
    const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
    const largest = Object.entries(parts.byOperator).sort(([, a], [, b]) => b - a);
    say(
      largest
        .slice(0, 12)
        .map(([op, took]) => `${op} ${milliseconds(took)}`)
        .join(", "),
    );
    say(
      `the training loop computes nothing for ${percent(idleShares.transformer)} of its time (transformer), ` +
        `${percent(idleShares.tokenizer)} (tokenizer)`,
    );
    return {
      idleShares,
      peerRatio,
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

/** Where the time of one step goes, after two that warm up. */
async function profiledStep(depth: number, device: Device) {
  const folder = await mkdtemp(join(tmpdir(), "bench-train-"));
  const profilePrefix = join(folder, "profile-");
  const runner = await createNodeRunner({ device, inProcess: true, profilePrefix });
  try {
    const step = await trainingStep(runner, depth);
    for (const k of [0, 1, 2]) await step.run(k);
    await step.unload();
    return (await readProfile(profilePrefix, step.programId)).at(-1)!;
  } finally {
    await runner.close();
    await rm(folder, { recursive: true });
  }
}

/** The share of the time in which the loop computes nothing: waiting for data, logging, bookkeeping. */
async function loopIdleShares(runner: Runner, isQuick: boolean) {
  const folder = await mkdtemp(join(tmpdir(), "bench-train-"));
  const measure = async (name: string, job: TrainingJob): Promise<number> => {
    const shares: number[] = [];
    const run = await openRunFolder(join(folder, name), {});
    await train(runner, run, job, { onProgress: ({ metrics }) => shares.push(metrics.idleShare!) });
    return median(shares.slice(1)); // the first line counts the first batch, which nothing hides
  };
  const [steps, each] = isQuick ? [2, 1] : [24, 4];
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
        transformerJob({ ...randomTask(isQuick ? 1 : 8), training: config.transformer.training, key }),
      ),
      tokenizer: await measure("tokenizer", tokenizerJob({ runner, config: model, training, ...images })),
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The step as the training loop runs it: state in the runner, a new batch of random tokens each time. */
async function trainingStep(runner: Runner, depth: number) {
  const { config, dataset } = randomTask(depth);
  const { training } = resolveConfig({ name: "bench" }, "bench").config.transformer;
  const job = transformerJob({ config, training, dataset, key });
  await runner.put(initialState(job.specs, await job.initialise()));
  const program = await runner.load(encode(job.graph));
  const wanted = ["loss", "gradientNorm", ...job.outputs].map((name) => [name, "host"]);
  const sinks = { ...stateSinks(job.specs), ...Object.fromEntries(wanted) };
  const rateOptions = { ...training, ...training.schedule };
  return {
    config,
    programId: program.id,
    unload: () => runner.unload(program),
    batchSize: training.batchSize,
    nodes: job.graph.nodes.length,
    async run(step: number) {
      const { feeds, multiplyAdds } = await job.batch(step);
      const rate = learningRateAt(step, training.steps, rateOptions);
      const all = { ...stateFeeds(job.specs), ...optimiserFeeds(step, rate, training), ...feeds };
      const began = performance.now();
      await runner.run(program, all, sinks);
      return { took: (performance.now() - began) / 1000, multiplyAdds };
    },
  };
}

/** The model of this bench, and random tokens for it. */
function randomTask(depth: number) {
  const classNames = Array.from({ length: 12 }, (_, i) => String(i));
  const [grid, codebookSize, count] = [[8, 8], 1024, 256];
  const config = transformerConfig({
    grid,
    codebookSize,
    classes: classNames.length,
    width: 256,
    depth,
    heads: 8,
  });
  const ids = Uint16Array.from(uniforms(foldIn(key, 0), count * 64), (u) => Math.floor(u * codebookSize));
  const classIds = Int32Array.from({ length: count }, (_, i) => i % classNames.length);
  const dataset = {
    grid,
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
