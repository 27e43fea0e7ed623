/**
 * Which sub-models a step trains: all of them, or the largest and one smaller one, whose step costs less. The
 * smaller ones take turns.
 */
import type { TrainConfig } from "./config.ts";

/** What a configuration says of it. */
type Choice = Pick<TrainConfig["transformer"]["training"], "subModels" | "stepsPerSubModel">;

/**
 * The sub-models that train together in one step or another: all at once, or a pair for each smaller one.
 *
 * @param factors  all that train, the largest sub-model first
 */
export function trainedTogether(
  factors: readonly number[],
  { subModels }: Pick<Choice, "subModels">,
): (readonly number[])[] {
  const [largest, ...smaller] = factors;
  if (subModels === "all" || smaller.length === 0) return [factors];
  return smaller.map((factor) => [largest!, factor]);
}

/**
 * Which of them a step trains: an index below their number.
 *
 * @param step   0-based
 * @param count  how many {@link trainedTogether} gives
 */
export const trainedAt = (
  step: number,
  count: number,
  { stepsPerSubModel }: Pick<Choice, "stepsPerSubModel">,
): number => Math.floor(step / stepsPerSubModel) % count;
