import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { appendLine, ensureWritableFolder, writeFileAtomic } from "../../../src/core/node/atomic-file.ts";

/** The file operation that fails next, and its error code; the rest of node:fs is the real one. */
const fault = vi.hoisted(() => ({ operation: "", code: "" }));

vi.mock("node:fs/promises", async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const broken = (operation: string) => {
    if (fault.operation !== operation) return;
    throw Object.assign(new Error(`${fault.code}: injected`), { code: fault.code });
  };
  return {
    ...real,
    rename: async (...args: Parameters<typeof real.rename>) => {
      broken("rename");
      return real.rename(...args);
    },
    open: async (...args: Parameters<typeof real.open>) => {
      const handle = await real.open(...args);
      const { writeFile, sync, close } = handle;
      let writes = 0;
      handle.writeFile = async (...given: Parameters<typeof writeFile>) => {
        if (++writes > 1) broken("second write");
        broken("write");
        return writeFile.apply(handle, given);
      };
      handle.sync = async () => {
        broken("sync");
        return sync.apply(handle);
      };
      handle.close = async () => {
        await close.apply(handle);
        broken("close");
      };
      return handle;
    },
  };
});

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "magnets-file-"));
});
afterEach(async () => {
  fault.operation = "";
  await fs.rm(folder, { recursive: true, force: true });
});

/** The InputError's message; fails when the promise holds or fails otherwise. */
async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => "it was accepted",
    (e) => e,
  );
  expect(error).toBeInstanceOf(InputError);
  return error.message;
}

describe("writeFileAtomic", () => {
  it("writes text, bytes and chunks, makes the folder, and leaves no other file", async () => {
    const path = join(folder, "a/b/c.bin");
    await writeFileAtomic(path, "héllo");
    expect(await fs.readFile(path, "utf8")).toBe("héllo");
    await writeFileAtomic(path, Uint8Array.of(0, 255, 7));
    expect([...(await fs.readFile(path))]).toEqual([0, 255, 7]);
    await writeFileAtomic(path, [Uint8Array.of(1), "b", Uint8Array.of(3)]);
    expect([...(await fs.readFile(path))]).toEqual([1, 98, 3]);
    async function* later() {
      yield "one,";
      yield "two";
    }
    await writeFileAtomic(path, later());
    expect(await fs.readFile(path, "utf8")).toBe("one,two");
    await writeFileAtomic(path, []);
    expect(await fs.readFile(path, "utf8")).toBe("");
    expect(await fs.readdir(join(folder, "a/b"))).toEqual(["c.bin"]);
  });

  it("lets the last of many simultaneous writers win, whole", async () => {
    const path = join(folder, "shared.txt");
    await Promise.all(
      Array.from({ length: 12 }, (_, i) => writeFileAtomic(path, [`${i}`.repeat(99), `${i}`])),
    );
    const text = await fs.readFile(path, "utf8");
    expect(Array.from({ length: 12 }, (_, i) => `${i}`.repeat(100))).toContain(text);
    expect(await fs.readdir(folder)).toEqual(["shared.txt"]);
  });

  for (const operation of ["write", "second write", "sync", "close", "rename"]) {
    it(`keeps the old file and cleans up when the disk fills at: ${operation}`, async () => {
      const path = join(folder, "kept.txt");
      await writeFileAtomic(path, "old");
      Object.assign(fault, { operation, code: "ENOSPC" });
      const message = await refusal(writeFileAtomic(path, ["new", "er"]));
      expect(message).toContain(path);
      expect(message).toMatch(/disk is full; free some space/);
      expect(await fs.readdir(folder)).toEqual(["kept.txt"]);
      expect(await fs.readFile(path, "utf8")).toBe("old");
    });
  }

  it("passes on what the source of chunks throws, and cleans up", async () => {
    async function* breaks() {
      yield "half";
      throw new TypeError("source broke");
    }
    await expect(writeFileAtomic(join(folder, "x"), breaks())).rejects.toThrow(TypeError);
    expect(await fs.readdir(folder)).toEqual([]);
  });

  it("stops at an abort between chunks, and cleans up", async () => {
    const stop = new AbortController();
    async function* chunks() {
      yield "half";
      stop.abort();
      yield "never";
    }
    const writing = writeFileAtomic(join(folder, "x"), chunks(), { signal: stop.signal });
    await expect(writing).rejects.toMatchObject({ name: "AbortError" });
    expect(await fs.readdir(folder)).toEqual([]);
  });

  it("names the path and the reason when the place cannot be written", async () => {
    await fs.writeFile(join(folder, "file"), "");
    expect(await refusal(writeFileAtomic(join(folder, "file/x.txt"), ""))).toMatch(
      /file\/x\.txt: a file stands where/,
    );
    expect(await refusal(writeFileAtomic("/proc/nowhere/x.txt", ""))).toMatch(
      /\/proc\/nowhere\/x\.txt: .*choose/,
    );
    await fs.mkdir(join(folder, "taken/inside"), { recursive: true });
    expect(await refusal(writeFileAtomic(join(folder, "taken"), "x"))).toMatch(/taken: it is a folder/);
    expect((await fs.readdir(folder)).sort()).toEqual(["file", "taken"]);
  });
});

describe("appendLine", () => {
  it("adds lines and makes the folder", async () => {
    const path = join(folder, "run/metrics.jsonl");
    await appendLine(path, '{"step":1}');
    await appendLine(path, '{"step":2}');
    expect(await fs.readFile(path, "utf8")).toBe('{"step":1}\n{"step":2}\n');
    await expect(appendLine(path, "two\nlines")).rejects.toThrow("no newline");
  });

  it("says why it cannot", async () => {
    expect(await refusal(appendLine(folder, "x"))).toMatch(/it is a folder, not a file/);
    expect(await refusal(appendLine("/proc/nowhere/log", "x"))).toContain("/proc/nowhere/log");
    // Every write to this device meets a full disk.
    if (process.platform === "linux")
      expect(await refusal(appendLine("/dev/full", "x"))).toMatch(/disk is full/);
  });
});

describe("ensureWritableFolder", () => {
  it("makes the folder and leaves it empty", async () => {
    await ensureWritableFolder(join(folder, "a/b"));
    expect(await fs.readdir(join(folder, "a/b"))).toEqual([]);
    await ensureWritableFolder(join(folder, "a/b"));
  });

  it("refuses a place below a file, a system folder and a full disk", async () => {
    await fs.writeFile(join(folder, "file"), "");
    expect(await refusal(ensureWritableFolder(join(folder, "file/below")))).toMatch(/ENOTDIR|EEXIST/);
    expect(await refusal(ensureWritableFolder(join(folder, "file")))).toMatch(/a file stands where a folder/);
    expect(await refusal(ensureWritableFolder("/proc"))).toMatch(/cannot write into the folder \/proc/);
    Object.assign(fault, { operation: "write", code: "ENOSPC" });
    expect(await refusal(ensureWritableFolder(join(folder, "full")))).toMatch(/disk is full/);
    expect(await fs.readdir(join(folder, "full"))).toEqual([]);
  });
});

describe("what a killed process left half written", () => {
  /** Writes for ever; told the target's path. */
  const writer = `
    import { writeFileAtomic } from "./src/core/node/atomic-file.ts";
    async function* chunks() {
      for (;;) {
        yield "some";
        console.log("writing");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    await writeFileAtomic(process.argv[1], chunks());`;

  async function startWriting() {
    const args = ["--import", "tsx", "--input-type=module", "-e", writer, join(folder, "model.bin")];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    return child;
  }
  const temporary = async () => (await fs.readdir(folder)).filter((name) => name.endsWith(".tmp"));

  it("stays while that process writes, and goes when it is gone", async () => {
    const child = await startWriting();
    try {
      expect(await temporary()).toHaveLength(1);
      await ensureWritableFolder(folder);
      await writeFileAtomic(join(folder, "other.bin"), "x");
      expect(await temporary()).toHaveLength(1);
    } finally {
      child.kill("SIGKILL");
    }
    await once(child, "close");
    expect(await temporary()).toHaveLength(1);
    await ensureWritableFolder(folder);
    expect(await fs.readdir(folder)).toEqual(["other.bin"]);
  });

  it("goes before a process writes its first file into the folder", async () => {
    const child = await startWriting();
    child.kill("SIGKILL");
    await once(child, "close");
    await writeFileAtomic(join(folder, "other.bin"), "x");
    expect(await fs.readdir(folder)).toEqual(["other.bin"]);
  });

  it("goes where the process had this one's id, and from another machine after a day", async () => {
    const child = await startWriting();
    child.kill("SIGKILL");
    await once(child, "close");
    const [left] = (await temporary()) as [string];
    const named = (change: (name: string) => string) => join(folder, change(left));
    const isToday = named((name) => name.replace(/[0-9a-f]{6}-/, "000000-"));
    const isOld = named((name) => name.replace(/[0-9a-f]{6}-/, "111111-"));
    const hadOurId = named((name) => name.replace(/-\d+-/, `-${process.pid}-`));
    const others = [join(folder, ".settings.tmp"), join(folder, ".x.000000000000.tmp")];
    for (const path of [isToday, isOld, hadOurId, ...others]) await fs.writeFile(path, "");
    const dayAgo = new Date(Date.now() - 25 * 3600 * 1000);
    for (const path of [isOld, hadOurId, ...others]) await fs.utimes(path, dayAgo, dayAgo);
    await ensureWritableFolder(folder);
    const stays = [isToday, ...others].map((path) => path.slice(folder.length + 1));
    expect((await fs.readdir(folder)).sort()).toEqual(stays.sort());
  });
});
