/** Weights that a training starts from: another model's, in place of random ones. */
import { join } from "node:path";
import type { HostTensor } from "../core/tensor.ts";
import type { ParameterSpec } from "../models/parameters.ts";
import type { TrainingJob } from "../training/loop.ts";
import { checkTensors } from "../weights/check-tensors.ts";
import { readModelPart } from "../weights/model-folder.ts";
import type { Tensors } from "../weights/safetensors.ts";

/** The job, starting from given weights; from its own where there are none. */
export function startingFrom(job: TrainingJob, weights: Tensors | null): TrainingJob {
  if (!weights) return job;
  return { ...job, initialise: async () => ({ ...weights }) as Record<string, HostTensor<"float32">> };
}

/**
 * One part's weights of a model folder; null where no folder is named.
 *
 * @throws InputError when the folder is no model, or its part has not the parameters that are wanted
 */
export async function initialWeights(
  folder: string | undefined,
  part: "tokenizer" | "transformer",
  specs: readonly ParameterSpec[],
  adapt: (tensors: Tensors, config: unknown) => Tensors = (tensors) => tensors,
): Promise<Tensors | null> {
  if (folder === undefined) return null;
  const { tensors, config } = await readModelPart(folder, part);
  const adapted = adapt(tensors, config);
  checkTensors(join(folder, part, "model.safetensors"), adapted, specs);
  return adapted;
}
