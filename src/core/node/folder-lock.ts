/**
 * One process at a time in a folder: two that train into one folder would remove each other's checkpoints.
 *
 *     FOLDER/lock.json   who is at work there: process, host, since when
 *
 * The file is touched every minute. What a killed process left is taken over: on the same host when that process is gone,
 * from another host when nobody touched it for ten minutes.
 */
import { randomUUID } from "node:crypto";
import { readFile, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { InputError } from "../errors.ts";
import { ensureWritableFolder } from "./atomic-file.ts";
import { fileError } from "./file-error.ts";
import { isRunning } from "./running.ts";

const lockName = "lock.json";
const touchEveryMs = 60_000;
const forgottenAfterMs = 600_000;

/** Who is at work in a folder. */
interface Holder {
  readonly process: number;
  readonly host: string;
  /** ISO 8601. */
  readonly since: string;
  /** Tells this holding from every other. */
  readonly id: string;
}

/**
 * Does work in a folder that is made if need be, with no other process doing so.
 *
 * @throws InputError naming the process that is at work there; what `work` throws
 */
export async function withFolderLocked<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  const release = await lockFolder(folder);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Whether a process is at work in a folder now. */
export async function isFolderLocked(folder: string): Promise<boolean> {
  const path = join(folder, lockName);
  const holder = await readHolder(path);
  return holder !== null && isAtWork(holder, path);
}

async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const isNew = await stat(folder).then(
    () => false,
    () => true,
  );
  await ensureWritableFolder(folder);
  const path = join(folder, lockName);
  const own: Holder = {
    process: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    id: randomUUID(),
  };
  const isOurs = async () => (await readHolder(path))?.id === own.id;
  let isTakenOver = false;
  while (!(await create(path, own))) {
    const other = await readHolder(path);
    if (other && (await isAtWork(other, path))) throw refusal(folder, other);
    await rm(path, { force: true });
    isTakenOver = true;
  }
  // Of two that take over at the same moment, one may remove the other's new file: the last one has the folder.
  if (isTakenOver) {
    await wait(100);
    const holder = await readHolder(path);
    if (holder?.id !== own.id) throw refusal(folder, holder ?? own);
  }
  const touching = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {}); // as good as untouched
  }, touchEveryMs);
  touching.unref();
  return async () => {
    clearInterval(touching);
    if (await isOurs()) await rm(path, { force: true });
    if (isNew) await rmdir(folder).catch(() => {}); // work that was refused leaves no folder behind
  };
}

/** False where there is such a file already. */
async function create(path: string, holder: Holder): Promise<boolean> {
  try {
    await writeFile(path, `${JSON.stringify(holder)}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    await rm(path, { force: true }).catch(() => {}); // of a full disk, half a file
    throw fileError("cannot write", path, error);
  }
}

/** Null where there is none, or nothing that can be read even a second later: one that is being written is whole by then. */
async function readHolder(path: string): Promise<Holder | null> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const text = await readFile(path, "utf8").catch(() => null);
    if (text === null) return null;
    try {
      return JSON.parse(text) as Holder;
    } catch {
      await wait(50);
    }
  }
  return null;
}

async function isAtWork(holder: Holder, path: string): Promise<boolean> {
  if (holder.host === hostname()) return isRunning(holder.process, new Date(holder.since));
  const touched = await stat(path).catch(() => null);
  return touched !== null && Date.now() - touched.mtimeMs < forgottenAfterMs;
}

function refusal(folder: string, { process, host, since }: Holder): InputError {
  const isHere = host === hostname();
  return new InputError(
    `${folder}: must be used by one process at a time, got a second one: process ${process} on ${host} is at work there ` +
      `since ${since}; wait for it or stop it, or choose another folder` +
      (isHere ? "" : ` (if it is gone, remove ${join(folder, lockName)})`),
  );
}
