/** One decode of a batch by a loaded transformer, timed. */
import { decode } from "../src/decoding/decode.ts";
import type { DecodePlan } from "../src/decoding/plan.ts";
import { maskId } from "../src/models/transformer/config.ts";
import { modelFacts } from "../src/models/transformer/facts.ts";
import { createPredictor, type LoadedTransformer } from "../src/models/transformer/predictor.ts";

/**
 * @param isOneRun  all steps in one run of the runtime; else each in one of its own
 * @returns seconds, without the tokenizer
 */
export async function decodeOnce(
  transformer: LoadedTransformer,
  plan: DecodePlan,
  batch: number,
  { isOneRun = false, onStep }: { readonly isOneRun?: boolean; readonly onStep?: () => void } = {},
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
    ...(isOneRun && {
      stretches: { predict: predictor.predictStretch, length: ({ steps }) => steps.length },
    }),
    ...(onStep && { onStep }),
  });
  const seconds = (performance.now() - began) / 1000;
  await predictor.dispose();
  return seconds;
}
