/**
 * What a server of models says it has: the names of its model folders, what they make, and the size and SHA-256 of every file
 * that opening them fetches. A page shows the list, and knows by the digest whether a file that it kept is still the right one.
 */
import { z } from "zod";
import { parse } from "../core/validate.ts";

/** The list's own file, beside the model folders. */
export const modelListName = "index.json";

const fileSchema = z.strictObject({
  bytes: z.int().min(0),
  /** Hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const listSchema = z.strictObject({
  models: z.array(
    z.strictObject({
      name: z.string().min(1),
      makes: z.enum(["image", "video"]),
      /** Side of what it makes, in pixels. */
      resolution: z.int().min(1),
      /** By path within the folder. */
      files: z.record(z.string(), fileSchema),
    }),
  ),
});

/** The models of a server. */
export type ModelList = z.output<typeof listSchema>;
/** One of them. */
export type ListedModel = ModelList["models"][number];

/**
 * Reads a list from parsed JSON.
 *
 * @param where  its address, which messages begin with
 * @throws InputError naming the field, what it must be, and what came
 */
export const parseModelList = (value: unknown, where: string): ModelList => parse(listSchema, value, where);
