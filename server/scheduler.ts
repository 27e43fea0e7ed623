/**
 * Batches across requests. The images of a request wait in a queue; whenever the device is free, images that can decode
 * together (one model, one plan, equally many masked tokens) are taken from all requests by turns. An image is the same
 * whichever batch it was in.
 *
 * Fair: the client that was served longest ago decides by its oldest request which plan is next; the clients of a batch get
 * one image after the other in turn, and so do the requests of a client. Nobody waits for another's many images or requests.
 */
import {
  type BatchProgress,
  DeadlineTooShort,
  type DecodedSample,
  type DecodePlan,
  type Image,
  InputError,
  type PreparedRequest,
  type Sample,
} from "../src/index.ts";
import { HttpError, stopped, stopping, tooBusy } from "./http-error.ts";
import type { Lease, Models } from "./models.ts";

export interface SchedulerOptions {
  readonly models: Pick<Models, "get" | "lease">;
  /** What decodes batches instead of this machine; left out: nobody. */
  readonly elsewhere?: Elsewhere;
  /** The most images decoded together. */
  readonly batch: number;
  /** The most images that may wait or be decoded at a time, over all requests. */
  readonly queue: number;
  /**
   * Milliseconds to wait, before a batch begins, for images that come at the same time: clients whose images were
   * together in one batch ask for their next ones together.
   */
  readonly gatherMs: number;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Told of every batch that was decoded. */
  readonly onBatch?: (batch: { model: string; images: number; requests: number; seconds: number }) => void;
  /** Told when a batch failed, and whether it is tried again. */
  readonly onFailure?: (error: unknown, isRetried: boolean) => void;
}

/** Machines that decode for this one. What is watched while it is decoded, or has a deadline, is decoded here all the same. */
export interface Elsewhere {
  /** As `decodeTogether` of a pipeline. */
  decode(
    folder: string,
    plan: DecodePlan,
    samples: readonly Sample[],
    signal: AbortSignal,
  ): Promise<readonly DecodedSample[]>;
  /** How many there are now: so many batches are decoded at a time, or one waits for the first of them. */
  workers(): number;
}

/** What is cut off at the end of a stop gets so long to be told so. */
const refusedMs = 2000;

/** What is to be decoded for somebody. */
export interface Work {
  /** A served model's name. */
  readonly model: string;
  readonly prepared: PreparedRequest;
  /** Whose it is: by them turns are taken. */
  readonly client: string;
  /** The time by which the images shall be there; only where the request has a deadline. */
  readonly endsAt?: number;
  /** Aborted when nobody waits any more. */
  readonly signal: AbortSignal;
  /** Told after every step of a batch with images of this work; must not wait. */
  readonly onStep?: (step: WorkStep) => void;
  /** Whether images of a step's guesses are wanted, which `onPreview` then gets; asked before `onStep`. */
  readonly wantsPreview?: (step: WorkStep) => boolean;
  readonly onPreview?: (step: WorkStep, images: readonly Image[]) => void;
}

/** A step of a batch, as one work sees it. */
export interface WorkStep {
  /** Steps done, and steps in all. */
  readonly step: number;
  readonly total: number;
  readonly factor: number;
  /** Which of the work's images are in the batch. */
  readonly indexes: readonly number[];
}

/** What came of it. */
export interface Done {
  readonly images: readonly Image[];
  /** As it ran. */
  readonly plan: DecodePlan;
  /** Seconds before its first batch began, and from there to the end. */
  readonly waitedSeconds: number;
  readonly seconds: number;
  /** Of a deadline: whether it was kept. */
  readonly isKept?: boolean;
}

interface Entry {
  readonly work: Work;
  /** Entries of one key decode together; null: alone. */
  readonly key: string | null;
  /** Whether this machine decodes it, whoever else could. */
  readonly isHere: boolean;
  readonly limit: number;
  readonly images: (Image | undefined)[];
  readonly queuedAt: number;
  /** Batches that had ended by then: if more have when it begins, it waited for others. */
  readonly endedBefore: number;
  startedAt: number | null;
  /** The next image to take, and images that are there. */
  next: number;
  done: number;
  isSettled: boolean;
  finish(done: Done): void;
  fail(error: unknown): void;
}

/** An entry's image in a batch. */
interface Place {
  readonly entry: Entry;
  readonly index: number;
}

/**
 * The queue of a server and what works it off: one batch at a time, since a batch fills the device; where others decode
 * too, one for each of them.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #queue: Entry[] = [];
  /** Images that wait or are decoded, reserved before anything of them is read. */
  #reserved = 0;
  /** Batches that are gathered or decoded now. */
  #lanes = 0;
  /** Counts up; and at which batch a client was served last, forgotten when the queue is empty. */
  #batches = 0;
  /** Batches that ended, well or not. */
  #ended = 0;
  readonly #servedAt = new Map<string, number>();
  #isClosing = false;
  /** Ends all work when a stop does not wait any longer. */
  readonly #end = new AbortController();
  /** A moving average, for saying when to come again. */
  #secondsPerImage = 0.1;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Images that wait or are decoded. */
  get waiting(): number {
    return this.#reserved;
  }

  /**
   * Takes room in the queue; give it back when the images are there or nobody wants them.
   *
   * @throws InputError for more than the queue ever holds; HttpError 429 when there is no room, 503 when the server is stopping
   */
  reserve(images: number): () => void {
    if (this.#isClosing) throw stopping();
    const { queue } = this.#options;
    if (images > queue) {
      throw new InputError(
        `body: n: must be at most ${queue}, what this server's queue holds, got ${images}; ask for fewer at a time`,
      );
    }
    if (this.#reserved + images > queue) {
      throw tooBusy(
        `the queue is full: ${this.#reserved} of ${queue} images wait, and ${images} more do not fit; try again later`,
        Math.min(60, this.#reserved * this.#secondsPerImage),
      );
    }
    this.#reserved += images;
    let isTaken = true;
    return () => {
      if (isTaken) this.#reserved -= images;
      isTaken = false;
    };
  }

  /**
   * Decodes work, together with others'.
   *
   * @throws the signal's reason; HttpError 429 when others took the time of a deadline, 503 when a stop cut it off;
   *   InputError for a deadline that no plan can keep; what decoding throws, when it failed twice
   */
  submit(work: Work): Promise<Done> {
    return new Promise((resolve, reject) => {
      if (work.signal.aborted) return reject(work.signal.reason);
      const { request, samples } = work.prepared;
      const isAlone = request.deadlineMs !== null;
      const isHere = isAlone || work.onStep !== undefined || this.#options.elsewhere === undefined;
      const settle = (settled: () => void) => {
        if (entry.isSettled) return;
        entry.isSettled = true;
        work.signal.removeEventListener("abort", onAbort);
        this.#queue = this.#queue.filter((other) => other !== entry);
        settled();
      };
      const entry: Entry = {
        work,
        key: isAlone ? null : JSON.stringify([work.model, request.maskedTokens, request.plan, isHere]),
        isHere,
        // By entropies each image has counts of its own.
        limit: request.plan.unmask ? 1 : this.#options.batch,
        images: samples.map(() => undefined),
        queuedAt: this.#options.now(),
        endedBefore: this.#ended,
        startedAt: null,
        next: 0,
        done: 0,
        isSettled: false,
        finish: (done) => settle(() => resolve(done)),
        fail: (error) => settle(() => reject(error)),
      };
      const onAbort = () => entry.fail(work.signal.reason);
      work.signal.addEventListener("abort", onAbort);
      this.#queue.push(entry);
      if (this.#lanes < Math.max(1, this.#options.elsewhere?.workers() ?? 1)) void this.#work();
    });
  }

  /**
   * Takes no more work and waits for what there is, also for what was reserved and is not here yet.
   *
   * @param graceMs  how long to wait before the rest is cut off
   */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const timer = setTimeout(() => this.#end.abort(stopped()), graceMs);
    const last = this.#options.now() + graceMs + refusedMs;
    while ((this.#reserved > 0 || this.#lanes > 0) && this.#options.now() < last) await pause(5);
    clearTimeout(timer);
  }

  /** Works the queue off, beside others that do so; never rejects. */
  async #work(): Promise<void> {
    this.#lanes++;
    while (this.#queue.length > 0) {
      await pause(this.#options.gatherMs);
      if (this.#end.signal.aborted) for (const entry of [...this.#queue]) entry.fail(this.#end.signal.reason);
      const places = this.#take();
      if (places.length === 0) continue;
      await this.#decode(places);
      this.#ended++;
    }
    this.#lanes--; // in the same turn in which the queue was found empty
    if (this.#lanes === 0) this.#servedAt.clear();
  }

  /** The next batch: images of one key, by turns of clients and of their requests. */
  #take(): Place[] {
    const head = this.#next();
    if (!head) return [];
    const together = head.key === null ? [head] : this.#queue.filter(({ key }) => key === head.key);
    const limit = head.key === null ? head.images.length : head.limit;
    const linesOf = new Map<string, Entry[]>();
    for (const entry of together) {
      const { client } = entry.work;
      linesOf.set(client, [...(linesOf.get(client) ?? []), entry]);
    }
    const places: Place[] = [];
    const servedAt = (client: string) => this.#servedAt.get(client) ?? 0;
    let waiting = [...linesOf]
      .sort(([one], [other]) => servedAt(one) - servedAt(other))
      .map(([, line]) => line);
    while (waiting.length > 0 && places.length < limit) {
      for (const line of waiting.slice(0, limit - places.length)) {
        const entry = line.shift()!;
        places.push({ entry, index: entry.next++ });
        if (entry.next < entry.images.length) line.push(entry);
      }
      waiting = waiting.filter((line) => line.length > 0);
    }
    this.#note(places);
    return places;
  }

  /** The oldest request of the client that was served longest ago, or never. */
  #next(): Entry | undefined {
    const servedAt = ({ work }: Entry) => this.#servedAt.get(work.client) ?? 0;
    return this.#queue.reduce<Entry | undefined>(
      (first, entry) => (first && servedAt(first) <= servedAt(entry) ? first : entry),
      undefined,
    );
  }

  /** Notes who was served: what is taken whole leaves the queue, what is not goes to its end. */
  #note(places: readonly Place[]): void {
    const taken = new Set(places.map(({ entry }) => entry));
    const now = this.#options.now();
    this.#batches++;
    for (const entry of taken) {
      entry.startedAt ??= now;
      this.#servedAt.set(entry.work.client, this.#batches);
    }
    const rest = [...taken].filter((entry) => entry.next < entry.images.length);
    this.#queue = [...this.#queue.filter((entry) => !taken.has(entry)), ...rest];
  }

  /** Decodes a batch, a second time where it failed; whatever happens is the entries' to hear. */
  async #decode(places: readonly Place[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const waited = places.filter(({ entry }) => !entry.isSettled);
      if (waited.length === 0) return;
      const { model } = waited[0]!.entry.work;
      const entries = [...new Set(waited.map(({ entry }) => entry))];
      let lease: Lease | undefined;
      let isBroken = false;
      try {
        const { key, isHere } = waited[0]!.entry;
        if (isHere) lease = await this.#options.models.lease(model);
        const started = this.#options.now();
        if (key === null) await this.#decodeAlone(waited[0]!.entry, lease!);
        else await this.#decodeTogether(waited, entries, lease);
        const seconds = (this.#options.now() - started) / 1000;
        this.#secondsPerImage += 0.2 * (seconds / waited.length - this.#secondsPerImage);
        this.#options.onBatch?.({ model, images: waited.length, requests: entries.length, seconds });
        return;
      } catch (error) {
        if (entries.every(({ isSettled }) => isSettled)) return; // stopped, since nobody waits
        if (this.#end.signal.aborted) return failAll(entries, this.#end.signal.reason);
        if (error instanceof InputError || error instanceof HttpError) return failAll(entries, error);
        isBroken = lease !== undefined;
        const isRetried = attempt === 1;
        this.#options.onFailure?.(error, isRetried);
        if (!isRetried) return failAll(entries, error);
      } finally {
        await lease?.release(isBroken);
      }
    }
  }

  async #decodeTogether(
    places: readonly Place[],
    entries: readonly Entry[],
    lease: Lease | undefined,
  ): Promise<void> {
    const { models, elsewhere } = this.#options;
    const { model, prepared } = entries[0]!.work;
    const { plan } = prepared.request;
    const samples = places.map(({ entry, index }) => entry.work.prepared.samples[index]!);
    const watch = stopWhenAllLeft(entries, this.#end.signal);
    try {
      const onStep = (progress: BatchProgress) => tell(places, progress);
      const { signal } = watch;
      const made = lease
        ? await lease.pipeline.decodeTogether(plan, samples, { signal, onStep })
        : await elsewhere!.decode(models.get(model).folder, plan, samples, signal);
      for (const [row, { entry, index }] of places.entries()) {
        entry.images[index] = entry.work.prepared.show(made[row]!.image, index);
        entry.done++;
      }
    } finally {
      watch.dispose();
    }
    const now = this.#options.now();
    for (const entry of entries) {
      if (entry.done < entry.images.length) continue;
      entry.finish({
        images: entry.images as Image[],
        plan: entry.work.prepared.request.plan,
        ...timesOf(entry, now),
      });
    }
  }

  /**
   * A deadline's plan is made for this work alone, and for the time that is left of it.
   *
   * @throws InputError for a deadline that is too short here whoever else asks; HttpError 429 for one that others took
   */
  async #decodeAlone(entry: Entry, { pipeline }: Lease): Promise<void> {
    const { work } = entry;
    const { request } = work.prepared;
    const left = work.endsAt! - this.#options.now();
    const watch = stopWhenAllLeft([entry], this.#end.signal);
    try {
      const indexes = entry.images.map((_, i) => i);
      const made = await pipeline.decode(
        // What is over asks for the least time there is: the refusal says what could be kept.
        { ...work.prepared, request: { ...request, deadlineMs: Math.max(left, Number.MIN_VALUE) } },
        {
          signal: watch.signal,
          onStep: async ({ step, total, factor, preview }) => {
            const seen = { step, total, factor, indexes };
            if (work.wantsPreview?.(seen)) work.onPreview?.(seen, await preview());
            work.onStep?.(seen);
          },
        },
      );
      const now = this.#options.now();
      const images = "videos" in made ? made.videos : made.images;
      entry.finish({ images, plan: made.plan, isKept: now <= work.endsAt!, ...timesOf(entry, now) });
    } catch (error) {
      throw error instanceof DeadlineTooShort ? this.#tooLate(entry, left, error.leastMs) : error;
    } finally {
      watch.dispose();
    }
  }

  /** Why a deadline cannot be kept, with `left` milliseconds left where decoding needs `leastMs`. */
  #tooLate(entry: Entry, left: number, leastMs: number): Error {
    const asked = entry.work.prepared.request.deadlineMs!;
    const spent = asked - left;
    const hasWaited = this.#ended > entry.endedBefore;
    // What passes before decoding though nobody else asks: all that did, or of a wait for others only what always does.
    const least = Math.ceil(leastMs + (hasWaited ? this.#options.gatherMs : spent));
    if (hasWaited && asked >= least) {
      return tooBusy(
        `of the deadline of ${asked} ms, ${Math.round(spent)} ms passed while the request waited for others, and decoding ` +
          `takes at least ${leastMs} ms; allow more time, or try again later`,
        1,
      );
    }
    return new InputError(
      `body: deadline: must be at least ${least} ms on this device for so many images at once, what one step of the ` +
        `smallest sub-model and the way there take, got ${asked}`,
    );
  }
}

/** Tells every work of a batch of a step; images of guesses are made once, for all that want them. */
async function tell(
  places: readonly Place[],
  { step, total, factor, preview }: BatchProgress,
): Promise<void> {
  const rowsOf = new Map<Entry, number[]>();
  for (const [row, { entry }] of places.entries()) {
    if (!entry.isSettled) rowsOf.set(entry, [...(rowsOf.get(entry) ?? []), row]);
  }
  const seenBy = (rows: readonly number[]): WorkStep => ({
    ...{ step, total, factor },
    indexes: rows.map((row) => places[row]!.index),
  });
  const wanting = [...rowsOf].filter(([{ work }, rows]) => work.wantsPreview?.(seenBy(rows)));
  const images = wanting.length > 0 ? await preview(wanting.flatMap(([, rows]) => rows)) : [];
  let at = 0;
  for (const [{ work }, rows] of wanting) {
    const own = images.slice(at, at + rows.length).map((image, i) => {
      return work.prepared.show(image, places[rows[i]!]!.index);
    });
    at += rows.length;
    work.onPreview?.(seenBy(rows), own);
  }
  for (const [{ work }, rows] of rowsOf) work.onStep?.(seenBy(rows));
}

/** A signal for a batch: aborted when the last of its entries is settled, or the server ends. */
function stopWhenAllLeft(entries: readonly Entry[], end: AbortSignal) {
  const stop = new AbortController();
  const onEnd = () => stop.abort(end.reason);
  const onLeft = () => {
    if (entries.every(({ work }) => work.signal.aborted)) stop.abort(entries[0]!.work.signal.reason);
  };
  end.addEventListener("abort", onEnd);
  for (const { work } of entries) work.signal.addEventListener("abort", onLeft);
  if (end.aborted) onEnd();
  return {
    signal: stop.signal,
    dispose: () => {
      end.removeEventListener("abort", onEnd);
      for (const { work } of entries) work.signal.removeEventListener("abort", onLeft);
    },
  };
}

function failAll(entries: readonly Entry[], error: unknown): void {
  for (const entry of entries) entry.fail(error);
}

const timesOf = ({ queuedAt, startedAt }: Entry, now: number) => ({
  waitedSeconds: (startedAt! - queuedAt) / 1000,
  seconds: (now - startedAt!) / 1000,
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
