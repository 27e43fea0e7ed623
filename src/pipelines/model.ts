/**
 * A generative model in memory: a tokenizer, a nested transformer that was trained on its tokens, and how to decode with
 * them by default. Where its parts come from (a folder, a server, a training) is not known here.
 */
import { requireInput } from "../core/errors.ts";
import { basePlan, completionPlan, type DecodePlan, makePlan, type PlanInput } from "../decoding/plan.ts";
import { requirePlanFits } from "../decoding/resolve-plan.ts";
import { tokenizerParameters } from "../models/tokenizer/codec.ts";
import {
  codebookSize,
  parseTokenizerConfig,
  type TokenizerConfig,
  tokenGrid,
} from "../models/tokenizer/config.ts";
import { type TransformerConfig, transformerConfig } from "../models/transformer/config.ts";
import { modelFacts } from "../models/transformer/facts.ts";
import { transformerParameters } from "../models/transformer/parameters.ts";
import { type ParetoFront, readParetoFront } from "../planning/pareto-front.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import type { ModelPart } from "../weights/model-layout.ts";
import type { Tensors } from "../weights/safetensors.ts";

/** What a model folder holds: tokenizer, transformer, names of the classes and default plans. */
export interface GenerativeModel {
  readonly tokenizer: { readonly config: TokenizerConfig; readonly tensors: Tensors };
  readonly transformer: { readonly config: TransformerConfig; readonly tensors: Tensors };
  /** In class order; empty for a model without classes. */
  readonly classNames: readonly string[];
  /** The default plan. */
  readonly plan: DecodePlan;
  /** The default plan of completing videos; null for a model without such tasks. */
  readonly completionPlan: DecodePlan | null;
  /** Measured plans of generating; left out where none were measured. */
  readonly paretoFront?: ParetoFront;
}

/** The parsed files of a model folder, none of them checked. */
export interface ModelParts {
  readonly tokenizer: Pick<ModelPart, "config" | "tensors">;
  readonly transformer: Pick<ModelPart, "config" | "tensors">;
  /** Of `generation_config.json`. */
  readonly generation: unknown;
}

/** The file of the default plans, the class names and the Pareto front. */
export const generationName = "generation_config.json";

/**
 * A model from its parsed files: the one place where configurations, weights and plans are checked, and that they belong
 * together.
 *
 * @param placeOf  where a file is, e.g. `models/sprites/tokenizer/config.json`, for messages
 * @throws InputError naming the file and what is wrong with it
 */
export function modelFromParts(parts: ModelParts, placeOf: (file: string) => string): GenerativeModel {
  const tokenizer = {
    config: parseTokenizerConfig(parts.tokenizer.config, placeOf("tokenizer/config.json")),
    tensors: parts.tokenizer.tensors,
  };
  const transformer = {
    config: transformerConfig(
      parts.transformer.config as Parameters<typeof transformerConfig>[0],
      placeOf("transformer/config.json"),
    ),
    tensors: parts.transformer.tensors,
  };
  checkTensors(
    placeOf("tokenizer/model.safetensors"),
    tokenizer.tensors,
    tokenizerParameters(tokenizer.config),
  );
  checkTensors(
    placeOf("transformer/model.safetensors"),
    transformer.tensors,
    transformerParameters(transformer.config),
  );
  const made = `${codebookSize(tokenizer.config)} codes on [${tokenGrid(tokenizer.config)}]`;
  const wanted = `${transformer.config.codebookSize} codes on [${transformer.config.grid}]`;
  requireInput(
    made === wanted,
    `${placeOf("transformer/config.json")}: the transformer must have been trained on this tokenizer: it wants ` +
      `${wanted}, the tokenizer makes ${made}`,
  );
  return {
    tokenizer,
    transformer,
    ...generationFrom(parts.generation, transformer.config, placeOf(generationName)),
  };
}

/** The default plans, the class names and the Pareto front. */
function generationFrom(given: unknown, config: TransformerConfig, where: string) {
  requireInput(
    typeof given === "object" && given !== null && "plan" in given && "classNames" in given,
    `${where}: must hold "plan" and "classNames"`,
  );
  const { classNames } = given;
  requireInput(
    Array.isArray(classNames) && classNames.every((name) => typeof name === "string"),
    `${where}: classNames must be a list of texts, got ${JSON.stringify(classNames)}`,
  );
  requireInput(
    classNames.length === config.classes,
    `${where}: classNames must name the transformer's ${config.classes} classes, got ${classNames.length}`,
  );
  const facts = modelFacts(config);
  const plan = makePlan(given.plan as PlanInput, basePlan(config.factors), where, ["plan"]);
  requirePlanFits(plan, facts, where, ["plan"]);
  let completion: DecodePlan | null = null;
  if (config.tasks.length > 0) {
    const own = "completionPlan" in given ? (given.completionPlan as PlanInput) : {};
    completion = makePlan(own, completionPlan(plan), where, ["completionPlan"]);
    requirePlanFits(completion, facts, where, ["completionPlan"]);
  }
  const front =
    "paretoFront" in given ? readParetoFront(given.paretoFront, plan, where, ["paretoFront"]) : null;
  for (const [i, { plan }] of front?.plans.entries() ?? []) {
    requirePlanFits(plan, facts, where, ["paretoFront", "plans", i, "plan"]);
  }
  return {
    classNames: classNames as string[],
    plan,
    completionPlan: completion,
    ...(front && { paretoFront: front }),
  };
}
