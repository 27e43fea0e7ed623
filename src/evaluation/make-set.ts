/** A set of images made a batch at a time, so that each can be measured and freed before the next is made. */
import type { DecodePlan } from "../decoding/plan.ts";
import type { DecodeStats } from "./plan-runs.ts";

interface StepProgress {
  readonly step: number;
  readonly total: number;
}

/** The plan and the cost of a batch, or of a set. */
export interface Made {
  readonly plan: DecodePlan;
  readonly stats: DecodeStats;
}

export interface SetOptions {
  /** Images in all. */
  readonly samples: number;
  readonly batchSize: number;
  /** Called after every step with how far the set is, in images: batches may differ in their number of steps. */
  readonly onStep?: (progress: StepProgress) => void;
}

/** Images `firstIndex` to `firstIndex + count - 1` of a set. */
export interface SetBatch {
  readonly firstIndex: number;
  readonly count: number;
  readonly onStep: (progress: StepProgress) => void;
}

/**
 * Makes all batches of a set, one after the other.
 *
 * @returns the plan, and what the batches cost together
 */
export async function makeSet(
  { samples, batchSize, onStep }: SetOptions,
  make: (batch: SetBatch) => Promise<Made>,
): Promise<Made> {
  const made: Made[] = [];
  for (let firstIndex = 0; firstIndex < samples; firstIndex += batchSize) {
    const count = Math.min(batchSize, samples - firstIndex);
    const { plan, stats } = await make({
      firstIndex,
      count,
      onStep: ({ step, total }) =>
        onStep?.({ step: firstIndex + Math.floor((count * step) / total), total: samples }),
    });
    made.push({ plan, stats }); // and not the images
  }
  return together(made);
}

/** The plan of batches of one set, and what they cost together. */
export function together(made: readonly Made[]): Made {
  const sum = (of: (stats: DecodeStats) => number) => made.reduce((total, { stats }) => total + of(stats), 0);
  const multiplyAdds = sum((stats) => stats.multiplyAdds);
  const baselineMultiplyAdds = sum((stats) => stats.baselineMultiplyAdds);
  const ratio = baselineMultiplyAdds / multiplyAdds;
  const seconds = sum((stats) => stats.seconds);
  return { plan: made[0]!.plan, stats: { seconds, multiplyAdds, baselineMultiplyAdds, ratio } };
}
