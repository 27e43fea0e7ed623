/** A model's plan and its baseline decode, timed on equal terms. */
import { baselinePlan, type PlanInput } from "../decoding/plan.ts";

/** What differs from call to call. */
export interface RaceRun {
  readonly count?: number;
  readonly plan?: PlanInput;
}

/** What a race gives: what the model's own plan made, and what its baseline decode did. */
export interface RaceResult<Made> {
  readonly nested: Made;
  readonly baseline: Made;
}

/**
 * Generates one image first, so that both clocks start with compiled graphs; then by the model's own plan, then by the
 * baseline decode of as many steps.
 *
 * @param steps     K
 * @param generate  makes the images of a run, e.g. by a pipeline
 * @example
 * const { nested, baseline } = await raceBaseline(12, (run) => pipeline.generate({ classes: ["all"], count: 12, ...run }));
 * console.log(`${(baseline.stats.seconds / nested.stats.seconds).toFixed(1)} times as fast`);
 */
export async function raceBaseline<Made>(
  steps: number,
  generate: (run: RaceRun, decode: "warm-up" | "nested" | "baseline") => Promise<Made>,
): Promise<RaceResult<Made>> {
  await generate({ count: 1 }, "warm-up");
  const nested = await generate({}, "nested");
  const baseline = await generate({ plan: baselinePlan({ steps }) }, "baseline");
  return { nested, baseline };
}
