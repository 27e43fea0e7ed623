/** The page's side of the engine: one worker, and calls that are answered, told of while they run, and cancelled. */
import engineUrl from "studio:engine";
import type { Asked, CallName, Calls, EngineEvent, Refusal, Told } from "./protocol.ts";

/** A call that came to nothing. */
export class EngineError extends Error {
  readonly reason: Refusal["reason"];
  constructor({ reason, message }: Refusal) {
    super(message);
    this.name = "EngineError";
    this.reason = reason;
  }
}

export interface CallHooks {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: EngineEvent) => void;
}

export interface Engine {
  /** @throws EngineError */
  call<Name extends CallName>(
    name: Name,
    args: Calls[Name]["args"],
    hooks?: CallHooks,
  ): Promise<Calls[Name]["result"]>;
  /** Ends the worker; what it has not answered is refused. */
  close(): void;
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  readonly onEvent: (event: EngineEvent) => void;
}

/** Starts a worker. */
export function startEngine(): Engine {
  const worker = new Worker(engineUrl, { type: "module", name: "engine" });
  const waiting = new Map<number, Waiting>();
  let nextId = 1;

  function refuseAll(refusal: Refusal): void {
    for (const { reject } of waiting.values()) reject(new EngineError(refusal));
    waiting.clear();
  }

  worker.onmessage = ({ data }: MessageEvent<Told>) => {
    const asked = waiting.get(data.id);
    if (!asked) return;
    if (data.kind === "event") return asked.onEvent(data.event);
    waiting.delete(data.id);
    if (data.kind === "answer") asked.resolve(data.result as never);
    else asked.reject(new EngineError(data.refusal));
  };
  // A script that cannot be loaded tells no message.
  worker.onerror = ({ message }) =>
    refuseAll({ reason: "device", message: message || "the engine's script could not be loaded" });

  return {
    call: (name, args, { signal, onEvent = () => {} } = {}) =>
      new Promise((resolve, reject) => {
        const id = nextId++;
        const post = (asked: Asked): void => worker.postMessage(asked);
        signal?.addEventListener("abort", () => post({ id, call: "cancel" }), { once: true });
        waiting.set(id, { resolve, reject, onEvent });
        post({ id, call: name, args } as Asked);
      }),
    close() {
      worker.terminate();
      refuseAll({ reason: "cancelled", message: "the engine was closed" });
    },
  };
}
