/** A model of videos with random weights: 4 frames of 8 x 8 pixels as 2 x 2 x 2 tokens, two classes, both tasks. */
import { basePlan, completionPlan } from "../../src/decoding/plan.ts";
import { initialise } from "../../src/models/parameters.ts";
import { tokenizerParameters } from "../../src/models/tokenizer/codec.ts";
import { parseTokenizerConfig } from "../../src/models/tokenizer/config.ts";
import { transformerConfig } from "../../src/models/transformer/config.ts";
import { transformerParameters } from "../../src/models/transformer/parameters.ts";
import type { GenerativeModel } from "../../src/pipelines/model.ts";

export function toyVideoModel(tasks: ("predict" | "interpolate")[] = ["predict", "interpolate"]) {
  const tokenizer = parseTokenizerConfig(
    {
      resolution: 8,
      frames: 4,
      patchSize: 4,
      framePatch: 2,
      channels: 8,
      multipliers: [1],
      residualBlocks: 1,
      latentWidth: 4,
      groups: 2,
      quantizer: { kind: "vq", codebookSize: 16 },
    },
    "toy",
  );
  const transformer = transformerConfig({
    grid: [2, 2, 2],
    codebookSize: 16,
    classes: 2,
    tasks,
    width: 16,
    depth: 2,
    heads: 8,
  });
  const tensors = initialise(transformerParameters(transformer), [3, 4]);
  // Large enough that what is seen decides what is drawn.
  for (const { data } of Object.values(tensors)) for (let i = 0; i < data.length; i++) data[i]! *= 8;
  const plan = {
    ...basePlan(transformer.factors),
    steps: 4,
    modelSchedule: [
      { factor: 8, steps: 2 },
      { factor: 1, steps: 2 },
    ],
  };
  return {
    tokenizer: { config: tokenizer, tensors: initialise(tokenizerParameters(tokenizer), [1, 2]) },
    transformer: { config: transformer, tensors },
    classNames: ["cat spin", "cat fall"],
    plan,
    completionPlan: tasks.length > 0 ? completionPlan(plan) : null,
  } satisfies GenerativeModel;
}
