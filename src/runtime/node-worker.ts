/** Entry of the worker thread that computes for `createNodeRunner`, since a native run blocks its thread. */
import { parentPort, workerData } from "node:worker_threads";
import type { NodeSetup } from "./node-store.ts";
import { openNodeStore } from "./node-store.ts";
import { answerCalls } from "./remote.ts";

const port = parentPort!;
answerCalls(
  openNodeStore(workerData as NodeSetup),
  (receive) => port.on("message", receive),
  (reply, transfer) => port.postMessage(reply, transfer),
);
