/** The Node adapter of {@link Runner}: onnxruntime-node in a worker thread. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { InputError } from "../../core/errors.ts";
import { type Device, devicesIn, factsOf } from "../device.ts";
import { type Reply, remoteRunner, type WorkerLink } from "../remote.ts";
import type { Runner } from "../runner.ts";
import { copyingPuts } from "../session-store.ts";
import { requireCuda } from "./cuda.ts";
import { openGate, removeGate } from "./exit-gate.ts";
import { type NodeSetup, openNodeStore } from "./store.ts";
import type { WorkerSetup } from "./worker.ts";

/** Where and how a Node runner computes. */
export interface NodeRunnerOptions {
  /** Where to compute; default `"cpu"`. */
  readonly device?: Device;
  /** Threads of a CPU run: an integer of at least 1. Default: all cores. */
  readonly threads?: number;
  /** Compute in the calling thread, which then stands still during runs: for tests and benches. */
  readonly inProcess?: boolean;
  /** Let idle compute threads spin for the next operation: faster, but a busy core. Default true. */
  readonly allowSpinning?: boolean;
  /**
   * Each program's times, node by node, are written to `<prefix><number of the program>_<date>.json` when it is
   * unloaded (the runtime's profile format). It slows runs down a little.
   */
  readonly profilePrefix?: string;
  /** Refuse, instead of computing them on the CPU, graphs with operations that the device cannot do. Default false. */
  readonly forbidFallback?: boolean;
}

/**
 * A runner over onnxruntime-node, in a worker thread so that the caller's event loop stays live.
 *
 * Arrays given to it are copied when the call is made, and arrays it returns are the caller's. (In process, feeds
 * are read in place: leave them alone until the run settles.) A runner with calls under way keeps the process alive;
 * an idle one does not, closed or not. `process.exit()` in the middle of a run waits for that run, ten seconds at most,
 * since Node would abort; close first to wait for all.
 * CPU runners are independent of each other; of WebGPU runners a process can have one at a time (the table of
 * devices says of which).
 *
 * A message there and back costs about 0.1 ms a run, against a run in process.
 *
 * Programs with very large outputs gain from a larger malloc threshold, which must be set before Node starts:
 * `GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4000000000:glibc.malloc.trim_threshold=8000000000` (Linux) made
 * a 100 MB state step 3 times faster.
 *
 * @throws {InputError} for a bad option, or when the device is not there
 * @example
 * const runner = await createNodeRunner();
 * const program = await runner.load(modelBytes);
 * const { y } = await runner.run(program, { x: tensor("float32", [2], Float32Array.of(1, 2)) }, { y: "host" });
 * await runner.close();
 */
export async function createNodeRunner(options: NodeRunnerOptions = {}): Promise<Runner> {
  const setup: NodeSetup = {
    device: options.device ?? "cpu",
    threads: threadCount(options.threads),
    allowSpinning: options.allowSpinning ?? true,
    forbidFallback: options.forbidFallback ?? false,
    ...(options.profilePrefix !== undefined && { profilePrefix: options.profilePrefix }),
  };
  const here = devicesIn("node");
  if (!here.includes(setup.device)) {
    throw new InputError(`runtime: device must be ${here.join(" or ")} in Node, got "${setup.device}"`);
  }
  if (setup.device === "cuda") await requireCuda();
  const open = options.inProcess ? openInThread : openInWorker;
  return factsOf(setup.device).isExclusive ? onlyOne(setup.device, () => open(setup)) : open(setup);
}

async function openInThread(setup: NodeSetup): Promise<Runner> {
  return copyingPuts(await openNodeStore(setup));
}

async function openInWorker(setup: NodeSetup): Promise<Runner> {
  const gate = openGate();
  const worker = startWorker({ setup, gate });
  worker.once("exit", () => removeGate(gate));
  const runner = remoteRunner(setup.device, linkTo(worker));
  try {
    await runner.stats(); // Answers once the store is open.
  } catch (error) {
    await runner.close().catch(() => {});
    throw error;
  }
  return runner;
}

/**
 * The exclusive devices that this process has a runner on. It mirrors a fact of the process and so is the process's: two
 * threads on ONNX Runtime's one WebGPU device spoil each other's commands, at times ending the process.
 */
const taken = new Set<Device>();

/** Opens a runner on an exclusive device unless one is open; closing it makes room. */
async function onlyOne(device: Device, open: () => Promise<Runner>): Promise<Runner> {
  if (taken.has(device)) {
    throw new InputError(
      `device ${device}: this process has a ${device} runner open and can have only one; share it or close it first`,
    );
  }
  taken.add(device);
  const free = () => taken.delete(device);
  try {
    const runner = await open();
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= runner.close().finally(free);
      return closing;
    };
    return { ...runner, close };
  } catch (error) {
    free();
    throw error;
  }
}

function startWorker(setup: WorkerSetup): Worker {
  const entry = import.meta.url.endsWith(".ts") ? "./worker.dev.mjs" : "./worker.js";
  // Flags of the main thread, such as those of `node -e`, need not suit a worker.
  return new Worker(new URL(entry, import.meta.url), { workerData: setup, execArgv: [] });
}

/**
 * The link to a Node worker.
 *
 * @internal exported for tests
 */
export function linkTo(worker: Worker): WorkerLink {
  let isStopping = false;
  let reason: string | undefined;
  return {
    send: (call, transfer) => worker.postMessage(call, transfer),
    onReply: (receive) => worker.on("message", (reply: Reply) => receive(reply)),
    onDeath: (receive) => {
      worker.on("error", (error) => {
        reason = `its worker thread failed: ${error instanceof Error ? error.message : error}`;
      });
      worker.on("exit", (code) => {
        if (!isStopping) receive(reason ?? `its worker thread ended with exit code ${code}`);
      });
    },
    setBusy: (isBusy) => (isBusy ? worker.ref() : worker.unref()),
    stop: async () => {
      isStopping = true;
      // Only ever idle: terminating a thread inside a native run aborts the whole process.
      await worker.terminate();
    },
  };
}

function threadCount(threads: number = availableParallelism()): number {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new InputError(`runtime: threads must be an integer of at least 1, got ${threads}`);
  }
  return threads;
}
