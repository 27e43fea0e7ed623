/**
 * The training loop, the same for every network: batches, one run of the engine, log, sample, checkpoint. The next
 * batches are made while the engine computes the current ones. Everything random is a function of (seed, step), and a checkpoint
 * holds all state, so that a run that is killed and resumed goes on exactly as it would have.
 */
import { InputError } from "../core/errors.ts";
import { type HostTensor, sizeOf } from "../core/tensor.ts";
import { encode, type Graph } from "../graph/index.ts";
import type { ParameterSpec } from "../models/parameters.ts";
import type { Feed, Runner } from "../runtime/runner.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import type { TrainingConfig } from "./config.ts";
import { isSoundStep, learningRateAt, type OptimiserOptions, optimiserFeeds } from "./optimiser.ts";
import {
  averagedWeights,
  averageFeeds,
  getState,
  initialState,
  putState,
  stateSpecs,
} from "./optimiser-state.ts";
import type { Checkpoint, RunFolder } from "./run-folder.ts";
import { loadStepRuns, type StepRuns } from "./step-runs.ts";

export type Schedule = Omit<TrainingConfig, "l1Weight" | "edgeWeight" | "perturbation" | "optimiser">;
export type Outputs = Readonly<Record<string, HostTensor>>;

/** What a network brings to the loop. */
export interface TrainingJob {
  /** e.g. "tokenizer"; for messages. */
  readonly name: string;
  readonly schedule: Schedule;
  readonly specs: readonly ParameterSpec[];
  /**
   * The graph of a step (0-based), a pure function of it: the optimiser's state and scalars, a batch; outputs `loss`,
   * `gradientNorm` and its own. Where steps have several graphs, all have the same state, and a run is of one of them.
   */
  graphAt(step: number): Graph;
  /** The graphs' own outputs that are wanted on the host at every step whose graph has them. */
  readonly outputs: readonly string[];
  /** Fresh weights, where no checkpoint is resumed. */
  initialise(signal?: AbortSignal): Promise<Record<string, HostTensor<"float32">>>;
  /** The batch of a step (0-based), a pure function of it. */
  batch(step: number): Promise<{ feeds: Record<string, HostTensor>; multiplyAdds: number }>;
  /** Work after a step, 0-based; it may change stored state where {@link changesState} says so. */
  afterStep?(step: number, outputs: Outputs): Promise<void>;
  /** Whether the work after a step may change stored state, e.g. restart codes: no run goes on beyond it. */
  changesState?(step: number): boolean;
  /** What is logged: each figure as the mean over the steps since the last line that have it. */
  metrics(outputs: Outputs): Record<string, number>;
  /** A PNG that shows the state after `step` steps. */
  sample?(step: number): Promise<Uint8Array>;
  /** Data that it does not learn from, by which the weights that are kept are chosen. */
  readonly heldOut?: HeldOut;
  /** State beside the optimiser's that a checkpoint must carry. */
  readonly extra?: { save(): Record<string, HostTensor>; load(tensors: Outputs): void };
}

/**
 * What a job is looked at with now and then: the averaged weights whose loss on held-out data is the lowest are kept, and
 * training stops when it no longer falls (early stopping; Prechelt 1998).
 */
export interface HeldOut {
  /** Steps from one look to the next; the last step gets one too. */
  readonly every: number;
  /** Steps without a lower loss after which training stops. */
  readonly patience: number;
  /** Inputs: the moving averages (`averageInputs`), and what a batch feeds. Every output is a scalar, `loss` one of them. */
  readonly graph: Graph;
  /** The same at every look. A figure is the mean over them, by weight. */
  readonly batches: readonly { readonly feeds: Readonly<Record<string, Feed>>; readonly weight: number }[];
}

/** The weights of the lowest loss so far. */
interface Best {
  readonly step: number;
  readonly loss: number;
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
  /** How many steps a run of the engine has at most, unless the schedule says so. Default 1. */
  readonly stepsPerRun?: number;
  /** Called after every logged step. */
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/**
 * Trains until the last step and leaves the final state in the runner's store and in a checkpoint. When aborted, the
 * state so far is saved as a checkpoint before the signal's reason is thrown. A job with held-out data may stop before
 * the last step; its best weights are in the folder ({@link RunFolder.readBest}).
 *
 * @returns the final state by name
 * @throws InputError naming the step when the loss or the gradient is no longer finite, which is the doing of a
 *   setting or of the data (the state in the store is then that before the step); when the checkpoint to resume does not
 *   fit the job; when a file cannot be written. Earlier checkpoints stay as they are.
 */
export async function train(
  runner: Runner,
  folder: RunFolder,
  job: TrainingJob,
  { signal, onProgress, stepsPerRun = 1 }: LoopOptions = {},
): Promise<Record<string, HostTensor>> {
  const { schedule, specs } = job;
  const optimiser: OptimiserOptions = schedule;
  const start = folder.checkpoint?.step ?? 0;
  const window = restoreWindow(folder.checkpoint?.notes.window);
  let seconds = Number(folder.checkpoint?.notes.seconds ?? 0);
  let best = JSON.parse(folder.checkpoint?.notes.best ?? "null") as Best | null;
  if (folder.checkpoint) {
    checkFit(folder, folder.checkpoint, job);
    await putState(runner, specs, folder.checkpoint.tensors);
    job.extra?.load(folder.checkpoint.tensors);
  } else {
    await runner.put(initialState(specs, await job.initialise(signal)));
  }
  const save = async (step: number): Promise<Record<string, HostTensor>> => {
    const tensors = await getState(runner, specs);
    const notes = {
      seconds: seconds.toFixed(3),
      window: storeWindow(window),
      ...(best && { best: JSON.stringify(best) }),
    };
    await folder.saveCheckpoint({ step, tensors: { ...tensors, ...job.extra?.save() }, notes });
    return tensors;
  };
  const isSpent = (done: number): boolean =>
    job.heldOut !== undefined && best !== null && done - best.step >= job.heldOut.patience;
  if (start >= schedule.steps || isSpent(start))
    return folder.checkpoint ? getState(runner, specs) : save(start);

  const isAt = (done: number, every: number): boolean => done % every === 0 || done === schedule.steps;
  // How many steps the run from `step` on has: it ends wherever something is done between steps.
  const most = schedule.stepsPerRun ?? stepsPerRun;
  const { logEvery, checkpointEvery, sampleEvery } = schedule;
  const pauses = [logEvery, checkpointEvery, sampleEvery, ...(job.heldOut ? [job.heldOut.every] : [])];
  const endsRun = (step: number): boolean =>
    pauses.some((every) => isAt(step + 1, every)) ||
    (job.changesState?.(step) ?? false) ||
    job.graphAt(step + 1) !== job.graphAt(step);
  const lengthAt = (step: number): number => {
    let length = 1;
    while (length < most && !endsRun(step + length - 1)) length++;
    return length;
  };
  const rateAt = (step: number): number =>
    learningRateAt(step, schedule.steps, { ...schedule, ...schedule.schedule });
  const batchesFrom = async (step: number) => {
    const batches: { feeds: Record<string, HostTensor>; multiplyAdds: number }[] = [];
    for (let at = step; at < step + lengthAt(step); at++) {
      const { feeds, multiplyAdds } = await job.batch(at);
      batches.push({ feeds: { ...optimiserFeeds(at, rateAt(at), optimiser), ...feeds }, multiplyAdds });
    }
    return batches;
  };

  const loaded = new Map<Graph, StepRuns>();
  const runsOf = async (graph: Graph): Promise<StepRuns> => {
    let runs = loaded.get(graph);
    if (!runs) {
      const outputs = ["loss", "gradientNorm", ...job.outputs.filter((name) => graph.outputs.has(name))];
      runs = await loadStepRuns(runner, { specs, graph, outputs }, most > 1);
      loaded.set(graph, runs);
    }
    return runs;
  };
  let next = batchesFrom(start);
  next.catch(() => {}); // awaited at its step
  let saved = start;
  let held: HeldOutLook | undefined;
  try {
    held = job.heldOut && (await openHeldOut(runner, job.heldOut, specs));
    for (let first = start; first < schedule.steps; ) {
      if (signal?.aborted) {
        if (first > saved) await save(first);
        signal.throwIfAborted();
      }
      const runs = await runsOf(job.graphAt(first)); // compiled when first needed, which is no training time
      const began = performance.now();
      const batches = await next;
      const done = first + batches.length;
      const fed = performance.now();
      const running = runs.run(batches.map(({ feeds }) => feeds));
      running.catch(() => {}); // awaited below; a failing batch must not leave it unheard
      next = done < schedule.steps ? batchesFrom(done) : next;
      next.catch(() => {}); // awaited at its step
      const found = await running;
      const busy = (performance.now() - fed) / 1000;
      const figures: Record<string, number>[] = [];
      for (const [i, own] of found.entries()) {
        const [loss, norm] = [numberOf(own.loss!), numberOf(own.gradientNorm!)];
        if (!isSoundStep(loss, norm)) throw unsound(job.name, { step: first + i + 1, loss, norm, saved });
        await job.afterStep?.(first + i, own);
        figures.push({ loss, gradientNorm: norm, ...job.metrics(own) });
      }
      const took = (performance.now() - began) / 1000;
      seconds += took;
      for (const [i, { multiplyAdds }] of batches.entries()) {
        addTo(window, figures[i]!, multiplyAdds, took / batches.length, busy / batches.length);
      }

      const seen = held && isAt(done, job.heldOut!.every) ? await held.look() : null;
      if (seen && seen.loss! < (best?.loss ?? Number.POSITIVE_INFINITY)) {
        best = { step: done, loss: seen.loss! };
        await folder.saveBest(best, await held!.weights());
      }
      const isLast = isSpent(done);
      const isDue = (every: number): boolean => isAt(done, every) || isLast;
      if (isDue(logEvery) || seen) {
        const looked = Object.entries(seen ?? {}).map(([name, value]) => [`heldOut.${name}`, value]);
        const metrics = {
          ...summary(window, schedule.batchSize),
          ...Object.fromEntries(looked),
          learningRate: rateAt(done - 1),
          seconds,
        };
        await folder.log({ step: done, ...metrics });
        onProgress?.({ job: job.name, step: done, total: schedule.steps, metrics });
      }
      // Before the checkpoint: a run that is killed in between goes on from an earlier one, and makes the sample again.
      if (job.sample && isDue(sampleEvery)) await folder.saveSample(done, await job.sample(done));
      if (isDue(checkpointEvery)) {
        await save(done);
        saved = done;
      }
      if (isLast) break;
      first = done;
    }
  } finally {
    await held?.close();
    for (const runs of loaded.values()) await runs.unload();
  }
  return getState(runner, specs);
}

function unsound(
  job: string,
  { step, loss, norm, saved }: Readonly<Record<"step" | "loss" | "norm" | "saved", number>>,
): InputError {
  const kept = saved > 0 ? `the checkpoint of step ${saved} is intact` : "no checkpoint was saved yet";
  return new InputError(
    `train ${job}: step ${step} gave a loss of ${loss} and a gradient norm of ${norm}, so training ` +
      `stopped (${kept}); lower ${job}.training.learningRate and train into another folder`,
  );
}

/** The averaged weights in the runner's store. */
interface HeldOutLook {
  /** Their figures on the held-out data. */
  look(): Promise<Record<string, number>>;
  /** A copy of them. */
  weights(): Promise<Record<string, HostTensor>>;
  close(): Promise<void>;
}

async function openHeldOut(
  runner: Runner,
  { graph, batches }: HeldOut,
  specs: readonly ParameterSpec[],
): Promise<HeldOutLook> {
  const program = await runner.load(encode(graph));
  const weights = averageFeeds(specs);
  const names = program.outputs.map(({ name }) => name);
  const sinks = Object.fromEntries(names.map((name) => [name, "host" as const]));
  const whole = batches.reduce((total, { weight }) => total + weight, 0);
  return {
    async look() {
      const sums = new Map(names.map((name) => [name, 0]));
      for (const { feeds, weight } of batches) {
        const outputs = await runner.run(program, { ...weights, ...feeds }, sinks);
        for (const name of names) sums.set(name, sums.get(name)! + weight * numberOf(outputs[name]!));
      }
      return Object.fromEntries([...sums].map(([name, sum]) => [name, sum / whole]));
    },
    weights: async () => averagedWeights(await getState(runner, specs, ["average"])),
    close: () => runner.unload(program),
  };
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
  /** How many of the steps have each figure. */
  counts: Record<string, number>;
}

function emptyWindow(): Window {
  return { steps: 0, seconds: 0, busy: 0, multiplyAdds: 0, sums: {}, counts: {} };
}

/**
 * The window as text for a checkpoint's notes, so that a run stopped between two lines logs what it would have.
 * Sums are written as strings: they come back bit for bit, and infinities survive.
 */
function storeWindow({ sums, ...rest }: Window): string {
  const texts = Object.entries(sums).map(([name, value]) => [name, String(value)]);
  return JSON.stringify({ ...rest, sums: Object.fromEntries(texts) });
}

/** The inverse; checkpoints of early versions have no window, later ones no counts: every step had every figure. */
function restoreWindow(text: string | undefined): Window {
  if (text === undefined) return emptyWindow();
  const stored = JSON.parse(text) as Omit<Window, "sums"> & { sums: Record<string, string> };
  const sums = Object.entries(stored.sums).map(([name, value]) => [name, Number(value)]);
  const counts = stored.counts ?? Object.fromEntries(sums.map(([name]) => [name, stored.steps]));
  return { ...stored, sums: Object.fromEntries(sums), counts };
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
  for (const [name, value] of Object.entries(figures)) {
    window.sums[name] = (window.sums[name] ?? 0) + value;
    window.counts[name] = (window.counts[name] ?? 0) + 1;
  }
}

/** Means over the window, with the rates; the window then starts again. */
function summary(window: Window, batchSize: number): Record<string, number> {
  const means = Object.entries(window.sums).map(([name, value]) => [name, value / window.counts[name]!]);
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
