import { describe, expect, it } from "vitest";
import { combineTrainings } from "../../src/evaluation/combine-trainings.ts";
import type { ModelEvaluation } from "../../src/evaluation/evaluate.ts";
import { estimated } from "../../src/evaluation/metrics/estimate.ts";

/** An evaluation of one plan and its baseline, each with two seeds. */
function evaluation(subject: string, distances: readonly [number, number], name = "new"): ModelEvaluation {
  const row = (own: string, base: string, values: readonly number[]) => {
    const runs = values.map((frechet, i) => ({
      ...{ seed: `${i}`, frechet, seconds: 1, isUnderSampled: false, factorAccuracies: [frechet / 2] },
      kernel: { mean: frechet, standardError: 0.5 },
    }));
    const { seed: _, ...figures } = estimated(runs);
    return {
      name: own,
      base,
      modelSchedule: "1x2",
      multiplyAdds: 10,
      baselineMultiplyAdds: 20,
      ratio: 2,
      ...figures,
      runs,
    };
  };
  const rows = [
    row("old", "baseline", [10, 20]),
    {
      ...row(name, "new", distances),
      frechetToBaseline: { mean: (distances[0] / 10 + distances[1] / 20) / 2, standardError: 0 },
    },
  ];
  return { task: "generate", subject, cachedRuns: 1, warnings: ["few"], rows } as unknown as ModelEvaluation;
}

describe("figures over trainings", () => {
  it("are of each training the mean over its seeds, with the error between trainings", () => {
    const { rows, trainings, cachedRuns, warnings } = combineTrainings([
      evaluation("a", [8, 16]),
      evaluation("b", [10, 18]),
      evaluation("c", [12, 20]),
    ]);
    const [old, fresh] = rows;
    expect([trainings, cachedRuns, warnings]).toEqual([["a", "b", "c"], 3, ["few"]]);
    expect(fresh!.runs.map(({ seed, frechet }) => [seed, frechet])).toEqual([
      ["training 1", 12],
      ["training 2", 14],
      ["training 3", 16],
    ]);
    expect(fresh!.frechet).toEqual({ mean: 14, standardError: Math.sqrt(4 / 3) });
    expect(old!.frechet).toEqual({ mean: 15, standardError: 0 });
    // 0.8, 0.95, 1.1
    expect(fresh!.frechetToBaseline!.mean).toBeCloseTo(0.95);
    expect(fresh!.frechetToBaseline!.standardError).toBeCloseTo(0.15 / Math.sqrt(3));
    // A figure with an error of its own keeps it.
    expect((fresh as { kernel: unknown }).kernel).toEqual({ mean: 14, standardError: 0.5 });
    expect([fresh!.name, fresh!.ratio, fresh!.multiplyAdds]).toEqual(["new", 2, 10]);
  });

  it("are refused for models of other plans", () => {
    expect(() => combineTrainings([evaluation("a", [1, 2]), evaluation("b", [1, 2], "other")])).toThrow(
      "all models must be of one configuration, but b has other plans than a",
    );
  });
});
