/** The engine behind every runner: it is given the runtime's module, so that one file serves Node and the browser. */
import type { InferenceSession, Tensor } from "onnxruntime-common";
import { shapeOfPort, shapeValues } from "../core/shape-port.ts";
import type { DType, HostTensor } from "../core/tensor.ts";
import { bytesPerElement, sizeOf } from "../core/tensor.ts";
import type { FeedShape } from "./check-feeds.ts";
import { checkFeeds, checkSinks } from "./check-feeds.ts";
import { type Device, factsOf } from "./device.ts";
import { runFailure } from "./device-failure.ts";
import { graphName } from "./graph-name.ts";
import {
  closedMessage,
  countOwners,
  type Feed,
  type PortInfo,
  type Program,
  type ProgramName,
  type Runner,
  type Sink,
} from "./runner.ts";
import { type Ort, openHome, reasonOf } from "./tensor-home.ts";

/**
 * Compiled sessions and stored tensors of one ONNX Runtime module, in whichever thread calls it.
 *
 * - Calls take turns in the order they came: one finishes before the next begins.
 * - Tensors never leave the store on the device: a GPU tensor cannot reach a session of another device, where it
 *   would be read as garbage without an error.
 * - Ownership: `put` keeps the arrays it is given (hand over copies if you go on writing to them); `get` and `run`
 *   return arrays that are the caller's own. Feeds must stay unchanged until `run` settles.
 *
 * @param ort      the runtime's module (`onnxruntime-node` or `onnxruntime-web`)
 * @param device   where sessions compute and stored tensors live
 * @param session  options for every session; execution provider and output location are set here
 * @throws {InputError} when the device is not there
 */
export async function createSessionStore(
  ort: Ort,
  device: Device,
  session: InferenceSession.SessionOptions,
): Promise<Runner> {
  const options = { ...session, executionProviders: [factsOf(device).provider] };
  const home = await openHome(ort, device, options);
  const compiled = new Map<number, { program: Program; session: InferenceSession }>();
  const stored = new Map<string, Tensor>();
  let nextId = 1;
  let closing: Promise<void> | undefined;
  let lastTurn: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (closing) return Promise.reject(new Error(closedMessage));
    const result = lastTurn.then(work);
    lastTurn = result.catch(() => {});
    return result;
  }

  function compiledOf({ id, name }: ProgramName): { program: Program; session: InferenceSession } {
    const found = compiled.get(id);
    if (!found || found.program.name !== name) {
      throw new Error(`run "${name}": this program was unloaded or belongs to another runner`);
    }
    return found;
  }

  function storedTensor(name: string, where: string): Tensor {
    const found = stored.get(name);
    if (!found) {
      const known = [...stored.keys()];
      const list =
        known.length > 12 ? `${known.slice(0, 12).join(", ")}, ... (${known.length})` : known.join(", ");
      throw new Error(`${where}: no tensor is stored as "${name}"; stored: ${list || "none"}`);
    }
    return found;
  }

  function replace(name: string, tensor: Tensor): void {
    stored.get(name)?.dispose();
    stored.set(name, tensor);
  }

  async function load(model: Uint8Array): Promise<Program> {
    let session: InferenceSession;
    try {
      const preferredOutputLocation = home.outputLocation;
      const profileFilePrefix = options.profileFilePrefix && `${options.profileFilePrefix}${nextId}`;
      session = await ort.InferenceSession.create(model, {
        ...options,
        ...(profileFilePrefix && { profileFilePrefix }),
        preferredOutputLocation,
      });
    } catch (error) {
      throw new Error(`load: the runtime refused a model of ${model.byteLength} bytes: ${reasonOf(error)}`);
    }
    const id = nextId++;
    const name = graphName(model) ?? `program ${id}`;
    const program: Program = {
      id,
      name,
      inputs: session.inputMetadata.filter(({ name }) => !shapeOfPort(name)).map(portInfo),
      outputs: session.outputMetadata.map(portInfo),
    };
    compiled.set(id, { program, session });
    return program;
  }

  async function run(
    asked: ProgramName,
    feeds: Readonly<Record<string, Feed>>,
    outputs: Readonly<Record<string, Sink>>,
  ): Promise<Record<string, HostTensor>> {
    const { program, session } = compiledOf(asked);
    const where = `run "${program.name}"`;
    const sinks = Object.entries(outputs);
    checkSinks(where, program, sinks);
    const pieces = Object.entries(feeds).map(([name, feed]) => [name, pieceOf(where, name, feed)] as const);
    const sizes = checkFeeds(where, program.inputs, Object.fromEntries(pieces));

    const fed: Record<string, Tensor> = {};
    for (const name of session.inputNames) {
      const shape = shapeOfPort(name);
      if (shape) fed[name] = new ort.Tensor("int64", shapeValues(shape, sizes), [shape.length]);
    }
    const temporary: Tensor[] = [];
    let results: Record<string, Tensor>;
    try {
      for (const [name, { whole, rows }] of pieces) {
        fed[name] = whole;
        if (rows !== undefined) {
          fed[name] = await home.leadingRows(whole, rows);
          temporary.push(fed[name]);
        }
      }
      const wanted = home.fetchesAll ? program.outputs : sinks.map(([name]) => ({ name }));
      const fetches = wanted.map(({ name }) => name);
      results = (await session.run(fed, fetches)) as Record<string, Tensor>;
    } catch (error) {
      throw runFailure(where, device, reasonOf(error));
    } finally {
      for (const view of temporary) view.dispose();
    }
    return settle(where, sinks, results);
  }

  /** What a feed refers to: a whole tensor, or the leading `rows` of one. */
  function pieceOf(where: string, name: string, feed: Feed): FeedShape & { whole: Tensor; rows?: number } {
    const at = `${where}: input "${name}"`;
    if (!feed) throw new Error(`${at}: nothing was given`);
    if (!("stored" in feed)) return { whole: toOrt(ort, at, feed), dtype: feed.dtype, dims: feed.dims };
    const whole = storedTensor(feed.stored, at);
    const { type: dtype, dims } = whole;
    const { rows } = feed;
    if (rows === undefined || rows === dims[0]) return { whole, dtype, dims };
    if (!Number.isInteger(rows) || rows < 0 || dims.length === 0 || rows > dims[0]!) {
      throw new Error(
        `${at}: rows must be an integer in 0..${dims[0] ?? 0}, as "${feed.stored}" is [${dims}]; got ${rows}`,
      );
    }
    return { whole, rows, dtype, dims: [rows, ...dims.slice(1)] };
  }

  /** Sends each output where it belongs. Should reading one fail, nothing stored has changed. */
  async function settle(
    where: string,
    sinks: readonly [string, Sink][],
    results: Record<string, Tensor>,
  ): Promise<Record<string, HostTensor>> {
    const toHost: Record<string, HostTensor> = {};
    const unclaimed = new Set(Object.values(results));
    try {
      for (const [name, sink] of sinks) {
        if (sink === "host") toHost[name] = fromOrt(await home.read(results[name]!));
        else if (sink.atRows) checkRows(`${where}: output "${name}"`, sink, results[name]!);
      }
      for (const [name, sink] of sinks) {
        if (sink === "host") continue;
        if (sink.atRows) {
          const table = stored.get(sink.store)!;
          const written = await home.withRows(table, sink.atRows, results[name]!);
          if (written !== table) replace(sink.store, written);
        } else {
          replace(sink.store, results[name]!);
          unclaimed.delete(results[name]!);
        }
      }
    } finally {
      // Where tensors live on the host, what was read is the output itself, which the caller now owns.
      if (home.outputLocation !== "cpu") for (const tensor of unclaimed) tensor.dispose();
    }
    return toHost;
  }

  /** Throws unless the rows of an output fit into what is stored. */
  function checkRows(at: string, { store, atRows }: Exclude<Sink, "host">, { type, dims }: Tensor): void {
    const table = storedTensor(store, at);
    const [count, rowCount] = [dims[0], table.dims[0] ?? 0];
    if (
      type !== table.type ||
      dims.slice(1).join() !== table.dims.slice(1).join() ||
      count !== atRows!.length
    ) {
      throw new Error(
        `${at}: ${type} [${dims}] cannot be written to ${atRows!.length} rows of "${store}", ${table.type} [${table.dims}]`,
      );
    }
    const outside = atRows!.find((row) => row < 0 || row >= rowCount);
    if (outside !== undefined) {
      throw new Error(`${at}: rows of "${store}" must be in 0..${rowCount - 1}, got ${outside}`);
    }
  }

  async function put(tensors: Readonly<Record<string, HostTensor>>): Promise<void> {
    for (const [name, given] of Object.entries(tensors)) {
      replace(name, await home.keep(toOrt(ort, `put "${name}"`, given)));
    }
  }

  async function get(names: readonly string[]): Promise<Record<string, HostTensor>> {
    const found: Record<string, HostTensor> = {};
    for (const name of names) {
      const { dtype, dims, data } = fromOrt(await home.read(storedTensor(name, "get")));
      found[name] = { dtype, dims, data: home.outputLocation === "cpu" ? data.slice() : data };
    }
    return found;
  }

  async function drop(names: readonly string[]): Promise<void> {
    for (const name of names) {
      stored.get(name)?.dispose();
      stored.delete(name);
    }
  }

  async function unload(asked: ProgramName): Promise<void> {
    const { program, session } = compiledOf(asked);
    compiled.delete(program.id);
    await session.release();
  }

  async function stats(): Promise<{ programs: number; stored: number; storedBytes: number }> {
    let storedBytes = 0;
    for (const { type, dims } of stored.values())
      storedBytes += sizeOf(dims) * bytesPerElement[type as DType];
    return { programs: compiled.size, stored: stored.size, storedBytes };
  }

  async function free(): Promise<void> {
    for (const { session } of compiled.values()) await session.release();
    compiled.clear();
    await drop([...stored.keys()]);
    await home.close();
  }

  return {
    device,
    prefixFor: countOwners(),
    load: (model) => inTurn(() => load(model)),
    run: (program, feeds, outputs) => inTurn(() => run(program, feeds, outputs)),
    put: (tensors) => inTurn(() => put(tensors)),
    get: (names) => inTurn(() => get(names)),
    drop: (names) => inTurn(() => drop(names)),
    unload: (program) => inTurn(() => unload(program)),
    stats: () => inTurn(stats),
    close: () => {
      closing ??= inTurn(free);
      return closing;
    },
  };
}

/**
 * A store whose `put` copies what it is given, for callers in the same thread, who may go on writing to their arrays.
 */
export function copyingPuts(store: Runner): Runner {
  return {
    ...store,
    put: async (tensors) => {
      const copies = Object.entries(tensors).map(([name, { dtype, dims, data }]) => {
        return [name, { dtype, dims, data: Uint8Array.prototype.slice.call(data) as typeof data }];
      });
      await store.put(Object.fromEntries(copies));
    },
  };
}

function portInfo(meta: InferenceSession.ValueMetadata): PortInfo {
  if (!meta.isTensor) throw new Error(`load: "${meta.name}" is not a tensor; only tensors are supported`);
  return { name: meta.name, dtype: meta.type, shape: meta.shape };
}

/** A runtime tensor over the same array. Throws when dtype, shape and array do not fit each other. */
function toOrt(ort: Ort, where: string, { dtype, data, dims }: HostTensor): Tensor {
  try {
    return new ort.Tensor(dtype as "float32", data as Float32Array, dims) as Tensor;
  } catch (error) {
    throw new Error(`${where}: ${reasonOf(error)}`);
  }
}

function fromOrt({ type, dims, data }: Tensor): HostTensor {
  return { dtype: type as DType, dims: [...dims], data: data as HostTensor["data"] };
}
