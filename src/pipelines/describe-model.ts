/** A model in numbers: for people to read and for programs to compare. */
import { sizeOf } from "../core/tensor.ts";
import { printModelSchedule } from "../decoding/model-schedule.ts";
import type { DecodePlan } from "../decoding/plan.ts";
import { countParameters } from "../models/parameters.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import type { TransformerConfig } from "../models/transformer/config.ts";
import { transformerFacts } from "../models/transformer/facts.ts";
import { rowsUsed, transformerParameters } from "../models/transformer/parameters.ts";
import { baselineMultiplyAdds } from "../planning/budget.ts";
import type { ParetoFront } from "../planning/pareto-front.ts";
import { modelPlanCost } from "./choose-plan.ts";
import type { GenerativeModel } from "./model.ts";

/** Sizes, sub-models, classes, plans and their costs, as one JSON-able object. */
export function describeModel({
  tokenizer,
  transformer,
  classNames,
  paretoFront,
  ...plans
}: GenerativeModel) {
  const { config } = transformer;
  const specs = transformerParameters(config);
  const describePlan = (plan: DecodePlan) => {
    const { multiplyAdds, baselineMultiplyAdds, ratio } = modelPlanCost(config, plan);
    return {
      modelSchedule: printModelSchedule(plan.modelSchedule),
      maskSchedule: plan.maskSchedule.kind,
      guidanceScale: plan.guidance.scale,
      multiplyAdds,
      baselineMultiplyAdds,
      ratio,
    };
  };
  return {
    classes: classNames,
    tokenizer: {
      resolution: tokenizer.config.resolution,
      ...(tokenizer.config.frames !== undefined && { frames: tokenizer.config.frames }),
      quantizer: tokenizer.config.quantizer.kind,
      parameters: countParameters(tokenizerParameters(tokenizer.config)),
    },
    transformer: {
      ...config,
      subModels: config.factors.map((factor) => ({
        factor,
        heads: config.heads / factor,
        hidden: config.hidden / factor,
        parameters: specs.reduce(
          (total, spec) => total + rowsUsed(spec, factor) * sizeOf(spec.shape.slice(1)),
          0,
        ),
      })),
    },
    plan: describePlan(plans.plan),
    completionPlan: plans.completionPlan && describePlan(plans.completionPlan),
    paretoFront: paretoFront ? describeParetoFront(paretoFront, config, plans.plan) : null,
  };
}

/** A Pareto front in numbers, each plan beside the baseline decode. */
function describeParetoFront(paretoFront: ParetoFront, config: TransformerConfig, defaults: DecodePlan) {
  const baseline = baselineMultiplyAdds(transformerFacts(config), defaults);
  return {
    ...paretoFront,
    plans: paretoFront.plans.map(({ plan, distance }) => ({
      modelSchedule: printModelSchedule(plan.modelSchedule),
      /** Of the baseline decode's multiply-adds. */
      share: modelPlanCost(config, plan).multiplyAdds / baseline,
      distance,
      distanceToBaseline: distance / paretoFront.baselineDistance,
    })),
  };
}
