/** The training loop: stopping, being killed, breaking down, and going on as if nothing had been. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { type LoopOptions, train } from "../../src/training/loop.ts";
import { getState } from "../../src/training/optimiser-state.ts";
import { openRunFolder } from "../../src/training/run-folder.ts";
import { readSafetensors, writeSafetensors } from "../../src/weights/node/safetensors-file.ts";
import { loggedLines } from "./resuming.ts";
import { heldOutPairs, type TinyOptions, tinyJob } from "./tiny-job.ts";

let runner: Runner;
let parent: string;
beforeAll(async () => {
  runner = await createNodeRunner({ threads: 1 });
});
afterAll(() => runner.close());
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "loop-"));
});
afterEach(() => rm(parent, { recursive: true, force: true }));

/** Opens the folder as a new process would, and trains. */
async function go(name: string, options: TinyOptions = {}, loop: LoopOptions = {}) {
  const folder = await openRunFolder(join(parent, name), {}, { resume: true });
  return train(runner, folder, tinyJob({ runner, ...options }), loop);
}

/** Trains until the step is under way, then aborts: the state after it is kept. */
async function stopAt(name: string, step: number, options: TinyOptions = {}): Promise<void> {
  const controller = new AbortController();
  const onBatch = (made: number): void => {
    if (made === step) controller.abort(); // the batch of 0-based step s is made while step s - 1 computes
  };
  const stopped = go(name, { ...options, onBatch }, { signal: controller.signal });
  await expect(stopped).rejects.toThrow("aborted");
}

const checkpoints = async (name: string): Promise<string[]> =>
  (await readdir(join(parent, name, "checkpoints"))).sort();

const checkpoint = (name: string, step: string) =>
  readSafetensors(join(parent, name, "checkpoints", `step-${step}.safetensors`));

const lines = (name: string) => loggedLines(join(parent, name));

describe("a run that goes through", () => {
  it("learns, logs, and keeps the last two checkpoints", async () => {
    const seen: number[] = [];
    const state = await go("whole", {}, { onProgress: ({ step }) => void seen.push(step) });
    const logged = (await lines("whole")) as { step: number; loss: number }[];
    expect(seen).toEqual([4, 8, 12, 16, 20, 24, 28, 32, 36, 40]);
    expect(logged.map(({ step }) => step)).toEqual(seen);
    expect(logged.at(-1)!.loss).toBeLessThan(0.7 * logged[0]!.loss);
    expect(await checkpoints("whole")).toEqual(["step-000030.safetensors", "step-000040.safetensors"]);
    const { total, ...saved } = (await checkpoint("whole", "000040")).tensors;
    expect(saved).toEqual(state);
    expect(total!.dims).toEqual([1]);
    expect(await runner.stats()).toMatchObject({ programs: 0 });
  });

  it("is not trained again when resumed at its end", async () => {
    const first = await go("whole");
    const seen: number[] = [];
    const again = await go("whole", { onBatch: (step) => void seen.push(step) });
    expect(again).toEqual(first);
    expect(seen).toEqual([]);
  });
});

describe("n + m steps at once equal n steps, a stop, and m more", () => {
  // 10: at a checkpoint and between two lines; 12: at a line; 23: at neither; 1 and 39: the ends.
  it.each([1, 10, 12, 23, 39])("n = %i, bit for bit, in state and log", async (n) => {
    const whole = await go("whole");
    await stopAt("parts", n);
    expect(await checkpoints("parts")).toContain(`step-${String(n).padStart(6, "0")}.safetensors`);
    expect(await go("parts")).toEqual(whole);
    expect(await lines("parts")).toEqual(await lines("whole"));
    const [a, b] = [await checkpoint("whole", "000040"), await checkpoint("parts", "000040")];
    expect(b.tensors).toEqual(a.tensors);
  });

  it("also when stopped many times", async () => {
    const whole = await go("whole");
    for (const n of [3, 5, 6, 18, 31]) await stopAt("parts", n);
    expect(await go("parts")).toEqual(whole);
    expect(await lines("parts")).toEqual(await lines("whole"));
  });

  it("leaves no temporary file, and saves nothing when stopped before the first step", async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(go("never", {}, { signal: controller.signal })).rejects.toThrow();
    expect(await checkpoints("never")).toEqual([]);
    await stopAt("parts", 7);
    const files = (await readdir(join(parent, "parts"), { recursive: true })).sort();
    const expected = ["checkpoints", "checkpoints/step-000007.safetensors", "config.json", "metrics.jsonl"];
    expect(files).toEqual(expected);
  });
});

describe("several steps a run", () => {
  it.each([2, 7, 100])(
    "at most %i: bit for bit the state, the log and the checkpoints of single steps",
    async (n) => {
      const whole = await go("single");
      expect(await go("several", { stepsPerRun: n })).toEqual(whole);
      expect(await lines("several")).toEqual(await lines("single"));
      expect(await checkpoints("several")).toEqual(await checkpoints("single"));
      const [a, b] = [await checkpoint("single", "000040"), await checkpoint("several", "000040")];
      expect(b.tensors).toEqual(a.tensors);
    },
  );

  it("go on from where single ones stopped, and the other way round", async () => {
    const whole = await go("whole");
    await stopAt("parts", 3);
    await stopAt("parts", 17, { stepsPerRun: 5 });
    await stopAt("parts", 22);
    expect(await go("parts", { stepsPerRun: 8 })).toEqual(whole);
    expect(await lines("parts")).toEqual(await lines("whole"));
  });

  it("end where a step changes the state from outside", async () => {
    const restarts = { changes: (step: number) => step % 6 === 4 };
    const single = await go("single", restarts);
    expect(await go("several", { ...restarts, stepsPerRun: 7 })).toEqual(single);
    expect(single).not.toEqual(await go("untouched"));
  });

  it("leave the state of the step before one whose loss is no number", async () => {
    await stopAt("before", 26);
    for (const stepsPerRun of [1, 10]) {
      const broken = go(`broken ${stepsPerRun}`, { brokenStep: 27, stepsPerRun });
      await expect(broken).rejects.toThrow(/^train tiny: step 27 gave a loss of NaN/);
      const { total: _, ...before } = (await checkpoint("before", "000026")).tensors;
      expect(await getState(runner, tinyJob().specs)).toEqual(before);
    }
  });
});

describe("steps of several graphs", () => {
  const turns = { turn: 3 };

  it("log a figure as the mean over the steps that have it, also when stopped between two lines", async () => {
    await go("each", { ...turns, logEvery: 1 });
    const each = await lines("each");
    expect(each.map((line) => line.second !== undefined)).toEqual(
      each.map((_, step) => Math.floor(step / 3) % 2 === 1),
    );
    await go("whole", turns);
    await stopAt("parts", 14, turns);
    await go("parts", turns);
    expect(await lines("parts")).toEqual(await lines("whole"));
    (await lines("whole")).forEach((line, i) => {
      const own = each.slice(4 * i, 4 * (i + 1)).flatMap(({ second }) => second ?? []);
      if (own.length === 0) expect(line).not.toHaveProperty("second");
      else expect(line.second).toBeCloseTo(own.reduce((a, b) => a + b) / own.length, 12);
    });
  });

  it("go on from a checkpoint of before, when every step had every figure and none was counted", async () => {
    await go("whole");
    await stopAt("parts", 14);
    const path = join(parent, "parts", "checkpoints", "step-000014.safetensors");
    const { tensors, metadata } = await readSafetensors(path);
    const { counts, ...window } = JSON.parse(metadata.window!);
    expect(counts.loss).toBe(2);
    await writeSafetensors(path, tensors, { metadata: { ...metadata, window: JSON.stringify(window) } });
    await go("parts");
    expect(await lines("parts")).toEqual(await lines("whole"));
  });

  it("share their state, end runs, and are compiled once each", async () => {
    const single = await go("single", turns);
    expect(single).not.toEqual(await go("untouched"));
    const programs: number[] = [];
    const watching: Runner = {
      ...runner,
      load: async (bytes, ...rest) => {
        const program = await runner.load(bytes, ...rest);
        programs.push((await runner.stats()).programs);
        return program;
      },
    };
    const folder = await openRunFolder(join(parent, "several"), {}, { resume: true });
    const several = await train(watching, folder, tinyJob({ ...turns, stepsPerRun: 7 }));
    expect(several).toEqual(single);
    expect(await lines("several")).toEqual(await lines("single"));
    expect(programs).toEqual([1, 2]);
    expect((await runner.stats()).programs).toBe(0);
  });
});

it("killed at a random moment and resumed, it ends where it would have", async () => {
  const steps = 400;
  const whole = await go("whole", { steps });
  const delay = Math.random() * 150;
  const script = join(import.meta.dirname, "run-tiny-job.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, join(parent, "killed"), String(steps)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout!, "data");
  await new Promise((resolve) => setTimeout(resolve, delay));
  child.kill("SIGKILL");
  await once(child, "close");
  expect(await go("killed", { steps }), `killed ${delay} ms after its first line`).toEqual(whole);
  expect(await lines("killed")).toEqual(await lines("whole"));
});

it("stopped at a sample, it makes that sample when it goes on", async () => {
  const options = { sampleEvery: 20, checkpointEvery: 20 };
  const sampling = async (sample: (step: number) => Promise<Uint8Array>) =>
    train(runner, await openRunFolder(join(parent, "run"), {}, { resume: true }), {
      ...tinyJob(options),
      sample,
    });
  await expect(sampling(() => Promise.reject(new Error("no light")))).rejects.toThrow("no light");
  expect(await checkpoints("run")).toEqual([]);
  await sampling(async (step) => Uint8Array.of(step));
  expect((await readdir(join(parent, "run", "samples"))).sort()).toEqual([
    "step-000020.png",
    "step-000040.png",
  ]);
});

describe("a loss that is no number", () => {
  it("stops at once with one sentence that names the step, and spares the checkpoints", async () => {
    const error = await go("broken", { brokenStep: 27 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(
      /^train tiny: step 27 gave a loss of NaN .*checkpoint of step 20 is intact.*lower tiny\.training\.learningRate/,
    );
    expect(await checkpoints("broken")).toEqual(["step-000010.safetensors", "step-000020.safetensors"]);
    expect(await runner.stats()).toMatchObject({ programs: 0 });
    // The same run on sound data goes on from there.
    expect(await go("broken")).toEqual(await go("whole"));
    expect(await lines("broken")).toEqual(await lines("whole"));
  });

  it("says so when nothing was saved yet", async () => {
    await expect(go("broken", { brokenStep: 1 })).rejects.toThrow(/step 1 .*no checkpoint was saved yet/);
    expect(await checkpoints("broken")).toEqual([]);
  });
});

describe("a checkpoint that does not fit", () => {
  it("is refused by the names and shapes of its tensors", async () => {
    await stopAt("other", 5, { width: 4 });
    const error = await go("other").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect((error as Error).message).toMatch(
      /other: checkpoint of step 5: .*8 of another shape.*weight\/map is float32 \[4,5\], required float32 \[3,5\]/s,
    );
  });

  it("is refused when state beside the weights is missing", async () => {
    const folder = await openRunFolder(join(parent, "bare"), {});
    const { extra: _, ...job } = tinyJob({ steps: 2 });
    await train(runner, folder, job);
    await expect(go("bare")).rejects.toThrow(/1 missing: total \[1\]/);
  });
});

describe("a disk that refuses", () => {
  it("ends with one sentence; the earlier checkpoint stays, and resuming succeeds", async () => {
    const folder = await openRunFolder(join(parent, "full"), {});
    // Nothing can be created under a checkpoint's name once a folder stands there.
    const blocked = join(parent, "full", "checkpoints", "step-000020.safetensors");
    await mkdir(blocked);
    await writeFile(join(blocked, "x"), "");
    await expect(train(runner, folder, tinyJob())).rejects.toThrow(InputError);
    await rm(blocked, { recursive: true });
    expect(await checkpoints("full")).toEqual(["step-000010.safetensors"]);
    expect(await go("full")).toEqual(await go("whole"));
  });
});

describe("held-out data", () => {
  /** Data that has nothing to do with them is trained on: their loss falls or rises by chance. */
  const heldOut = { every: 3, patience: 12 };
  const longest = { steps: 400, learningRate: 0.02, emaDecay: 0.5, heldOut };
  const judged = async (name: string) =>
    ((await lines(name)) as { step: number; "heldOut.loss"?: number }[]).filter(
      (line) => line["heldOut.loss"] !== undefined,
    );
  const best = async (name: string) =>
    (await openRunFolder(join(parent, name), {}, { resume: true })).readBest();

  it("choose the weights that are kept, and end the training when their loss no longer falls", async () => {
    await go("early", longest);
    const logged = await judged("early");
    const losses = logged.map((line) => line["heldOut.loss"]!);
    const lowest = losses.indexOf(Math.min(...losses));
    const last = logged.at(-1)!.step;
    expect(last).toBeLessThan(longest.steps);
    expect(last - logged[lowest]!.step).toBe(12);
    expect(logged.map(({ step }) => step)).toEqual(logged.map((_, i) => 3 * (i + 1)));
    const kept = await best("early");
    expect([kept.step, kept.loss]).toEqual([logged[lowest]!.step, losses[lowest]]);

    // The loss of the kept weights, by hand.
    const [map, bias] = [kept.weights.map!.data, kept.weights.bias!.data].map((data) =>
      Array.from(data, Number),
    );
    const error = ({ x, y }: (typeof heldOutPairs)[number]) =>
      [0, 1, 2].reduce((sum, row) => {
        const made = x.reduce((total, value, i) => total + value * map![row * x.length + i]!, bias![row]!);
        return sum + (made - y[row]!) ** 2 / 3;
      }, 0);
    const [one, three] = heldOutPairs.map(error);
    expect(kept.loss).toBeCloseTo((one! + 3 * three!) / 4, 4);
    expect(await runner.stats()).toMatchObject({ programs: 0 });
  });

  it("are looked at after the last step too, and the run then ends there", async () => {
    await go("short", { heldOut: { every: 1000, patience: 1000 } });
    expect((await judged("short")).map(({ step }) => step)).toEqual([40]);
    expect((await best("short")).step).toBe(40);
  });

  it("lead to the same end when a run is stopped and goes on; a run that has ended stays so", async () => {
    await go("whole", longest);
    await stopAt("parts", 8, longest);
    await go("parts", longest);
    expect(await lines("parts")).toEqual(await lines("whole"));
    expect(await best("parts")).toEqual(await best("whole"));
    const before = await lines("whole");
    const seen: number[] = [];
    await go("whole", { ...longest, onBatch: (step) => void seen.push(step) });
    expect(seen).toEqual([]);
    expect(await lines("whole")).toEqual(before);
  });
});
