/** A fleet of workers on any machine, which wait for jobs at a queue on Redis. */
import { setTimeout } from "node:timers/promises";
import type { QueueEventsListener } from "bullmq";
import { InputError } from "../src/index.ts";
import { type Answer, openAnswer } from "./answer.ts";
import type { Fleet, FleetOptions } from "./fleet.ts";
import { describeJob, type Job, resultName } from "./job.ts";
import {
  closeAll,
  countWorkers,
  isWithin,
  prefix,
  queueName,
  reachQueue,
  reasonOf,
  refusedEvent,
} from "./queue-connection.ts";
import { hasResult } from "./result.ts";
import type { ResultStore } from "./result-store.ts";

/** How a job is kept in the queue. */
const jobOptions = {
  /** For failures that are not the job's; what is wrong with the job is told at once. */
  attempts: 3,
  backoff: { type: "exponential", delay: 1000 },
  /** Done: kept for a day, so that progress can be told. */
  removeOnComplete: { age: 24 * 3600, count: 10_000 },
  /** The dead-letter list. */
  removeOnFail: { age: 30 * 24 * 3600, count: 10_000 },
} as const;

/** Events can be missed while Redis is away, so every so often all open jobs are looked at. */
const lookEveryMs = 3000;

interface RefusalListener extends QueueEventsListener {
  readonly [refusedEvent]: (args: { readonly reason: string }) => void;
}

interface Waiting extends Answer {
  readonly job: Job;
}

/** @throws InputError where no Redis answers */
export async function openQueueFleet(
  url: string,
  store: ResultStore,
  { onNotice: say = () => {} }: Pick<FleetOptions, "onNotice">,
): Promise<Fleet> {
  const address = await reachQueue(url);
  const { connection, shown } = address;
  const { Queue, QueueEvents } = await import("bullmq");
  const queue = new Queue<Job, unknown, string>(queueName, { connection, prefix });
  const events = new QueueEvents(queueName, { connection, prefix });
  const waiting = new Map<string, Waiting>();
  const takenBack: Promise<unknown>[] = [];
  const closing = new AbortController();

  const away = sayOnce(() => say(`--queue ${shown}: Redis does not answer; waiting for it`));
  queue.on("error", away);
  events.on("error", away);

  const settle = (name: string, error?: Error): void => {
    const entry = waiting.get(name);
    waiting.delete(name);
    if (error) entry?.reject(error);
    else entry?.resolve();
  };
  const bury = (name: string, failedReason: string | undefined): void => {
    const entry = waiting.get(name);
    if (!entry) return;
    const reason = reasonOf(failedReason);
    settle(name, new InputError(`${describeJob(entry.job)}: failed for good: ${reason}`));
  };
  events.on("completed", ({ jobId }) => settle(jobId));
  events.on("failed", ({ jobId, failedReason }) => bury(jobId, failedReason));
  events.on("stalled", ({ jobId }) => {
    const entry = waiting.get(jobId);
    if (entry) say(`a worker was lost; ${describeJob(entry.job)} goes to another`);
  });
  events.on<RefusalListener>(refusedEvent, ({ reason }: { readonly reason: string }) =>
    say(`refused: ${reason}`),
  );

  /** Puts a job into the queue unless it waits there, or is being done, already. */
  const enqueue = async (name: string, job: Job): Promise<void> => {
    const state = await queue.getJobState(name);
    // Whoever asks again, asks for another try; and a result that is gone must be made again.
    if (state === "failed" || state === "completed") await queue.remove(name);
    await queue.add(job.kind, job, { ...jobOptions, jobId: name });
  };
  /** Finds out what was missed of a job that is waited for. */
  const lookAt = async (name: string, { job }: Waiting): Promise<void> => {
    const state = await queue.getJobState(name);
    if (!waiting.has(name)) return;
    if (state === "completed") settle(name);
    else if (state === "failed") bury(name, (await queue.getJob(name))?.failedReason);
    else if (state === "unknown") {
      // Redis forgot it: it lost its data, or somebody took the job back.
      if (await hasResult(store, job)) settle(name);
      else if (waiting.has(name)) await queue.add(job.kind, job, { ...jobOptions, jobId: name });
    }
  };
  let hasWorkers = true;
  const lonely = (): void =>
    say(`no worker waits at ${shown}; start one: magnets worker --queue ${shown} --store ${store.place}`);
  const watch = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await pause(closing.signal, Math.max(lookEveryMs, waiting.size)); // at most a thousand questions a second
      if (waiting.size === 0) continue;
      await Promise.all([...waiting].map(([name, entry]) => lookAt(name, entry))).catch(away);
      const count = await countWorkers(queue).catch(() => 1);
      if (count === 0 && hasWorkers) lonely(); // again, once there were some
      hasWorkers = count > 0;
    }
  };
  void watch();
  await events.waitUntilReady();

  return {
    store,
    run(job, signal) {
      const name = resultName(job);
      const known = waiting.get(name);
      if (known) return known.promise;
      if (signal.aborted) return Promise.reject(signal.reason);
      const entry = { job, ...openAnswer() };
      waiting.set(name, entry);
      const asked = enqueue(name, job).catch((error) => settle(name, error));
      const takeBack = (): void => {
        waiting.delete(name);
        // One that a worker has begun cannot be taken back: its result stays in the store.
        takenBack.push(asked.then(() => queue.remove(name)).catch(() => {}));
        entry.reject(signal.reason);
      };
      signal.addEventListener("abort", takeBack, { once: true });
      const forget = () => signal.removeEventListener("abort", takeBack);
      entry.promise.then(forget, forget);
      return entry.promise;
    },
    countWorkers: () => countWorkers(queue),
    async close() {
      await isWithin(1000, Promise.all(takenBack));
      closing.abort();
      await closeAll(address, queue, events);
    },
  };
}

/** Says something the first time only. */
function sayOnce(say: () => void): () => void {
  let isSaid = false;
  return () => {
    if (!isSaid) say();
    isSaid = true;
  };
}

/** Waits some time, or until the signal. */
const pause = (signal: AbortSignal, ms: number): Promise<void> =>
  setTimeout(ms, undefined, { signal, ref: false }).catch(() => {});
