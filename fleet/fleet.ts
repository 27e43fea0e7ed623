/** What a fleet is, whoever its workers are: something that does jobs and puts their results into a store. */
import type { Job } from "./job.ts";
import type { ResultStore } from "./result-store.ts";

/** Workers, and the store that their results go to. */
export interface Fleet {
  readonly store: ResultStore;
  /**
   * Has a job done; its result is then in the store. Jobs that are asked for at the same time are done at the same time,
   * as far as there are workers.
   *
   * @param signal  takes the job back, unless a worker has begun it
   * @throws InputError when it failed for good, saying on which worker and why; the signal's reason
   */
  run(job: Job, signal: AbortSignal): Promise<void>;
  /** How many workers there are now; those of this machine count also before they are started. */
  countWorkers(): Promise<number>;
  /** Lets go of the workers; those of this process end. */
  close(): Promise<void>;
}

/** Which workers, and where results go. */
export interface FleetOptions {
  /** Processes on this machine. */
  readonly workers?: number;
  /** `redis://host:port`, where workers on any machine wait for jobs. */
  readonly queue?: string;
  /** A folder, or `s3://bucket/prefix`. A queue needs one; of processes, default a temporary folder. */
  readonly store?: string;
  /** CPU threads of each process on this machine; default: the cores, shared evenly. */
  readonly threads?: number;
  /** One line about what happens to workers and jobs. */
  readonly onNotice?: (notice: string) => void;
}
