/** Results in the order of their jobs, whichever worker made which when: the whole is that of one machine. */
import { setMaxListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { InputError } from "../src/index.ts";
import type { Fleet } from "./fleet.ts";
import { describeJob, type Job } from "./job.ts";
import { hasResult, type Result, readResult, removeResult } from "./result.ts";

/** Who watches, and who may stop it. */
export interface CollectOptions {
  readonly signal?: AbortSignal;
  /** Called when a job's result is there, made now or before; in any order. */
  readonly onDone?: (job: Job) => void;
  /** Milliseconds in which a worker's file is seen here, default 3000. */
  readonly seenWithinMs?: number;
}

/** Results that are looked for at the same time. */
const looksAtOnce = 16;

/** How often a result is looked for that is not there yet. */
const lookAgainMs = 100;

/** How often a result is made that cannot be read afterwards. */
const mostTries = 3;

/**
 * Has all jobs done but for those whose results are there already, and gives the results in order. Memory holds one at
 * a time.
 *
 * @throws InputError when a job fails for good; the signal's reason. What workers have not begun is then taken back
 */
export async function* collect(
  fleet: Fleet,
  jobs: readonly Job[],
  { signal, onDone, seenWithinMs }: CollectOptions = {},
): AsyncGenerator<Result> {
  const stopping = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stopping.signal]) : stopping.signal;
  setMaxListeners(0, stopped); // one for every job
  const inTurn = atMost(looksAtOnce);
  const done = jobs.map(async (job) => {
    const isThere = await inTurn(async () => {
      stopped.throwIfAborted();
      return hasResult(fleet.store, job);
    });
    if (!isThere) await fleet.run(job, stopped);
    onDone?.(job);
  });
  // The first failure counts at once, also while an earlier job is waited for.
  const all = Promise.all(done);
  all.catch(() => {});
  try {
    for (const [i, job] of jobs.entries()) {
      await Promise.race([done[i], all]);
      yield await readOrMakeAgain(fleet, job, { seenWithinMs, signal: stopped });
    }
  } finally {
    stopping.abort();
    await Promise.allSettled(done);
  }
}

/** A result that is damaged, or gone, is made again. */
async function readOrMakeAgain(
  fleet: Fleet,
  job: Job,
  options: { readonly seenWithinMs?: number; readonly signal: AbortSignal },
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    const result = await readWhenSeen(fleet, job, options);
    if (result) return result;
    if (tries === mostTries) {
      throw new InputError(
        `--store ${fleet.store.place}: holds no whole result of ${describeJob(job)}, though a worker wrote it ${mostTries} ` +
          "times; start all workers with the same store",
      );
    }
    await removeResult(fleet.store, job);
    await fleet.run(job, options.signal);
  }
}

/** A shared folder shows a file of another machine some seconds late; one that is there and damaged stays so. */
async function readWhenSeen(
  { store }: Fleet,
  job: Job,
  { seenWithinMs = 3000, signal }: { seenWithinMs?: number; signal: AbortSignal },
): Promise<Result | null> {
  for (let waited = 0; ; waited += lookAgainMs) {
    const result = await readResult(store, job);
    if (result || waited >= seenWithinMs || (await hasResult(store, job))) return result;
    await setTimeout(lookAgainMs, undefined, { signal });
  }
}

/** Lets so many pieces of work run at a time; the others wait in turn. */
function atMost(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve));
    running++;
    try {
      return await work();
    } finally {
      running--;
      waiting.shift()?.();
    }
  };
}
