/** The list of the models in a folder of model folders, as {@link parseModelList} reads it in a page. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { unlessRefused } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { parseTokenizerConfig } from "../../models/tokenizer/config.ts";
import { modelIndexFile, partFiles } from "../../weights/model-layout.ts";
import { readJson } from "../../weights/node/json-file.ts";
import { readModelIndex } from "../../weights/node/model-folder.ts";
import { generationName } from "../model.ts";
import type { ListedModel, ModelList } from "../model-list.ts";

/** What opening a model fetches. */
const fetched = [
  modelIndexFile,
  generationName,
  ...["tokenizer", "transformer"].flatMap((part) => Object.values(partFiles(part))),
];

/**
 * The models in a folder, by name; sub-folders that hold no generative model are passed over.
 *
 * @throws InputError when the folder or a model's file cannot be read
 */
export async function listModels(folder: string): Promise<ModelList> {
  const names = await readdir(folder).catch((error) => {
    throw fileError("cannot read", folder, error);
  });
  const models: ListedModel[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    if (await unlessRefused(readModelIndex(path))) models.push(await listModel(path, name));
  }
  return { models };
}

/**
 * One model of such a list.
 *
 * @param name  what it is called there
 * @throws InputError when the folder holds no model, one of a newer format, or a file that cannot be read
 */
export async function listModel(folder: string, name: string): Promise<ListedModel> {
  await readModelIndex(folder); // first: it says best what is missing
  const where = join(folder, partFiles("tokenizer").config);
  const { frames, resolution } = parseTokenizerConfig(await readJson(where), where);
  const files: Record<string, { bytes: number; sha256: string }> = {};
  for (const path of fetched) {
    const bytes = await readFile(join(folder, path)).catch((error) => {
      throw fileError("cannot read", join(folder, path), error);
    });
    files[path] = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  }
  return { name, makes: frames === undefined ? "image" : "video", resolution, files };
}
