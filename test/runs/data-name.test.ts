import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { dataName } from "../../src/runs/data-name.ts";

let folder: string;
let run: string;
let data: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "data-name-"));
  run = join(folder, "run");
  data = join(folder, "data");
  await mkdir(data);
  for (const name of ["a", "b"]) await writeFile(join(data, name), name);
});
afterEach(() => rm(folder, { recursive: true }));

const files = ["a", "b"].map((path) => ({ path, classId: null }));

it("is the first spelling of every folder, for copies of it too", async () => {
  const other = join(folder, "other");
  await cp(data, other, { recursive: true });
  expect(await dataName(run, { name: data, files })).toBe(data);
  expect(await dataName(run, { name: `${data}/`, files })).toBe(data);
  expect(await dataName(run, { name: other, files })).toBe(data);

  await writeFile(join(other, "b"), "longer");
  expect(await dataName(run, { name: other, files })).toBe(other);
  expect(await dataName(run, { name: `${other}/.`, files })).toBe(other);
  expect(await dataName(run, { name: `${data}/.`, files })).toBe(data);
  expect(await dataName(run, { name: `${data}/.`, files: files.slice(1) })).toBe(`${data}/.`);
});

it("of what has no files is its own name, and nothing is kept", async () => {
  expect(await dataName(folder, { name: "sprites" })).toBe("sprites");
  expect((await readdir(folder)).sort()).toEqual(["data"]);
});

it("of a run that kept no names is the one given, and nothing is kept", async () => {
  await mkdir(run);
  await writeFile(join(run, "config.json"), "{}");
  expect(await dataName(run, { name: data, files })).toBe(data);
  expect(await dataName(run, { name: `${data}/`, files })).toBe(`${data}/`);
  expect(await readdir(run)).toEqual(["config.json"]);
});
