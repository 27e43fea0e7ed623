import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { withFolderLocked } from "../../../src/core/node/folder-lock.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const lock = () => join(folder, "lock.json");
const holder = async () => JSON.parse(await readFile(lock(), "utf8"));
const refused = async () => {
  const error = await withFolderLocked(folder, async () => {}).catch((reason) => reason);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).message;
};

it("says who is at work while the work lasts, and hands on what it gives and throws", async () => {
  const given = await withFolderLocked(folder, async () => {
    expect(await holder()).toMatchObject({ process: process.pid, host: hostname() });
    return 7;
  });
  expect(given).toBe(7);
  expect(await readdir(folder)).toEqual([]);
  const failing = withFolderLocked(folder, () => Promise.reject(new TypeError("broke")));
  await expect(failing).rejects.toThrow(TypeError);
  expect(await readdir(folder)).toEqual([]);
});

it("refuses a second one by name, in this process and in another, and leaves the first its lock", async () => {
  await withFolderLocked(folder, async () => {
    const before = await holder();
    expect(await refused()).toBe(
      `${folder}: must be used by one process at a time, got a second one: process ${process.pid} on ${hostname()} is at ` +
        `work there since ${before.since}; wait for it or stop it, or choose another folder`,
    );
    const program = `
      import { withFolderLocked } from "./src/core/node/folder-lock.ts";
      await withFolderLocked(process.argv[1], async () => {}).catch((error) => console.log(error.message));`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program, folder]);
    const [told] = (await once(child.stdout, "data")) as [Buffer];
    expect(String(told)).toContain(`process ${process.pid} on ${hostname()} is at work there`);
    await once(child, "close");
    expect(await holder()).toEqual(before);
  });
});

it("of many at once exactly one gets the folder, taken over or not", async () => {
  for (const content of [null, "", '{"process":1,']) {
    if (content !== null) await writeFile(lock(), content);
    let atWork = 0;
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () =>
        withFolderLocked(folder, async () => {
          expect(++atWork).toBe(1);
          await new Promise((resolve) => setTimeout(resolve, 2000));
        }),
      ),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await readdir(folder)).toEqual([]);
  }
});

it("takes over from a process that was killed", async () => {
  const program = `
    import { withFolderLocked } from "./src/core/node/folder-lock.ts";
    await withFolderLocked(process.argv[1], () => {
      console.log("at work");
      return new Promise(() => setInterval(() => {}, 1000));
    });`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program, folder]);
  await once(child.stdout, "data");
  expect(await refused()).toContain(`process ${child.pid} on`);
  child.kill("SIGKILL");
  await once(child, "close");
  expect((await holder()).process).toBe(child.pid);
  expect(await withFolderLocked(folder, async () => (await holder()).process)).toBe(process.pid);
  expect(await readdir(folder)).toEqual([]);
});

it("of another host, waits until nobody touched the lock for ten minutes", async () => {
  const since = "2026-01-02T03:04:05.000Z";
  await writeFile(lock(), JSON.stringify({ process: 7, host: "elsewhere", since, id: "x" }));
  expect(await refused()).toMatch(
    /process 7 on elsewhere is at work there since 2026-01-02T03:04:05\.000Z; .* \(if it is gone, remove .*lock\.json\)$/,
  );
  const before = new Date(Date.now() - 11 * 60_000);
  await utimes(lock(), before, before);
  expect(await withFolderLocked(folder, async () => (await holder()).host)).toBe(hostname());
});

it("a folder that it made goes again where nothing was done in it", async () => {
  const made = join(folder, "a");
  await expect(withFolderLocked(made, () => Promise.reject(new Error("no data")))).rejects.toThrow("no data");
  expect(await readdir(folder)).toEqual([]);
  await withFolderLocked(made, () => writeFile(join(made, "done"), ""));
  expect(await readdir(made)).toEqual(["done"]);
});
