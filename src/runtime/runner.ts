/** The one seam between the project and what computes. */
import type { HostTensor } from "../core/tensor.ts";
import type { Device } from "./device.ts";

/**
 * A Runner executes encoded graphs on one device and keeps named tensors there between runs (parameters, optimiser
 * state, key/value caches). It is a connector: it knows nothing of models. Its adapters are node/runner.ts
 * (onnxruntime-node in a worker thread, since its `run` blocks its thread) and web/runner.ts (an onnxruntime-web module).
 *
 * Calls are answered in the order they were made, awaited or not. Arrays given to a runner are never detached, and
 * arrays it returns belong to the caller; leave feeds unchanged until their run settles.
 *
 * **Shapes as inputs.** An int64 input whose name is a shape in brackets, e.g. `shape [B, -1, 65*B]`, is fed by the
 * runner and not by its caller, and is not among a program's `inputs`: it holds those numbers, with every symbol (and
 * product of symbols) replaced by the size that this run's other feeds give it. Computed inside the graph, shapes would
 * be work for the CPU in the middle of a GPU's. `shapePort` (core/shape-port.ts) writes such names; a symbol that no
 * feed has is an error.
 */
export interface Runner {
  readonly device: Device;
  /** Compiles an ONNX model (its bytes). Throws with the runtime's reason when the model is refused. */
  load(model: Uint8Array): Promise<Program>;
  /**
   * Runs a program once.
   *
   * @param feeds  one entry per graph input: a host tensor, or a stored tensor by name, whole or its leading rows
   *   (where tensors live on the host a view, never a copy; on a GPU a copy that stays there).
   * @param outputs  which outputs to compute and where each goes: `"host"` returns it, `{ store }` keeps it in the
   *   runner under that name, replacing (and disposing) what stood there, and `{ store, atRows }` writes its rows over
   *   those rows of what stands there (on the CPU in place; in what order is undefined for a row named twice). An
   *   output may replace a tensor that the same run reads: replacement happens after the run.
   * @returns the outputs sent to the host, by name.
   * @throws naming the program, the input or output and the reason: a missing or extra feed, a wrong dtype or
   *   shape, a symbolic dim with two values, an unknown stored name, a closed runner. Stored tensors are then as they were.
   */
  run(
    program: ProgramName,
    feeds: Readonly<Record<string, Feed>>,
    outputs: Readonly<Record<string, Sink>>,
  ): Promise<Record<string, HostTensor>>;
  /**
   * What the names of an owner's stored tensors are to begin with, e.g. `transformer 2/`: another prefix at every call, so
   * that models which share a runner cannot overwrite each other's weights.
   */
  prefixFor(owner: string): string;
  /** Stores tensors by name, replacing what stood there. */
  put(tensors: Readonly<Record<string, HostTensor>>): Promise<void>;
  /** Copies stored tensors back to the host. Throws for an unknown name. */
  get(names: readonly string[]): Promise<Record<string, HostTensor>>;
  /** Disposes stored tensors; unknown names are ignored. */
  drop(names: readonly string[]): Promise<void>;
  /** Frees a program's session. */
  unload(program: ProgramName): Promise<void>;
  /** Counts what is alive, for leak tests. */
  stats(): Promise<{ programs: number; stored: number; storedBytes: number }>;
  /**
   * Waits for the run in progress and those asked for before, then frees everything and stops the worker. Every other
   * call after it is refused, in a sentence that says so. Safe to call twice.
   */
  close(): Promise<void>;
}

/** The `prefixFor` of one runner. */
export function countOwners(): Runner["prefixFor"] {
  let owners = 0;
  return (owner) => `${owner} ${++owners}/`;
}

/** What a runner answers after `close()`. */
export const closedMessage = "runner: it was closed and computes nothing more; open a new one";

/** What tells a compiled graph from others; `name` is the graph's own. */
export interface ProgramName {
  readonly id: number;
  readonly name: string;
}

/** A compiled graph. `inputs` and `outputs` carry the names, dtypes and shapes (symbolic dims as strings), shape inputs left out. */
export interface Program extends ProgramName {
  readonly inputs: readonly PortInfo[];
  readonly outputs: readonly PortInfo[];
}

export interface PortInfo {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

/** A tensor kept in the runner; `rows` takes the leading rows of its first axis as a view. */
export interface StoredFeed {
  readonly stored: string;
  readonly rows?: number;
}

export type Feed = HostTensor | StoredFeed;
export type Sink = "host" | { readonly store: string; readonly atRows?: Int32Array };
