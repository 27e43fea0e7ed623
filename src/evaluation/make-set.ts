/** A set of pictures made a batch at a time, so that each can be judged and let go before the next is made. */
import type { DecodePlan } from "../decoding/plan.ts";
import type { DecodeStats } from "./plan-runs.ts";

interface StepProgress {
  readonly step: number;
  readonly total: number;
}

/** What came of a batch, or of a set. */
export interface Made {
  readonly plan: DecodePlan;
  readonly stats: DecodeStats;
}

export interface SetOptions {
  /** Pictures in all. */
  readonly samples: number;
  readonly batchSize: number;
  /** Told after every step how far the set is, in pictures: batches may differ in how many steps they can take. */
  readonly onStep?: (progress: StepProgress) => void;
}

/** Pictures `firstPicture` to `firstPicture + count - 1` of a set. */
export interface SetBatch {
  readonly firstPicture: number;
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
  for (let firstPicture = 0; firstPicture < samples; firstPicture += batchSize) {
    const count = Math.min(batchSize, samples - firstPicture);
    const { plan, stats } = await make({
      ...{ firstPicture, count },
      onStep: ({ step, total }) =>
        onStep?.({ step: firstPicture + Math.floor((count * step) / total), total: samples }),
    });
    made.push({ plan, stats }); // and not the pictures
  }
  const sum = (of: (stats: DecodeStats) => number) => made.reduce((total, { stats }) => total + of(stats), 0);
  const multiplyAdds = sum((stats) => stats.multiplyAdds);
  const multiplyAddsFlat = sum((stats) => stats.multiplyAddsFlat);
  const ratio = multiplyAddsFlat / multiplyAdds;
  const seconds = sum((stats) => stats.seconds);
  return { plan: made[0]!.plan, stats: { seconds, multiplyAdds, multiplyAddsFlat, ratio } };
}
