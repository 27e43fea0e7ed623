/** How far an evaluation or a search is: a bar for what runs, and beside it the time until all is measured. */
import type { EvaluateProgress } from "../../src/evaluate.ts";
import { type Progress, startProgress, timeLeft } from "./progress.ts";

export interface EvaluationBars {
  show(progress: EvaluateProgress & { readonly secondsLeft?: number | null }): void;
  stop(): void;
}

/** One bar per stage. Stop them in a `finally`. */
export function openEvaluationBars(): EvaluationBars {
  let bar: Progress | undefined;
  let shown = "";
  return {
    show({ stage, done, total, secondsLeft = null }) {
      if (stage !== shown) {
        bar?.stop();
        bar = startProgress(stage, total);
        shown = stage;
      }
      bar!.update(done, secondsLeft === null ? {} : { "all plans:": timeLeft(secondsLeft) });
    },
    stop: () => bar?.stop(),
  };
}
