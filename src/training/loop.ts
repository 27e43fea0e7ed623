/**
 * The training loop, the same for every network: batch, one graph run, log, sample, checkpoint. The next batch is
 * made while the engine computes the current one. Everything random is a function of (seed, step), and a checkpoint
 * holds all state, so that a run that is killed and resumed goes on exactly as it would have.
 */
import { InputError } from "../core/errors.ts";
import { type HostTensor, sizeOf } from "../core/tensor.ts";
import { encode, type Graph } from "../graph/index.ts";
import type { ParameterSpec } from "../models/parameters.ts";
import type { Feed, Runner } from "../runtime/runner.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import type { TrainingConfig } from "./config.ts";
import {
  initialState,
  learningRateAt,
  type OptimiserOptions,
  optimiserFeeds,
  stateFeeds,
  stateNames,
  stateSinks,
  stateSpecs,
} from "./optimiser.ts";
import type { Checkpoint, RunFolder } from "./run-folder.ts";

export type Schedule = Omit<TrainingConfig, "l1Weight" | "edgeWeight" | "perturbation" | "optimiser">;
export type Outputs = Readonly<Record<string, HostTensor>>;

/** What a network brings to the loop. */
export interface TrainingJob {
  /** e.g. "tokenizer"; for messages. */
  readonly name: string;
  readonly schedule: Schedule;
  readonly specs: readonly ParameterSpec[];
  /** The step graph: the optimiser's state and scalars, a batch; outputs `loss`, `gradientNorm` and its own. */
  readonly graph: Graph;
  /** The graph's own outputs that are wanted on the host at every step. */
  readonly outputs: readonly string[];
  /** Fresh weights, where no checkpoint is resumed. */
  initialise(): Promise<Record<string, HostTensor<"float32">>>;
  /** The batch of a step (0-based), a pure function of it. */
  batch(step: number): Promise<{ feeds: Record<string, Feed>; multiplyAdds: number }>;
  /** Work between steps that may change stored state, e.g. codebook restarts. */
  afterStep?(step: number, outputs: Outputs): Promise<void>;
  /** What is logged, averaged over the steps since the last line. */
  metrics(outputs: Outputs): Record<string, number>;
  /** A PNG that shows the state after `step` steps. */
  sample?(step: number): Promise<Uint8Array>;
  /** State beside the optimiser's that a checkpoint must carry. */
  readonly extra?: { save(): Record<string, HostTensor>; load(tensors: Outputs): void };
}

/** How far a training is. */
export interface TrainingProgress {
  readonly job: string;
  /** Steps done and in all. */
  readonly step: number;
  readonly total: number;
  /** The latest logged figures. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface LoopOptions {
  readonly signal?: AbortSignal;
  /** Called after every logged step. */
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/**
 * Trains until the last step and leaves the final state in the runner's store and in a checkpoint. When aborted, the
 * state so far is saved as a checkpoint before the signal's reason is thrown.
 *
 * @returns the final state by name
 * @throws InputError naming the step when the loss or the gradient is no longer finite, which is the doing of a
 *   setting or of the data; when the checkpoint to resume does not fit the job; when a file cannot be written.
 *   Earlier checkpoints stay as they are.
 */
export async function train(
  runner: Runner,
  folder: RunFolder,
  job: TrainingJob,
  { signal, onProgress }: LoopOptions = {},
): Promise<Record<string, HostTensor>> {
  const { schedule, specs } = job;
  const names = stateNames(specs);
  const optimiser: OptimiserOptions = schedule;
  const start = folder.checkpoint?.step ?? 0;
  const window = restoreWindow(folder.checkpoint?.notes.window);
  let seconds = Number(folder.checkpoint?.notes.seconds ?? 0);
  if (folder.checkpoint) {
    checkFit(folder, folder.checkpoint, job);
    const { tensors } = folder.checkpoint;
    await runner.put(Object.fromEntries(names.map((name) => [name, tensors[name]!])));
    job.extra?.load(tensors);
  } else {
    await runner.put(initialState(await job.initialise()));
  }
  const save = async (step: number): Promise<Record<string, HostTensor>> => {
    const tensors = await runner.get(names);
    const notes = { seconds: seconds.toFixed(3), window: storeWindow(window) };
    await folder.saveCheckpoint({ step, tensors: { ...tensors, ...job.extra?.save() }, notes });
    return tensors;
  };
  if (start >= schedule.steps) return folder.checkpoint ? runner.get(names) : save(start);

  const program = await runner.load(encode(job.graph));
  const feeds = stateFeeds(specs);
  const sinks = { ...stateSinks(specs), loss: "host", gradientNorm: "host" } as const;
  const wanted = Object.fromEntries(job.outputs.map((name) => [name, "host" as const]));
  let next = job.batch(start);
  let saved = start;
  try {
    for (let step = start; step < schedule.steps; step++) {
      if (signal?.aborted) {
        if (step > saved) await save(step);
        signal.throwIfAborted();
      }
      const began = performance.now();
      const { feeds: batch, multiplyAdds } = await next;
      const rate = learningRateAt(step, schedule.steps, { ...schedule, ...schedule.schedule });
      const fed = performance.now();
      const running = runner.run(
        program,
        { ...feeds, ...optimiserFeeds(step, rate, optimiser), ...batch },
        { ...sinks, ...wanted },
      );
      running.catch(() => {}); // awaited below; a failing batch must not leave it unheard
      next = step + 1 < schedule.steps ? job.batch(step + 1) : next;
      next.catch(() => {}); // awaited at its step
      const outputs = await running;
      const busy = (performance.now() - fed) / 1000;
      const loss = numberOf(outputs.loss!);
      const norm = numberOf(outputs.gradientNorm!);
      if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
        const kept = saved > 0 ? `the checkpoint of step ${saved} is intact` : "no checkpoint was saved yet";
        throw new InputError(
          `train ${job.name}: step ${step + 1} gave a loss of ${loss} and a gradient norm of ${norm}, so training ` +
            `stopped (${kept}); lower ${job.name}.training.learningRate and train into another folder`,
        );
      }
      await job.afterStep?.(step, outputs);
      const took = (performance.now() - began) / 1000;
      seconds += took;
      addTo(window, { loss, gradientNorm: norm, ...job.metrics(outputs) }, multiplyAdds, took, busy);

      const done = step + 1;
      const isDue = (every: number): boolean => done % every === 0 || done === schedule.steps;
      if (isDue(schedule.logEvery)) {
        const metrics = { ...summary(window, schedule.batchSize), learningRate: rate, seconds };
        await folder.log({ step: done, ...metrics });
        onProgress?.({ job: job.name, step: done, total: schedule.steps, metrics });
      }
      // Before the checkpoint: a run that is killed in between goes on from an earlier one, and makes the sample again.
      if (job.sample && isDue(schedule.sampleEvery)) await folder.saveSample(done, await job.sample(done));
      if (isDue(schedule.checkpointEvery)) {
        await save(done);
        saved = done;
      }
    }
  } finally {
    await runner.unload(program);
  }
  return runner.get(names);
}

/** A checkpoint of another network must not reach the engine; what is wrong with it is told by name. */
function checkFit({ path }: RunFolder, { step, tensors }: Checkpoint, { specs, extra }: TrainingJob): void {
  const beside = Object.entries(extra?.save() ?? {}).map(([name, { dims, dtype }]) => ({
    name,
    shape: dims,
    dtype,
  }));
  checkTensors(`${path}: checkpoint of step ${step}`, tensors, [...stateSpecs(specs), ...beside]);
}

/** Sums over the steps since the last logged line. */
interface Window {
  steps: number;
  seconds: number;
  /** Of these, with a step in the runner. */
  busy: number;
  multiplyAdds: number;
  sums: Record<string, number>;
}

function emptyWindow(): Window {
  return { steps: 0, seconds: 0, busy: 0, multiplyAdds: 0, sums: {} };
}

/**
 * The window as text for a checkpoint's notes, so that a run stopped between two lines logs what it would have.
 * Sums are written as strings: they come back bit for bit, and infinities survive.
 */
function storeWindow({ sums, ...rest }: Window): string {
  const texts = Object.entries(sums).map(([name, value]) => [name, String(value)]);
  return JSON.stringify({ ...rest, sums: Object.fromEntries(texts) });
}

/** The inverse; checkpoints of early versions have no window. */
function restoreWindow(text: string | undefined): Window {
  if (text === undefined) return emptyWindow();
  const stored = JSON.parse(text) as Omit<Window, "sums"> & { sums: Record<string, string> };
  const sums = Object.entries(stored.sums).map(([name, value]) => [name, Number(value)]);
  return { ...stored, sums: Object.fromEntries(sums) };
}

function addTo(
  window: Window,
  figures: Readonly<Record<string, number>>,
  multiplyAdds: number,
  seconds: number,
  busy: number,
): void {
  window.steps++;
  window.seconds += seconds;
  window.busy += busy;
  window.multiplyAdds += multiplyAdds;
  for (const [name, value] of Object.entries(figures)) window.sums[name] = (window.sums[name] ?? 0) + value;
}

/** Means over the window, with the rates; the window then starts again. */
function summary(window: Window, batchSize: number): Record<string, number> {
  const means = Object.entries(window.sums).map(([name, value]) => [name, value / window.steps]);
  const rates = {
    imagesPerSecond: (window.steps * batchSize) / window.seconds,
    // A multiply-add is two floating-point operations.
    gflops: (2 * window.multiplyAdds) / window.seconds / 1e9,
    // The share of the time in which nothing was computed: data not ready, logging, bookkeeping.
    idleShare: 1 - window.busy / window.seconds,
  };
  Object.assign(window, emptyWindow());
  return { ...Object.fromEntries(means), ...rates };
}

function numberOf(value: HostTensor): number {
  if (sizeOf(value.dims) !== 1) throw new Error(`train: expected a scalar, got [${value.dims}]`);
  return Number(value.data[0]);
}
