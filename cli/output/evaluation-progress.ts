/** How far an evaluation is: a bar for what runs, and beside it the time until all plans are measured. */
import type { EvaluateProgress, RunReport } from "../../src/evaluate.ts";
import { type Progress, startProgress, timeLeft } from "./progress.ts";
import { openTimeLeft, type TimeLeft } from "./time-left.ts";

export interface Stages {
  show(progress: EvaluateProgress): void;
  finish(run: RunReport): void;
  /** How many runs an earlier evaluation had measured. */
  cached(): number;
  stop(): void;
}

/** A plan, and what a set of images of it takes, in the unit of all others. */
export interface PlannedWork {
  readonly name: string;
  readonly work: number;
}

/** What several plans take, each once per seed. */
export const totalWork = (plans: readonly PlannedWork[], seeds: number): number =>
  seeds * plans.reduce((sum, { work }) => sum + work, 0);

/** @param left  of these plans and whatever else there is to do; of the plans alone unless told */
export function openStages(
  plans: readonly PlannedWork[],
  seeds: number,
  left: TimeLeft = openTimeLeft(totalWork(plans, seeds)),
): Stages {
  const works = new Map(plans.map(({ name, work }) => [name, work]));
  let bar: Progress | undefined;
  let shown = "";
  let cached = 0;
  return {
    show({ stage, plan, done, total }) {
      if (stage !== shown) {
        bar?.stop();
        bar = startProgress(stage, total);
        shown = stage;
      }
      const seconds = plan === undefined ? null : left.seconds(((works.get(plan) ?? 0) * done) / total);
      bar!.update(done, seconds === null ? {} : { "all plans:": timeLeft(seconds) });
    },
    finish({ name, isCached }) {
      left.finish(works.get(name) ?? 0, isCached);
      if (isCached) cached++;
    },
    cached: () => cached,
    stop: () => bar?.stop(),
  };
}
