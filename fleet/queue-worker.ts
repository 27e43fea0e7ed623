/** A worker at the queue: does jobs until it is stopped, or finds that it is not one for this fleet. */
import { InputError } from "../src/index.ts";
import { describeJob, type Job } from "./job.ts";
import { openStore } from "./open-store.ts";
import { closeAll, isWithin, prefix, queueName, reachQueue, refusedEvent } from "./queue-connection.ts";
import { openJobRunner, Refusal } from "./run-job.ts";

/** Where a worker waits, and how it computes. */
export interface QueueWorkerOptions {
  /** `redis://host:port`. */
  readonly queue: string;
  /** The same place as that of whoever asks for the work. */
  readonly store: string;
  /** CPU threads; default all cores. */
  readonly threads?: number;
  /** Milliseconds after which the job of a worker that is not heard of goes to another; default 30,000. */
  readonly leaseMs?: number;
  /** Finishes the job under way, and takes no other. */
  readonly signal?: AbortSignal;
  /** One line about what happens. */
  readonly onNotice?: (notice: string) => void;
}

/** What a worker did in its life. */
export interface WorkerReport {
  /** Host and process. */
  readonly worker: string;
  readonly done: number;
  readonly failed: number;
}

/** How often a job is taken from a lost worker, until it goes to the dead-letter list: it may be what ends them. */
const mostLosses = 5;

/**
 * Does jobs until the signal; then finishes the one under way.
 *
 * @throws InputError where no Redis answers or the store cannot be used; Refusal when a job shows that this worker has
 *   another version, model or data: the job goes back to the queue unharmed
 */
export async function runQueueWorker({
  queue: url,
  store: place,
  threads,
  leaseMs = 30_000,
  signal,
  onNotice: say = () => {},
}: QueueWorkerOptions): Promise<WorkerReport> {
  const address = await reachQueue(url);
  const { connection, shown } = address;
  const { UnrecoverableError, WaitingError, Worker, QueueEventsProducer } = await import("bullmq");
  const runner = openJobRunner(await openStore(place), { threads });
  const producer = new QueueEventsProducer(queueName, { connection, prefix });
  const report = { worker: runner.name, done: 0, failed: 0 };
  let end: (refusal?: Refusal) => void = () => {};
  const ended = new Promise<Refusal | undefined>((resolve) => {
    end = resolve;
  });

  let underWay: Promise<unknown> = Promise.resolve();
  const worker = new Worker<Job>(
    queueName,
    async (job, token) => {
      const doing = runner.run(job.data);
      underWay = doing.catch(() => {});
      try {
        const { isNew, seconds } = await doing;
        report.done++;
        say(`${describeJob(job.data)}: ${isNew ? `${seconds.toFixed(1)} s` : "was there already"}`);
        return { worker: runner.name, seconds };
      } catch (error) {
        if (error instanceof Refusal) {
          // Back it goes, for another worker; this one takes no more.
          await worker.pause(true);
          await producer.publishEvent({
            eventName: refusedEvent,
            reason: `worker ${runner.name}: ${error.message}`,
          });
          await job.moveToWait(token);
          end(error);
          throw new WaitingError();
        }
        report.failed++;
        const reason = `on worker ${runner.name}: ${error instanceof Error ? error.message : error}`;
        say(`${describeJob(job.data)}: failed ${reason}`);
        throw error instanceof InputError
          ? new UnrecoverableError(reason)
          : new Error(reason, { cause: error });
      }
    },
    {
      connection,
      prefix,
      name: runner.name,
      lockDuration: leaseMs,
      stalledInterval: leaseMs / 2,
      maxStalledCount: mostLosses,
      runRetryDelay: 1000,
      metrics: { maxDataPoints: 24 * 60 },
    },
  );
  let isAway = false;
  const answer = (error: Error): void => {
    const isLate = /lock/i.test(error.message);
    if (isLate) say("a job went to another worker meanwhile: its result is the same, nothing is lost");
    else if (!isAway) say(`${shown}: ${error.message || "Redis does not answer"}; waiting for it`);
    isAway ||= !isLate;
  };
  worker.on("error", answer);
  producer.on("error", answer);
  worker.on("active", () => {
    isAway = false;
  });
  const stop = () => end();
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  say(`worker ${runner.name} waits at ${shown}; results go to ${place}`);
  try {
    const refusal = await ended;
    await worker.pause(true); // no other job is taken
    await underWay;
    // What was made is in the store by now. Redis need not be waited for to say so: the next worker finds it there.
    const isThere = await reachQueue(url).then(
      () => true,
      () => false,
    );
    if (!isThere) address.giveUp();
    await closeAll(
      address,
      { close: () => worker.close(!isThere), disconnect: () => worker.disconnect() },
      producer,
    );
    if (refusal) throw new Refusal(`worker ${runner.name}: ${refusal.message}`);
    return report;
  } finally {
    await isWithin(10_000, runner.close());
    signal?.removeEventListener("abort", stop);
  }
}
