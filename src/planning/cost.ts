/**
 * What a decode costs, in multiply-adds: one per product of two numbers in the matrix products of the transformer
 * (what papers of this field print as "FLOPs"). Norms, softmax, embeddings and sampling are left out.
 *
 * D width, L layers, F hidden units, V codebook size, N grid tokens, p downscale factor, Nq queries, Nk = N+1 keys.
 */
import type { DecodePlan } from "../decoding/plan.ts";
import { type ModelFacts, type ResolvedStep, resolvePlan } from "../decoding/resolve-plan.ts";

/** The sizes of a transformer that its cost depends on. */
export interface TransformerSizes {
  /** D. */
  readonly width: number;
  /** L. */
  readonly depth: number;
  /** F, hidden units of the full MLP. */
  readonly hidden: number;
  /** V. */
  readonly codebookSize: number;
  /** Hidden units of the output head, if it has a hidden layer. */
  readonly headHidden?: number;
}

/** One pass of one branch. */
export interface Pass {
  readonly factor: number;
  /** Nq: positions that run, the class token among them if it runs. */
  readonly queries: number;
  /** Nk: positions attended to, N+1. */
  readonly keys: number;
  /** Positions whose logits are computed. */
  readonly headRows: number;
}

/**
 * The multiply-adds of one pass: per layer 4 D (D/p) Nq for the projections, 2 D (F/p) Nq for the MLP and
 * 2 (D/p) Nq Nk for the attention; D V per row of the head, or D Hh + Hh V when it has a hidden layer.
 */
export function passCost(model: TransformerSizes, pass: Pass): number {
  const { width, depth, hidden, codebookSize, headHidden } = model;
  const inner = width / pass.factor;
  const projections = 4 * width * inner * pass.queries;
  const mlp = 2 * width * (hidden / pass.factor) * pass.queries;
  const attention = 2 * inner * pass.queries * pass.keys;
  const headRow =
    headHidden === undefined ? width * codebookSize : width * headHidden + headHidden * codebookSize;
  return depth * (projections + mlp + attention) + headRow * pass.headRows;
}

/** What a plan costs, known before it runs. */
export interface PlanCost {
  readonly steps: readonly StepCost[];
  /** Multiply-adds per sample, both branches; with an entropy rule, the most that they can be. */
  readonly multiplyAdds: number;
  /** The least that they can be: fewer with an entropy rule, when all tokens are decoded in the first step. */
  readonly leastMultiplyAdds: number;
  /** Those of the baseline decode: p = 1, no cache, every position, head on all N, same steps, same guided steps. */
  readonly baselineMultiplyAdds: number;
  /** Baseline over plan: how many times less the plan computes. */
  readonly ratio: number;
}

/** A step of a plan, resolved, with what it costs. */
export interface StepCost extends ResolvedStep {
  readonly conditionalMultiplyAdds: number;
  /** 0 without an unconditional pass. */
  readonly unconditionalMultiplyAdds: number;
  /** Of the same step in the baseline decode: p = 1, no cache, every position, head on all N, as many branches. */
  readonly baselineMultiplyAdds: number;
}

/** The multiply-adds of one step per sample. */
export function stepCost(model: TransformerSizes & ModelFacts, step: ResolvedStep): StepCost {
  const keys = model.gridTokens + 1;
  const costAt = (factor: number) =>
    passCost(model, {
      factor,
      queries: step.isFull ? keys : step.active,
      keys,
      headRows: step.predicted,
    });
  const { unconditionalFactor } = step;
  const baselinePass = passCost(model, { factor: 1, queries: keys, keys, headRows: model.gridTokens });
  return {
    ...step,
    conditionalMultiplyAdds: costAt(step.factor),
    unconditionalMultiplyAdds: unconditionalFactor === null ? 0 : costAt(unconditionalFactor),
    baselineMultiplyAdds: unconditionalFactor === null ? baselinePass : 2 * baselinePass,
  };
}

/**
 * The multiply-adds of a plan per sample, step by step, and of the baseline decode that it is compared with.
 *
 * @param maskedTokens  N0; all tokens unless editing
 * @throws InputError as {@link resolvePlan}
 */
export function planCost(
  model: TransformerSizes & ModelFacts,
  plan: DecodePlan,
  maskedTokens = model.gridTokens,
): PlanCost {
  const steps = resolvePlan(plan, model, maskedTokens).steps.map((step) => stepCost(model, step));
  const sum = (part: (step: StepCost) => number) => steps.reduce((total, step) => total + part(step), 0);
  const bothBranches = (step: StepCost) => step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds;
  const multiplyAdds = sum(bothBranches);
  const baselineMultiplyAdds = sum((step) => step.baselineMultiplyAdds);
  return {
    steps,
    multiplyAdds,
    leastMultiplyAdds: plan.unmask ? bothBranches(steps[0]!) : multiplyAdds,
    baselineMultiplyAdds,
    ratio: baselineMultiplyAdds / multiplyAdds,
  };
}
