/**
 * Runs of a job's step graph: a step a run, or several in one run, which is a Loop over the same graph. Where tensors
 * return to the host after every run, several steps a run are many times faster; the steps are the same, and on one
 * device so are their bits.
 */
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";
import { encode, encodeSteps, type Graph, stepCount } from "../graph/index.ts";
import type { ParameterSpec } from "../models/parameters.ts";
import type { ProgramName, Runner } from "../runtime/runner.ts";
import { carriedState, stateFeeds, stateSinks } from "./optimiser-state.ts";

type Tensors = Readonly<Record<string, HostTensor>>;

/** A loaded step graph. The optimiser's state is in the runner. */
export interface StepRuns {
  /**
   * Trains some steps in one run.
   *
   * @param feeds  of each step, in order: its batch and the optimiser's scalars; one step where runs have one
   * @returns of each step the wanted outputs
   */
  run(feeds: readonly Tensors[]): Promise<Tensors[]>;
  unload(): Promise<void>;
  /** What is loaded. */
  readonly program: ProgramName;
}

/**
 * Loads a step graph.
 *
 * @param job.graph    with the state of `job.specs`
 * @param job.outputs  the wanted outputs of every step
 * @param areSeveral   whether a run may have several steps
 */
export async function loadStepRuns(
  runner: Runner,
  job: {
    readonly specs: readonly ParameterSpec[];
    readonly graph: Graph;
    readonly outputs: readonly string[];
  },
  areSeveral: boolean,
): Promise<StepRuns> {
  const { specs, graph, outputs } = job;
  const program = await runner.load(areSeveral ? encodeSteps(graph, carriedState(specs)) : encode(graph));
  const state = stateFeeds(specs);
  const sinks = {
    ...stateSinks(specs),
    ...Object.fromEntries(outputs.map((name) => [name, "host" as const])),
  };
  return {
    program,
    async run(feeds) {
      if (!areSeveral) return [await runner.run(program, { ...state, ...feeds[0]! }, sinks)];
      const steps = tensor("int64", [], BigInt64Array.of(BigInt(feeds.length)));
      const found = await runner.run(program, { ...state, ...joined(feeds), [stepCount]: steps }, sinks);
      return feeds.map((_, step) => ofStep(found, step));
    },
    unload: () => runner.unload(program),
  };
}

/** Tensors of some steps as one each, with the steps as its first axis. */
function joined(steps: readonly Tensors[]): Tensors {
  return Object.fromEntries(
    Object.entries(steps[0]!).map(([name, { dtype, dims, data }]) => {
      const size = sizeOf(dims);
      const all = new (data.constructor as Float32ArrayConstructor)(steps.length * size);
      steps.forEach((feeds, step) => {
        all.set(feeds[name]!.data as Float32Array, step * size);
      });
      return [name, { dtype, dims: [steps.length, ...dims], data: all } as HostTensor];
    }),
  );
}

/** The inverse, of one step, as views. */
function ofStep(all: Tensors, step: number): Tensors {
  return Object.fromEntries(
    Object.entries(all).map(([name, { dtype, dims, data }]) => {
      const own = dims.slice(1);
      const size = sizeOf(own);
      const view = (data as Float32Array).subarray(step * size, (step + 1) * size);
      return [name, { dtype, dims: own, data: view } as HostTensor];
    }),
  );
}
