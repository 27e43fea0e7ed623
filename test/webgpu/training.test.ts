/** Training on a GPU: the CPU's losses, and a state that stays there and does not grow. */
import { expect, it } from "vitest";
import { integerAt } from "../../src/core/random.ts";
import type { ImageSource } from "../../src/data/source.ts";
import type { TokenDataset } from "../../src/data/tokens.ts";
import { initialise } from "../../src/models/parameters.ts";
import type { Device } from "../../src/runtime/device.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import type { TrainingJob } from "../../src/training/loop.ts";
import { learningRateAt, optimiserFeeds } from "../../src/training/optimiser.ts";
import { initialState } from "../../src/training/optimiser-state.ts";
import { resolveConfig } from "../../src/training/read-config.ts";
import { loadStepRuns } from "../../src/training/step-runs.ts";
import { tokenizerJob } from "../../src/training/tokenizer-job.ts";
import { transformerJob } from "../../src/training/transformer-job.ts";
import { describeOnGpu } from "./adapter.ts";
import { tokenizers, transformers } from "./every-graph.ts";

const steps = 20;
const schedule = { steps, batchSize: 2, learningRate: 0.005, warmupSteps: 2, logEvery: 1 };
const { tokenizer, transformer } = resolveConfig(
  {
    name: "gpu",
    tokenizer: { training: schedule },
    transformer: { training: { ...schedule, batchSize: 4 } },
  },
  "gpu",
).config;

/** Images of one colour and noise, still or moving. */
const sourceOf = (frames?: number): ImageSource => ({
  name: "test",
  classNames: [],
  resolution: 16,
  length: 8,
  frames,
  read: async (index) => ({
    width: 16,
    height: 16,
    frames,
    pixels: Uint8Array.from(
      { length: 768 * (frames ?? 1) },
      (_, at) => 100 * (index % 3) + integerAt([index, 1], at, 50),
    ),
    classId: 0,
  }),
});
const dataset: TokenDataset = {
  grid: [2, 2],
  codebookSize: 12,
  classNames: ["a", "b", "c"],
  count: 9,
  ids: Uint16Array.from({ length: 36 }, (_, at) => (4 * (at >> 2) + (at % 4)) % 12),
  classIds: Int32Array.from({ length: 9 }, (_, i) => i % 3),
  source: "test",
  tokenizer: "test",
};

const jobs: Record<string, (runner: Runner) => TrainingJob> = {};
for (const [name, config] of Object.entries(transformers)) {
  jobs[`the transformer, ${name}`] = () =>
    transformerJob({ config, training: { ...transformer.training, factors: [1, 2] }, dataset, key: [9, 9] });
}
for (const [name, config] of Object.entries(tokenizers)) {
  jobs[`the tokenizer, ${name}`] = (runner) =>
    tokenizerJob({
      runner,
      config,
      training: tokenizer.training,
      source: sourceOf(config.frames),
      count: 8,
      randomFlip: true,
      key: [9, 9],
    });
}

describeOnGpu("training on a GPU, with the fallback to the CPU forbidden", () => {
  /** The losses of all steps, as the training loop runs them, so many steps a run. */
  async function losses(runner: Runner, job: TrainingJob, perRun: number): Promise<number[]> {
    // The same weights on both: a codebook fitted on each would differ in the last bits, and some token then choose
    // another code.
    await runner.put(initialState(job.specs, initialise(job.specs, [1, 2])));
    const outputs = ["loss", "gradientNorm", ...job.outputs];
    const { specs } = job;
    const runs = await loadStepRuns(runner, { specs, graph: job.graphAt(0), outputs }, perRun > 1);
    const found: number[] = [];
    const before = await runner.stats();
    for (let first = 0; first < steps; first += perRun) {
      const feeds = [];
      for (let step = first; step < first + perRun; step++) {
        const rate = learningRateAt(step, steps, { ...job.schedule, ...job.schedule.schedule });
        feeds.push({ ...optimiserFeeds(step, rate, job.schedule), ...(await job.batch(step)).feeds });
      }
      for (const { loss } of await runs.run(feeds)) found.push(Number(loss!.data[0]));
    }
    expect(await runner.stats()).toEqual(before);
    await runs.unload();
    return found;
  }

  const [transformerName, tokenizerName] = [Object.keys(transformers)[0], Object.keys(tokenizers)[0]];
  const cases = [
    ...Object.keys(jobs).map((name) => ({ name, perRun: 1 })),
    { name: `the transformer, ${transformerName}`, perRun: 5 },
    { name: `the tokenizer, ${tokenizerName}`, perRun: 10 },
  ];
  it.each(cases)("$name, $perRun a run: 20 losses are the CPU's to 1e-4", async ({ name, perRun }) => {
    const onDevice = async (device: Device, steps: number): Promise<number[]> => {
      // The Loop itself, which only counts, runs on the CPU.
      const runner = await createNodeRunner({ device, threads: 1, forbidFallback: steps === 1 });
      try {
        return await losses(runner, jobs[name]!(runner), steps);
      } finally {
        await runner.close();
      }
    };
    const expected = await onDevice("cpu", 1);
    const found = await onDevice("webgpu", perRun);
    expect(Math.abs(expected.at(-1)! - expected[0]!)).toBeGreaterThan(1e-3); // so errors of the state would show
    expect(Math.max(...found.map((loss, i) => Math.abs(loss - expected[i]!)))).toBeLessThan(1e-4);
  });
});
