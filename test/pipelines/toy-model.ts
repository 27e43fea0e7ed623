/** A model folder with random weights, small enough to decode in milliseconds: 16 tokens of 4 x 4 pixels. */

import { basePlan } from "../../src/decoding/plan.ts";
import { initialise } from "../../src/models/parameters.ts";
import { tokenizerParameters } from "../../src/models/tokenizer/codec.ts";
import { parseTokenizerConfig } from "../../src/models/tokenizer/config.ts";
import { transformerConfig } from "../../src/models/transformer/config.ts";
import { transformerParameters } from "../../src/models/transformer/parameters.ts";
import type { GenerativeModel } from "../../src/pipelines/model.ts";

export const toyClasses = ["cat", "dog", "7"];

export function toyModel(): GenerativeModel {
  const tokenizer = parseTokenizerConfig(
    {
      resolution: 16,
      patchSize: 4,
      channels: 8,
      multipliers: [1],
      residualBlocks: 1,
      latentWidth: 4,
      groups: 2,
      quantizer: { kind: "vq", codebookSize: 8 },
    },
    "toy",
  );
  const transformer = transformerConfig({
    grid: [4, 4],
    codebookSize: 8,
    classes: toyClasses.length,
    width: 16,
    depth: 2,
    heads: 8,
  });
  return {
    tokenizer: { config: tokenizer, tensors: initialise(tokenizerParameters(tokenizer), [1, 2]) },
    transformer: { config: transformer, tensors: initialise(transformerParameters(transformer), [3, 4]) },
    classNames: toyClasses,
    plan: basePlan(transformer.factors),
    completionPlan: null,
  };
}
