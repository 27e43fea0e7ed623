/** The record of what a command made, sample.json, and what an earlier run left in the same folder. */
import { readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { toJson } from "./report.ts";

const name = "sample.json";

/**
 * Writes the record, with the names of the files beside it. Files that an earlier record names and this one does not
 * are removed, so that a folder holds the images of one run; nothing else in it is touched.
 */
export async function writeRecord(out: string, record: object, paths: readonly string[]): Promise<void> {
  const { writeFileAtomic } = await import("../../src/index.ts");
  const path = join(out, name);
  const before = await earlierFiles(path);
  const files = paths.map((file) => basename(file));
  await writeFileAtomic(path, `${toJson({ ...record, files }, 2)}\n`);
  for (const file of before) if (!files.includes(file)) await rm(join(out, file), { force: true });
}

/** What an earlier record names, or nothing where there is none that can be read. */
async function earlierFiles(path: string): Promise<string[]> {
  try {
    const { files } = JSON.parse(await readFile(path, "utf8"));
    return Array.isArray(files)
      ? files.filter((file) => typeof file === "string" && file === basename(file))
      : [];
  } catch {
    return [];
  }
}
