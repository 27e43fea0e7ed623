/** The sizes of the shipped model of sprites, a guided default plan for it, and what its baseline decode costs. */
import { basePlan, makePlan } from "../../src/decoding/plan.ts";
import { baselineMultiplyAdds } from "../../src/planning/budget.ts";

export const model = {
  width: 192,
  depth: 6,
  hidden: 768,
  codebookSize: 1024,
  gridTokens: 64,
  factors: [1, 2, 4, 8],
  heads: 8,
};
export const defaults = makePlan({ guidance: { scale: 1.5 } }, basePlan(model.factors));
export const baseline = baselineMultiplyAdds(model, defaults);
