/** What the tests of stopping and resuming share: stop a job before a step, and read what a run logged. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Runner } from "../../src/runtime/runner.ts";
import { type TrainingJob, train } from "../../src/training/loop.ts";
import type { RunFolder } from "../../src/training/run-folder.ts";

/** Trains, aborting when the batch of step `stopAt` (0-based) is asked for. */
export function trainUntil(runner: Runner, folder: RunFolder, job: TrainingJob, stopAt?: number) {
  const controller = new AbortController();
  const watched: TrainingJob = {
    ...job,
    batch: (step) => {
      if (step === stopAt) controller.abort();
      return job.batch(step);
    },
  };
  return train(runner, folder, watched, { signal: controller.signal });
}

/** The logged lines of a run without what depends on the clock, which must be there and positive. */
export async function loggedLines(run: string): Promise<Record<string, number>[]> {
  const text = await readFile(join(run, "metrics.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const { seconds, imagesPerSecond, gflops, idleShare, ...rest } = JSON.parse(line);
      expect([seconds, imagesPerSecond, gflops].every((figure) => figure > 0)).toBe(true);
      expect(idleShare >= 0 && idleShare < 1).toBe(true);
      return rest;
    });
}
