/** Decoding within a time, on a toy, by a clock of our own. What the clock decides by is tested in test/planning/deadline.test.ts. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { planFor } from "../../src/pipelines/choose-plan.ts";
import {
  type ImagePipeline,
  openImagePipeline,
  openVideoPipeline,
} from "../../src/pipelines/node/open-pipeline.ts";
import { planFamily } from "../../src/planning/budget.ts";
import { toyModel } from "./toy-model.ts";
import { toyVideoModel } from "./toy-video-model.ts";

let folder: string;
let pipeline: ImagePipeline;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deadlines-"));
  pipeline = await openImagePipeline(toyModel(), { threads: 1, calibrationFolder: folder });
});
afterAll(async () => {
  await pipeline.dispose();
  await rm(folder, { recursive: true });
});

/**
 * A clock of our own in the place of the machine's: every look at it takes a tenth of a millisecond, and a step as long
 * as `onStep` adds. Calibrating thus finds the same times for every pass.
 */
let clock = 0;
const takeTime = (milliseconds: number) => {
  clock += milliseconds;
};
function useOwnClock(): void {
  clock = 0;
  vi.spyOn(performance, "now").mockImplementation(() => {
    clock += 0.1;
    return clock;
  });
}
afterEach(() => vi.restoreAllMocks());

/** Time enough for anything on any machine. */
const hour = 3_600_000;
const request = { classes: ["cat", "dog"], count: 3, seed: 4 };

describe("a deadline", () => {
  it("with time enough takes the largest plan, whose tokens are those without a deadline", async () => {
    const { plan, tokens, stats } = await pipeline.generate({ ...request, deadlineMs: hour });
    const [baseline] = planFamily([1, 2, 4, 8], toyModel().plan);
    expect(plan).toEqual(baseline);
    expect(stats.deadline).toEqual({ milliseconds: hour, isKept: true, planned: "1x12" });
    expect(stats.batchSize).toBe(3);
    const without = await pipeline.generate({ ...request, plan });
    expect(without.tokens).toEqual(tokens);
    expect(without.stats.deadline).toBeUndefined();
    expect(without.stats.multiplyAdds).toBe(stats.multiplyAdds);
  });

  it("takes the best measured plan, and leaves measured ones aside where options change the default", async () => {
    const measured = planFor(toyModel(), { modelSchedule: "8x6", choiceTemperature: 9 });
    const paretoFront = {
      classifier: "classifier",
      samples: 4,
      seed: 1,
      baselineDistance: 2,
      plans: [{ plan: measured, distance: 1 }],
    };
    const own = await openImagePipeline({ ...toyModel(), paretoFront }, { threads: 1 });
    expect((await own.generate({ ...request, deadlineMs: hour })).plan).toEqual(measured);
    const cool = await own.generate({ ...request, choiceTemperature: 1, deadlineMs: hour });
    expect([cool.plan.modelSchedule, cool.plan.choiceTemperature]).toEqual([[{ factor: 1, steps: 12 }], 1]);
    await own.dispose();
  });

  it("shrinks the plan while it runs, and tells what ran, which decodes to the same images", async () => {
    useOwnClock();
    const own = await openImagePipeline(toyModel(), { threads: 1 });
    const shrunk = await own.generate({ ...request, deadlineMs: 1500, onStep: () => takeTime(290) });
    await own.dispose();
    // Five steps of 290 ms fit into 1500 ms, six do not.
    expect(shrunk.stats.deadline!.isKept).toBe(true);
    expect(shrunk.plan.steps - shrunk.plan.leaveOut!.length).toBeLessThanOrEqual(5);
    expect(shrunk.plan.steps - shrunk.plan.leaveOut!.length).toBeGreaterThanOrEqual(3);
    const plan = JSON.parse(JSON.stringify(shrunk.plan));
    const again = await pipeline.generate({ ...request, plan });
    expect(again.tokens).toEqual(shrunk.tokens);
    expect(again.images).toEqual(shrunk.images);
    expect(again.stats.multiplyAdds).toBe(shrunk.stats.multiplyAdds);
    expect(shrunk.tokens.every((ids) => ids.every((id) => id >= 0 && id < 8))).toBe(true);
  });

  it("leaves known tokens alone when editing", async () => {
    const { tokens } = await pipeline.generate({ classes: ["cat"], seed: 1 });
    const startTokens = tokens[0]!.map((id, i) => (i < 6 ? pipeline.maskId : id));
    useOwnClock();
    const own = await openImagePipeline(toyModel(), { threads: 1 });
    const edited = await own.generate({
      startTokens,
      count: 2,
      deadlineMs: 1500,
      onStep: () => takeTime(290),
    });
    await own.dispose();
    expect(edited.plan.leaveOut!.length).toBeGreaterThan(0);
    for (const ids of edited.tokens) expect([...ids.slice(6)]).toEqual([...tokens[0]!.slice(6)]);
    expect((await pipeline.generate({ startTokens, count: 2, plan: edited.plan })).tokens).toEqual(
      edited.tokens,
    );
  });

  it("serves videos too", async () => {
    const videos = await openVideoPipeline(toyVideoModel(), { threads: 1 });
    const made = await videos.generate({ count: 2, seed: 3, deadlineMs: hour });
    expect((await videos.generate({ count: 2, seed: 3, plan: made.plan })).tokens).toEqual(made.tokens);
    await videos.dispose();
  });

  it("too short for any plan is refused with the least there is, which is not refused", async () => {
    const error = await pipeline.generate({ ...request, deadlineMs: 0.001 }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(InputError);
    const least = Number(
      /must be at least (\d+) ms on this device.*got 0\.001$/.exec((error as Error).message)?.[1],
    );
    const { plan, seconds } = await pipeline.planInTime({ ...request, deadlineMs: least });
    expect(seconds).toBeLessThanOrEqual(least / 1000);
    expect(plan.modelSchedule.at(-1)!.factor).toBe(8);
  });

  it.each([
    [{ deadlineMs: 0 }, /^generate: deadlineMs: must be a number above 0, got 0$/],
    [{ deadlineMs: Number.NaN }, /^generate: deadlineMs: must be a number above 0, got NaN$/],
    [
      { deadlineMs: hour, plan: { unmask: { kind: "entropy" as const, bound: 1 } } },
      /deadline .* entropy bound .* leave out/,
    ],
    [{ deadlineMs: hour, batchSize: 2 }, /decoded together, but 3 do not fit into a batch of 2/],
  ])("refuses %j", async (changes, message) => {
    await expect(pipeline.generate({ ...request, ...changes })).rejects.toThrow(message);
  });
});

describe("calibration", () => {
  it("is kept for one batch size, model and way to compute, and read by the next pipeline", async () => {
    const own = await mkdtemp(join(folder, "own-"));
    const open = () => openImagePipeline(toyModel(), { threads: 1, calibrationFolder: own });
    const first = await open();
    const timed = await first.planInTime({ count: 2, deadlineMs: hour });
    await first.planInTime({ count: 2, deadlineMs: hour / 2 });
    await first.dispose();
    const [name, ...others] = await readdir(own);
    expect(others).toEqual([]);
    const { key, found } = JSON.parse(await readFile(join(own, name!), "utf8"));
    expect(key.facts.batch).toBe(2);
    expect(key.facts.identity).toMatchObject({ device: "cpu", precision: "fp32" });
    expect(new Set(found.passes.map(({ factor }: { factor: number }) => factor))).toEqual(
      new Set([1, 2, 4, 8]),
    );

    const second = await open();
    expect(await second.planInTime({ count: 2, deadlineMs: hour })).toEqual(timed);
    expect(await readdir(own)).toEqual([name]);
    await second.planInTime({ count: 5, deadlineMs: hour });
    await second.dispose();
    expect((await readdir(own)).length).toBe(2);
  });

  it("is found once for all plans that run the same graphs, by whatever numbers", async () => {
    const before = (await readdir(folder)).length;
    for (const guidanceScale of [0.5, 1.25, 3]) {
      for (const minP of [0.01, 0.3]) {
        await pipeline.generate({ count: 5, deadlineMs: 60_000, guidanceScale, plan: { minP } });
      }
    }
    expect((await readdir(folder)).length - before).toBe(1);
  });

  it("stops when asked, and is tried again", async () => {
    const own = await openImagePipeline(toyModel(), { threads: 1 });
    const asked = own.planInTime({
      count: 2,
      deadlineMs: hour,
      signal: AbortSignal.abort(new Error("enough")),
    });
    await expect(asked).rejects.toThrow("enough");
    expect((await own.planInTime({ count: 2, deadlineMs: hour })).seconds).toBeGreaterThan(0);
    await own.dispose();
  });
});
