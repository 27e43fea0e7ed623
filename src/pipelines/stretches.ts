/** How much of a decode runs at once. */
import type { ModelFacts, ResolvedStep } from "../decoding/resolve-plan.ts";
import { stepCost, type TransformerSizes } from "../planning/cost.ts";

/**
 * Multiply-adds that nobody minds waiting for: some tenths of a second on two cores. So long may a signal go unheard,
 * and so much later than they ran may steps be told.
 */
export const workOfAMoment = 3e10;

/**
 * Layers of all passes of a graph: the shipped model's twelve steps have 126 (4,400 nodes) and compile in half a second,
 * which grows by the square.
 */
const mostLayers = 256;

/**
 * How many of the next steps run at once, within some work and in a graph that compiles soon: up to the last refresh that
 * they reach, or the end; 0 where the first refresh is farther.
 *
 * @param most  multiply-adds of one image
 * @param next  the steps to come, of which the first is full
 */
export function stretchWithin(
  most: number,
  next: readonly ResolvedStep[],
  model: TransformerSizes & ModelFacts,
): number {
  let work = 0;
  let length = 0;
  let layers = 0;
  for (const [i, step] of next.entries()) {
    if (step.isFull) length = i;
    const { conditionalMultiplyAdds, unconditionalMultiplyAdds } = stepCost(model, step);
    work += conditionalMultiplyAdds + unconditionalMultiplyAdds;
    layers +=
      model.depth * (step.unconditionalFactor === null || step.unconditionalFactor === step.factor ? 1 : 2);
    if (work > most || layers > mostLayers) return length;
  }
  return next.length;
}
