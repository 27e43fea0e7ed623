/** Measurements kept in files, so that what was measured once need not be again. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { readJsonIfWhole, writeJson } from "./json-file.ts";

/** Part of every file's facts: change it whenever a measure changes its meaning. */
const version = 2;

/**
 * What was measured under these facts before, or else what `measure` finds now, which is then kept.
 *
 * @param folder   where the files are; null: measure, and keep nothing
 * @param facts    all that the figures depend on, as JSON
 * @param measure  gives what JSON can hold
 */
export async function cached<Found>(
  folder: string | null,
  facts: unknown,
  measure: () => Promise<Found>,
): Promise<{ readonly found: Found; readonly isCached: boolean }> {
  if (folder === null) return { found: await measure(), isCached: false };
  const told = JSON.stringify({ version, facts });
  const name = createHash("sha256").update(told).digest("hex").slice(0, 16);
  const file = join(folder, `measured-${name}.json`);
  const kept = await readKept(file);
  if (kept && JSON.stringify(kept.told) === told) {
    return { found: kept.found as Found, isCached: true };
  }
  const found = await measure();
  await writeJson(file, { told: JSON.parse(told), found });
  return { found, isCached: false };
}

/** Null where there is no such file, or it holds something else. */
async function readKept(file: string): Promise<{ told: unknown; found: unknown } | null> {
  const kept = await readJsonIfWhole(file);
  const isRecord = typeof kept === "object" && kept !== null && "told" in kept && "found" in kept;
  return isRecord ? { told: kept.told, found: kept.found } : null;
}
