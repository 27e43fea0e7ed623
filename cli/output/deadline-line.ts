/** How a decode with a deadline went, for people. */
import type { DecodePlan, GenerateStats } from "../../src/index.ts";

/** Whether the deadline was kept, and what became of the plan. */
export function deadlineLine({ plan, stats }: { plan: DecodePlan; stats: GenerateStats }): string {
  const { milliseconds, isKept, planned } = stats.deadline!;
  const ran = plan.modelSchedule.map(({ factor, steps }) => `${factor}x${steps}`).join();
  const leftOut = plan.leaveOut?.length ? ` without ${stepsText(plan.leaveOut)}` : "";
  const changed = ran === planned && !leftOut ? "ran as planned" : `ran ${ran}${leftOut}`;
  return (
    `deadline of ${milliseconds} ms ${isKept ? "kept" : "missed"}: ${(1000 * stats.seconds).toFixed(0)} ms; ` +
    `planned ${planned}, ${changed}; --plan with this sample.json and the same seed makes the same images`
  );
}

/** Steps k, ascending, counted from 1 as people do: "step 3", "steps 2, 4-7". */
function stepsText(steps: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const k of steps) {
    const run = runs.at(-1);
    if (run && run[1] === k - 1) run[1] = k;
    else runs.push([k, k]);
  }
  const texts = runs.map(([first, last]) => (first === last ? `${first + 1}` : `${first + 1}-${last + 1}`));
  return `step${steps.length > 1 ? "s" : ""} ${texts.join(", ")}`;
}
