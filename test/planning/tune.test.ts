import { describe, expect, it } from "vitest";
import { baselinePlan, defaultPlan, makePlan, type PlanInput } from "../../src/decoding/plan.ts";
import { settingsToTry, tuneSettings, withSettings } from "../../src/planning/tune.ts";

const base = makePlan({ guidance: { scale: 2 } });
const space = { base, factors: [1, 2, 4, 8], branch: "any" } as const;

describe("the settings to try", () => {
  it("are the same for every way, begin with the plan's own, and vary in all that they may", () => {
    const tries = settingsToTry(space, 200, 5);
    expect(settingsToTry(space, 200, 5)).toEqual(tries);
    expect(settingsToTry(space, 200, 6)).not.toEqual(tries);
    expect(tries[0]).toEqual({});
    const values = (of: (settings: PlanInput) => unknown) =>
      new Set(tries.map(of).filter((value) => value !== undefined)).size;
    expect(values(({ guidance }) => guidance?.scale)).toBe(8);
    expect(values(({ guidance }) => guidance?.unconditionalFactor)).toBe(6);
    expect(values(({ guidance }) => guidance?.interval?.join())).toBe(5);
    expect(values(({ minP }) => minP)).toBe(5);
    expect(values(({ choiceTemperature }) => choiceTemperature)).toBe(6);
  });

  it("change at least one of the plan's own, most often two or three", () => {
    const counts = settingsToTry(space, 300, 5)
      .slice(1)
      .map(({ guidance = {}, ...free }) => Object.keys(guidance).length + Object.keys(free).length);
    expect(Math.min(...counts)).toBe(1);
    // One always, and each of the six others with a probability of 0.3: 2.8 with a standard error of 0.065.
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    expect(Math.abs(mean - 2.8)).toBeLessThan(4 * 0.065);
  });

  it("are plans of every way, whatever is drawn", () => {
    for (const settings of settingsToTry(space, 100, 1)) {
      for (const way of [{}, baselinePlan(base), baselinePlan(base, 8)]) {
        const plan = makePlan(withSettings(way, settings), base);
        expect(plan.modelSchedule).toEqual(makePlan(way, base).modelSchedule);
        expect(plan.cache).toEqual(makePlan(way, base).cache);
      }
    }
  });

  it("keep branches equal where they shall be, and guidance away where there is none", () => {
    for (const { guidance } of settingsToTry({ ...space, branch: "same" }, 50, 1)) {
      expect(guidance!.unconditionalFactor).toBe("same");
    }
    for (const { guidance } of settingsToTry({ ...space, base: defaultPlan }, 50, 1)) {
      expect(guidance).toBeUndefined();
    }
  });
});

describe("tuning by halving", () => {
  const tries = [0, 1, 2, 3, 4, 5, 6, 7].map((minP) => ({ minP }));

  it("finds the best, and asks of few settings for many images", async () => {
    const asked: [number, number][] = [];
    const best = await tuneSettings(tries, { samples: 80, rounds: 3 }, async ({ minP }, samples) => {
      asked.push([minP!, samples]);
      return Math.abs(minP! - 4.4) + 1 / samples;
    });
    expect(best.settings).toEqual({ minP: 4 });
    expect(best.distance).toBeCloseTo(0.4 + 1 / 80);
    expect(asked.map(([, samples]) => samples)).toEqual([...Array(8).fill(20), ...Array(4).fill(40), 80, 80]);
    expect(asked.slice(8).map(([minP]) => minP)).toEqual([4, 5, 3, 6, 4, 5]);
  });

  it("is refused with one try, and with more rounds than images", async () => {
    const quality = async () => 1;
    await expect(tuneSettings([{}], { samples: 80, rounds: 3 }, quality)).rejects.toThrow(
      "tries must be at least 2",
    );
    await expect(tuneSettings(tries, { samples: 4, rounds: 3 }, quality)).rejects.toThrow("cannot be halved");
  });
});
