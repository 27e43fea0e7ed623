/** Entry of the worker thread that computes for `createNodeRunner`, since a native run blocks its thread. */
import { parentPort, workerData } from "node:worker_threads";
import { answerCalls } from "../remote.ts";
import type { Runner } from "../runner.ts";
import { type GateMemory, throughGate } from "./exit-gate.ts";
import { type NodeSetup, openNodeStore } from "./store.ts";

/** What the thread is started with. */
export interface WorkerSetup {
  readonly setup: NodeSetup;
  readonly gate: GateMemory;
}

const port = parentPort!;
const { setup, gate } = workerData as WorkerSetup;

answerCalls(
  throughGate(gate, () => openNodeStore(setup)).then(gated),
  (receive) => port.on("message", receive),
  (reply, transfer) => port.postMessage(reply, transfer),
);

/** Calls go through the gate one by one, not all that wait: the process may end after any of them. */
function gated(store: Runner): Runner {
  let lastTurn: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(call: () => Promise<Result>): Promise<Result> => {
    const result = lastTurn.then(() => throughGate(gate, call));
    lastTurn = result.catch(() => {});
    return result;
  };
  return {
    ...store,
    load: (model) => inTurn(() => store.load(model)),
    run: (program, feeds, outputs) => inTurn(() => store.run(program, feeds, outputs)),
    put: (tensors) => inTurn(() => store.put(tensors)),
    get: (names) => inTurn(() => store.get(names)),
    drop: (names) => inTurn(() => store.drop(names)),
    unload: (program) => inTurn(() => store.unload(program)),
    stats: () => inTurn(() => store.stats()),
    close: () => inTurn(() => store.close()),
  };
}
