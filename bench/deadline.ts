/**
 * Are deadlines kept, and what does keeping them cost? Decodes of the shipped model with a deadline that leaves the
 * default plan just enough time when nothing else runs: half of them alone, half beside a process that burns a core. The
 * device is calibrated once, alone, so that under load the plans must shrink while they run. Then the same with shorter
 * deadlines, and a classifier that measures what came of each.
 *
 * `kept`: the share of all decodes that were in time. `relative`: time taken over the deadline. `compute`: multiply-adds
 * over those that were planned, which tells how far plans shrank. `frechet`: the distance of the images to real ones in
 * the classifier's features.
 */
import { spawn } from "node:child_process";
import { table } from "../cli/output/table.ts";
import { InputError } from "../src/core/errors.ts";
import type { Image } from "../src/data/source.ts";
import { readClassifier } from "../src/evaluation/features/classifier-folder.ts";
import { accuracyOf, inGroups, openClassifiedSet } from "../src/evaluation/features/classify-images.ts";
import { frechetDistance } from "../src/evaluation/metrics/frechet.ts";
import { setFeaturesOf } from "../src/evaluation/metrics/set-measures.ts";
import { openReferenceSet, type ReferenceSet } from "../src/evaluation/reference-set.ts";
import { splitData } from "../src/evaluation/split-data.ts";
import { modelPlanCost, planFor } from "../src/pipelines/choose-plan.ts";
import { ImagePipeline } from "../src/pipelines/node/open-pipeline.ts";
import { reservedShare } from "../src/planning/deadline.ts";
import { createNodeRunner } from "../src/runtime/node/runner.ts";
import type { Runner } from "../src/runtime/runner.ts";
import { type Bench, median } from "./bench.ts";

const model = "models/sprites";
const classifierFolder = "models/sprites-classifier";
const batchSize = 8;

/** Deadlines whose images are measured, as shares of the one that is just enough. */
const shares = [0.2, 0.35, 0.6, 1];

/** One decode. */
interface Run {
  readonly relative: number;
  readonly compute: number;
  readonly isKept: boolean;
  readonly images: readonly Image[];
}

export const benchDeadlines: Bench = async ({ say, isQuick }) => {
  const half = isQuick ? 5 : 100;
  const pipeline = await ImagePipeline.fromPretrained(model);
  try {
    const deadlineMs = await enoughForDefault(pipeline, isQuick ? 3 : 9);
    const { plan, seconds } = await pipeline.planInTime({ deadlineMs, count: batchSize });
    const planned = plan.modelSchedule.map((run) => `${run.factor}x${run.steps}`).join();
    say(
      `${batchSize} images, deadline ${deadlineMs} ms, plan ${planned}, predicted ${(1000 * seconds).toFixed(0)} ms`,
    );
    const alone = await runs(pipeline, deadlineMs, 0, half);
    const beside = await besideBurner(() => runs(pipeline, deadlineMs, 1, half));
    const all = [...alone, ...beside];
    const groups = { alone, "beside a busy process": beside, all };
    const figures = Object.entries(groups).map(([name, group]) => ({ name, ...spreadOf(group) }));
    const heads = ["decodes", "runs", "kept", "median", "95 %", "longest", "compute, median", "least"];
    const rows = figures.map(({ name, count, kept, relative, compute }) => [
      name,
      count,
      `${(100 * kept).toFixed(1)} %`,
      ...[relative.median, relative.p95, relative.most, compute.median, compute.least].map((value) =>
        Number(value.toFixed(3)),
      ),
    ]);
    say(table(heads, rows));
    const quality = await qualityInTime(
      pipeline,
      deadlineMs,
      isQuick ? { count: 2, referenceImages: 100 } : { count: 50, referenceImages: 10_000 },
    );
    say(
      table(
        ["deadline, ms", "machine", "kept", "right class", "Fréchet distance"],
        quality.map(({ deadlineMs, machine, kept, classAccuracy, frechet }) => [
          deadlineMs,
          machine,
          ...[kept, classAccuracy].map((share) => `${(100 * share).toFixed(1)} %`),
          Number(frechet.toFixed(3)),
        ]),
      ),
    );
    return {
      kept: figures[2]!.kept,
      model,
      batchSize,
      deadlineMs,
      planned,
      predictedSeconds: seconds,
      figures,
      quality,
    };
  } finally {
    await pipeline.dispose();
  }
};

/** Milliseconds that the default plan needs here, with the reserve that plans are chosen with. */
async function enoughForDefault(pipeline: ImagePipeline, rounds: number): Promise<number> {
  const plan = planFor(pipeline.model);
  const seconds: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const { stats } = await pipeline.generate({ classes: ["all"], count: batchSize, plan });
    if (round > 0) seconds.push(stats.seconds); // the first one compiles
  }
  return Math.ceil((1000 * median(seconds)) / (1 - reservedShare));
}

async function runs(
  pipeline: ImagePipeline,
  deadlineMs: number,
  seed: number,
  count: number,
): Promise<Run[]> {
  const found: Run[] = [];
  const { plan } = await pipeline.planInTime({ deadlineMs, count: batchSize });
  const planned = modelPlanCost(pipeline.model.transformer.config, plan).multiplyAdds;
  for (let i = 0; i < count; i++) {
    const { stats, images } = await pipeline.generate({
      classes: ["all"],
      ...{ count: batchSize, seed, firstIndex: batchSize * i, deadlineMs },
    });
    found.push({
      images,
      relative: (1000 * stats.seconds) / deadlineMs,
      compute: stats.multiplyAdds / (batchSize * planned),
      isKept: stats.deadline!.isKept,
    });
  }
  return found;
}

/** What comes of deadlines that leave more or less time, alone and under load; the same seed for all. */
async function qualityInTime(
  pipeline: ImagePipeline,
  enoughMs: number,
  { count, referenceImages }: { count: number; referenceImages: number },
) {
  const runner = await createNodeRunner();
  try {
    const classifier = await readClassifier(classifierFolder);
    const { heldOut } = await splitData("sprites", { resolution: pipeline.resolution });
    const options = { runner, classifier, heldOut, referenceImages, cacheFolder: ".cache/evaluation" };
    const reference = await openReferenceSet(options);
    const found = [];
    for (const share of shares) {
      const deadlineMs = Math.ceil(share * enoughMs);
      if (!(await isPossible(pipeline, deadlineMs))) continue;
      const work = () => runs(pipeline, deadlineMs, 0, count);
      for (const [machine, done] of [
        ["alone", await work()],
        ["beside a busy process", await besideBurner(work)],
      ] as const) {
        const { kept } = spreadOf(done);
        found.push({ deadlineMs, machine, kept, ...(await measureImages(runner, reference, done)) });
      }
    }
    await reference.classifier.dispose();
    return found;
  } finally {
    await runner.close();
  }
}

/** Whether any plan is predicted to be done by then. */
async function isPossible(pipeline: ImagePipeline, deadlineMs: number): Promise<boolean> {
  return pipeline.planInTime({ deadlineMs, count: batchSize }).then(
    () => true,
    (error) => {
      if (error instanceof InputError) return false;
      throw error;
    },
  );
}

async function measureImages(runner: Runner, reference: ReferenceSet, done: readonly Run[]) {
  const set = openClassifiedSet(reference.classifier);
  await inGroups(async (add) => {
    for (const { images } of done) await add(images);
  }, set.add);
  const classified = set.read();
  const { statistics } = await setFeaturesOf(runner, classified.features);
  const { distance } = await frechetDistance(runner, statistics, reference.features.statistics);
  return { classAccuracy: accuracyOf(classified), frechet: distance };
}

/** Does work while another process keeps one core busy. */
async function besideBurner<T>(work: () => Promise<T>): Promise<T> {
  const burner = spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" });
  try {
    return await work();
  } finally {
    burner.kill("SIGKILL");
  }
}

function spreadOf(group: readonly Run[]) {
  const ordered = (read: (run: Run) => number) => group.map(read).sort((a, b) => a - b);
  const [relative, compute] = [ordered((run) => run.relative), ordered((run) => run.compute)];
  return {
    count: group.length,
    kept: group.filter(({ isKept }) => isKept).length / group.length,
    relative: {
      median: median(relative),
      p95: relative[Math.ceil(0.95 * relative.length) - 1]!,
      most: relative.at(-1)!,
    },
    compute: { median: median(compute), least: compute[0]! },
  };
}
