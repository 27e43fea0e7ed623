/** Every example runs, on the shipped model where it is there, else on a toy one, and writes the files that it names. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeModel } from "../src/pipelines/node/model-folder.ts";
import { toyModel } from "./pipelines/toy-model.ts";

const shipped = resolve("models/sprites");
const isShipped = existsSync(join(shipped, "model_index.json"));
const examples = readdirSync("examples").filter((name) => name.endsWith(".ts"));

let folder: string;
let model = shipped;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "examples-"));
  if (isShipped) return;
  model = join(folder, "toy");
  await writeModel(model, toyModel());
});
afterAll(() => rm(folder, { recursive: true }));

describe(`examples on ${isShipped ? "the shipped model" : "a toy model, as the shipped one is not there"}`, () => {
  it("are six, numbered, each under 40 lines and linked from the README", () => {
    expect(examples.map((name) => name.slice(0, 3))).toEqual(["01-", "02-", "03-", "04-", "05-", "06-"]);
    const readme = readFileSync("README.md", "utf8");
    for (const name of examples) {
      expect(readFileSync(join("examples", name), "utf8").split("\n").length).toBeLessThan(40);
      expect(readme).toContain(`(examples/${name})`);
    }
  });

  it.each(examples)("%s", async (name) => {
    const tsx = import.meta.resolve("tsx");
    const args = ["--import", tsx, resolve("examples", name), model];
    const started = Date.now() - 1000; // file times may be coarse
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
    // Every file that the source says it writes is written by this very run, and every one that it prints is there.
    const pathsIn = (text: string) => [...text.matchAll(/out\/examples\/[\w.-]+/g)].map(([path]) => path);
    const source = readFileSync(join("examples", name), "utf8");
    const written = pathsIn(source);
    expect(written.some((path) => path.endsWith(".png"))).toBe(true);
    for (const path of written)
      expect((await stat(join(folder, path))).mtimeMs, path).toBeGreaterThan(started);
    for (const path of pathsIn(stdout)) expect(written).toContain(path);
    expect(stdout.trim()).not.toBe("");
    if (name.startsWith("05")) expect(stdout).toContain("the same images");
  });
});
