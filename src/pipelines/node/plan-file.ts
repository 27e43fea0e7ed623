/** Plans in files. */
import { InputError } from "../../core/errors.ts";
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
      `plan: must be a JSON file with a whole plan, got ${path}; a list of sub-model sizes is a model schedule: ` +
        `--model-schedule ${path}`,
    );
  }
  const given = await readJson(path);
  const isRecord = typeof given === "object" && given !== null && "plan" in given;
  return (isRecord ? given.plan : given) as PlanInput;
}
