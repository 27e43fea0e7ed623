/** The list of the models in a folder of model folders, as {@link parseModelList} reads it in a page. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseTokenizerConfig } from "../../models/tokenizer/config.ts";
import { modelIndexFile, partFiles } from "../../weights/model-layout.ts";
import { readJson } from "../../weights/node/json-file.ts";
import { generationName } from "../model.ts";
import type { ListedModel, ModelList } from "../model-list.ts";
import { isWholeModel } from "./model-folder.ts";

/** What opening a model fetches. */
const fetched = [
  modelIndexFile,
  generationName,
  ...["tokenizer", "transformer"].flatMap((part) => Object.values(partFiles(part))),
];

/**
 * The models in a folder, by name; sub-folders that hold no generative model are passed over.
 *
 * @throws InputError when a model's file cannot be read
 */
export async function listModels(folder: string): Promise<ModelList> {
  const names = (await readdir(folder)).sort();
  const models: ListedModel[] = [];
  for (const name of names) {
    if (await isWholeModel(join(folder, name))) models.push(await listed(join(folder, name), name));
  }
  return { models };
}

async function listed(folder: string, name: string): Promise<ListedModel> {
  const where = join(folder, partFiles("tokenizer").config);
  const { frames, resolution } = parseTokenizerConfig(await readJson(where), where);
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const path of fetched) {
    const bytes = await readFile(join(folder, path));
    files[path] = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  }
  return { name, makes: frames === undefined ? "image" : "video", resolution, files };
}
