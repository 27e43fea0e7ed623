/** Runners whose worker threads can be killed from outside, between two calls, since within one Node would abort. */
import { Worker } from "node:worker_threads";
import type { Runner } from "../../src/index.ts";
import { openGate, removeGate } from "../../src/runtime/node/exit-gate.ts";
import { linkTo } from "../../src/runtime/node/runner.ts";
import { remoteRunner } from "../../src/runtime/remote.ts";

export function mortalRunners(threads = 1) {
  const workers: Worker[] = [];
  return {
    openRunner: async (): Promise<Runner> => {
      const gate = openGate();
      const setup = { device: "cpu", threads, allowSpinning: true, forbidFallback: false };
      const entry = new URL("../../src/runtime/node/worker.dev.mjs", import.meta.url);
      const worker = new Worker(entry, { workerData: { setup, gate }, execArgv: [] });
      worker.once("exit", () => removeGate(gate));
      workers.push(worker);
      return remoteRunner("cpu", linkTo(worker));
    },
    /** Ends the newest thread by a message that it cannot read. */
    kill: () => void workers.at(-1)!.postMessage(null),
    count: () => workers.length,
  };
}
