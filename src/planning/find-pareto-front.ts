/**
 * From a default plan to a measured front: candidates are searched on the pictures of one seed, and what is left of
 * them is measured on those of another, beside the default plan and the flat decode. The figures of a front thus owe
 * nothing to the luck of the search; which few of the finalists are on it is still chosen by these very figures, which
 * flatters them a little.
 */

import type { DecodePlan } from "../decoding/plan.ts";
import type { ModelFacts } from "../decoding/resolve-plan.ts";
import { flatMultiplyAdds, planFamily, planWithin } from "./budget.ts";
import type { TransformerSizes } from "./cost.ts";
import { planCost } from "./cost.ts";
import type { PlanFront } from "./pareto-front.ts";
import { type CandidateOptions, candidatePlans, paretoFront, searchPlans, searchRounds } from "./search.ts";

/** How far the seed of the held-out pictures is from the search's. */
export const heldOutDistance = 1_000_000;

export interface FindFrontOptions extends CandidateOptions {
  readonly model: TransformerSizes & ModelFacts;
  readonly defaults: DecodePlan;
  /** Of the search's pictures, and of which candidates are drawn; equal seeds give equal fronts. */
  readonly seed: number;
  /** Pictures per plan in the last round, and the number of rounds; see {@link searchPlans}. */
  readonly samples: number;
  readonly rounds: number;
  /** Pictures per plan of the held-out seed. */
  readonly heldOutSamples: number;
  /** The distance of a plan over the first `samples` pictures of a seed; smaller is better. */
  readonly measure: (plan: DecodePlan, pictures: { samples: number; seed: number }) => Promise<number>;
  readonly onProgress?: (progress: FindFrontProgress) => void;
}

export interface FindFrontProgress {
  readonly stage: "search" | "held out";
  /** Pictures measured in this stage, and all that it measures. */
  readonly done: number;
  readonly total: number;
}

/** A plan measured on the held-out seed. */
export interface Finalist {
  readonly name: "default" | "flat" | "found";
  readonly plan: DecodePlan;
  /** Of the flat decode's multiply-adds. */
  readonly share: number;
  readonly distance: number;
  /** Over the flat decode's distance. */
  readonly distanceToFlat: number;
  readonly isOnFront: boolean;
}

export interface FoundFront {
  /** Lacks only who judged. */
  readonly front: Omit<PlanFront, "judge">;
  /** From cheap to dear. */
  readonly finalists: readonly Finalist[];
}

/**
 * Searches and measures; deterministic where `measure` is.
 *
 * @throws InputError as {@link searchPlans}, and when no plan is within the budget; what `measure` throws
 */
export async function findFront(options: FindFrontOptions): Promise<FoundFront> {
  const { model, defaults, seed, samples, rounds, heldOutSamples, measure } = options;
  planWithin(model, defaults, options.budget); // throws where no plan is so cheap, naming the least
  const candidates = candidatePlans(model, defaults, options);
  const planned = searchRounds(candidates.length, samples, rounds);
  const count = counted(options, "search", sum(planned.map((round) => round.plans * round.samples)));
  const found = await searchPlans({
    candidates,
    samples,
    rounds,
    quality: async (plan, samples) => {
      const distance = await measure(plan, { samples, seed });
      count(samples);
      return distance;
    },
  });

  const named = new Map<string, Pick<Finalist, "name" | "plan">>();
  const flatDecode = planFamily(model.factors, defaults)[0]!;
  for (const { plan } of found) named.set(JSON.stringify(plan), { name: "found", plan });
  named.set(JSON.stringify(defaults), { name: "default", plan: defaults });
  named.set(JSON.stringify(flatDecode), { name: "flat", plan: flatDecode });
  const heldOut = { samples: heldOutSamples, seed: seed + heldOutDistance };
  const countHeldOut = counted(options, "held out", named.size * heldOutSamples);
  const measured = [];
  for (const each of named.values()) {
    const { multiplyAdds } = planCost(model, each.plan);
    measured.push({ ...each, multiplyAdds, distance: await measure(each.plan, heldOut) });
    countHeldOut(heldOutSamples);
  }

  const front = paretoFront(measured);
  const flatDistance = measured.find(({ name }) => name === "flat")!.distance;
  const flat = flatMultiplyAdds(model, defaults);
  return {
    front: { ...heldOut, flatDistance, plans: front.map(({ plan, distance }) => ({ plan, distance })) },
    finalists: measured
      .sort((a, b) => a.multiplyAdds - b.multiplyAdds)
      .map((each) => ({
        name: each.name,
        plan: each.plan,
        share: each.multiplyAdds / flat,
        distance: each.distance,
        distanceToFlat: each.distance / flatDistance,
        isOnFront: front.includes(each),
      })),
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** Adds pictures up and tells the progress of a stage. */
function counted({ onProgress }: FindFrontOptions, stage: FindFrontProgress["stage"], total: number) {
  let done = 0;
  onProgress?.({ stage, done, total });
  return (pictures: number) => {
    done += pictures;
    onProgress?.({ stage, done, total });
  };
}
