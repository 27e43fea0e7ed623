import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tensor } from "../../src/core/tensor.ts";
import { openRunFolder, readLengthened } from "../../src/training/run-folder.ts";

const config = { name: "x", training: { steps: 10, betas: [0.9, 0.96] } };
const at = (step: number) => ({
  step,
  tensors: { "weight/a": tensor("float32", [2], Float32Array.of(step, 0.1)) },
  notes: { seconds: String(step * 2) },
});

let parent: string;
let path: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "run-"));
  path = join(parent, "run");
});
afterEach(() => rm(parent, { recursive: true }));

describe("openRunFolder", () => {
  it("starts a run: config, metrics, samples, the last two checkpoints", async () => {
    const run = await openRunFolder(path, config);
    expect(run.checkpoint).toBeNull();
    expect(JSON.parse(await readFile(join(path, "config.json"), "utf8"))).toEqual(config);
    await run.log({ step: 1, loss: 2.5 });
    await run.log({ step: 2, loss: Number.NaN });
    const text = await readFile(join(path, "metrics.jsonl"), "utf8");
    expect(text).toBe('{"step":1,"loss":2.5}\n{"step":2,"loss":"NaN"}\n');
    expect(await run.saveSample(100, Uint8Array.of(1))).toBe(join(path, "samples", "step-000100.png"));
    // 1,000,000 has one digit more: the order must be of numbers, not of names.
    for (const step of [5, 999_999, 1_000_000]) await run.saveCheckpoint(at(step));
    expect((await readdir(join(path, "checkpoints"))).sort()).toEqual([
      "step-1000000.safetensors",
      "step-999999.safetensors",
    ]);
    const resumed = await openRunFolder(path, config, { resume: true });
    expect(resumed.checkpoint).toEqual(at(1_000_000));
  });

  it("refuses a folder that holds a run, unless resuming", async () => {
    await openRunFolder(path, config);
    await expect(openRunFolder(path, config)).rejects.toThrow(/holds a run already; pass --resume.*--out/);
    expect((await openRunFolder(path, config, { resume: true })).checkpoint).toBeNull();
  });

  it("lists the keys that differ", async () => {
    await openRunFolder(path, config);
    const other = { name: "x", training: { steps: 20, betas: [0.9, 0.99] }, extra: true };
    await expect(openRunFolder(path, other, { resume: true })).rejects.toThrow(
      /training\.steps was 10, now 20; training\.betas was \[0\.9,0\.96\], now \[0\.9,0\.99\]; extra was absent, now true/,
    );
  });

  it("takes more steps where it may, and nothing else with them", async () => {
    await openRunFolder(path, config);
    const kept = async () => JSON.parse(await readFile(join(path, "config.json"), "utf8"));
    const resume = (steps: number, others = {}, mayGrow: string | undefined = "training.steps") => {
      const grown = { ...config, ...others, training: { ...config.training, steps } };
      return openRunFolder(path, grown, { resume: true, mayGrow });
    };
    await expect(resume(20, {}, "steps")).rejects.toThrow(/differing: training\.steps was 10, now 20;/);
    await expect(resume(20, { name: "y" })).rejects.toThrow(/differing: name was "x", now "y";/);
    await expect(resume(9)).rejects.toThrow(/training\.steps was 10, now 9/);
    expect(await kept()).toEqual(config);
    expect((await resume(10)).grownFrom).toBeNull();
    expect((await resume(20)).grownFrom).toBe(10);
    expect((await kept()).training.steps).toBe(20);
    expect((await resume(20)).grownFrom).toBeNull();
    const run = await resume(20);
    await run.saveCheckpoint({ step: 20, tensors: {}, notes: {} });
    await resume(30);
    expect(await readLengthened(path)).toEqual([
      { from: 10, atStep: 0 },
      { from: 20, atStep: 20 },
    ]);
  });

  it("drops lines beyond the checkpoint, and one cut short", async () => {
    const run = await openRunFolder(path, config);
    for (const step of [1, 2, 3, 4]) await run.log({ step });
    await run.saveCheckpoint(at(2));
    await writeFile(join(path, "metrics.jsonl"), '{"step":5,"lo', { flag: "a" });
    const resumed = await openRunFolder(path, config, { resume: true });
    expect(resumed.checkpoint?.step).toBe(2);
    expect(await readFile(join(path, "metrics.jsonl"), "utf8")).toBe('{"step":1}\n{"step":2}\n');
    await resumed.log({ step: 3 });
    expect((await readFile(join(path, "metrics.jsonl"), "utf8")).split("\n")).toHaveLength(4);
  });

  it("says what to do about a damaged checkpoint, and falls back once it is removed", async () => {
    const run = await openRunFolder(path, config);
    await run.saveCheckpoint(at(1));
    await run.saveCheckpoint(at(2));
    const newest = join(path, "checkpoints", "step-000002.safetensors");
    await truncate(newest, 50);
    await expect(openRunFolder(path, config, { resume: true })).rejects.toThrow(
      /step-000002.*remove this file to resume from the checkpoint before it/,
    );
    await rm(newest);
    expect((await openRunFolder(path, config, { resume: true })).checkpoint?.step).toBe(1);
  });

  it("ignores the leftovers of a crash among the checkpoints", async () => {
    const run = await openRunFolder(path, config);
    await run.saveCheckpoint(at(1));
    await writeFile(join(path, "checkpoints", ".step-000009.safetensors.abc.tmp"), "half");
    expect((await openRunFolder(path, config, { resume: true })).checkpoint?.step).toBe(1);
  });

  it("refuses a place where no folder can be", async () => {
    await mkdir(parent, { recursive: true });
    await writeFile(path, "a file");
    await expect(openRunFolder(path, config)).rejects.toThrow(/ENOTDIR|EEXIST/);
  });
});
