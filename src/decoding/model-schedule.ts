/**
 * Model schedules: which sub-model runs for how many steps, in order. As text factor x steps: "8x3,1x9" is three steps of
 * the sub-model with an eighth of the heads and hidden units, then nine of the full model.
 *
 * K steps; p a downscale factor.
 */
import { z } from "zod";
import { addIssue } from "../core/validate.ts";

/** `steps` steps in a row at downscale factor `factor`. */
export interface ScheduleRun {
  readonly factor: number;
  readonly steps: number;
}

const atLeastOne = z.int().min(1);

const scheduleText = z
  .string()
  .meta({ allowed: 'text such as "8x3,1x9"' })
  .transform((text, context): ScheduleRun[] => {
    const runs = text.split(",").map((part) => {
      const [factor, steps] = (/^\s*(\d+)\s*x\s*(\d+)\s*$/i.exec(part) ?? []).slice(1).map(Number);
      const isRun = [factor, steps].every((count) => Number.isSafeInteger(count) && count > 0);
      return isRun ? { factor, steps } : part;
    });
    const wrong = runs.find((run) => typeof run === "string");
    if (wrong !== undefined) {
      addIssue(context, {
        path: [],
        must: "must be pairs of factor x steps, each at least 1, such as 8x3,4x3,2x3,1x3",
        got: text,
        remedy: `mend "${wrong}"`,
      });
    }
    return runs.filter((run) => typeof run !== "string");
  });

/** A model schedule as users write it: text, or a list of {factor, steps}. */
export const modelScheduleSchema = z.union([
  scheduleText,
  z.array(z.strictObject({ factor: atLeastOne, steps: atLeastOne })).min(1),
]);

/** K: the steps of all runs. */
export const stepsOf = (modelSchedule: readonly ScheduleRun[]): number =>
  modelSchedule.reduce((sum, run) => sum + run.steps, 0);

/** A model schedule as users write it, "8x3,4x3,2x3,1x3": factor x steps. */
export function printModelSchedule(modelSchedule: readonly ScheduleRun[]): string {
  return modelSchedule.map((run) => `${run.factor}x${run.steps}`).join(",");
}

/** K steps spread evenly over a model's factors, smallest sub-model first; what is left over goes to the small ones. */
export function evenModelSchedule(steps: number, factors: readonly number[]): ScheduleRun[] {
  return [...factors]
    .sort((a, b) => b - a)
    .map((factor, i) => ({ factor, steps: Math.ceil((steps - i) / factors.length) }))
    .filter((run) => run.steps > 0);
}
