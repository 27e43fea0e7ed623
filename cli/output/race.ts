/** A model's plan beside its baseline decode, as both demos show them. */
import type { GenerateProgress, GenerateStats, RaceResult, RaceRun } from "../../src/index.ts";
import { startProgress } from "./progress.ts";
import { short, table } from "./table.ts";

type Timed = { readonly stats: GenerateStats };

/**
 * Times both, each under a progress bar.
 *
 * @param steps  K, and how many series of K steps a call takes
 */
export async function raceWithBars<Made extends Timed>(
  generate: (run: RaceRun & { readonly onStep?: (progress: GenerateProgress) => void }) => Promise<Made>,
  { steps, series }: { readonly steps: number; readonly series: number },
): Promise<RaceResult<Made>> {
  const { raceBaseline } = await import("../../src/index.ts");
  return raceBaseline(steps, async (run, decode) => {
    if (decode === "warm-up") return generate(run);
    const progress = startProgress(decode, steps * series);
    try {
      return await generate({
        ...run,
        onStep: ({ step, factor }) => progress.update(step, { model: `1/${factor}` }),
      });
    } finally {
      progress.stop();
    }
  });
}

export function raceTable({ nested, baseline }: RaceResult<Timed>): string {
  return table(
    ["decode", "multiply-adds", "seconds"],
    [nested, baseline].map(({ stats }, i) => [
      i === 0 ? "the plan" : "baseline, full size",
      short(stats.multiplyAdds),
      Number(stats.seconds.toFixed(2)),
    ]),
  );
}
