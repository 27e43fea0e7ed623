/** `magnets evaluate` and `magnets classifier` as people run them, on drawings of 16 pixels. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { motionClasses } from "../../src/data/drawn/motions/index.ts";
import { classifierConfig, classifierParameters } from "../../src/evaluation/features/classifier.ts";
import { readClassifier, writeClassifier } from "../../src/evaluation/features/classifier-folder.ts";
import { encode, Graph, mean } from "../../src/graph/index.ts";
import { initialise } from "../../src/models/parameters.ts";
import { transformerParameters } from "../../src/models/transformer/parameters.ts";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { toyVideoModel } from "../pipelines/toy-video-model.ts";
import { magnets } from "./run-magnets.ts";
import { writeToySprites } from "./toy-sprites.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-evaluate-"));
  await writeToySprites(folder);
});
afterAll(() => rm(folder, { recursive: true }));

/** A network that sees the mean colour of images of 16 pixels a side. */
async function writeNetwork(): Promise<string> {
  const graph = new Graph("mean colour");
  const pixels = graph.input("pixels", "float32", ["N", 3, 16, 16]);
  graph.output("colour", mean(pixels, [2, 3]));
  const file = join(folder, "colour.onnx");
  await writeFile(file, encode(graph));
  const description = { file: "colour.onnx", name: "mean colour", resampling: "none", range: [0, 255] };
  await writeFile(join(folder, "colour.json"), JSON.stringify(description));
  return file;
}

/** A toy of 16 pixels a side, random but for its classes, and a classifier for it. */
async function writeVideoModel(): Promise<void> {
  const toy = toyVideoModel();
  const config = { ...toy.transformer.config, grid: [2, 4, 4], classes: motionClasses.length };
  await writeModel(join(folder, "video"), {
    ...toy,
    classNames: motionClasses,
    tokenizer: { ...toy.tokenizer, config: { ...toy.tokenizer.config, resolution: 16 } },
    transformer: { config, tensors: initialise(transformerParameters(config), [3, 4]) },
  });
  const shape = { resolution: 16, frames: 4, classes: motionClasses.length };
  const network = classifierConfig({ ...shape, channels: [8], featureWidth: 4 });
  await writeClassifier(join(folder, "motions-classifier"), {
    config: network,
    tensors: initialise(classifierParameters(network), [5, 6]),
    classNames: motionClasses,
    accuracy: { value: 0.1, factors: [0.2, 0.3], images: 10, source: "nothing" },
    training: {
      command: "none",
      source: "nothing",
      images: 1,
      steps: 1,
      randomFlip: true,
      shift: 0,
      isDegraded: false,
    },
  });
}

const evaluate = (...args: string[]) =>
  magnets(
    ...["evaluate", join(folder, "model"), "--classifier", join(folder, "classifier"), "--threads", "1"],
    ...["--cache-folder", join(folder, "cache"), "--samples", "24", "--reference-images", "40", ...args],
  );

it("compares the default plan with the baseline decode, at each temperature", async () => {
  const { code, stdout, stderr } = await evaluate("--choice-temperature", "0,5", "--json");
  expect(stderr).toContain("held-out images, through the tokenizer");
  expect(code).toBe(0);
  const result = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  expect(result.plans.map(({ name }: { name: string }) => name)).toEqual([
    "default, choice 0",
    "baseline, choice 0",
    "default, choice 5",
    "baseline, choice 5",
  ]);
  const [own, baseline] = result.plans;
  expect(own.frechetToBaseline.mean).toBeCloseTo(own.frechet.mean / baseline.frechet.mean, 10);
  expect(own.plan.choiceTemperature).toBe(0);
  expect(baseline.plan.cache.enabled).toBe(false);
  expect(baseline.modelSchedule).toBe("1x12");
  expect(baseline.frechetToBaseline).toBeUndefined();
  expect(result.tokenizer.codebookUse).toBeGreaterThan(0);
});

it("prints a table of named plans", async () => {
  const file = join(folder, "tidy.json");
  await writeFile(file, JSON.stringify({ modelSchedule: "8x1,2x1", cache: { refresh: { every: 1 } } }));
  const plans = ["--plans", `late=8x2,1x2,tidy=${file}`, "--plans", "1x4"];
  const { code, stdout } = await evaluate(...plans, "--min-p", "0.1");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^tidy, min-p 0\.1 +8x1,2x1 /m);
  expect(stdout).toMatch(/^late, min-p 0\.1 +8x2,1x2 /m);
  expect(stdout).toMatch(/^1x4, min-p 0\.1 +1x4 /m);
  expect(stdout).toContain("(not FID)");
});

it("measures each plan once per seed, and nothing twice, and writes it all into a folder", async () => {
  const out = join(folder, "out");
  const several = ["--plans", "default", "--seed", "5", "--seeds", "2", "--out", out, "--json"];
  const first = await evaluate(...several);
  expect(first.code).toBe(0);
  expect(first.stderr).toMatch(/^default +8x3,4x3,2x3,1x3 +\d+\.\d ± \d/m);
  expect(first.stderr).not.toContain("were read from");
  const [plan] = JSON.parse(first.stdout.trimEnd().split("\n").at(-1)!).plans;
  expect(plan.runs.map(({ seed }: { seed: string }) => seed)).toEqual(["5", "6"]);
  const [a, b] = plan.runs.map(({ frechet }: { frechet: number }) => frechet);
  expect(plan.frechet.mean).toBeCloseTo((a + b) / 2, 12);
  expect(plan.frechet.standardError).toBeCloseTo(Math.abs(a - b) / 2, 12); // |a - b| / sqrt 2 / sqrt 2

  const again = await evaluate(...several);
  expect(again.stderr).toContain("2 sets of images were read from");
  expect(again.stdout).toBe(first.stdout);

  const { command, date, machine, ...written } = JSON.parse(
    await readFile(join(out, "evaluation.json"), "utf8"),
  );
  expect(written).toEqual(JSON.parse(again.stdout));
  expect(command).toMatch(/^magnets evaluate .*--seeds 2/);
  expect(Date.parse(date)).not.toBeNaN();
  expect(machine.cores).toBeGreaterThan(0);
  expect(again.stderr).toContain(join(out, "distance-seconds.svg"));
  const csv = await readFile(join(out, "evaluation.csv"), "utf8");
  expect(csv).toMatch(/^"held-out images, through the tokenizer",/m);
  expect(csv).toMatch(/^default,/m);
});

it("measures in the features of a network too, beside real images or beside saved statistics", async () => {
  const saved = join(folder, "saved.npz");
  const features = ["--plans", "default", "--features", await writeNetwork()];
  const first = await evaluate(...features, "--save-statistics", saved, "--json");
  expect(first.stderr).toMatch(/^Feature network: mean colour, 3 features$/m);
  expect(first.stderr).toMatch(/^in its features +Fréchet distance/m);
  expect(first.code).toBe(0);
  const again = await evaluate(...features, "--reference-statistics", saved, "--json");
  expect(again.stderr).toContain(`compared with 40 of ${saved}`);
  const [own, other] = [first, again].map(({ stdout }) => JSON.parse(stdout.trimEnd().split("\n").at(-1)!));
  expect(own.network).toEqual({ name: "mean colour", width: 3, images: 40, source: "sprites(seed 2000)" });
  const [before, after] = [own, other].map(({ plans }) => plans[0].network);
  expect(after.frechet.mean).toBeCloseTo(before.frechet.mean, 6);
  expect([before.kernel === null, after.kernel === null]).toEqual([false, true]);
  expect(own.plans[0].frechet.mean).toBe(other.plans[0].frechet.mean); // the classifier's own does not depend on it
});

it("measures videos, and predictions of their frames, on motions by default", async () => {
  await writeVideoModel();
  const evaluateVideos = (...args: string[]) =>
    magnets(
      ...["evaluate", join(folder, "video"), "--classifier", join(folder, "motions-classifier")],
      ...[
        "--cache-folder",
        join(folder, "cache"),
        "--samples",
        "6",
        "--reference-images",
        "10",
        "--threads",
        "1",
        ...args,
      ],
    );
  const videos = await evaluateVideos("--plans", "default");
  expect(videos.stdout).toMatch(/right class, % +word 1, % +word 2, % +distance/);
  expect(videos.stdout).toContain("motions(seed 2000)");
  const { code, stdout, stderr } = await evaluateVideos("--given", "3", "--json");
  expect(stderr).toMatch(/^last given frame repeated +\d+\.\d\d ± \d/m);
  expect(stderr).toMatch(/^frame +4$/m); // the only one predicted
  expect(code).toBe(0);
  const { given, repeat, plans } = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  expect(given).toBe(3);
  expect(repeat.frames).toHaveLength(1);
  expect(plans.map(({ name }: { name: string }) => name)).toEqual(["default", "baseline"]);
  expect(plans[0].frechetToBaseline.mean).toBeCloseTo(plans[0].frechet.mean / plans[1].frechet.mean, 10);

  const out = join(folder, "study-predict");
  const study = await magnets(
    ...["study", "refresh", join(folder, "video"), "--classifier", join(folder, "motions-classifier")],
    ...[
      "--cache-folder",
      join(folder, "cache"),
      "--samples",
      "6",
      "--reference-images",
      "10",
      "--threads",
      "1",
    ],
    ...["--given", "3", "--out", out],
  );
  expect(study.code).toBe(0);
  const page = await readFile(join(out, "README.md"), "utf8");
  expect(page).toMatch(/^# .*: video, frame prediction$/m);
  expect(page).toMatch(
    /with \d+\.\d\d dB PSNR beside \d+\.\d\d dB: one seed has no error bar, so nothing is concluded\.$/m,
  );
  expect(page).toContain("the linear mask schedule and no guidance. Multiply-adds");
  expect(page).toContain("](psnr-multiply-adds.svg)");
});

it.each([
  [["--plans", "3x4"], "3"],
  [["--given", "5"], "was not trained to predict frames"],
  [["--plans", "default,default"], "name of its own"],
  [["--plans", "pareto"], "magnets search finds"],
  [["--plans", "paretofront"], "must be default, baseline, pareto, a model schedule"],
  [["--plan", "default"], "--plan is called --plans now"],
  [["--choice-temperature", "4,x"], "number"],
  [["--classifier", "absent"], "absent"],
  [["--out", "package.json/out"], "a part of the path is a file"],
  [["--features", "absent.onnx"], "absent.onnx: needs a description"],
  [["--save-statistics", "mine.npz"], "saveStatistics: must be left out where features is"],
])("refuses %j with status 2", async (args, message) => {
  const { code, stderr } = await evaluate(...args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

it("answers a question of the study on a page, with the figures beside it", async () => {
  const out = join(folder, "study");
  const { code, stdout } = await magnets(
    ...[
      "study",
      "direction",
      join(folder, "model"),
      "--classifier",
      join(folder, "classifier"),
      "--threads",
      "1",
    ],
    ...[
      "--cache-folder",
      join(folder, "cache"),
      "--samples",
      "12",
      "--reference-images",
      "20",
      "--seeds",
      "2",
      "--out",
      out,
    ],
  );
  expect(code).toBe(0);
  const page = await readFile(join(out, "README.md"), "utf8");
  // A model in a run's folder goes by the run's name.
  expect(page.split("\n")[0]).toBe(`# Which way the model schedule should run: ${basename(folder)}`);
  const answer =
    /^- ("small to large" \(.+?\) is \d\.\d+ ± \d\.\d+ times the distance of "large to small" \(.+?\) at .*)$/m;
  expect(stdout).toContain(answer.exec(page)![1]);
  expect(page).toMatch(/^`magnets study direction .*--seeds 2.*`, \d{4}-\d\d-\d\d, .* cores, Node \d/m);
  expect(page).toMatch(/^\| small to large \| 8x3,4x3,2x3,1x3 \| \d+\.\d ± /m);
  for (const [, chart] of page.matchAll(/\]\((.*?\.(?:svg|json|csv))\)/g)) {
    expect(await readFile(join(out, chart!), "utf8")).not.toBe("");
  }
  const { study, answers } = JSON.parse(await readFile(join(out, "evaluation.json"), "utf8"));
  expect([study, page.includes(`- ${answers[0]}`)]).toEqual(["direction", true]);
});

it("compares the default plan with baseline decodes of the numbers of steps that are asked for", async () => {
  const out = join(folder, "few-steps");
  const { code, stderr } = await magnets(
    ...["study", "few-steps", join(folder, "model"), "--decode-steps", "2,4"],
    ...["--classifier", join(folder, "classifier"), "--threads", "1", "--samples", "12"],
    ...["--reference-images", "20", "--out", out],
  );
  expect(stderr).not.toContain("magnets:");
  expect(code).toBe(0);
  const { plans, answers } = JSON.parse(await readFile(join(out, "evaluation.json"), "utf8"));
  expect(plans.map(({ name }: { name: string }) => name)).toEqual([
    "default plan",
    "default plan, at most 1/2",
    "baseline, 2 steps",
    "baseline, 4 steps",
  ]);
  expect(answers).toHaveLength(4);
});

it("trains a classifier from drawn videos", async () => {
  const out = join(folder, "moving");
  const { code, stderr } = await magnets(
    ...[
      "classifier",
      "--data",
      "motions",
      "--frames",
      "4",
      "--resolution",
      "32",
      "--images",
      "4",
      "--steps",
      "1",
    ],
    ...["--held-out", "4", "--no-flip", "--threads", "1", "--run", join(folder, "run-moving"), "--out", out],
  );
  expect(stderr).not.toContain("magnets:");
  expect(code).toBe(0);
  const { config, accuracy, training } = await readClassifier(out);
  expect(config.frames).toBe(4);
  expect(accuracy.factors).toHaveLength(2);
  expect(training.command).toMatch(/--data motions --resolution 32 --frames 4 .* --no-flip$/);
});

it("trains a classifier from drawings", async () => {
  const out = join(folder, "own");
  const { code, stderr } = await magnets(
    ...["classifier", "--resolution", "16", "--images", "20", "--steps", "2", "--held-out", "10"],
    ...["--threads", "1", "--run", join(folder, "run"), "--out", out],
  );
  expect(stderr).not.toContain("magnets:");
  expect(code).toBe(0);
  const { config, accuracy, training } = await readClassifier(out);
  expect(config.resolution).toBe(16);
  expect(accuracy.images).toBe(10);
  expect(training.command).toContain(
    "magnets classifier --data sprites --resolution 16 --images 20 --steps 2",
  );
});
