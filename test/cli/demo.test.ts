/** The first run: what `npm start` shows and leaves behind, on a toy model; and what it says without a model. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { toyModel } from "../pipelines/toy-model.ts";
import { toyVideoModel } from "../pipelines/toy-video-model.ts";

const magnets = (...args: string[]) =>
  promisify(execFile)(process.execPath, ["--import", "tsx", "cli/main.ts", ...args]);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "demo-"));
});
afterAll(() => rm(folder, { recursive: true }));

it("demo video shows videos, a prediction beside the truth, and both decodes", async () => {
  const [model, out] = [join(folder, "video"), join(folder, "video out")];
  await writeModel(model, toyVideoModel());
  const { stdout, stderr } = await magnets("demo", "video", "--model", model, "--out", out, "--json");
  const result = JSON.parse(stdout);
  expect(result.videos).toHaveLength(8);
  expect(result.ratio).toBeGreaterThan(1);
  expect(result.baselineSeconds).toBeGreaterThan(0);
  for (const file of ["0007.webp", "predicted.webp", "sheet.webp", "strip.png"]) {
    expect(await readdir(out)).toContain(file);
  }
  for (const command of ["sample", "predict", "interpolate"])
    expect(stderr).toContain(`magnets -- ${command}`);
});

describe("demo", () => {
  it("shows the plan, both decodes and what to try next, and writes a labelled sheet", async () => {
    const [model, out] = [join(folder, "model"), join(folder, "out")];
    await writeModel(model, toyModel());
    const { stdout, stderr } = await magnets("demo", "--model", model, "--out", out, "--json");

    // 3 classes: six whole turns are the first number of images from 16 on.
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    const result = JSON.parse(lines[0]!);
    expect(result.images).toHaveLength(18);
    expect(result.ratio).toBeGreaterThan(1);
    expect(result.baselineSeconds).toBeGreaterThan(0);
    // The baseline run skips decided tokens' logits: less than the plain method, more than the plan.
    expect(result.baselineMultiplyAddsRun).toBeLessThan(result.baselineMultiplyAdds);
    expect(result.baselineMultiplyAddsRun).toBeGreaterThan(result.multiplyAdds);
    expect(await readdir(out)).toContain("sheet.png");
    expect([...(await readFile(join(out, "sheet.png"))).subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);

    for (const step of ["1/8", "1/4", "1/2", "1/1"]) expect(stderr).toContain(step);
    expect(stderr).toMatch(/multiply-adds per image: .*times less/);
    expect(stderr).toMatch(/baseline, full size +\S/);
    expect(stderr).toMatch(/Try next:\n {2}npm run -s magnets -- sample .*model --class cat/);
    // What is recommended is a command that there is, with options that it has.
    const next = [...stderr.matchAll(/^ {2}npm run -s magnets -- (plan .*)$/gm)].map(([, words]) => words!);
    expect(next.length).toBe(1);
    for (const words of next) await magnets(...words.split(" "));
  });

  it.skipIf(existsSync("models/sprites/model_index.json"))(
    "says in one sentence what to do where the shipped model is missing",
    async () => {
      const failure = await magnets("demo", "--out", join(folder, "none")).catch((error) => error);
      expect(failure.code).toBe(2);
      expect(failure.stderr).toMatch(/^magnets: demo: .*no models\/sprites.*--model/);
      expect(failure.stderr.trimEnd()).not.toContain("\n");
      expect(existsSync(join(folder, "none"))).toBe(false);
    },
  );
});
