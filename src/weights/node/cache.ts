/** Measurements cached in files, so that what was measured once need not be again. A damaged file is as good as none. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { readJsonIfWhole, writeJson } from "./json-file.ts";
import { readTensorsIfWhole, type Tensors, writeSafetensors } from "./safetensors-file.ts";

/** Part of every cache key: change it whenever a measure changes its meaning. */
const version = 3;

/**
 * What was measured under these facts before, or else what `measure` finds now, which is then cached.
 *
 * @param folder   where the files are; null: measure, and cache nothing
 * @param facts    all that the figures depend on, as JSON: the cache key
 * @param measure  gives what JSON can hold
 */
export async function cached<Found>(
  folder: string | null,
  facts: unknown,
  measure: () => Promise<Found>,
): Promise<{ readonly found: Found; readonly isCached: boolean }> {
  if (folder === null) return { found: await measure(), isCached: false };
  const key = JSON.stringify({ version, facts });
  const name = createHash("sha256").update(key).digest("hex").slice(0, 16);
  const file = join(folder, `measured-${name}.json`);
  const entry = await readEntry(file);
  if (entry && JSON.stringify(entry.key) === key) return { found: entry.found as Found, isCached: true };
  const found = await measure();
  await writeJson(file, { key: JSON.parse(key), found });
  return { found, isCached: false };
}

/** Null where there is no such file, or it holds something else. */
async function readEntry(file: string): Promise<{ key: unknown; found: unknown } | null> {
  const entry = await readJsonIfWhole(file);
  const isEntry = typeof entry === "object" && entry !== null && "key" in entry && "found" in entry;
  return isEntry ? { key: entry.key, found: entry.found } : null;
}

/**
 * The tensors that an earlier call wrote to a file, or else what `make` gives now, which is then written.
 *
 * @param file    null: make, and write nothing
 * @param shapes  of tensors that must be in the file, or it is made again; there may be others
 */
export async function cachedTensors(
  file: string | null,
  shapes: Readonly<Record<string, readonly number[]>>,
  make: () => Promise<Tensors>,
): Promise<Tensors> {
  const tensors = file === null ? null : await readTensorsIfWhole(file);
  const isFitting = Object.entries(shapes).every(
    ([name, shape]) => `${tensors?.[name]?.dims}` === `${shape}`,
  );
  if (tensors && isFitting) return tensors;
  const made = await make();
  if (file !== null) await writeSafetensors(file, made);
  return made;
}
