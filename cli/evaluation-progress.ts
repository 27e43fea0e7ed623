/** How far an evaluation is: a bar for what runs, and beside it the time until all plans are measured. */
import type { EvaluateProgress, RunReport } from "../src/evaluate.ts";
import { type Progress, startProgress, timeLeft } from "./progress.ts";
import { openTimeLeft } from "./time-left.ts";

export interface Stages {
  show(progress: EvaluateProgress): void;
  finish(run: RunReport): void;
  /** How many runs an earlier evaluation had measured. */
  remembered(): number;
  stop(): void;
}

/** @param plans  with the multiply-adds of a picture; each runs once per seed */
export function openStages(
  plans: readonly { readonly name: string; readonly work: number }[],
  seeds: number,
): Stages {
  const works = new Map(plans.map(({ name, work }) => [name, work]));
  const total = seeds * plans.reduce((sum, { work }) => sum + work, 0);
  const left = openTimeLeft(total, () => performance.now() / 1000);
  let bar: Progress | undefined;
  let shown = "";
  let remembered = 0;
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
    finish({ name, isRemembered }) {
      left.finish(works.get(name) ?? 0, isRemembered);
      if (isRemembered) remembered++;
    },
    remembered: () => remembered,
    stop: () => bar?.stop(),
  };
}
