/** The queue that a fleet of several machines shares: BullMQ's on Redis. Loaded only where a queue is asked for. */
import type { Queue } from "bullmq";
import { InputError } from "../src/index.ts";

/** What the queue is called, and what all its keys in Redis begin with. */
export const queueName = "jobs";
export const prefix = "magnets";

/** An event of ours beside BullMQ's: a worker that is none for a job. */
export const refusedEvent = "refused";

/** A Redis that answered. */
export interface QueueAddress {
  /** As BullMQ takes it. */
  readonly connection: {
    readonly url: string;
    readonly maxRetriesPerRequest: null;
    readonly retryStrategy: (times: number) => number | null;
  };
  /** As people may read it: without a password. */
  readonly shown: string;
  /** From now on a Redis that is away is not waited for: a program shall end all the same. */
  giveUp(): void;
}

/** How long a Redis may take to answer the first time. */
const firstAnswerMs = 5000;

/** Between two tries to reach a Redis that went away, at most. */
const longestRetryMs = 2000;

/** How long closing may take where Redis does not answer any more. */
const closingMs = 1000;

/**
 * Makes sure that a Redis answers.
 *
 * @throws InputError for a URL that is none of Redis, and where nothing answers in five seconds
 */
export async function reachQueue(url: string): Promise<QueueAddress> {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (!parsed || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === "") {
    throw new InputError(
      `--queue must be redis://host:port or rediss://host:port, got "${withoutPassword(url)}"`,
    );
  }
  const shown = withoutPassword(url);
  const { Redis } = await import("ioredis");
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: firstAnswerMs,
    commandTimeout: firstAnswerMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let last: Error | undefined;
  client.on("error", (error: Error) => {
    last = error; // says more than that the connection is closed
  });
  try {
    await client.connect();
    await client.ping();
  } catch (error) {
    const why = last ?? (error as Error);
    throw new InputError(
      `--queue ${shown}: no Redis answers there (${why.message}); start redis-server, or name the right host and port`,
      { cause: error },
    );
  } finally {
    client.disconnect();
  }
  let isGivenUp = false;
  const retryStrategy = (times: number) => (isGivenUp ? null : Math.min(longestRetryMs, 100 * times));
  return {
    connection: { url, maxRetriesPerRequest: null, retryStrategy },
    shown,
    giveUp: () => {
      isGivenUp = true;
    },
  };
}

/** A URL that can be printed. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}

/** Closes what BullMQ opened; where Redis is away, by force. */
export async function closeAll(
  { giveUp }: Pick<QueueAddress, "giveUp">,
  ...opened: readonly { close(): Promise<void>; disconnect(): Promise<void> }[]
): Promise<void> {
  await Promise.all(
    opened.map(async (one) => {
      if (await isWithin(closingMs, one.close())) return;
      giveUp();
      await isWithin(closingMs, one.disconnect());
    }),
  );
}

/** Whether a promise settles in time. */
export async function isWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const inTime = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([inTime, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** BullMQ's word for a job whose workers were lost again and again. */
const stalledReason = "job stalled more than allowable limit";

/** Why a job is in the dead-letter list, for people. */
export function reasonOf(failedReason: string | undefined): string {
  if (failedReason === stalledReason) {
    return "its workers were lost in the middle of it, again and again; it may need more memory than they have";
  }
  return failedReason || "no reason was told";
}

/** How many workers wait at a queue; each has two connections of one name. */
export async function countWorkers(queue: Queue): Promise<number> {
  return new Set((await queue.getWorkers()).map(({ rawname }) => rawname)).size;
}
