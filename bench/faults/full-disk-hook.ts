/**
 * Loaded before a program (`--import`), it fills the disk: from write number MAGNETS_DISK_FULL_AT on, every one fails as the
 * system fails it, after half of the bytes. Folders count, files as they are opened and as their first bytes are written, and
 * appended lines. The number of writes goes to the file MAGNETS_WRITES_TO.
 */
import { writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

const fullAt = Number(process.env.MAGNETS_DISK_FULL_AT ?? Number.POSITIVE_INFINITY);
let writes = 0;

/** Counts a write; tells whether the disk is full by now. */
const isFull = (): boolean => ++writes >= fullAt;

const refusal = (call: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), {
    ...{ code: "ENOSPC", errno: -28, syscall: call },
  });

const half = <Data>(data: Data): Data | string | Uint8Array =>
  typeof data === "string" || data instanceof Uint8Array ? data.slice(0, data.length >> 1) : data;

if (isMainThread) {
  const { open, appendFile, writeFile, mkdir } = fs;
  fs.open = async (path, flags, mode) => {
    if (/[wa]/.test(String(flags ?? "r")) && isFull()) throw refusal("open");
    const handle = await open(path, flags, mode);
    const write = handle.writeFile.bind(handle);
    let isBegun = false;
    handle.writeFile = async (data, options) => {
      const fails = isBegun ? writes >= fullAt : isFull();
      isBegun = true;
      if (!fails) return write(data, options);
      await write(half(data) as string, options);
      throw refusal("write");
    };
    return handle;
  };
  fs.appendFile = async (path, data, options) => {
    if (!isFull()) return appendFile(path, data, options);
    await appendFile(path, half(data), options);
    throw refusal("write");
  };
  fs.writeFile = async (path, data, options) => {
    if (!isFull()) return writeFile(path, data, options);
    await writeFile(path, half(data) as string, options);
    throw refusal("write");
  };
  fs.mkdir = (async (path: string, options: object) => {
    if (isFull()) throw refusal("mkdir");
    return mkdir(path, options);
  }) as typeof fs.mkdir;
  syncBuiltinESMExports();
  const report = process.env.MAGNETS_WRITES_TO;
  if (report) process.on("exit", () => writeFileSync(report, String(writes)));
}
