import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultPlan } from "../../src/decoding/plan.ts";
import type { ComparisonOptions } from "../../src/evaluation/comparison.ts";
import {
  type MeasureOnce,
  measurePlans,
  type PlanRunOptions,
  type RunReport,
  ratioOf,
} from "../../src/evaluation/plan-runs.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "plan-runs-"));
});
afterAll(() => rm(folder, { recursive: true }));

const plans = { small: { modelSchedule: "8x2" }, large: { modelSchedule: "1x2" } };
/** Nothing here needs images or a classifier. */
const options = (changes: Partial<PlanRunOptions & ComparisonOptions> = {}) =>
  ({ plans, samples: 10, seed: 7, seeds: 3, ...changes }) as PlanRunOptions & ComparisonOptions;

/** A figure that the seed and the plan decide: 8 + seed, or twice that. */
function measuring(asked: string[] = []): MeasureOnce<{ figure: number }> {
  return async ({ plan, seed, onStep }) => {
    asked.push(`${plan.modelSchedule} ${seed}`);
    onStep({ step: 1, total: 2 });
    const figure = (plan.modelSchedule === "8x2" ? 1 : 2) * (8 + Number(seed));
    const stats = { seconds: 20, multiplyAdds: 1000, baselineMultiplyAdds: 3000, ratio: 3 };
    return { made: { plan: defaultPlan, stats }, figures: { figure } };
  };
}

describe("plans over seeds", () => {
  it("are all measured under one seed after the other, per image, with error bars between the seeds", async () => {
    const asked: string[] = [];
    const stages: string[] = [];
    const [small, large] = await measurePlans(
      options({ onProgress: ({ stage }) => stages.push(stage) }),
      null,
      measuring(asked),
    );
    expect(asked).toEqual(["8x2 7", "1x2 7", "8x2 8", "1x2 8", "8x2 9", "1x2 9"]);
    expect(stages.slice(0, 2)).toEqual(["small, seed 7", "large, seed 7"]);
    expect(small!.runs).toEqual([15, 16, 17].map((figure, i) => ({ seed: `${7 + i}`, seconds: 2, figure })));
    expect(small!.figure.mean).toBe(16);
    expect(small!.figure.standardError).toBeCloseTo(1 / Math.sqrt(3), 12);
    expect(small!.seconds).toEqual({ mean: 2, standardError: 0 });
    expect([small!.name, small!.multiplyAdds, small!.baselineMultiplyAdds, small!.ratio]).toEqual([
      "small",
      100,
      300,
      3,
    ]);
    // Seed by seed the ratio is 2 exactly, however much the seeds differ.
    expect(ratioOf(large!.runs, small!.runs, ({ figure }) => figure)).toEqual({ mean: 2, standardError: 0 });
  });

  it("go on where they were stopped", async () => {
    const asked: string[] = [];
    const once = measuring(asked);
    const runs: RunReport[] = [];
    const caching = options({
      identity: { weights: 1 },
      cacheFolder: folder,
      onRun: (run) => void runs.push(run),
    });
    const stopped = measurePlans(caching, "images", async (job) => {
      if (asked.length === 3) throw new Error("enough");
      return once(job);
    });
    await expect(stopped).rejects.toThrow("enough");
    runs.length = 0;
    const rows = await measurePlans(caching, "images", once);
    expect(asked.length).toBe(6);
    expect(runs.map(({ isCached }) => isCached)).toEqual([true, true, true, false, false, false]);
    expect(rows).toEqual(await measurePlans(options(), "images", measuring()));

    // Another model, other images, another number of them: all anew.
    await measurePlans({ ...caching, identity: { weights: 2 }, seeds: 1 }, "images", once);
    await measurePlans({ ...caching, seeds: 1 }, "other images", once);
    await measurePlans({ ...caching, samples: 11, seeds: 1 }, "images", once);
    expect(asked.length).toBe(12);
  });

  it("count seeds beyond what numbers hold exactly", async () => {
    const last = (1n << 64n) - 1n;
    const asked: string[] = [];
    await measurePlans(options({ seed: last - 1n, seeds: 2 }), null, measuring(asked));
    expect(asked.at(-1)).toBe(`1x2 ${last}`);
    await expect(measurePlans(options({ seed: last, seeds: 2 }), null, measuring())).rejects.toThrow(
      "above 2^64 - 1",
    );
    await expect(measurePlans(options({ seeds: 0 }), null, measuring())).rejects.toThrow("at least 1, got 0");
  });
});
