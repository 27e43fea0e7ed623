/**
 * What a run calls a folder of data: as it was spelled first, `images/` say. When the run goes on, the files decide whether
 * the data are the same, not how the path to them is spelled, from where, or on which machine.
 *
 *     RUN/data.json   names by a digest of the files
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { PackedSource } from "../data/image/idx.ts";
import type { FolderSource } from "../data/image/image-folder.ts";
import type { ImageSource } from "../data/source.ts";
import { readJsonIfWhole, writeJson } from "../weights/node/json-file.ts";

/** Of so many files the sizes count too: enough to tell folders of equal names apart. */
const sized = 1000;

const namesSchema = z.record(z.string(), z.string());

/**
 * The name of a source's data in a run, which is kept for later calls; of drawn data, which have no files, its own name.
 *
 * @param run  the folder that keeps the names
 */
export async function dataName(
  run: string,
  source: Pick<ImageSource, "name"> & Partial<Pick<FolderSource, "files"> & Pick<PackedSource, "parts">>,
): Promise<string> {
  const { name, parts } = source;
  const files = source.files ?? parts?.map((path) => ({ path, classId: null }));
  if (!files) return name;
  const file = join(run, "data.json");
  const kept = namesSchema.safeParse(await readJsonIfWhole(file)).data;
  // A run from before names were kept has its name in its configuration, and only there.
  if (!kept && ((await isThere(run, "opening.json")) || (await isThere(run, "config.json")))) return name;
  const digest = await filesDigest(name, files);
  const known = kept?.[digest];
  if (known === undefined) await writeJson(file, { ...kept, [digest]: name });
  return known ?? name;
}

/** Names and sizes, not times: a copy of a folder is as good as the folder. */
export async function filesDigest(folder: string, files: FolderSource["files"]): Promise<string> {
  const hash = createHash("sha256");
  for (const [i, { path, classId }] of files.entries()) {
    const size = i < sized ? (await stat(join(folder, path)).catch(() => null))?.size : undefined;
    hash.update(JSON.stringify([path, classId, size]));
  }
  return hash.digest("hex").slice(0, 16);
}

const isThere = (folder: string, name: string): Promise<boolean> =>
  stat(join(folder, name)).then(
    () => true,
    () => false,
  );
