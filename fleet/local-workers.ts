/** A fleet of processes on this machine: each does one job at a time, and one that dies is replaced. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { InputError } from "../src/index.ts";
import { type Answer, openAnswer } from "./answer.ts";
import type { Fleet } from "./fleet.ts";
import { describeJob, type Job, resultName } from "./job.ts";
import type { ResultStore } from "./result-store.ts";

/** What a process is told: a job, or to leave the one it is at. */
export type ToWorker = { readonly job: Job } | { readonly stop: true };

/** What it answers: done, or why not. */
export type FromWorker =
  | { readonly worker: string; readonly isDone: true }
  | { readonly worker: string; readonly isDone: false; readonly reason: string; readonly isInput: boolean };

/** How often a job is begun whose process dies, or that fails without being to blame. */
export const mostAttempts = 3;

interface Pending extends Answer {
  readonly job: Job;
  attempts: number;
  /** Why nobody waits for it any more. */
  takenBack?: unknown;
}

/** @param options.isKept  whether the store outlives the fleet, so that jobs under way are worth finishing */
export function openLocalWorkers(
  count: number,
  store: ResultStore,
  {
    threads = Math.max(1, Math.floor(availableParallelism() / count)),
    isKept,
    onNotice: say = () => {},
  }: { threads?: number; isKept: boolean; onNotice?: (notice: string) => void },
): Fleet {
  const waiting: Pending[] = [];
  const pending = new Map<string, Pending>();
  /** Every process that lives, and what it is at. */
  const workers = new Map<ChildProcess, Pending | null>();

  const settle = (entry: Pending, error?: unknown): void => {
    pending.delete(resultName(entry.job));
    if (error === undefined) entry.resolve();
    else entry.reject(error);
  };
  const handOut = (): void => {
    while (waiting.length > 0) {
      const idle = [...workers].find(([, entry]) => entry === null)?.[0];
      if (!idle && workers.size >= count) return;
      const worker = idle ?? start();
      const entry = waiting.shift()!;
      entry.attempts++;
      workers.set(worker, entry);
      worker.send({ job: entry.job } satisfies ToWorker, () => {}); // one that cannot be reached is about to exit
    }
  };
  /** Once more, unless that was tried often enough. */
  const tryAgain = (entry: Pending, why: string, giveUp: () => Error): void => {
    if (entry.takenBack !== undefined || entry.attempts >= mostAttempts) {
      settle(entry, entry.takenBack ?? giveUp());
      return;
    }
    say(`${why}; ${describeJob(entry.job)} is done again`);
    waiting.unshift(entry);
  };
  const start = (): ChildProcess => {
    const file = import.meta.url.endsWith(".ts") ? "./local-worker.dev.mjs" : "./local-worker.js";
    const worker = fork(new URL(file, import.meta.url), [store.place, String(threads)], { execArgv: [] });
    worker.on("message", (answer: FromWorker) => {
      const entry = workers.get(worker);
      if (!entry) return;
      workers.set(worker, null);
      if (answer.isDone) settle(entry);
      else {
        const words = `${describeJob(entry.job)}: failed on worker ${answer.worker}: ${answer.reason}`;
        if (answer.isInput) settle(entry, new InputError(words));
        else tryAgain(entry, words, () => new Error(words));
      }
      handOut();
    });
    worker.on("exit", (code, signal) => {
      const entry = workers.get(worker);
      workers.delete(worker);
      if (!entry) return;
      const how = signal ? `was ended by ${signal}` : `ended with status ${code}`;
      tryAgain(entry, `worker process ${worker.pid} ${how}`, () => {
        const words = `${describeJob(entry.job)}: its worker process ${how}, ${entry.attempts} times in a row`;
        return new InputError(`${words}; it may need more memory: take fewer --workers or a smaller --batch`);
      });
      handOut();
    });
    workers.set(worker, null);
    return worker;
  };

  return {
    store,
    run(job, signal) {
      const name = resultName(job);
      let entry = pending.get(name);
      if (!entry) {
        entry = { job, attempts: 0, ...openAnswer() };
        pending.set(name, entry);
        waiting.push(entry);
        handOut();
      }
      const own = entry;
      const takeBack = (): void => {
        own.takenBack = signal.reason;
        const place = waiting.indexOf(own);
        if (place >= 0) {
          waiting.splice(place, 1);
          settle(own, signal.reason);
        } else if (!isKept) {
          const worker = [...workers].find(([, entry]) => entry === own)?.[0];
          worker?.send({ stop: true } satisfies ToWorker, () => {});
        } // else its end is waited for, since its result is kept
      };
      if (signal.aborted) takeBack();
      else {
        signal.addEventListener("abort", takeBack, { once: true });
        const forget = () => signal.removeEventListener("abort", takeBack);
        own.promise.then(forget, forget);
      }
      return own.promise;
    },
    countWorkers: async () => count,
    async close() {
      const ends = [...workers.keys()].map((worker) => once(worker, "exit"));
      for (const worker of workers.keys()) if (worker.connected) worker.disconnect();
      await Promise.all(ends);
    },
  };
}
