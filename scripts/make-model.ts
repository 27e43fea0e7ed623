/**
 * A model folder of what a trial on a card left: `tsx scripts/make-model.ts FOLDER TRIAL [NAMES]`, TRIAL holding
 * tokenizer.safetensors, transformer.safetensors and log.jsonl; NAMES the drawn dataset, "scenes" or "sprites".
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sceneClasses } from "../src/data/drawn/scenes/index.ts";
import { spriteClasses } from "../src/data/drawn/sprites/index.ts";
import { makePlan } from "../src/decoding/plan.ts";
import { parseTokenizerConfig } from "../src/models/tokenizer/config.ts";
import { transformerConfig } from "../src/models/transformer/config.ts";
import { writeModel } from "../src/pipelines/node/model-folder.ts";
import { readSafetensors } from "../src/weights/node/safetensors-file.ts";

const [folder, trial, names = "scenes"] = process.argv.slice(2) as [string, string, string?];
const lines = readFileSync(join(trial, "log.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const last = (what: string) => lines.findLast((line) => line.what === what && line.config).config;
const read = async (name: string) => (await readSafetensors(join(trial, `${name}.safetensors`))).tensors;
await writeModel(folder!, {
  tokenizer: {
    config: parseTokenizerConfig(last("tokenizer"), "tokenizer"),
    tensors: await read("tokenizer"),
  },
  transformer: { config: transformerConfig(last("transformer")), tensors: await read("transformer") },
  classNames: names === "scenes" ? sceneClasses : spriteClasses,
  plan: makePlan({
    modelSchedule: process.env.SIZES ?? "8x4,4x6,2x6,1x8",
    steps: 24,
    choiceTemperature: Number(process.env.CHOICE ?? 3),
    minP: Number(process.env.MINP ?? 0.1),
    guidance: {
      scale: Number(process.env.GUIDANCE ?? 2.25),
      interval: [0.25, 1],
      unconditionalFactor: "smaller",
    },
  } as never),
  completionPlan: null,
});
