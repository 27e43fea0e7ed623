/** A fleet of job runners in this process, each with one job at a time, for tests of what jobs make. */
import type { Fleet } from "../../fleet/fleet.ts";
import type { Job } from "../../fleet/job.ts";
import type { ResultStore } from "../../fleet/result-store.ts";
import { openJobRunner } from "../../fleet/run-job.ts";

/** @returns the fleet, and the jobs that each runner did */
export function openRunnersFleet(
  count: number,
  store: ResultStore,
): { readonly fleet: Fleet; readonly did: readonly Job[][] } {
  const did: Job[][] = Array.from({ length: count }, () => []);
  const runners = did.map((jobs) => ({ jobs, runner: openJobRunner(store, { threads: 1 }) }));
  const idle = [...runners];
  const waiting: (() => void)[] = [];
  const fleet: Fleet = {
    store,
    async run(job, signal) {
      while (idle.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      const mine = idle.shift()!;
      try {
        await mine.runner.run(job, { signal });
        mine.jobs.push(job);
      } finally {
        idle.push(mine);
        waiting.shift()?.();
      }
    },
    countWorkers: async () => count,
    close: async () => {
      await Promise.all(runners.map(({ runner }) => runner.close()));
    },
  };
  return { fleet, did };
}
