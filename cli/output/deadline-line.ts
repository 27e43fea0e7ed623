/** How a decode with a deadline went, for people. */
import type { DecodePlan, GenerateStats } from "../../src/index.ts";

/** Whether the deadline was kept, and what became of the plan. */
export function deadlineLine({ plan, stats }: { plan: DecodePlan; stats: GenerateStats }): string {
  const { milliseconds, isKept, planned } = stats.deadline!;
  const ran = plan.modelSchedule.map(({ factor, steps }) => `${factor}x${steps}`).join();
  const steps = plan.leaveOut?.map((k) => `step ${k + 1}`).join(", ");
  const changed =
    ran === planned && !steps ? "ran as planned" : `ran ${ran}${steps ? `, left out of them: ${steps}` : ""}`;
  return (
    `deadline of ${milliseconds} ms ${isKept ? "kept" : "missed"}: ${(1000 * stats.seconds).toFixed(0)} ms; ` +
    `planned ${planned}, ${changed}; --plan with this sample.json and the same seed makes the same images`
  );
}
