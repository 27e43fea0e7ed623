import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { cached } from "../../../src/weights/node/cache.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cached-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("measures once under the same facts, and anew under others", async () => {
  let measured = 0;
  const ask = (facts: unknown, place: string | null = folder) =>
    cached(place, facts, async () => ({ value: ++measured, none: null }));
  expect(await ask({ seed: 1, of: { plan: "8x3" } })).toEqual({
    found: { value: 1, none: null },
    isCached: false,
  });
  expect(await ask({ seed: 1, of: { plan: "8x3" } })).toEqual({
    found: { value: 1, none: null },
    isCached: true,
  });
  expect((await ask({ seed: 2, of: { plan: "8x3" } })).found.value).toBe(2);
  expect((await ask({ seed: 1, of: { plan: "8x4" } })).found.value).toBe(3);
  expect((await ask({ seed: 1, of: { plan: "8x3" } }, null)).found.value).toBe(4); // nowhere to look
  expect((await readdir(folder)).length).toBe(3);
});

it("keeps nothing of a measurement that failed, and passes by files that are no memory of it", async () => {
  await expect(cached(folder, "facts", () => Promise.reject(new Error("stopped")))).rejects.toThrow(
    "stopped",
  );
  expect(await readdir(folder)).toEqual([]);
  const ask = (value: number) => cached(folder, "facts", async () => value);
  await ask(1);
  const file = join(folder, (await readdir(folder))[0]!);
  const whole = await readFile(file, "utf8");
  for (const bad of [whole.slice(0, -5), "[]", whole.replace("facts", "other")]) {
    await writeFile(file, bad);
    expect(await ask(2)).toEqual({ found: 2, isCached: false });
  }
  expect(await ask(3)).toEqual({ found: 2, isCached: true });
});
