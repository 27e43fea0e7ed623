/** How a fleet is doing, as its queue knows it: jobs, workers, and what failed for good, with the reason. */
import type { Queue } from "bullmq";
import { describeJob, type Job } from "./job.ts";
import { closeAll, countWorkers, prefix, queueName, reachQueue, reasonOf } from "./queue-connection.ts";

/** A job in the dead-letter list. */
export interface DeadJob {
  /** The name that its result would have. */
  readonly name: string;
  /** In words. */
  readonly job: string;
  /** Why it failed the last time, and on which worker. */
  readonly reason: string;
  readonly attempts: number;
}

/** A queue at a moment. */
export interface QueueStatus {
  /** Its address, without a password. */
  readonly queue: string;
  /** Jobs by what becomes of them; `retried` ones wait for another try, `done` ones are told of for a day. */
  readonly jobs: Readonly<Record<"waiting" | "active" | "retried" | "done" | "failed", number>>;
  /** Host and process of each worker. */
  readonly workers: readonly string[];
  /** The dead-letter list, newest first. */
  readonly failed: readonly DeadJob[];
}

/** Dead jobs that are listed. */
const mostListed = 1000;

/** @throws InputError where no Redis answers, as do all functions here */
export function readQueueStatus(url: string): Promise<QueueStatus> {
  return withQueue(url, async (queue, shown) => {
    const counts = await queue.getJobCounts(
      "wait",
      "prioritized",
      "active",
      "delayed",
      "completed",
      "failed",
    );
    const workers = await queue.getWorkers();
    const failed = await queue.getFailed(0, mostListed - 1);
    return {
      queue: shown,
      jobs: {
        waiting: counts.wait! + counts.prioritized!,
        active: counts.active!,
        retried: counts.delayed!,
        done: counts.completed!,
        failed: counts.failed!,
      },
      workers: [...new Set(workers.map(({ rawname = "" }) => rawname.replace(/^.*:w:/, "")))].sort(),
      failed: failed.map(({ id, data, failedReason, attemptsMade }) => ({
        name: id!,
        job: describeJob(data),
        reason: reasonOf(failedReason),
        attempts: attemptsMade,
      })),
    };
  });
}

/** Puts the dead jobs back into the queue; @returns how many */
export function retryFailed(url: string): Promise<number> {
  return withQueue(url, async (queue) => {
    const count = await queue.getFailedCount();
    await queue.retryJobs({ state: "failed" });
    return count;
  });
}

/** Empties the dead-letter list; @returns how many there were */
export function forgetFailed(url: string): Promise<number> {
  return withQueue(url, async (queue) => (await queue.clean(0, 0, "failed")).length);
}

/** The counts in Prometheus's text format. */
export function queueMetrics(url: string): Promise<string> {
  return withQueue(url, async (queue) => {
    const workers = await countWorkers(queue);
    return [
      await queue.exportPrometheusMetrics(),
      "# HELP magnets_workers Workers at the queue",
      "# TYPE magnets_workers gauge",
      `magnets_workers ${workers}\n`,
    ].join("\n");
  });
}

async function withQueue<T>(
  url: string,
  use: (queue: Queue<Job, unknown, string>, shown: string) => Promise<T>,
): Promise<T> {
  const address = await reachQueue(url);
  const { connection, shown } = address;
  const { Queue } = await import("bullmq");
  const queue = new Queue<Job, unknown, string>(queueName, { connection, prefix });
  queue.on("error", () => {}); // it answered a moment ago; commands wait until it does again
  try {
    return await use(queue, shown);
  } finally {
    await closeAll(address, queue);
  }
}
