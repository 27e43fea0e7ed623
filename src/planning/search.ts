/**
 * Plans that find themselves: candidates are drawn around a default plan, measured by whoever can, and halved round by
 * round (successive halving, Jamieson & Talwalkar 2016), so that only promising plans are measured with many samples.
 */
import { requireInput } from "../core/errors.ts";
import { foldIn, keyFromSeed, type Seed, uniformAt } from "../core/random.ts";
import { guidanceOver } from "../decoding/guidance.ts";
import { changePlan, type DecodePlan } from "../decoding/plan.ts";
import type { ModelFacts } from "../decoding/resolve-plan.ts";
import { baselineMultiplyAdds, planFamily } from "./budget.ts";
import { planCost, type TransformerSizes } from "./cost.ts";

export interface Candidate {
  readonly plan: DecodePlan;
  /** Of one sample. */
  readonly multiplyAdds: number;
}

export interface Measured extends Candidate {
  /** Smaller is better. */
  readonly distance: number;
}

export interface CandidateOptions {
  /** The most that a plan may cost, as a fraction of the default's baseline decode. */
  readonly budget: number;
  /** How many plans. */
  readonly count: number;
  /** Default 0; equal seeds give equal plans. */
  readonly seed?: Seed;
}

/** Ranges of compute that get equally many candidates, so that the Pareto front has plans for small budgets too. */
const costRanges = 8;

/** Draws per candidate before a range of compute is taken to hold no more plans. */
const patience = 200;

/**
 * Plans within a budget: the default, the costliest hand-made one of every range of compute, then drawn ones, spread
 * evenly over the compute up to the budget. Drawn are the sub-model of each step (from small to large), the number of
 * steps, the refreshes, the temperatures, and of a guided default the scale, the interval and the unconditional branch's
 * size; the rest is the default's.
 *
 * @returns `count` plans, or fewer where there are no more; all different
 */
export function candidatePlans(
  model: TransformerSizes & ModelFacts,
  defaults: DecodePlan,
  { budget, count, seed = 0 }: CandidateOptions,
): Candidate[] {
  const most = budget * baselineMultiplyAdds(model, defaults);
  const found = new Map<string, Candidate>();
  const add = (plan: DecodePlan, least: number, limit: number) => {
    const { multiplyAdds } = planCost(model, plan);
    const key = JSON.stringify(plan);
    if (multiplyAdds <= least || multiplyAdds > limit || found.has(key)) return false;
    found.set(key, { plan, multiplyAdds });
    return true;
  };
  add(defaults, 0, most);
  const family = planFamily(model.factors, defaults)
    .map((plan) => ({ plan, multiplyAdds: planCost(model, plan).multiplyAdds }))
    .sort((a, b) => b.multiplyAdds - a.multiplyAdds);
  for (let range = 0; range < costRanges && found.size < count; range++) {
    const [least, limit] = [(most * range) / costRanges, (most * (range + 1)) / costRanges];
    const costliest = family.find(({ multiplyAdds }) => multiplyAdds > least && multiplyAdds <= limit);
    if (costliest) add(costliest.plan, least, limit);
  }
  const root = keyFromSeed(seed);
  // Twice as many turns: a range that holds no more plans leaves its turns to the others.
  for (let i = 0; i < 2 * count && found.size < count; i++) {
    const range = i % costRanges;
    const isFound = (attempt: number) =>
      add(
        drawnPlan(defaults, model, randomNumbers(foldIn(foldIn(root, i), attempt))),
        (most * range) / costRanges,
        (most * (range + 1)) / costRanges,
      );
    Array.from({ length: patience }, (_, attempt) => attempt).some(isFound);
  }
  return [...found.values()];
}

/** The values of min-p that are tried. */
const minPs = [null, 0.02, 0.05, 0.1] as const;

/** Uniform numbers in [0, 1), one after the other. */
function randomNumbers(key: ReturnType<typeof keyFromSeed>): () => number {
  let drawn = 0;
  return () => uniformAt(key, drawn++);
}

function drawnPlan(defaults: DecodePlan, model: ModelFacts, random: () => number): DecodePlan {
  const oneOf = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  const steps = between(
    Math.max(1, Math.ceil(defaults.steps / 3)),
    Math.min(model.gridTokens, Math.ceil(defaults.steps * 1.5)),
  );
  const factors = [...model.factors].sort((a, b) => b - a);
  // Cuts at random places leave some sub-models more steps and some none.
  const cuts = [0, ...factors.slice(1).map(() => between(0, steps)), steps].sort((a, b) => a - b);
  const modelSchedule = factors
    .map((factor, i) => ({ factor, steps: cuts[i + 1]! - cuts[i]! }))
    .filter((run) => run.steps > 0);
  const refresh = oneOf(["on-switch", "on-switch", { every: 2 }, { every: 3 }, { every: 4 }] as const);
  const choiceTemperature = defaults.choiceTemperature * oneOf([0.5, 0.75, 1, 1.25, 1.5, 2]);
  const { tokenTemperature: token } = defaults;
  const tokenTemperature =
    token.kind === "constant" ? { ...token, value: token.value * oneOf([0.9, 1, 1.1]) } : token;
  const unguided = { modelSchedule, choiceTemperature, tokenTemperature, cache: { refresh } } as const;
  if (defaults.guidance.scale === 0) {
    return changePlan(defaults, { ...unguided, minP: oneOf(minPs) });
  }
  const interval = oneOf([
    [0, 1],
    [0, 0.5],
    [0, 0.75],
    [0.25, 1],
    [0.25, 0.75],
    [0.5, 1],
  ] as const);
  const guidance = {
    scale: defaults.guidance.scale * oneOf([0.75, 1, 1.25, 1.5, 2]),
    interval: guidanceOver({ interval }, steps).interval,
    unconditionalFactor: oneOf(["same", "smaller", factors[0]!] as const),
  };
  return changePlan(defaults, { ...unguided, guidance, minP: oneOf(minPs) });
}

/**
 * The plans that no other plan beats: none of the others is as cheap and as good, and cheaper or better. From cheap to
 * costly, hence from worse to better. Of equal plans, the first.
 */
export function paretoFrontOf<T extends Pick<Measured, "multiplyAdds" | "distance">>(
  plans: readonly T[],
): T[] {
  const sorted = [...plans].sort((a, b) => a.multiplyAdds - b.multiplyAdds || a.distance - b.distance);
  let best = Number.POSITIVE_INFINITY;
  return sorted.filter(({ distance }) => {
    if (distance >= best) return false;
    best = distance;
    return true;
  });
}

/** The `count` best: the Pareto front, then the Pareto front of the others, and so on; a Pareto front too large gives its best plans. */
export function bestByParetoFronts<T extends Pick<Measured, "multiplyAdds" | "distance">>(
  plans: readonly T[],
  count: number,
): T[] {
  const kept: T[] = [];
  let others = [...plans];
  while (kept.length < count && others.length > 0) {
    const paretoFront = paretoFrontOf(others);
    kept.push(...paretoFront.reverse().slice(0, count - kept.length));
    others = others.filter((plan) => !paretoFront.includes(plan));
  }
  return kept;
}

export interface SearchOptions {
  readonly candidates: readonly Candidate[];
  /** Samples of the last round; each round before has half of the next one's. */
  readonly samples: number;
  /** Rounds; half of the plans go on from one to the next. */
  readonly rounds: number;
  /** The distance of a plan on some samples: the same samples, from the same seed, for all plans. */
  readonly quality: (plan: DecodePlan, samples: number) => Promise<number>;
}

/** The rounds of a search, the first one first: how many plans are measured, with how many samples each. */
export function searchRounds(
  candidates: number,
  samples: number,
  rounds: number,
): { plans: number; samples: number }[] {
  requireInput(
    Number.isInteger(rounds) && rounds >= 1 && samples >= 2 ** rounds,
    `search: ${samples} samples cannot be halved over ${rounds} rounds with at least 2 in the first; ask for more samples`,
  );
  let plans = candidates;
  return Array.from({ length: rounds }, (_, round) => {
    const entry = { plans, samples: Math.floor(samples / 2 ** (rounds - 1 - round)) };
    plans = Math.ceil(plans / 2);
    return entry;
  });
}

/**
 * Successive halving. The plans that are kept are those of the best Pareto fronts, so that cheap plans are not compared
 * with costly ones. Deterministic where `quality` is; one that caches what it measured makes a search resumable.
 *
 * @returns the Pareto front of the plans of the last round
 * @throws InputError when the rounds are more than the samples can be halved; what `quality` throws
 */
export async function searchPlans({
  candidates,
  samples,
  rounds,
  quality,
}: SearchOptions): Promise<Measured[]> {
  let measured: Measured[] = [];
  for (const round of searchRounds(candidates.length, samples, rounds)) {
    const plans = measured.length > 0 ? bestByParetoFronts(measured, round.plans) : candidates;
    measured = [];
    for (const candidate of plans) {
      measured.push({ ...candidate, distance: await quality(candidate.plan, round.samples) });
    }
  }
  return paretoFrontOf(measured);
}
