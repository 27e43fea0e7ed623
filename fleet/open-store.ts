/** Where results go: a folder that all machines see, or an S3-compatible store. */
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ensureWritableFolder, InputError, writeFileAtomic } from "../src/index.ts";
import type { ResultStore } from "./result-store.ts";

/**
 * Opens a store: `s3://bucket/prefix`, or the path of a folder, which is made where it is not there.
 *
 * @throws InputError for a place that cannot be used, saying why
 */
export async function openStore(place: string): Promise<ResultStore> {
  if (place.startsWith("s3://")) return (await import("./s3-store.ts")).openS3Store(place);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(place)) {
    throw new InputError(`--store must be a folder or s3://bucket/prefix, got "${place}"`);
  }
  await ensureWritableFolder(place);
  return folderStore(place);
}

function folderStore(folder: string): ResultStore {
  return {
    place: folder,
    has: (name) =>
      stat(join(folder, name)).then(
        () => true,
        () => false,
      ),
    async read(name) {
      return readFile(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null;
        throw new InputError(`--store ${folder}: cannot read ${name}: ${error.message}`, { cause: error });
      });
    },
    write: (name, chunks) => writeFileAtomic(join(folder, name), chunks),
    remove: (name) => rm(join(folder, name), { force: true }),
  };
}
