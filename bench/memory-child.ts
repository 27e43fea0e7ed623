/**
 * The process that memory.ts measures: loads random weights, decodes a batch of four twice, guided, and prints its
 * memory. Started as `node --import tsx --expose-gc bench/memory-child.ts 8x3,4x3,2x3,1x3 whole|quick`.
 */
import { decode } from "../src/decoding/decode.ts";
import { makePlan } from "../src/decoding/plan.ts";
import { countParameters, initialise } from "../src/models/parameters.ts";
import { maskId, transformerConfig } from "../src/models/transformer/config.ts";
import { modelFacts } from "../src/models/transformer/facts.ts";
import { transformerParameters } from "../src/models/transformer/parameters.ts";
import { createPredictor, loadTransformer } from "../src/models/transformer/predictor.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";
import { settledMemory } from "./settled-memory.ts";

/** In bytes, but for the number of parameters. */
export interface MemoryUse {
  /** Of the whole process after decoding and a garbage collection; the predictor's caches are still there. */
  readonly resident: number;
  readonly peak: number;
  /** Weights loaded, nothing decoded. */
  readonly before: number;
  readonly parameters: number;
}

const [modelSchedule = "1x12", extent] = process.argv.slice(2);
const config = transformerConfig({
  grid: [16, 16],
  codebookSize: 1024,
  classes: 10,
  ...(extent === "quick" ? { width: 64, depth: 2, heads: 8 } : { width: 512, depth: 8, heads: 8 }),
});
const specs = transformerParameters(config);
const runner = await createNodeRunner();
const transformer = await loadTransformer(runner, config, initialise(specs, [1, 2]));
const before = await settledMemory();
const classes = [0, 1, 2, 3];
const predictor = createPredictor(transformer, classes);
for (const seed of [0, 1]) {
  await decode({
    plan: makePlan({ modelSchedule, guidance: { scale: 2 } }),
    model: modelFacts(config),
    maskId: maskId(config),
    seed,
    sampleIndexes: classes,
    predict: predictor.predict,
  });
}
const resident = await settledMemory();
const peak = process.resourceUsage().maxRSS * 1024;
const use: MemoryUse = { resident, peak, before, parameters: countParameters(specs) };
process.stdout.write(`${JSON.stringify(use)}\n`);
await predictor.dispose();
await transformer.dispose();
await runner.close();
