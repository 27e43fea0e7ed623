/** Plans in files. */
import { InputError } from "../../core/errors.ts";
import { invalidValue } from "../../core/validate.ts";
import type { PlanInput } from "../../decoding/plan.ts";
import { readJson } from "../../weights/node/json-file.ts";

/**
 * The plan in a JSON file: the plan itself, or the record of a decode (sample.json), which holds it as `plan`. Not yet
 * checked: that happens where it enters a request, as every plan does.
 *
 * @throws InputError for text that is a model schedule, and a file that cannot be read
 */
export async function readPlanFile(path: string): Promise<PlanInput> {
  if (/^\s*\d+\s*x\s*\d+/i.test(path)) {
    throw new InputError(
      `plan: must be a JSON file, got ${path}; a list of sub-model sizes is a model schedule: ` +
        `--model-schedule ${path}`,
    );
  }
  const given = await readJson(path);
  const plan = isObject(given) && "plan" in given ? given.plan : given;
  if (!isObject(plan)) {
    throw invalidValue(
      path,
      [],
      "must hold a plan, an object with parts of one, or a record with one as plan",
      plan,
    );
  }
  return plan as PlanInput;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
