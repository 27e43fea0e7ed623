/** Shared work as people ask for it on the command line. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { magnets } from "./run-magnets.ts";
import { writeToySprites } from "./toy-sprites.ts";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-fleet-"));
  await writeToySprites(folder);
});
afterAll(() => rm(folder, { recursive: true }));

/** Every file by its name, figures of speed left out of JSON. */
async function filesOf(place: string): Promise<Record<string, string>> {
  const names = (await readdir(place)).sort();
  const contents = names.map(async (name) => {
    const bytes = await readFile(join(place, name));
    if (!name.endsWith(".json")) return [name, bytes.toString("base64")];
    const withoutTimes = (key: string, value: unknown) => (key === "seconds" ? undefined : value);
    return [name, JSON.stringify(JSON.parse(bytes.toString(), withoutTimes))];
  });
  return Object.fromEntries(await Promise.all(contents));
}

it("sample writes the same files with --workers, and goes on from a --store", async () => {
  const sample = ["sample", at("model"), "--count", "40", "--seed", "5", "--tokens", "npy", "--threads", "1"];
  expect((await magnets(...sample, "--out", at("alone"))).code).toBe(0);
  const shared = await magnets(...sample, "--out", at("shared"), "--workers", "2", "--store", at("store"));
  expect(shared.code).toBe(0);
  const right = await filesOf(at("alone"));
  expect(Object.keys(right)).toContain("0039.png");
  expect(await filesOf(at("shared"))).toEqual(right);
  const store = await filesOf(at("store"));
  expect(Object.keys(store).length).toBe(2 * 3);
  const again = await magnets(
    ...sample,
    "--out",
    at("again"),
    "--workers",
    "2",
    "--store",
    at("store"),
    "--json",
  );
  expect(JSON.parse(again.stdout.trim().split("\n").at(-1)!).images.length).toBe(40);
  expect(await filesOf(at("again"))).toEqual(right);
  expect(await filesOf(at("store"))).toEqual(store);
});

it("evaluate and the tokenising of train give the same with --workers", async () => {
  const evaluate = [
    ...["evaluate", at("model"), "--classifier", at("classifier"), "--data", "sprites", "--plans", "1x2"],
    ...["--samples", "40", "--batch", "16", "--reference-images", "16", "--threads", "1", "--json"],
  ];
  const figures = (stdout: string) =>
    JSON.parse(stdout.trim().split("\n").at(-1)!, (key, value) => (key === "seconds" ? undefined : value));
  const alone = await magnets(...evaluate, "--cache-folder", at("cache-alone"));
  const shared = await magnets(...evaluate, "--cache-folder", at("cache-shared"), "--workers", "2");
  expect([alone.code, shared.code]).toEqual([0, 0]);
  expect(figures(shared.stdout)).toEqual(figures(alone.stdout));

  const training = {
    batchSize: 2,
    warmupSteps: 1,
    checkpointEvery: 2,
    sampleEvery: 2,
    logEvery: 1,
    steps: 2,
  };
  const tokenizer = {
    patchSize: 4,
    channels: 4,
    multipliers: [1],
    residualBlocks: 1,
    latentWidth: 2,
    groups: 2,
  };
  const config = {
    name: "tiny",
    data: { source: "sprites", resolution: 8, count: 100 },
    tokenizer: { model: { ...tokenizer, quantizer: { kind: "vq", codebookSize: 8 } }, training },
    transformer: { model: { width: 8, depth: 1, heads: 4, factors: [1, 2] }, training },
    decoding: { steps: 2, modelSchedule: "2x1,1x1" },
  };
  await writeFile(at("tiny.yaml"), JSON.stringify(config)); // JSON is YAML
  const train = (out: string, stage: string) => [
    "train",
    at("tiny.yaml"),
    "--out",
    at(out),
    "--stage",
    stage,
  ];
  expect((await magnets(...train("run", "tokenizer"), "--threads", "1")).code).toBe(0);
  await cp(at("run"), at("run-shared"), { recursive: true });
  expect((await magnets(...train("run", "tokenise"), "--threads", "1")).code).toBe(0);
  expect((await magnets(...train("run-shared", "tokenise"), "--workers", "2")).code).toBe(0);
  expect(await filesOf(at("run-shared", "tokens"))).toEqual(await filesOf(at("run", "tokens")));
});

it.each([
  [["--store", "x"], /--store is for shared work; give --workers or --queue beside it/],
  [["--queue", "redis://127.0.0.1:1"], /--queue: must have a --store beside it/],
  [
    ["--queue", "redis://127.0.0.1:1", "--workers", "2"],
    /'--workers <n>' cannot be used with option '--queue <url>'/,
  ],
  [["--workers", "0"], /must be a whole number in 1\.\.64/i],
  [
    ["--workers", "2", "--deadline", "2s"],
    /--deadline: must be left out where workers share the work, got 2000 ms/,
  ],
  [["--workers", "2", "--format", "gif"], /--format and --fps are for videos/],
])("sample %j is refused in a sentence", async (options, sentence) => {
  const { code, stderr } = await magnets("sample", at("model"), "--out", at("none"), ...options);
  expect([code, stderr.replace(/^magnets: /, "").split("\n").length]).toEqual([2, 2]);
  expect(stderr).toMatch(sentence);
});

it("worker and fleet say what they need", async () => {
  expect((await magnets("worker", "--queue", "redis://127.0.0.1:1")).stderr).toMatch(
    /required option '--store <place>'/,
  );
  const unreachable = await magnets(
    "worker",
    "--queue",
    "redis://me:secret@127.0.0.1:1",
    "--store",
    at("store"),
  );
  expect(unreachable.code).toBe(2);
  expect(unreachable.stderr).toMatch(
    /^magnets: --queue redis:\/\/127.0.0.1:1: no Redis answers there \(connect ECONNREFUSED/,
  );
  const wrong = await magnets("fleet", "--queue", "http://user:secret@host");
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringMatching(
      /^magnets: --queue must be redis:\/\/host:port or rediss:\/\/host:port, got "http:\/\/host"/,
    ),
  ]);
});
