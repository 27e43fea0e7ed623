/** The plan of a model and the baseline decode, timed on equal terms: what both demos show. */
import type { GenerateProgress, GenerateStats, PlanInput } from "../../src/index.ts";
import { startProgress } from "../output/progress.ts";
import { short, table } from "../output/table.ts";

/** What differs from call to call. */
interface Changes {
  readonly count?: number;
  readonly plan?: PlanInput;
  readonly onStep?: (progress: GenerateProgress) => void;
}

type Timed = { readonly stats: GenerateStats };

/** @param steps  K, and how many series of K steps a call takes */
export async function race<Made extends Timed>(
  generate: (changes: Changes) => Promise<Made>,
  { steps, series }: { steps: number; series: number },
): Promise<{ nested: Made; baseline: Made }> {
  const run = async (label: string, plan?: PlanInput): Promise<Made> => {
    const progress = startProgress(label, steps * series);
    try {
      return await generate({
        ...(plan && { plan }),
        onStep: ({ step, factor }) => progress.update(step, { model: `1/${factor}` }),
      });
    } finally {
      progress.stop();
    }
  };
  const { baselinePlan } = await import("../../src/index.ts");
  await generate({ count: 1 }); // compiles, so that both clocks start warm
  const nested = await run("nested");
  const baseline = await run("baseline  ", baselinePlan({ steps }));
  return { nested, baseline };
}

export function raceTable({ nested, baseline }: { nested: Timed; baseline: Timed }): string {
  return table(
    ["decode", "multiply-adds", "seconds"],
    [nested, baseline].map(({ stats }, i) => [
      i === 0 ? "the plan" : "baseline, full size",
      short(stats.multiplyAdds),
      Number(stats.seconds.toFixed(2)),
    ]),
  );
}
