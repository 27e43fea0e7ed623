/** A plan's cost as a table. */
import type { PlanCost } from "../../src/index.ts";
import { short, table } from "./table.ts";

/**
 * One row per step, and a line with the totals; where entropies decide, the steps of a decode that never finds more
 * than the schedule asks for, and the least and the most.
 *
 * @param seconds  predicted for each step, where that is known
 */
export function planTable(cost: PlanCost, seconds?: readonly number[]): string {
  const rows = cost.steps.map((step, i) => [
    step.step + 1,
    `1/${step.factor}`,
    step.unconditionalFactor === null ? "-" : `1/${step.unconditionalFactor}`,
    step.isFull ? "all" : "new only",
    step.active,
    step.maskedBefore,
    step.unmaskCount,
    short(step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds),
    ...(seconds ? [Number((1000 * seconds[i]!).toFixed(1))] : []),
  ]);
  const isCertain = cost.leastMultiplyAdds === cost.multiplyAdds;
  const head = [
    ...["step", "model", "unguided", "positions", "run", "masked"],
    ...[isCertain ? "decoded" : "decoded, at least", "multiply-adds"],
    ...(seconds ? ["predicted ms"] : []),
  ];
  const least = isCertain ? "" : `${short(cost.leastMultiplyAdds)} to `;
  return (
    `${table(head, rows)}\n\n` +
    `multiply-adds per image: ${least}${short(cost.multiplyAdds)}; baseline decode: ` +
    `${short(cost.baselineMultiplyAdds)}; ${cost.ratio.toFixed(2)} times less${isCertain ? "" : ", or more"}`
  );
}
