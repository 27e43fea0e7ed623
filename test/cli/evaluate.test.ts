/** `magnets evaluate` and `magnets classifier` as people run them, on drawings of 16 pixels. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spriteClasses } from "../../src/data/sprites/index.ts";
import { readClassifier, writeClassifier } from "../../src/evaluate.ts";
import { classifierConfig, classifierParameters } from "../../src/evaluation/classifier.ts";
import { initialise } from "../../src/models/parameters.ts";
import { transformerParameters } from "../../src/models/transformer/parameters.ts";
import { writeModel } from "../../src/pipelines/model.ts";
import { toyModel } from "../pipelines/toy-model.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-evaluate-"));
  const toy = toyModel();
  const transformer = { ...toy.transformer.config, classes: spriteClasses.length };
  await writeModel(join(folder, "model"), {
    ...toy,
    classNames: spriteClasses,
    transformer: {
      config: transformer,
      tensors: initialise(transformerParameters(transformer), [3, 4]),
    },
  });
  const network = classifierConfig({ resolution: 16, classes: 12, channels: [8], featureWidth: 4 });
  await writeClassifier(join(folder, "judge"), {
    config: network,
    tensors: initialise(classifierParameters(network), [5, 6]),
    classNames: spriteClasses,
    accuracy: { value: 0.1, factors: [], pictures: 10, source: "nothing" },
    training: { command: "none", source: "nothing", pictures: 1, steps: 1, isMirrored: true },
  });
});
afterAll(() => rm(folder, { recursive: true }));

function magnets(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--import", "tsx", "cli/main.ts", ...args]);
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

const evaluate = (...args: string[]) =>
  magnets(
    ...["evaluate", join(folder, "model"), "--classifier", join(folder, "judge"), "--threads", "1"],
    ...["--cache-folder", join(folder, "cache"), "--samples", "24", "--real", "40", ...args],
  );

it("compares the default plan with the flat decode, at each temperature", async () => {
  const { code, stdout, stderr } = await evaluate("--choice-temperature", "0,5", "--json");
  expect(stderr).toContain("real, through the tokenizer");
  expect(code).toBe(0);
  const result = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  expect(result.plans.map(({ name }: { name: string }) => name)).toEqual([
    "default, choice 0",
    "flat, choice 0",
    "default, choice 5",
    "flat, choice 5",
  ]);
  const [own, flat] = result.plans;
  expect(own.frechetToFlat).toBeCloseTo(own.frechet / flat.frechet, 10);
  expect(own.plan.choiceTemperature).toBe(0);
  expect(flat.plan.cache.enabled).toBe(false);
  expect(flat.sizes).toBe("1x12");
  expect(flat.frechetToFlat).toBeUndefined();
  expect(result.tokenizer.codebookUse).toBeGreaterThan(0);
});

it("prints a table of named plans", async () => {
  const { code, stdout } = await evaluate("--plan", "late=8x2,1x2", "--plan", "1x4");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^late +8x2,1x2 /m);
  expect(stdout).toMatch(/^1x4 +1x4 /m);
  expect(stdout).toContain("(not FID)");
});

it.each([
  [["--plan", "3x4"], "3"],
  [["--plan", "default", "--plan", "default"], "name of its own"],
  [["--choice-temperature", "4,x"], "number"],
  [["--classifier", "absent"], "absent"],
])("refuses %j with status 2", async (args, message) => {
  const { code, stderr } = await evaluate(...args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

it("trains a classifier from drawings", async () => {
  const out = join(folder, "own");
  const { code, stderr } = await magnets(
    ...["classifier", "--resolution", "16", "--pictures", "20", "--steps", "2", "--held-out", "10"],
    ...["--threads", "1", "--run", join(folder, "run"), "--out", out],
  );
  expect(stderr).not.toContain("magnets:");
  expect(code).toBe(0);
  const { config, accuracy, training } = await readClassifier(out);
  expect(config.resolution).toBe(16);
  expect(accuracy.pictures).toBe(10);
  expect(training.command).toContain(
    "magnets classifier --data sprites --resolution 16 --pictures 20 --steps 2",
  );
});
