/**
 * A model's folder, read and written whole (Hugging Face layout):
 *
 *   model_index.json          the parts
 *   tokenizer/, transformer/  config.json and model.safetensors each
 *   generation_config.json    the default decode plans, the names of the classes, and the measured plans, if any
 */
import { join } from "node:path";
import type { ParetoFront } from "../../planning/pareto-front.ts";
import { readJson, writeJson } from "../../weights/node/json-file.ts";
import {
  readModelIndex,
  readModelPart,
  writeModelIndex,
  writeModelPart,
} from "../../weights/node/model-folder.ts";
import type { StoreOptions } from "../../weights/node/safetensors-file.ts";
import { type GenerativeModel, generationName, modelFromParts } from "../model.ts";

/**
 * Reads a model folder and checks that its parts belong together.
 *
 * @throws InputError naming the file and what is wrong with it
 */
export async function readModel(folder: string): Promise<GenerativeModel> {
  await readModelIndex(folder); // first: it says best what is missing
  const [tokenizer, transformer, generation] = await Promise.all([
    readModelPart(folder, "tokenizer"),
    readModelPart(folder, "transformer"),
    readJson(join(folder, generationName)),
  ]);
  return modelFromParts({ tokenizer, transformer, generation }, (file) => join(folder, file));
}

/** Whether a folder holds a model with all its parts. */
export async function isWholeModel(folder: string): Promise<boolean> {
  return readModelIndex(folder).then(
    () => true,
    () => false,
  );
}

/** Writes the tokenizer into a model folder that is still in the making. */
export async function writeTokenizer(
  folder: string,
  tokenizer: GenerativeModel["tokenizer"],
  { store = "float16" }: StoreOptions = {},
): Promise<void> {
  await writeModelPart(folder, "tokenizer", { ...tokenizer, store });
}

/**
 * Writes a model folder; the index comes last, so that a folder that has one is whole.
 *
 * @param options.store  how weights are stored; "float16", the default, halves the folder
 */
export async function writeModel(
  folder: string,
  model: GenerativeModel,
  { store = "float16" }: StoreOptions = {},
): Promise<void> {
  await writeTokenizer(folder, model.tokenizer, { store });
  await writeModelPart(folder, "transformer", { ...model.transformer, store });
  await writeJson(join(folder, generationName), {
    plan: model.plan,
    ...(model.completionPlan && { completionPlan: model.completionPlan }),
    classNames: model.classNames,
    ...(model.paretoFront && { paretoFront: model.paretoFront }),
  });
  const isVideo = model.tokenizer.config.frames !== undefined;
  await writeModelIndex(folder, {
    className: isVideo ? "MagnetsVideoPipeline" : "MagnetsImagePipeline",
    parts: { tokenizer: ["magnets", "Tokenizer"], transformer: ["magnets", "NestedTransformer"] },
  });
}

/**
 * Puts a measured Pareto front into a model folder, in the place of an older one. Nothing else in the folder changes.
 *
 * @throws InputError when the folder has no `generation_config.json`, or cannot be written
 */
export async function writeParetoFront(folder: string, paretoFront: ParetoFront): Promise<void> {
  const path = join(folder, generationName);
  await writeJson(path, { ...((await readJson(path)) as object), paretoFront });
}
