/**
 * A model folder in the Hugging Face layout, wherever its files come from:
 *
 *   model_index.json        the pipeline's class, and the library and class of every part
 *   <part>/config.json      what the part is
 *   <part>/model.safetensors    its weights
 *   generation_config.json, README.md    default plans and the model card
 */
import { requireInput } from "../core/errors.ts";
import type { SafetensorsContent } from "./safetensors.ts";

export const modelIndexFile = "model_index.json";

/** The files of a part, relative to the model's folder. */
export const partFiles = (part: string): { readonly config: string; readonly weights: string } => ({
  config: `${part}/config.json`,
  weights: `${part}/model.safetensors`,
});

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

/**
 * What the JSON of `model_index.json` says.
 *
 * @param where  the file's path or address, for messages
 * @throws InputError when it says something else
 */
export function parseModelIndex(value: unknown, where: string): ModelIndex {
  requireInput(
    typeof value === "object" && value !== null && !Array.isArray(value),
    `${where}: required an object {"_class_name": "...", "<part>": ["<library>", "<class>"], ...}`,
  );
  const { _class_name: className, ...rest } = value as Record<string, unknown>;
  requireInput(
    typeof className === "string",
    `${where}: "_class_name" must name the pipeline's class, got ${JSON.stringify(className) ?? "nothing"}`,
  );
  // Other keys with a leading underscore (_diffusers_version and the like) are notes of the program that wrote them.
  const parts = Object.entries(rest).filter(([name]) => !name.startsWith("_"));
  for (const [name, part] of parts) {
    requireInput(
      Array.isArray(part) && part.length === 2 && part.every((word) => typeof word === "string"),
      `${where}: "${name}" must be ["<library>", "<class>"], got ${JSON.stringify(part)}`,
    );
  }
  return { className, parts: Object.fromEntries(parts) as ModelIndex["parts"] };
}

/** The JSON of `model_index.json`. */
export const modelIndexJson = ({ className, parts }: ModelIndex): Record<string, unknown> => ({
  _class_name: className,
  ...parts,
});
