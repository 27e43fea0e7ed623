/** Workers at a queue make what one process makes, whatever happens to them; with a Redis of this test's own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openFleet } from "../../fleet/open-fleet.ts";
import { forgetFailed, queueMetrics, readQueueStatus, retryFailed } from "../../fleet/queue-status.ts";
import { runQueueWorker, type WorkerReport } from "../../fleet/queue-worker.ts";
import { sampleByFleet } from "../../fleet/sample.ts";
import type { GeneratedImages } from "../../src/index.ts";
import { hasRedis, type RedisServer, startRedis } from "./redis-server.ts";
import { jobOf, madeOf, openToyWork, type ToyWork } from "./toy-work.ts";

if (!hasRedis) process.stderr.write("redis-server is not installed: the tests of queues are left out\n");

describe.skipIf(!hasRedis)("a queue", () => {
  let folder: string;
  let redis: RedisServer;
  /** 12 jobs that take milliseconds. */
  let work: ToyWork;
  let store: string;
  let stores = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "magnets-queue-"));
    redis = await startRedis();
    work = await openToyWork(folder, { count: 190, batchSize: 16 });
  });
  afterAll(async () => {
    await redis.stop();
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const worker of here) worker.stop.abort();
    await Promise.allSettled(here.map(({ ended }) => ended));
    for (const worker of processes) worker.kill("SIGKILL");
    await Promise.all([...processes].map((worker) => once(worker, "close")));
    here.length = 0;
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
  });

  /** Workers in this process. */
  const here: { stop: AbortController; ended: Promise<WorkerReport>; notices: string[] }[] = [];
  function workHere(options: { leaseMs?: number; store?: string } = {}) {
    const [stop, notices] = [new AbortController(), [] as string[]];
    const onNotice = (notice: string) => notices.push(notice);
    const ended = runQueueWorker({
      queue: redis.url,
      store,
      threads: 1,
      signal: stop.signal,
      onNotice,
      ...options,
    });
    ended.catch(() => {});
    const worker = { stop, ended, notices };
    here.push(worker);
    return worker;
  }
  /** Workers in processes of their own, which can be killed. */
  const processes = new Set<ChildProcess>();
  function workElsewhere(): ChildProcess {
    const options = ["--queue", redis.url, "--store", store, "--lease", "1s", "--threads", "1"];
    const worker = spawn(process.execPath, ["--import", "tsx", "cli/main.ts", "worker", ...options]);
    worker.stdout.resume();
    worker.stderr.resume();
    processes.add(worker);
    worker.on("close", () => processes.delete(worker));
    return worker;
  }
  /** Asks for work by a fleet of its own. */
  async function ask(
    { by, request }: ToyWork,
    { signal, notices = [] }: { signal?: AbortSignal; notices?: string[] } = {},
  ) {
    const fleet = await openFleet({ queue: redis.url, store, onNotice: (notice) => notices.push(notice) });
    try {
      return madeOf((await sampleByFleet(fleet, by, { ...request, signal })) as GeneratedImages);
    } finally {
      await fleet.close();
    }
  }
  async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await isSo())) await setTimeout(30);
  }
  const jobs = async () => (await readQueueStatus(redis.url)).jobs;
  const nextStore = () => {
    store = join(folder, `store-${stores++}`);
  };

  it.each([1, 2, 5])("shared by %i workers gives what one process makes", async (width) => {
    nextStore();
    const workers = Array.from({ length: width }, () => workHere());
    expect(await ask(work)).toEqual(madeOf(work.alone));
    for (const { stop } of workers) stop.abort();
    const reports = await Promise.all(workers.map(({ ended }) => ended));
    expect(reports.reduce((sum, { done }) => sum + done, 0)).toBe(12);
    expect(reports.every(({ failed }) => failed === 0)).toBe(true);
    expect((await readdir(store)).length).toBe(2 * 12);
  });

  it("is not needed for what is in the store; what is missing there is made, though the queue knows it as done", async () => {
    nextStore();
    const worker = workHere();
    await ask(work);
    const [file] = (await readdir(store)).filter((name) => name.endsWith(".safetensors"));
    await rm(join(store, file!));
    expect(await ask(work)).toEqual(madeOf(work.alone));
    worker.stop.abort();
    expect((await worker.ended).done).toBe(13);
    expect(await ask(work)).toEqual(madeOf(work.alone));
  });

  it("says when nobody works at it", async () => {
    nextStore();
    const notices: string[] = [];
    const stop = new AbortController();
    const asked = ask(work, { notices, signal: stop.signal });
    await until(() => notices.length > 0);
    expect(notices).toEqual([
      `no worker waits at ${redis.url}; start one: magnets worker --queue ${redis.url} --store ${store}`,
    ]);
    expect((await jobs()).waiting).toBe(12);
    stop.abort();
    await expect(asked).rejects.toThrow(/abort/i);
    expect(await jobs()).toEqual({ waiting: 0, active: 0, retried: 0, done: 0, failed: 0 });
  });

  describe("whose jobs take a while", { timeout: 400_000 }, () => {
    /** 6 jobs of a second or so. */
    let long: ToyWork;
    beforeAll(async () => {
      long = await openToyWork(join(folder, "long"), { count: 6 * 256, batchSize: 256 });
    });

    it("loses nothing when workers are killed in the middle of a job", async () => {
      nextStore();
      workElsewhere();
      workElsewhere();
      const asked = ask(long);
      for (let kills = 0; kills < 3; kills++) {
        await until(async () => (await jobs()).active > 0);
        await setTimeout(100);
        const [victim] = processes;
        victim!.kill("SIGKILL");
        workElsewhere();
      }
      expect(await asked).toEqual(madeOf(long.alone));
      expect(
        (await readdir(store)).filter((name) => !/^[0-9a-f]{32}\.(json|safetensors)$/.test(name)),
      ).toEqual([]);
      expect((await jobs()).failed).toBe(0);
    });

    it("is not harmed by the late result of a worker that was cut off for longer than its lease", async () => {
      nextStore();
      const late = workElsewhere();
      const words: string[] = [];
      late.stdout!.on("data", (data) => words.push(String(data)));
      const notices: string[] = [];
      const asked = ask(long, { notices });
      await until(async () => (await jobs()).active > 0);
      late.kill("SIGSTOP");
      workHere({ leaseMs: 1000 });
      expect(await asked).toEqual(madeOf(long.alone));
      expect(notices).toContainEqual(
        expect.stringMatching(/^a worker was lost; samples \d+ to \d+ of seed .* goes to another$/),
      );
      const before = (await readdir(store)).sort();
      late.kill("SIGCONT");
      await until(() => /meanwhile|was there already/.test(words.join("")));
      expect((await readdir(store)).sort()).toEqual(before);
      expect(await jobs()).toMatchObject({ waiting: 0, active: 0, failed: 0, done: 6 });
      expect(await ask(long)).toEqual(madeOf(long.alone));
    });

    it("goes on when Redis was restarted, and when it lost everything", async () => {
      nextStore();
      workHere();
      const asked = ask(long);
      await until(async () => (await jobs()).active > 0);
      await redis.restart("SIGTERM", () => setTimeout(300));
      await until(async () => (await jobs()).done > 1);
      await redis.restart("SIGKILL");
      const client = new Redis(redis.url);
      await client.flushall();
      client.disconnect();
      expect(await asked).toEqual(madeOf(long.alone));
    });

    it("that is gone keeps no worker that is asked to stop, once its job is done", async () => {
      nextStore();
      const worker = workElsewhere();
      const stop = new AbortController();
      const asked = ask(long, { signal: stop.signal });
      await until(async () => (await jobs()).active > 0);
      await redis.restart("SIGKILL", async () => {
        worker.kill("SIGTERM");
        const [code] = await once(worker, "close");
        expect(code).toBe(143);
        expect((await readdir(store)).length).toBe(2); // what it was at is there
        stop.abort();
        await expect(asked).rejects.toThrow(/abort/i);
      });
    });

    it("is left by a worker that is asked to stop when its job is done, and by no job before", async () => {
      nextStore();
      const worker = workHere();
      const stop = new AbortController();
      const asked = ask(long, { signal: stop.signal });
      await until(async () => (await jobs()).active > 0);
      worker.stop.abort();
      const { done, failed } = await worker.ended;
      expect([done, failed]).toEqual([1, 0]);
      expect(await jobs()).toMatchObject({ active: 0, waiting: 5, done: 1 });
      stop.abort();
      await expect(asked).rejects.toThrow(/abort/i);
    });
  });

  describe("refuses by name", () => {
    it("a worker with another model, and says so to both sides; the job is unharmed", async () => {
      nextStore();
      const notices: string[] = [];
      const stop = new AbortController();
      const worker = workHere();
      const other = { ...work, by: { ...work.by, digest: "0000000000000000" } };
      const asked = ask(other, { notices, signal: stop.signal });
      const sentence =
        /^worker \S+:\d+: its .*model has the digest [0-9a-f]{16}, but the job needs 0000000000000000; copy the model there$/;
      await expect(worker.ended).rejects.toThrow(sentence);
      await until(() => notices.length > 0);
      expect(notices[0]!.replace("refused: ", "")).toMatch(sentence);
      expect(await jobs()).toMatchObject({ waiting: 12, active: 0, retried: 0, failed: 0 });
      stop.abort();
      await expect(asked).rejects.toThrow(/abort/i);
    });

    it("a worker of another version; the job waits for others", async () => {
      nextStore();
      const fleet = await openFleet({ queue: redis.url, store });
      const worker = workHere();
      const asked = fleet.run(jobOf(work, "0.0.9"), new AbortController().signal);
      await expect(worker.ended).rejects.toThrow(
        /^worker \S+:\d+: has magnets \d+\.\d+\.\d+, but the job needs 0\.0\.9; install that version there$/,
      );
      expect(await jobs()).toMatchObject({ waiting: 1, active: 0, failed: 0 });
      asked.catch(() => {});
      await fleet.close();
    });
  });

  it("keeps what failed for good with the reason, to be tried again or forgotten", async () => {
    nextStore();
    const worker = workHere();
    const wrong = { ...work, request: { ...work.request, count: 1, classes: ["dog"] } };
    const fleet = await openFleet({ queue: redis.url, store });
    const job = { ...jobOf(wrong), classes: ["unicorn"] };
    const reason = /on worker \S+:\d+: classes: must be one of cat, dog, 7, got "unicorn"/;
    await expect(fleet.run(job, new AbortController().signal)).rejects.toThrow(reason);
    const { failed } = await readQueueStatus(redis.url);
    expect(failed).toEqual([
      {
        name: expect.stringMatching(/^[0-9a-f]{32}$/),
        job: expect.stringMatching(/^sample 3 of seed/),
        reason: expect.stringMatching(reason),
        attempts: 1, // what is wrong with a job is not tried thrice
      },
    ]);
    expect(await retryFailed(redis.url)).toBe(1);
    await until(async () => (await jobs()).failed === 1);
    expect(await forgetFailed(redis.url)).toBe(1);
    expect((await readQueueStatus(redis.url)).failed).toEqual([]);
    expect(await queueMetrics(redis.url)).toMatch(
      /bullmq_job_failed_total\{[^}]*\} 2\n[\s\S]*magnets_workers 1\n/,
    );
    expect((await readQueueStatus(redis.url)).workers).toEqual([expect.stringMatching(/^\S+:\d+$/)]);
    worker.stop.abort();
    expect((await worker.ended).failed).toBe(2);
    await fleet.close();
  });
});
