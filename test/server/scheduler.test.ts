/** The scheduler over a fake model that notes what it is asked and waits for a sign. */
import { describe, expect, it } from "vitest";
import type { Lease } from "../../server/models.ts";
import { type Elsewhere, Scheduler, type SchedulerOptions, type Work } from "../../server/scheduler.ts";
import {
  type BatchHooks,
  DeadlineTooShort,
  type DecodePlan,
  InputError,
  type PreparedRequest,
  type Sample,
} from "../../src/index.ts";

/** Batches that a fake pipeline was asked for, each with the seeds of its samples. */
interface Batch {
  readonly seeds: unknown[];
  readonly plan: DecodePlan;
  readonly signal: AbortSignal;
  readonly step: NonNullable<BatchHooks["onStep"]>;
  finish(): void;
  fail(error: unknown): void;
}

const plan = (steps: number, unmask?: object) => ({ steps, unmask }) as unknown as DecodePlan;

/** What the fake model needs for a deadline's images, in milliseconds. */
const leastMs = 40;

function open(options: Partial<SchedulerOptions> = {}) {
  const batches: Batch[] = [];
  const broken: string[] = [];
  let clock = 0;
  const pipeline = {
    decodeTogether: (plan: DecodePlan, samples: readonly Sample[], { signal, onStep }: BatchHooks) =>
      new Promise((resolve, reject) => {
        signal!.addEventListener("abort", () => reject(signal!.reason));
        batches.push({
          ...{ seeds: samples.map(({ seed }) => seed), plan, signal: signal!, step: onStep!, fail: reject },
          // An image that says whose it is.
          finish: () => resolve(samples.map(({ seed, index }) => ({ image: { seed, index }, tokens: [] }))),
        });
      }),
    decode: async ({ request, samples }: PreparedRequest) => {
      if (request.deadlineMs! < leastMs) throw new DeadlineTooShort("too short", leastMs);
      return { images: samples, plan: request.plan };
    },
  };
  const lease = async (id: string) =>
    ({
      pipeline,
      release: async (isBroken?: boolean) => void (isBroken && broken.push(id)),
    }) as unknown as Lease;
  const scheduler = new Scheduler({
    models: {
      lease,
      get: (id: string) => ({ folder: `models/${id}` }),
    } as unknown as SchedulerOptions["models"],
    ...{ batch: 4, queue: 20, gatherMs: 1, now: () => clock },
    ...options,
  });
  const submit = (
    seed: string,
    count: number,
    extra: Partial<Work> & { plan?: DecodePlan; deadlineMs?: number } = {},
  ) => {
    const samples = Array.from({ length: count }, (_, index) => ({ seed, index }));
    const request = { plan: extra.plan ?? plan(12), maskedTokens: 64, deadlineMs: extra.deadlineMs ?? null };
    const prepared = { request, samples, show: (image: unknown) => image };
    const work = {
      model: "a",
      client: "one",
      signal: new AbortController().signal,
      ...(extra.deadlineMs !== undefined && { endsAt: clock + extra.deadlineMs }),
      ...extra,
      prepared,
    } as unknown as Work;
    return scheduler
      .submit(work)
      .then(({ images }) => images as unknown as { seed: string; index: number }[]);
  };
  /** The next batch, when it comes. */
  const next = async (): Promise<Batch> => {
    const before = taken++;
    while (batches.length <= before) await new Promise((resolve) => setTimeout(resolve, 1));
    return batches[before]!;
  };
  let taken = 0;
  return { scheduler, submit, next, batches, broken, pass: (ms: number) => (clock += ms) };
}

const own = (seed: string, count: number) => Array.from({ length: count }, (_, index) => ({ seed, index }));

describe("batches", () => {
  it("hold images of several requests, by turns, and every request gets its own", async () => {
    const { submit, next } = open();
    const made = [submit("a", 3), submit("b", 1), submit("c", 2)];
    const first = await next();
    expect(first.seeds).toEqual(["a", "b", "c", "a"]);
    first.finish();
    const second = await next();
    expect(second.seeds).toEqual(["a", "c"]);
    second.finish();
    expect(await Promise.all(made)).toEqual([own("a", 3), own("b", 1), own("c", 2)]);
  });

  it("are of one model and one plan", async () => {
    const { submit, next } = open();
    const made = [
      submit("a", 1),
      submit("b", 1, { model: "b" }),
      submit("c", 1, { plan: plan(4) }),
      submit("d", 1),
    ];
    const seeds: unknown[][] = [];
    for (let i = 0; i < 3; i++) {
      const batch = await next();
      seeds.push(batch.seeds);
      batch.finish();
    }
    expect(seeds).toEqual([["a", "d"], ["b"], ["c"]]);
    await Promise.all(made);
  });

  it("let nobody wait for a request with many images", async () => {
    const { submit, next } = open();
    const many = submit("many", 16, { plan: plan(4) });
    (await next()).finish();
    const few = submit("few", 1);
    const order: unknown[] = [];
    void few.then(() => order.push("few"));
    void many.then(() => order.push("many"));
    for (let i = 0; i < 4; i++) (await next()).finish();
    expect(await few).toEqual(own("few", 1));
    expect(await many).toEqual(own("many", 16));
    expect(order).toEqual(["few", "many"]);
  });

  it("let nobody wait for a client with many requests", async () => {
    const { submit, next } = open();
    const many = Array.from({ length: 12 }, (_, i) => submit(`many ${i}`, 1, { client: "many" }));
    const first = await next();
    expect(first.seeds).toEqual(["many 0", "many 1", "many 2", "many 3"]);
    const few = [
      submit("few", 2, { client: "few" }),
      submit("other plan", 1, { client: "third", plan: plan(4) }),
    ];
    first.finish();
    const second = await next();
    // Who was not served yet decides what is next, and those who share a batch take turns.
    expect(second.seeds).toEqual(["few", "many 4", "few", "many 5"]);
    second.finish();
    const third = await next();
    expect(third.seeds).toEqual(["other plan"]);
    third.finish();
    for (let i = 0; i < 2; i++) (await next()).finish();
    await Promise.all([...many, ...few]);
  });

  it("are of one image where a plan has an entropy rule", async () => {
    const { submit, next } = open();
    const made = submit("a", 2, { plan: plan(12, { kind: "entropy", bound: 1 }) });
    for (let i = 0; i < 2; i++) {
      const batch = await next();
      expect(batch.seeds).toEqual(["a"]);
      batch.finish();
    }
    expect(await made).toEqual(own("a", 2));
  });
});

describe("other machines", () => {
  /** Two of them, which decode when told to. */
  function openBeside(workers = 2) {
    const asked: { folder: string; seeds: unknown[]; finish(): void; fail(error: Error): void }[] = [];
    const elsewhere: Elsewhere = {
      workers: () => workers,
      decode: (folder, _, samples, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          const images = samples.map(({ seed, index }) => ({ image: { seed, index }, tokens: [] }));
          const seeds = samples.map(({ seed }) => seed);
          asked.push({ folder, seeds, fail: reject, finish: () => resolve(images as never) });
        }),
    };
    const askedFor = async (count: number) => {
      while (asked.length < count) await new Promise((resolve) => setTimeout(resolve, 1));
      return asked;
    };
    return { ...open({ elsewhere }), asked, askedFor };
  }

  it("decode as many batches at a time as there are of them, and a request gets its own images from all", async () => {
    const { submit, batches, askedFor } = openBeside();
    const made = [submit("a", 6), submit("b", 4)];
    const [first, second] = await askedFor(2);
    expect([first!.seeds, second!.seeds]).toEqual([
      ["a", "b", "a", "b"],
      ["a", "b", "a", "b"],
    ]);
    expect(first!.folder).toBe("models/a");
    second!.finish();
    const asked = await askedFor(3);
    expect(asked[2]!.seeds).toEqual(["a", "a"]);
    asked[2]!.finish();
    first!.finish();
    expect(await Promise.all(made)).toEqual([own("a", 6), own("b", 4)]);
    expect(batches).toEqual([]);
  });

  it("leave to this one what is watched, or has a deadline", async () => {
    const { submit, next, asked, askedFor } = openBeside();
    const watched = submit("watched", 1, { onStep: () => {} });
    const timed = submit("timed", 1, { deadlineMs: leastMs });
    const other = submit("other", 1);
    const batch = await next();
    expect(batch.seeds).toEqual(["watched"]);
    batch.finish();
    expect(await timed).toEqual(own("timed", 1));
    (await askedFor(1))[0]!.finish();
    expect(await other).toEqual(own("other", 1));
    expect(await watched).toEqual(own("watched", 1));
    expect(asked).toHaveLength(1);
  });

  it("that fail are asked once more", async () => {
    const { submit, askedFor } = openBeside(1);
    const made = submit("a", 1);
    (await askedFor(1))[0]!.fail(new Error("lost"));
    (await askedFor(2))[1]!.finish();
    expect(await made).toEqual(own("a", 1));
  });

  it("are waited for at a stop, and cut off after its grace", async () => {
    const { scheduler, submit, askedFor } = openBeside(1);
    const made = submit("a", 1);
    await askedFor(1);
    const refused = expect(made).rejects.toMatchObject({ status: 503, code: "stopped" });
    await scheduler.close(20);
    await refused;
  });
});

describe("steps", () => {
  it("are told to each request with its own images, and previews are made once for all that want them", async () => {
    const { submit, next } = open();
    const told: unknown[] = [];
    const seen: unknown[] = [];
    const watch = (name: string): Partial<Work> => ({
      onStep: ({ step, indexes }) => told.push([name, step, indexes]),
      wantsPreview: ({ step }) => step === 2,
      onPreview: (_, images) => seen.push([name, images]),
    });
    const made = [submit("a", 2, watch("a")), submit("quiet", 1), submit("b", 1, watch("b"))];
    const batch = await next();
    const asked: (readonly number[])[] = [];
    const preview = async (rows: readonly number[]) => {
      asked.push(rows);
      return rows.map((row) => `row ${row}`) as never;
    };
    for (const step of [1, 2]) await batch.step({ step, total: 2, factor: 1, preview });
    batch.finish();
    await Promise.all(made);
    // The batch's rows are a 0, quiet 0, b 0, a 1.
    expect(asked).toEqual([[0, 3, 2]]);
    expect(seen).toEqual([
      ["a", ["row 0", "row 3"]],
      ["b", ["row 2"]],
    ]);
    expect(told).toEqual([
      ["a", 1, [0, 1]],
      ["b", 1, [0]],
      ["a", 2, [0, 1]],
      ["b", 2, [0]],
    ]);
  });
});

describe("who leaves", () => {
  it("is not decoded, and takes nobody along", async () => {
    const { submit, next } = open();
    const leaver = new AbortController();
    const left = submit("left", 6, { signal: leaver.signal });
    const stays = submit("stays", 1);
    const first = await next();
    leaver.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    expect(first.signal.aborted).toBe(false);
    first.finish();
    expect(await stays).toEqual(own("stays", 1));
  });

  it("as the last one of a batch, stops it, and the next one begins", async () => {
    const { submit, next, batches, broken } = open();
    const leaver = new AbortController();
    const left = [submit("x", 2, { signal: leaver.signal }), submit("y", 2, { signal: leaver.signal })];
    const first = await next();
    const other = submit("other", 1);
    leaver.abort(new Error("gone"));
    for (const one of left) await expect(one).rejects.toThrow("gone");
    expect(first.signal.aborted).toBe(true);
    (await next()).finish();
    expect(await other).toEqual(own("other", 1));
    expect(batches).toHaveLength(2);
    expect(broken).toEqual([]); // the model did nothing wrong
  });
});

describe("failures", () => {
  it("are tried once more, by the model loaded anew", async () => {
    const { submit, next, broken } = open();
    const made = [submit("a", 1), submit("b", 1)];
    (await next()).fail(new Error("its worker thread ended"));
    const again = await next();
    expect(again.seeds).toEqual(["a", "b"]);
    again.finish();
    expect(await Promise.all(made)).toEqual([own("a", 1), own("b", 1)]);
    expect(broken).toEqual(["a"]);
  });

  it("are told to all of the batch when they come again, and to nobody else", async () => {
    const { submit, next } = open();
    const made = [submit("a", 1), submit("b", 5)];
    const other = submit("other", 1, { plan: plan(4) });
    for (let i = 0; i < 2; i++) (await next()).fail(new Error("no memory"));
    for (const one of made) await expect(one).rejects.toThrow("no memory");
    (await next()).finish();
    expect(await other).toEqual(own("other", 1));
  });

  it("of the input are told at once", async () => {
    const { submit, next, broken } = open();
    const made = submit("a", 1);
    (await next()).fail(new InputError("not so"));
    await expect(made).rejects.toThrow("not so");
    expect(broken).toEqual([]);
  });
});

describe("a deadline", () => {
  const tooShort = (least: number) => ({
    name: "InputError",
    message: expect.stringContaining(`body: deadline: must be at least ${least} ms on this device`),
  });

  it("that no plan keeps is refused by the least one, and no waiting is blamed", async () => {
    const { submit } = open();
    await expect(submit("a", 1, { deadlineMs: 10 })).rejects.toMatchObject(tooShort(leastMs));
    expect(await submit("a", 1, { deadlineMs: leastMs })).toEqual(own("a", 1));
  });

  it("whose time passed before decoding without anybody else there counts that time", async () => {
    const { submit, pass } = open();
    const made = submit("a", 1, { deadlineMs: 50 });
    pass(60);
    await expect(made).rejects.toMatchObject(tooShort(60 + leastMs));
  });

  it("whose time passed while others were decoded can be tried again, if it can be kept at all", async () => {
    const { submit, next, pass } = open();
    const other = submit("other", 1);
    const batch = await next();
    const late = submit("late", 1, { deadlineMs: 100 });
    const hopeless = submit("hopeless", 1, { deadlineMs: 10 });
    const refused = [
      expect(late).rejects.toMatchObject({
        ...{ status: 429, headers: { "retry-after": "1" } },
        message: expect.stringMatching(/100 ms, 70 ms passed while the request waited for others.* 40 ms/),
      }),
      expect(hopeless).rejects.toMatchObject(tooShort(leastMs + 1)), // and the time in which a batch is gathered
    ];
    pass(70);
    batch.finish();
    await Promise.all(refused);
    expect(await other).toEqual(own("other", 1));
  });
});

describe("the queue", () => {
  it("has an end, beyond which it says when to come again", () => {
    const { scheduler } = open();
    const giveBack = scheduler.reserve(18);
    expect(() => scheduler.reserve(3)).toThrow(
      /the queue is full: 18 of 20 images wait, and 3 more do not fit/,
    );
    try {
      scheduler.reserve(3);
    } catch (error) {
      expect(error).toMatchObject({
        status: 429,
        headers: { "retry-after": expect.stringMatching(/^[1-9]\d*$/) },
      });
    }
    // What never fits is not to be tried again.
    expect(() => scheduler.reserve(21)).toThrow(InputError);
    expect(() => scheduler.reserve(21)).toThrow(/body: n: must be at most 20, .* got 21/);
    giveBack();
    giveBack(); // twice is once
    expect(scheduler.waiting).toBe(0);
    scheduler.reserve(20);
  });

  it("finishes what it has when it closes, and takes nothing more", async () => {
    const { scheduler, submit, next } = open();
    const giveBack = scheduler.reserve(1);
    const made = submit("a", 1).finally(giveBack);
    const batch = await next();
    const closed = scheduler.close(60_000);
    expect(() => scheduler.reserve(1)).toThrow(/stopping/);
    batch.finish();
    expect(await made).toEqual(own("a", 1));
    await closed;
  });

  it("cuts off what is not done in time when it closes, and says so", async () => {
    const { scheduler, submit, next } = open();
    const made = [submit("a", 1), submit("b", 1, { plan: plan(4) })];
    await next();
    const closed = scheduler.close(20);
    for (const one of made) await expect(one).rejects.toMatchObject({ status: 503, code: "stopped" });
    await closed;
  });
});
