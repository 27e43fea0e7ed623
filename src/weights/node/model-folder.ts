/** Reading and writing a model folder (Node); model-layout.ts says what is in one. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError, requireInput } from "../../core/errors.ts";
import {
  type ModelIndex,
  type ModelPart,
  modelIndexFile,
  modelIndexJson,
  parseModelIndex,
  partFiles,
} from "../model-layout.ts";
import { readJson, writeJson } from "./json-file.ts";
import { readSafetensors, type StoreOptions, type Tensors, writeSafetensors } from "./safetensors-file.ts";

/**
 * Reads `model_index.json`.
 *
 * @throws InputError when the folder or the file is missing or says something else.
 */
export async function readModelIndex(folder: string): Promise<ModelIndex> {
  await requireFolder(folder, modelIndexFile);
  const path = join(folder, modelIndexFile);
  return parseModelIndex(await readJson(path), path);
}

/** Writes `model_index.json`. */
export async function writeModelIndex(folder: string, index: ModelIndex): Promise<void> {
  await writeJson(join(folder, modelIndexFile), modelIndexJson(index));
}

/**
 * Reads one part: its `config.json` and `model.safetensors`.
 *
 * @throws InputError when the folder, the part or a file is missing or damaged.
 */
export async function readModelPart(folder: string, part: string): Promise<ModelPart> {
  await requireFolder(folder, part);
  const files = partFiles(part);
  const config = await readJson(join(folder, files.config));
  return { config, ...(await readSafetensors(join(folder, files.weights))) };
}

/**
 * Writes one part, the config first. Each file is written whole or not at all; the pair is not.
 *
 * @param content.store  how float32 tensors are stored; default "float32"
 * @throws InputError when the system refuses.
 */
export async function writeModelPart(
  folder: string,
  part: string,
  content: { readonly config: unknown; readonly tensors: Tensors } & StoreOptions,
): Promise<void> {
  const { config, tensors, ...options } = content;
  const files = partFiles(part);
  await writeJson(join(folder, files.config), config);
  await writeSafetensors(join(folder, files.weights), tensors, options);
}

/** Says whether the folder or only `entry` in it is missing, and what is there instead. */
async function requireFolder(folder: string, entry: string): Promise<void> {
  const entries = await readdir(folder).catch(() => {
    throw new InputError(
      `${folder}: no such model folder; give the path of a folder that holds ${modelIndexFile}`,
    );
  });
  const held = entries.length > 0 ? entries.sort().join(", ") : "nothing";
  requireInput(
    entries.includes(entry),
    `${folder}: not a complete model folder: required ${entry}, it holds ${held}`,
  );
}
