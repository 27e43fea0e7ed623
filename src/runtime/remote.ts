/**
 * A runner whose store lives in another thread: calls become messages, arrays travel by transfer. The two halves
 * know only of sending and receiving, so that Node's workers and the browser's are a few lines each.
 */
import { InputError } from "../core/errors.ts";
import type { HostTensor } from "../core/tensor.ts";
import type { Device } from "./device.ts";
import { closedMessage, countOwners, type Feed, type Runner } from "./runner.ts";

type Method = Exclude<keyof Runner, "device" | "prefixFor">;

export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

export interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: { readonly message: string; readonly isInput: boolean };
}

/** The caller's end of a worker. */
export interface WorkerLink {
  send(call: Call, transfer: ArrayBuffer[]): void;
  onReply(receive: (reply: Reply) => void): void;
  /** `receive` is called once with the reason when the worker ends by itself. */
  onDeath(receive: (reason: string) => void): void;
  /** Told whenever calls begin or cease to be under way. */
  setBusy(isBusy: boolean): void;
  /** Stops the worker; only called while it is idle or dead. */
  stop(): Promise<void>;
}

/**
 * The runner that sends its calls over `link`. Arrays given to `put`, `run` and `load` are copied when the call is
 * made and stay the caller's.
 */
export function remoteRunner(device: Device, link: WorkerLink): Runner {
  const pending = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  let death: string | undefined;
  let closing: Promise<void> | undefined;

  link.onReply(({ id, value, failure }) => {
    const call = pending.get(id);
    pending.delete(id);
    if (pending.size === 0) link.setBusy(false);
    if (!failure) call?.resolve(value as never);
    else call?.reject(failure.isInput ? new InputError(failure.message) : new Error(failure.message));
  });
  link.onDeath((reason) => {
    death = reason;
    const stranded = [...pending.values()];
    pending.clear();
    for (const call of stranded) call.reject(new Error(`runner: ${reason}`));
  });

  function call<T>(method: Method, args: readonly unknown[], transfer: ArrayBuffer[] = []): Promise<T> {
    if (death !== undefined) return Promise.reject(new Error(`runner: ${death}`));
    if (closing) return Promise.reject(new Error(closedMessage));
    return new Promise((resolve, reject) => {
      const id = nextId++;
      link.send({ id, method, args }, transfer);
      if (pending.size === 0) link.setBusy(true);
      pending.set(id, { resolve, reject });
    });
  }

  return {
    device,
    prefixFor: countOwners(),
    load: (model) => {
      const copy = copyOf(model);
      return call("load", [copy], [copy.buffer as ArrayBuffer]);
    },
    run: (program, feeds, outputs) => {
      const transfer: ArrayBuffer[] = [];
      // The other side knows the ports of a program, which are most of it: only what names it goes there.
      const { id, name } = program;
      return call("run", [{ id, name }, copyTensors(feeds, transfer), outputs], transfer);
    },
    put: (tensors) => {
      const transfer: ArrayBuffer[] = [];
      return call("put", [copyTensors(tensors, transfer)], transfer);
    },
    get: (names) => call("get", [names]),
    drop: (names) => call("drop", [names]),
    unload: ({ id, name }) => call("unload", [{ id, name }]),
    stats: () => call("stats", []),
    close: () => {
      // The worker answers calls in order, so its answer to "close" means that no run is inside any more.
      closing ??= call<void>("close", [])
        .catch((error) => {
          if (death === undefined) throw error;
        })
        .finally(() => link.stop());
      return closing;
    },
  };
}

/** The worker's side: answers each call with the runner that `opening` gives, or with its failure. */
export function answerCalls(
  opening: Promise<Runner>,
  onCall: (receive: (call: Call) => void) => void,
  send: (reply: Reply, transfer: ArrayBuffer[]) => void,
): void {
  opening.catch(() => {}); // Every call reports it.
  onCall(async ({ id, method, args }) => {
    try {
      const runner = await opening;
      const value = await (runner[method] as (...args: unknown[]) => Promise<unknown>)(...args);
      const isTensors = method === "run" || method === "get";
      send({ id, value }, isTensors ? buffersOf(value as Record<string, HostTensor>) : []);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      send({ id, failure: { message, isInput: error instanceof InputError } }, []);
    }
  });
}

function copyTensors(feeds: Readonly<Record<string, Feed>>, transfer: ArrayBuffer[]): Record<string, Feed> {
  const copies: Record<string, Feed> = {};
  for (const [name, feed] of Object.entries(feeds)) {
    if (!feed || "stored" in feed || !ArrayBuffer.isView(feed.data)) {
      copies[name] = feed;
    } else {
      const data = copyOf(feed.data);
      transfer.push(data.buffer as ArrayBuffer);
      copies[name] = { dtype: feed.dtype, dims: feed.dims, data };
    }
  }
  return copies;
}

/** A copy with a buffer of its own. Not `array.slice()`, which in Node's `Buffer` shares memory. */
function copyOf<T extends HostTensor["data"]>(array: T): T {
  return Uint8Array.prototype.slice.call(array) as unknown as T;
}

/** The distinct buffers of tensors that the sender owns wholly. */
function buffersOf(tensors: Record<string, HostTensor>): ArrayBuffer[] {
  return [...new Set(Object.values(tensors).map(({ data }) => data.buffer as ArrayBuffer))];
}
