/** Plans by the names that people give them, and what those names stand for on a model. */
import { nearestName } from "../core/errors.ts";
import { invalidValue } from "../core/validate.ts";
import { baselinePlan, type DecodePlan, type PlanInput } from "../decoding/plan.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import { readPlanFile } from "../pipelines/node/plan-file.ts";

/** What plans are chosen for. */
export interface PlanGround {
  readonly model: GenerativeModel;
  /** The default plan of the task: generating, or predicting frames. */
  readonly base: DecodePlan;
}

/** By name, what differs from the default plan. */
export type NamedPlans = Readonly<Record<string, PlanInput>>;

/** The plans that are compared by default. */
export const defaultPlanNames = ["default", "baseline"] as const;

/**
 * The plans that texts name: "default", the model's own; "baseline", its baseline decode; "pareto", all plans of its
 * Pareto front; a model schedule, "8x3,1x9"; the file of a plan, "mine.json"; either with a name before it,
 * "late=8x2,1x10". Commas separate plans as well as the runs of one schedule, so "default,8x3,1x9,tidy=mine.json" is
 * three plans.
 *
 * @throws InputError for two plans of one name, a model without a Pareto front, and a file that cannot be read
 */
export async function plansByName(texts: readonly string[], ground: PlanGround): Promise<NamedPlans> {
  const plans: Record<string, PlanInput> = {};
  for (const text of texts.flatMap(separated)) {
    for (const [name, plan] of Object.entries(await plansOf(text, ground))) {
      if (name === "" || Object.hasOwn(plans, name)) {
        throw invalidValue(
          "plans",
          [],
          "must have a name of its own each",
          text,
          "write it as name=schedule",
        );
      }
      plans[name] = plan;
    }
  }
  return plans;
}

/** What plans were called once. */
const former: Readonly<Record<string, string>> = { flat: "baseline", front: "pareto" };

const schedulePart = /^\s*\d+x\d+\s*$/;

/** The plans between commas; the runs of a schedule stay together. */
function separated(text: string): string[] {
  const found: string[] = [];
  let isSchedule = false;
  for (const part of text.split(",").map((each) => each.trim())) {
    const isRun = schedulePart.test(part);
    if (isRun && isSchedule) found[found.length - 1] += `,${part}`;
    else found.push(part);
    isSchedule = schedulePart.test(part.slice(part.indexOf("=") + 1));
  }
  return found;
}

async function plansOf(text: string, { model, base }: PlanGround): Promise<NamedPlans> {
  if (text === "default") return { default: {} };
  if (text === "baseline") return { baseline: baselinePlan(base) };
  if (text === "pareto") return paretoPlans(model);
  const at = text.indexOf("=");
  const [name, plan] = at < 0 ? [text, text] : [text.slice(0, at), text.slice(at + 1)];
  if (plan.endsWith(".json")) return { [name]: await readPlanFile(plan) };
  if (!plan.split(",").every((run) => schedulePart.test(run))) {
    const nearest = former[text] ?? nearestName(text, ["default", "baseline", "pareto"]);
    throw invalidValue(
      "plans",
      [],
      "must be default, baseline, pareto, a model schedule like 8x3,1x9 or the .json file of a plan",
      text,
      nearest && `did you mean "${nearest}"?`,
    );
  }
  return { [name]: { modelSchedule: plan } };
}

function paretoPlans({ paretoFront }: GenerativeModel): NamedPlans {
  if (!paretoFront) {
    throw invalidValue(
      "plans",
      [],
      "must be of a model with a Pareto front",
      "pareto",
      "magnets search finds one and writes it into the model's folder",
    );
  }
  return Object.fromEntries(paretoFront.plans.map(({ plan }, i) => [`pareto ${i + 1}`, plan]));
}
