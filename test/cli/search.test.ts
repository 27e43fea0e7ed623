/** `magnets search` as people run it, on drawings of 16 pixels. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readModel } from "../../src/pipelines/node/model-folder.ts";
import { magnets } from "./run-magnets.ts";
import { writeToySprites } from "./toy-sprites.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-search-"));
  await writeToySprites(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const search = (...args: string[]) =>
  magnets(
    ...["search", join(folder, "model"), "--classifier", join(folder, "classifier"), "--threads", "1"],
    ...["--cache-folder", join(folder, "cache"), "--candidates", "4", "--rounds", "2", "--samples", "8"],
    ...["--final-samples", "12", "--reference-images", "40", ...args],
  );

it("finds plans, keeps the Pareto front in the model's folder, and repeats nothing", async () => {
  const { code, stdout, stderr } = await search("--json");
  expect(stderr).toMatch(/^ +baseline +1x12 .* 1\.000$|^\* +baseline +1x12 .* 1\.000$/m);
  expect(code).toBe(0);
  const { paretoFront, finalists } = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  expect(finalists.map(({ name }: { name: string }) => name)).toContain("default");
  expect(paretoFront).toMatchObject({ classifier: "classifier", samples: 12, seed: 1_000_000 });
  expect((await readModel(join(folder, "model"))).paretoFront).toEqual(paretoFront);

  const kept = await readdir(join(folder, "cache"));
  const again = await search();
  expect(again.stdout).toContain(`${paretoFront.plans.length} plans on the Pareto front`);
  expect(await readdir(join(folder, "cache"))).toEqual(kept);
  expect((await readModel(join(folder, "model"))).paretoFront).toEqual(paretoFront);

  const evaluated = await magnets(
    ...[
      "evaluate",
      join(folder, "model"),
      "--classifier",
      join(folder, "classifier"),
      "--threads",
      "1",
      "--json",
    ],
    ...[
      "--cache-folder",
      join(folder, "cache"),
      "--samples",
      "8",
      "--reference-images",
      "40",
      "--plans",
      "pareto",
    ],
  );
  const rows = JSON.parse(evaluated.stdout.trimEnd().split("\n").at(-1)!).plans;
  expect(rows.map(({ plan }: { plan: unknown }) => plan)).toEqual(
    paretoFront.plans.map(({ plan }: { plan: unknown }) => plan),
  );

  const told = await magnets("plan", join(folder, "model"), "--target-quality", "1000", "--json");
  expect(JSON.parse(told.stdout.trimEnd().split("\n").at(-1)!).plan).toEqual(paretoFront.plans[0].plan);
});

it("keeps a Pareto front that was measured on more images, unless told otherwise", async () => {
  const before = (await readModel(join(folder, "model"))).paretoFront;
  const { code, stderr } = await search("--final-samples", "8");
  expect([code, stderr]).toEqual([2, expect.stringContaining("finalSamples: must be at least 12")]);
  expect((await readModel(join(folder, "model"))).paretoFront).toEqual(before);
  expect((await search("--final-samples", "8", "--replace")).code).toBe(0);
  expect((await readModel(join(folder, "model"))).paretoFront!.samples).toBe(8);
});

it.each([
  [["--budget", "0.0001"], "budget: must be at least 0."],
  [["--samples", "4", "--rounds", "3"], "4 samples cannot be halved over 3 rounds"],
  [["--classifier", "absent"], "absent"],
])("refuses %j with status 2", async (args, message) => {
  const { code, stderr } = await search(...args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});
