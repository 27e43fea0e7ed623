/**
 * The process that scaling.ts measures: loads random weights, decodes a batch, guided, and prints time and memory.
 * Started as `node --import tsx --expose-gc bench/scaling-child.ts '{"config": {...}, "plan": {...}, "batch": 8}'`.
 */
import { type DecodePlan, makePlan } from "../src/decoding/plan.ts";
import { initialise } from "../src/models/parameters.ts";
import { type TransformerConfig, transformerConfig } from "../src/models/transformer/config.ts";
import { transformerParameters } from "../src/models/transformer/parameters.ts";
import { loadTransformer } from "../src/models/transformer/predictor.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";
import { median } from "./bench.ts";
import { decodeOnce } from "./decode-once.ts";
import { settledMemory } from "./settled-memory.ts";

export interface ScalingPoint {
  readonly config: TransformerConfig;
  readonly plan: DecodePlan;
  readonly batch: number;
}

export interface ScalingUse {
  /** The median of at least three decodes (one from 5 seconds on) and of a second's worth, after one not counted. */
  readonly seconds: number;
  /** The most resident memory, in bytes, over that with the weights loaded and nothing decoded. */
  readonly peak: number;
}

const point = JSON.parse(process.argv[2]!) as ScalingPoint;
const config = transformerConfig({
  ...point.config,
  grid: [...point.config.grid],
  factors: [...point.config.factors],
});
const plan = makePlan(point.plan);
const runner = await createNodeRunner();
const transformer = await loadTransformer(runner, config, initialise(transformerParameters(config), [1, 2]));
const before = await settledMemory();
// Sessions are made now, and gigabytes touched for the first time: half of a first decode of 4,096 tokens.
const first = await decodeOnce(transformer, plan, point.batch);
const least = first >= 5 ? 1 : 3;
const seconds: number[] = [];
for (let spent = 0; seconds.length < least || spent < 1; spent += seconds.at(-1)!) {
  seconds.push(await decodeOnce(transformer, plan, point.batch));
}
const peak = process.resourceUsage().maxRSS * 1024 - before;
process.stdout.write(`${JSON.stringify({ seconds: median(seconds), peak } satisfies ScalingUse)}\n`);
await transformer.dispose();
await runner.close();
