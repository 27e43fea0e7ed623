/** How far a training is: a bar for the job that runs, with the figures worth watching. */
import type { TrainingProgress } from "../../src/train.ts";
import { type Progress, startProgress } from "./progress.ts";

export interface TrainingBars {
  /** @param label  what the bar is called; default the job; @param notes  shown behind the figures */
  show(progress: TrainingProgress, label?: string, notes?: Readonly<Record<string, string>>): void;
  stop(): void;
}

/** Stop them in a `finally`. */
export function openTrainingBars(): TrainingBars {
  let bar: Progress | undefined;
  let shown = "";
  return {
    show({ job, step, total, metrics }, label = job, notes = {}) {
      if (label !== shown) {
        bar?.stop();
        bar = startProgress(label, total, step);
        shown = label;
      }
      bar!.update(step, { ...figuresOf(metrics), ...notes });
    },
    stop: () => bar?.stop(),
  };
}

function figuresOf(metrics: TrainingProgress["metrics"]): Record<string, string> {
  const digits: Record<string, number> = {
    loss: 4,
    accuracy: 3,
    psnr: 2,
    borderContrast: 2,
    codebookUse: 2,
    imagesPerSecond: 0,
    gflops: 0,
  };
  const entries = Object.entries(digits).filter(([name]) => metrics[name] !== undefined);
  return Object.fromEntries(entries.map(([name, places]) => [name, metrics[name]!.toFixed(places)]));
}
