/** An evaluation whose images a fleet makes has the figures of one process. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openFleetModel, setsByFleet } from "../../fleet/sample.ts";
import { evaluate, type MeasuringOptions, type ModelEvaluation } from "../../src/evaluate.ts";
import { writeToySprites } from "../cli/toy-sprites.ts";
import { memoryStore } from "./memory-store.ts";
import { openRunnersFleet } from "./runners-fleet.ts";

let folder: string;
let alone: ModelEvaluation;
const plans = ["8x1,1x2", "baseline"];
const options = (): MeasuringOptions => ({
  classifier: join(folder, "classifier"),
  data: "sprites",
  samples: 70, // neither whole batches nor whole groups of features
  batchSize: 16,
  seeds: 2,
  referenceImages: 16,
  threads: 1,
});
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "magnets-fleet-evaluate-"));
  await writeToySprites(folder);
  alone = await evaluate(join(folder, "model"), { ...options(), plans });
});
afterAll(() => rm(folder, { recursive: true }));

/** Without figures of speed. */
const figuresOf = (evaluation: ModelEvaluation) =>
  JSON.parse(JSON.stringify(evaluation, (name, value) => (name === "seconds" ? undefined : value)));

it.each([1, 2, 5])("by %i workers", async (workers) => {
  const { fleet, did } = openRunnersFleet(workers, memoryStore());
  const steps: number[] = [];
  const makeSet = setsByFleet(fleet, await openFleetModel(join(folder, "model")));
  const onProgress = ({ plan, done }: { plan?: string; done: number }) => {
    if (plan !== undefined) steps.push(done);
  };
  const shared = await evaluate(join(folder, "model"), { ...options(), plans, makeSet, onProgress });
  await fleet.close();
  expect(figuresOf(shared)).toEqual(figuresOf(alone));
  expect(shared.rows.every(({ seconds }) => seconds.mean > 0)).toBe(true);
  expect(did.flat().length).toBe(2 * 2 * 5); // plans, seeds, jobs of a set
  expect(did.every((jobs) => jobs.length > 0)).toBe(true);
  expect(Math.max(...steps)).toBe(70);
});

it("that is cached asks no worker, and predictions are refused", async () => {
  const cacheFolder = join(folder, "cache");
  const first = await evaluate(join(folder, "model"), { ...options(), plans, cacheFolder });
  const { fleet, did } = openRunnersFleet(1, memoryStore());
  const makeSet = setsByFleet(fleet, await openFleetModel(join(folder, "model")));
  const again = await evaluate(join(folder, "model"), { ...options(), plans, cacheFolder, makeSet });
  expect([did.flat().length, again.cachedRuns]).toEqual([0, 4]);
  expect(again.rows).toEqual(first.rows);
  await expect(evaluate(join(folder, "model"), { ...options(), given: 2, makeSet })).rejects.toThrow(
    "evaluate: given: must be left out where others than this process make the images, got 2; predictions are measured",
  );
  await fleet.close();
});
