/** One decode of a batch by a loaded transformer, timed. */
import { decode } from "../src/decoding/decode.ts";
import type { DecodePlan } from "../src/decoding/plan.ts";
import { maskId } from "../src/models/transformer/config.ts";
import { modelFacts } from "../src/models/transformer/facts.ts";
import { createPredictor, type LoadedTransformer } from "../src/models/transformer/predictor.ts";

/** @returns seconds, without the tokenizer */
export async function decodeOnce(
  transformer: LoadedTransformer,
  plan: DecodePlan,
  batch: number,
  onStep?: () => void,
): Promise<number> {
  const sampleIndexes = Array.from({ length: batch }, (_, i) => i);
  const labels = sampleIndexes.map((i) => i % transformer.config.classes);
  const predictor = createPredictor(transformer, labels);
  const began = performance.now();
  await decode({
    plan,
    model: modelFacts(transformer.config),
    maskId: maskId(transformer.config),
    seed: 0,
    sampleIndexes,
    gridShape: transformer.config.grid,
    predict: predictor.predict,
    ...(onStep && { onStep }),
  });
  const seconds = (performance.now() - began) / 1000;
  await predictor.dispose();
  return seconds;
}
