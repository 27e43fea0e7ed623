/** `magnets study distillation` as people run it, on drawings of 16 pixels: once, and once more. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { stringify } from "yaml";
import { toyTraining } from "../pipelines/image-folder.ts";
import { magnets } from "./run-magnets.ts";
import { writeToySprites } from "./toy-sprites.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-distillation-"));
  await writeToySprites(folder);
  const toy = toyTraining("sprites", { tokenizer: 1, transformer: 9 });
  await writeFile(join(folder, "toy.yaml"), stringify({ ...toy, data: { ...toy.data, count: 8 } }));
});
afterAll(() => rm(folder, { recursive: true }));

const study = (...args: string[]) =>
  magnets(
    ...["study", "distillation", join(folder, "toy.yaml"), "--tokenizer", join(folder, "model")],
    ...[
      "--classifier",
      join(folder, "classifier"),
      "--cache-folder",
      join(folder, "cache"),
      "--threads",
      "1",
    ],
    ...["--runs", join(folder, "runs"), "--out", join(folder, "out"), "--steps", "2", "--seeds", "2"],
    ...["--samples", "8", "--reference-images", "10", ...args],
  );

it("trains, measures and writes up; the same command again does nothing twice", async () => {
  const first = await study("--json");
  expect(first.stderr).not.toContain("magnets:");
  expect(first.code).toBe(0);
  expect(first.stderr).toContain("separate 2: 2 steps on 8 images as tokens");
  const { training, plans, answers } = JSON.parse(first.stdout.trimEnd().split("\n").at(-1)!);
  const kinds = ["no teacher", "full teacher", "next-larger teacher"];
  expect(training.map(({ name }: { name: string }) => name)).toEqual([
    ...kinds,
    "separate 1",
    "separate 2",
    "separate 1, longer",
  ]);
  expect(await readdir(join(folder, "runs"))).toEqual([
    "full-teacher",
    "next-larger-teacher",
    "no-teacher",
    "separate-1",
    "separate-1-longer",
    "separate-2",
    "tokens",
  ]);

  const planOf = (name: string) => plans.find((plan: { name: string }) => plan.name === name);
  expect(plans).toHaveLength(12);
  const [none, next] = ["no teacher, full size", "separate, 1/2"].map(planOf);
  expect(none.runs).toHaveLength(2);
  expect(none.modelSchedule).toBe("1x4");
  expect(next.frechetToBaseline.mean).toBeGreaterThan(0); // beside "separate, full size", which is another model's
  expect(planOf("separate, full size").frechetToBaseline).toBeUndefined();
  expect(none.trainingLoss).toBe(training[0].losses[1]);
  expect(next.trainingLoss).toBe(training[4].losses[2]);
  expect(planOf("no teacher, scheduled").trainingLoss).toBeUndefined();

  const page = await readFile(join(folder, "out", "README.md"), "utf8");
  expect(page).toMatch(/^# How sub-models should be trained: toy$/m);
  expect(page).toMatch(/^`magnets study distillation .*--steps 2.*`, \d{4}-\d\d-\d\d, .* cores, Node \d/m);
  expect(page).toContain(`- ${answers[0]}`);
  expect(page).toMatch(
    /^\| separate 2 \| {2}\| \d\.\d{3} \| 2 \| \d+\.\d \| `transformer\.training\.factors=\[2\]`/m,
  );
  expect(page).toContain("of the sampling alone");
  expect(page).toContain("](distance-multiply-adds.svg)");

  const again = await study("--json");
  expect(again.code).toBe(0);
  expect(again.stderr).toContain("24 sets of images were read from");
  expect(again.stdout).toBe(first.stdout);
});

it("trains each way with several seeds, and tells what the error bars are between", async () => {
  const args = [
    "--trainings",
    "2",
    "--runs",
    join(folder, "seeds"),
    "--out",
    join(folder, "out-seeds"),
    "--seeds",
    "1",
  ];
  const { code, stdout, stderr } = await study("--json", ...args);
  expect(stderr).not.toContain("magnets:");
  expect(code).toBe(0);
  const { training, plans, answers } = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  expect(training).toHaveLength(12);
  expect(training[6]).toMatchObject({ name: "no teacher, training 2" });
  expect(await readdir(join(folder, "seeds"))).toContain("no-teacher-training-2");
  const [none] = plans;
  expect(none.runs.map(({ seed }: { seed: string }) => seed)).toEqual(["training 1", "training 2"]);
  expect(none.runs[0].frechet).not.toBe(none.runs[1].frechet); // another seed is another model
  expect(none.trainingLoss).toBeCloseTo((training[0].losses[1] + training[6].losses[1]) / 2, 12);
  expect(answers[0]).toContain("2 trainings");
  const page = await readFile(join(folder, "out-seeds", "README.md"), "utf8");
  expect(page).toMatch(/^# How sub-models should be trained: toy$/m);
  expect(page).toContain("training seeds 0..1");
}, 300_000);

it.each([
  [["--set", "data.resolution=32"], "its tokenizer must be for images of 32 pixels"],
  [["--tokenizer", "absent"], "absent: no such model folder"],
  [["--classifier", "absent"], "absent"],
  [
    ["--set", "transformer.model.factors=[1]", "--set", "decoding.modelSchedule=1x4"],
    "must have sub-models, got [1]",
  ],
])("refuses %j before anything trains", async (args, message) => {
  const { code, stderr } = await study("--runs", join(folder, "refused"), ...args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
  expect(await readdir(folder)).not.toContain("refused");
});
