import { expect, it } from "vitest";
import { basePlan } from "../../src/decoding/plan.ts";
import { makeSet } from "../../src/evaluation/make-set.ts";

const plan = basePlan([1]);

it("makes a set a batch at a time, adds up what it costs, and tells how far it is in images", async () => {
  const asked: number[][] = [];
  const progress: number[][] = [];
  const { stats } = await makeSet(
    { samples: 10, batchSize: 4, onStep: ({ step, total }) => progress.push([step, total]) },
    async ({ firstIndex, count, onStep }) => {
      asked.push([firstIndex, count]);
      // As images that are decoded one at a time: the smaller batch has fewer steps.
      for (let step = 1; step <= 3 * count; step++) onStep({ step, total: 3 * count });
      const multiplyAdds = 2 * count;
      return { plan, stats: { seconds: count / 8, multiplyAdds, baselineMultiplyAdds: 6 * count, ratio: 3 } };
    },
  );
  expect(asked).toEqual([
    [0, 4],
    [4, 4],
    [8, 2],
  ]);
  expect(stats).toEqual({ seconds: 1.25, multiplyAdds: 20, baselineMultiplyAdds: 60, ratio: 3 });
  const steps = progress.map(([step]) => step!);
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  expect(progress.at(-1)).toEqual([10, 10]);
});
