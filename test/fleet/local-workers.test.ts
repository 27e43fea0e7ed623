/** Processes on this machine make what one process makes, also when they are killed. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFleet } from "../../fleet/open-fleet.ts";
import { sampleByFleet } from "../../fleet/sample.ts";
import type { GeneratedImages } from "../../src/index.ts";
import { children, madeOf, openToyWork, type ToyWork } from "./toy-work.ts";

let folder: string;
let work: ToyWork;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "magnets-local-"));
  work = await openToyWork(folder, { count: 90, batchSize: 16 });
});
afterAll(() => rm(folder, { recursive: true }));

const processes = (): number[] => children("local-worker");

describe("work shared among", () => {
  it.each([1, 2, 5])("%i processes is that of one, and leaves no process behind", async (workers) => {
    const store = join(folder, `store-${workers}`);
    const fleet = await openFleet({ workers, store, threads: 1 });
    const told: number[] = [];
    const onProgress = (done: number) => told.push(done);
    const made = await sampleByFleet(fleet, work.by, { ...work.request, onProgress });
    await fleet.close();
    expect(madeOf(made as GeneratedImages)).toEqual(madeOf(work.alone));
    expect([...told].sort((a, b) => a - b)).toEqual(told);
    expect(told.at(-1)).toBe(90);
    expect((await readdir(store)).length).toBe(2 * 6);
    expect(processes()).toEqual([]);
  });

  it("processes of which some are killed is the same, and what is done is not done again", async () => {
    const store = join(folder, "store-killed");
    const notices: string[] = [];
    const fleet = await openFleet({
      workers: 2,
      store,
      threads: 1,
      onNotice: (notice) => notices.push(notice),
    });
    let killed = 0;
    const onProgress = () => {
      const victim = processes()[0];
      if (killed < 3 && victim !== undefined) process.kill(victim, "SIGKILL");
      killed++;
    };
    const made = await sampleByFleet(fleet, work.by, { ...work.request, onProgress });
    await fleet.close();
    expect(killed).toBe(6);
    expect(madeOf(made as GeneratedImages)).toEqual(madeOf(work.alone));
    // With what is in the store no process starts.
    const again = await openFleet({ workers: 2, store });
    const found = await sampleByFleet(again, work.by, work.request);
    expect(processes()).toEqual([]);
    await again.close();
    expect(madeOf(found as GeneratedImages)).toEqual(madeOf(work.alone));
  });
});

describe("a job", () => {
  it("whose process dies each time is given up with a reason", async () => {
    const fleet = await openFleet({ workers: 1 });
    const killing = setInterval(() => {
      for (const pid of processes()) process.kill(pid, "SIGKILL");
    }, 20);
    await expect(sampleByFleet(fleet, work.by, { ...work.request, count: 1 })).rejects.toThrow(
      /^sample 3 of seed 9223372036854775809 by .*: its worker process was ended by SIGKILL, 3 times in a row; it may need/,
    );
    clearInterval(killing);
    await fleet.close();
  });

  it("that is wrong is refused by the worker in its own words, and not tried again", async () => {
    const notices: string[] = [];
    const fleet = await openFleet({ workers: 1, onNotice: (notice) => notices.push(notice) });
    const other = { ...work.by, digest: "0000000000000000" };
    await expect(sampleByFleet(fleet, other, work.request)).rejects.toThrow(
      /failed on worker \S+: its .*model has the digest [0-9a-f]{16}, but the job needs 0000000000000000; copy the model there/,
    );
    expect(notices).toEqual([]);
    await fleet.close();
  });

  it("is left at the next step when asked to stop", async () => {
    const fleet = await openFleet({ workers: 1 });
    const stop = new AbortController();
    const asked = sampleByFleet(fleet, work.by, { ...work.request, count: 20_000, signal: stop.signal });
    setTimeout(() => stop.abort(), 500);
    await expect(asked).rejects.toThrow(/abort/i);
    await fleet.close();
  });
});

it("a deadline, and a store alone, are refused", async () => {
  const fleet = await openFleet({ workers: 1 });
  await expect(sampleByFleet(fleet, work.by, { deadlineMs: 400 })).rejects.toThrow(
    "--deadline: must be left out where workers share the work, got 400 ms; a deadline is one machine's",
  );
  await fleet.close();
  await expect(openFleet({ queue: "redis://127.0.0.1:1" })).rejects.toThrow(
    "--queue: must have a --store beside it",
  );
  const unreachable = { queue: "redis://me:secret@127.0.0.1:1", store: join(folder, "none") };
  await expect(openFleet(unreachable)).rejects.toThrow(
    /^--queue redis:\/\/127.0.0.1:1: no Redis answers there \(connect ECONNREFUSED 127.0.0.1:1\); start redis-server/,
  );
});
