/** Entry of the worker thread that computes for `createNodeRunner`, since a native run blocks its thread. */
import { parentPort, workerData } from "node:worker_threads";
import { answerCalls } from "../remote.ts";
import type { NodeSetup } from "./store.ts";
import { openNodeStore } from "./store.ts";

const port = parentPort!;
answerCalls(
  openNodeStore(workerData as NodeSetup),
  (receive) => port.on("message", receive),
  (reply, transfer) => port.postMessage(reply, transfer),
);
