/**
 * From a default plan to a measured Pareto front: candidates are searched on the images of one seed, and what is left of
 * them is measured on those of another, beside the default plan and the baseline decode. The baseline decode gets as much
 * search as all candidates together: as many settings and numbers of steps are tried, with as many images, and the best of
 * them is what the others are compared with. The figures of a Pareto front thus owe nothing to the luck of the search; which
 * few of the finalists are on it is still chosen by these very figures, which flatters them a little.
 */
import { guidanceOver } from "../decoding/guidance.ts";
import { baselinePlan, type DecodePlan, makePlan } from "../decoding/plan.ts";
import type { ModelFacts } from "../decoding/resolve-plan.ts";
import { baselineMultiplyAdds, requireBudget } from "./budget.ts";
import type { TransformerSizes } from "./cost.ts";
import { planCost } from "./cost.ts";
import type { ParetoFront } from "./pareto-front.ts";
import { type CandidateOptions, candidatePlans, paretoFrontOf, searchPlans, searchRounds } from "./search.ts";
import { settingsToTry, tuneSettings, withSettings } from "./tune.ts";

/** How far the seed of the held-out images is from the search's. */
export const heldOutDistance = 1_000_000;

export interface FindParetoFrontOptions extends CandidateOptions {
  readonly model: TransformerSizes & ModelFacts;
  readonly defaults: DecodePlan;
  /** Of the search's images, and of which candidates are drawn; equal seeds give equal fronts. */
  readonly seed: number;
  /** Images per plan in the last round, and the number of rounds; see {@link searchPlans}. */
  readonly samples: number;
  readonly rounds: number;
  /** Images per plan of the held-out seed. */
  readonly heldOutSamples: number;
  /** The distance of a plan over the first `samples` images of a seed; smaller is better. */
  readonly measure: (plan: DecodePlan, images: { samples: number; seed: number }) => Promise<number>;
  readonly onProgress?: (progress: FindParetoFrontProgress) => void;
}

/** How far the search for a Pareto front is. */
export interface FindParetoFrontProgress {
  readonly stage: "search" | "baseline" | "held out";
  /** Images measured in this stage, and all that it measures. */
  readonly done: number;
  readonly total: number;
}

/** A plan measured on the held-out seed. */
export interface Finalist {
  /** "baseline" has the default plan's settings and steps, "best baseline" those that were found for it. */
  readonly name: "default" | "baseline" | "best baseline" | "found";
  readonly plan: DecodePlan;
  /** Of the baseline decode's multiply-adds. */
  readonly share: number;
  readonly distance: number;
  /** Over the distance of the better of the two baseline decodes. */
  readonly distanceToBaseline: number;
  readonly isOnParetoFront: boolean;
}

/**
 * What a search found: the plans that no other one beats in both cost and distance, and all that were measured to
 * the end.
 */
export interface FoundParetoFront {
  /** Lacks only the classifier's name. */
  readonly paretoFront: Omit<ParetoFront, "classifier">;
  /** By ascending cost. */
  readonly finalists: readonly Finalist[];
}

/**
 * Searches and measures; deterministic where `measure` is.
 *
 * @throws InputError as {@link searchPlans}, and when no plan is within the budget; what `measure` throws
 */
export async function findParetoFront(options: FindParetoFrontOptions): Promise<FoundParetoFront> {
  const { model, defaults, seed, samples, rounds, heldOutSamples, measure } = options;
  requireBudget(model, defaults, options.budget);
  const candidates = candidatePlans(model, defaults, options);
  const planned = searchRounds(candidates.length, samples, rounds);
  const count = counted(options, "search", imagesOf(planned));
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

  const tries = baselinesToTry(model, defaults, Math.max(2, candidates.length), seed);
  const countBaseline = counted(options, "baseline", imagesOf(searchRounds(tries.length, samples, rounds)));
  const { settings: bestBaseline } = await tuneSettings(tries, { samples, rounds }, async (plan, samples) => {
    const distance = await measure(plan, { samples, seed });
    countBaseline(samples);
    return distance;
  });

  const named = new Map<string, Pick<Finalist, "name" | "plan">>();
  const baselineDecode = tries[0]!;
  for (const { plan } of found) named.set(JSON.stringify(plan), { name: "found", plan });
  named.set(JSON.stringify(bestBaseline), { name: "best baseline", plan: bestBaseline });
  named.set(JSON.stringify(defaults), { name: "default", plan: defaults });
  named.set(JSON.stringify(baselineDecode), { name: "baseline", plan: baselineDecode });
  const heldOut = { samples: heldOutSamples, seed: seed + heldOutDistance };
  const countHeldOut = counted(options, "held out", named.size * heldOutSamples);
  const measured = [];
  for (const each of named.values()) {
    const { multiplyAdds } = planCost(model, each.plan);
    measured.push({ ...each, multiplyAdds, distance: await measure(each.plan, heldOut) });
    countHeldOut(heldOutSamples);
  }

  const paretoFront = paretoFrontOf(measured);
  const baselineDistance = Math.min(
    ...measured.filter(({ name }) => name.endsWith("baseline")).map(({ distance }) => distance),
  );
  const baseline = baselineMultiplyAdds(model, defaults);
  return {
    paretoFront: {
      ...heldOut,
      baselineDistance,
      plans: paretoFront.map(({ plan, distance }) => ({ plan, distance })),
    },
    finalists: measured
      .sort((a, b) => a.multiplyAdds - b.multiplyAdds)
      .map((each) => ({
        name: each.name,
        plan: each.plan,
        share: each.multiplyAdds / baseline,
        distance: each.distance,
        distanceToBaseline: each.distance / baselineDistance,
        isOnParetoFront: paretoFront.includes(each),
      })),
  };
}

/**
 * Baseline decodes to try, of as many steps as the default plan, half and a third of them by turns: with the default plan's
 * own settings of each number of steps, the first the baseline decode itself, then with others, as every way gets them.
 */
function baselinesToTry(
  { factors }: ModelFacts,
  defaults: DecodePlan,
  count: number,
  seed: number,
): DecodePlan[] {
  const settings = settingsToTry({ base: defaults, factors, branch: "any" }, count, seed);
  return settings.map((_, i) => {
    const steps = Math.ceil(defaults.steps / [1, 2, 3][i % 3]!);
    const plan = withSettings(baselinePlan({ steps }), settings[Math.max(0, i - 2)]!);
    const { interval = defaults.guidance.interval } = plan.guidance!;
    return makePlan({ ...plan, guidance: guidanceOver({ ...plan.guidance, interval }, steps) }, defaults);
  });
}

/** All images of some rounds. */
const imagesOf = (rounds: ReturnType<typeof searchRounds>): number =>
  rounds.reduce((sum, { plans, samples }) => sum + plans * samples, 0);

/** Adds images up and tells the progress of a stage. */
function counted(
  { onProgress }: FindParetoFrontOptions,
  stage: FindParetoFrontProgress["stage"],
  total: number,
) {
  let done = 0;
  onProgress?.({ stage, done, total });
  return (images: number) => {
    done += images;
    onProgress?.({ stage, done, total });
  };
}
