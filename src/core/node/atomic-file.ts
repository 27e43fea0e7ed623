/**
 * Writing files so that a reader, or a run resumed after a crash, never meets half of one: the data go to a temporary
 * name beside the target, reach the disk, and only then take the target's name.
 */
import { createHash, randomBytes } from "node:crypto";
import { appendFile, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { fileError } from "./file-error.ts";
import { isRunning } from "./running.ts";

export type FileChunk = Uint8Array | string;
export type FileData = FileChunk | Iterable<FileChunk> | AsyncIterable<FileChunk>;

/** What a missing or impossible place means for one who writes. */
const whenWriting = { ENOENT: "its folder cannot be made here; choose another path" };

/**
 * Writes `data` (strings as UTF-8; many chunks in order) to `path`, all or nothing, creating the parent folder.
 * Whatever goes wrong, the temporary file is removed and a file that stood at `path` stays as it was. What a killed
 * process left half written in the folder is removed before this one's first file there.
 *
 * @param options.signal  checked before each chunk
 * @throws InputError when the system refuses (full disk, unwritable folder, ...); what the chunk source throws and
 *   the signal's reason pass through unchanged.
 */
export async function writeFileAtomic(
  path: string,
  data: FileData,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  const refused = (error: unknown): never => {
    throw fileError("cannot write", path, error, whenWriting);
  };
  const folder = dirname(path);
  await makeFolder(folder).catch(refused);
  if (!cleared.has(resolve(folder))) await removeLeftovers(folder);
  const temporary = temporaryName(folder, basename(path));
  const file = await open(temporary, "wx").catch(refused);
  try {
    try {
      const chunks = typeof data === "string" || data instanceof Uint8Array ? [data] : data;
      for await (const chunk of chunks) {
        options.signal?.throwIfAborted();
        await file.writeFile(chunk).catch(refused); // continues at the file's position
      }
      options.signal?.throwIfAborted();
      await file.sync().catch(refused);
    } finally {
      await file.close().catch(refused);
    }
    await rename(temporary, path).catch(refused);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw error;
  }
}

/**
 * Appends one line to a log, creating the file and its folder.
 *
 * @param line  text without a newline; one is added
 * @throws InputError when the system refuses.
 */
export async function appendLine(path: string, line: string): Promise<void> {
  if (line.includes("\n")) throw new Error(`appendLine: ${path}: a line holds no newline`);
  try {
    await makeFolder(dirname(path));
    await appendFile(path, `${line}\n`);
  } catch (error) {
    throw fileError("cannot append to", path, error, whenWriting);
  }
}

/**
 * Makes the folder and proves, by writing and removing a small file, that results can be kept there; removes what a
 * killed process left half written. Call it before long work.
 *
 * @throws InputError when they cannot.
 */
export async function ensureWritableFolder(path: string): Promise<void> {
  const probe = temporaryName(path, "probe");
  try {
    await makeFolder(path);
    const file = await open(probe, "wx");
    try {
      await file.writeFile("writable\n");
    } finally {
      await file.close();
      await rm(probe, { force: true });
    }
    await removeLeftovers(path);
  } catch (error) {
    throw fileError("cannot write into the folder", path, error, {
      ENOENT: "it cannot be made here; choose another path",
    });
  }
}

/**
 * Makes a folder and those above it. Node's own recursive mkdir never returns where the system answers "no such file"
 * to a folder whose parent exists, as below /proc (seen on Node 20); this one asks once per level.
 */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") {
      if ((await stat(path)).isDirectory()) return;
      throw error;
    }
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path) throw error;
    await makeFolder(parent);
    await mkdir(path).catch((again: NodeJS.ErrnoException) => {
      if (again.code !== "EEXIST") throw again; // another writer made it meanwhile
    });
  }
}

/** Tells this machine from others that write to the same disk. */
const hostTag = createHash("sha256").update(hostname()).digest("hex").slice(0, 6);

/** A hidden name that no other writer uses, and that tells which process writes. */
function temporaryName(folder: string, name: string): string {
  return join(folder, `.${name}.${hostTag}-${process.pid}-${randomBytes(6).toString("hex")}.tmp`);
}

const temporaryPattern = /^\..+\.([0-9a-f]{6})-(\d+)-[0-9a-f]{12}\.tmp$/;

/** Of another machine's process nobody here knows whether it runs: a file is hardly a day in writing. */
const foreignLifeMs = 24 * 3600 * 1000;

/** The folders that this process has cleared, so that it looks through each but once. */
const cleared = new Set<string>();

/** Removes the temporary files of processes that are gone. One that cannot be removed stays: it hinders nobody. */
async function removeLeftovers(folder: string): Promise<void> {
  cleared.add(resolve(folder));
  for (const name of await readdir(folder).catch(() => [])) {
    const match = temporaryPattern.exec(name);
    if (!match) continue;
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (!found) continue;
    const isAlive =
      match[1] === hostTag
        ? isRunning(Number(match[2]), found.mtime)
        : Date.now() - found.mtimeMs < foreignLifeMs;
    if (!isAlive) await rm(path, { force: true }).catch(() => {});
  }
}
