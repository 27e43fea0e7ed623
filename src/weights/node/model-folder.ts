/**
 * A model folder in the Hugging Face layout (Node):
 *
 *   model_index.json        the pipeline's class, and the library and class of every part
 *   <part>/config.json      what the part is
 *   <part>/model.safetensors    its weights
 *   generation_config.json, README.md    defaults and the model card; see json-file.ts for the former
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError, requireInput } from "../../core/errors.ts";
import { readJson, writeJson } from "./json-file.ts";
import {
  readSafetensors,
  type SafetensorsContent,
  type StoreOptions,
  type Tensors,
  writeSafetensors,
} from "./safetensors-file.ts";

export interface ModelIndex {
  /** The pipeline's class, e.g. "MagnetsImagePipeline". */
  readonly className: string;
  /** Part name to [library, class], e.g. transformer: ["magnets", "NestedTransformer"]. */
  readonly parts: Readonly<Record<string, readonly [library: string, className: string]>>;
}

export interface ModelPart extends SafetensorsContent {
  /** The contents of the part's config.json, unchecked. */
  readonly config: unknown;
}

const indexName = "model_index.json";

/**
 * Reads `model_index.json`.
 *
 * @throws InputError when the folder or the file is missing or says something else.
 */
export async function readModelIndex(folder: string): Promise<ModelIndex> {
  await requireFolder(folder, indexName);
  const path = join(folder, indexName);
  const value = await readJson(path);
  requireInput(
    typeof value === "object" && value !== null && !Array.isArray(value),
    `${path}: required an object {"_class_name": "...", "<part>": ["<library>", "<class>"], ...}`,
  );
  const { _class_name: className, ...rest } = value as Record<string, unknown>;
  requireInput(
    typeof className === "string",
    `${path}: "_class_name" must name the pipeline's class, got ${JSON.stringify(className) ?? "nothing"}`,
  );
  // Other keys with a leading underscore (_diffusers_version and the like) are notes of the program that wrote them.
  const parts = Object.entries(rest).filter(([name]) => !name.startsWith("_"));
  for (const [name, part] of parts) {
    requireInput(
      Array.isArray(part) && part.length === 2 && part.every((word) => typeof word === "string"),
      `${path}: "${name}" must be ["<library>", "<class>"], got ${JSON.stringify(part)}`,
    );
  }
  return { className, parts: Object.fromEntries(parts) as ModelIndex["parts"] };
}

/** Writes `model_index.json`. */
export async function writeModelIndex(folder: string, { className, parts }: ModelIndex): Promise<void> {
  await writeJson(join(folder, indexName), { _class_name: className, ...parts });
}

/**
 * Reads one part: its `config.json` and `model.safetensors`.
 *
 * @throws InputError when the folder, the part or a file is missing or damaged.
 */
export async function readModelPart(folder: string, part: string): Promise<ModelPart> {
  await requireFolder(folder, part);
  const config = await readJson(join(folder, part, "config.json"));
  return { config, ...(await readSafetensors(join(folder, part, "model.safetensors"))) };
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
  await writeJson(join(folder, part, "config.json"), config);
  await writeSafetensors(join(folder, part, "model.safetensors"), tensors, options);
}

/** Says whether the folder or only `entry` in it is missing, and what is there instead. */
async function requireFolder(folder: string, entry: string): Promise<void> {
  const entries = await readdir(folder).catch(() => {
    throw new InputError(
      `${folder}: no such model folder; give the path of a folder that holds ${indexName}`,
    );
  });
  const held = entries.length > 0 ? entries.sort().join(", ") : "nothing";
  requireInput(
    entries.includes(entry),
    `${folder}: not a complete model folder: required ${entry}, it holds ${held}`,
  );
}
