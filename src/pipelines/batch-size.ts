/** `batchSize: "auto"`: as many images together as fit into a budget of memory. */
import { requireInput } from "../core/errors.ts";
import type { DecodePlan } from "../decoding/plan.ts";
import { decodingNumbers } from "../models/tokenizer/memory.ts";
import { transformerFacts } from "../models/transformer/facts.ts";
import { arenaSlack, decodeMemory } from "../planning/memory.ts";
import type { GenerativeModel } from "./model.ts";

/** Beyond it, batches gain no speed, and the first images come later. */
const mostImages = 64;

export interface MemoryNeed {
  /** What every image of a batch adds: the transformer's passes and caches, and the tokenizer's decoder. */
  readonly bytesPerImage: number;
  /** What generating takes besides, whatever the batch; the loaded model is not in it. */
  readonly bytesFixed: number;
}

/**
 * The peak memory of generating images, beyond the loaded model: bytesFixed + B bytesPerImage for batches of B.
 *
 * @param maskedTokens  all tokens unless editing
 */
export function modelPlanMemory(
  { tokenizer, transformer }: Pick<GenerativeModel, "tokenizer" | "transformer">,
  plan: DecodePlan,
  maskedTokens?: number,
): MemoryNeed {
  const { bytesPerImage, bytesFixed } = decodeMemory(
    transformerFacts(transformer.config),
    plan,
    maskedTokens,
  );
  return {
    bytesPerImage: bytesPerImage + 4 * arenaSlack * decodingNumbers(tokenizer.config),
    bytesFixed,
  };
}

/**
 * How many images to decode together: the most that fit into the budget, at most 64, spread so that the batches are
 * of about one size.
 *
 * @param budget  bytes
 * @throws InputError when not even one image fits, saying how much that would take
 */
export function fittingBatchSize(
  { bytesPerImage, bytesFixed }: MemoryNeed,
  count: number,
  budget: number,
): number {
  const least = bytesFixed + bytesPerImage;
  const mebibytes = (bytes: number, round: (x: number) => number) =>
    bytes < 2 ** 20 ? `${bytes} bytes` : `${round(bytes / 2 ** 20)} MiB`;
  requireInput(
    budget >= least,
    `generate: memoryBudget: must hold one image of this model and plan, at least ${mebibytes(least, Math.ceil)}` +
      `, got ${mebibytes(budget, Math.floor)}; give more, or choose a plan of smaller sub-models`,
  );
  const most = Math.min(mostImages, Math.floor((budget - bytesFixed) / bytesPerImage));
  return Math.ceil(count / Math.ceil(count / most));
}
