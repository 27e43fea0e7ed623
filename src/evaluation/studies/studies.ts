/**
 * The questions of the paper's study, each as a set of decode plans to be measured together; answers.ts says what comes
 * of them. All plans keep the settings of a default plan that are not in question: temperatures, mask schedule, guidance.
 * Where ways are tuned with equal effort, the first claim of a study names the pair that is shown untuned as well.
 *
 * K steps; p downscale factor: p = 1 is the full model.
 */
import { nearestName } from "../../core/errors.ts";
import { invalidValue } from "../../core/validate.ts";
import { evenModelSchedule, printModelSchedule, type ScheduleRun } from "../../decoding/model-schedule.ts";
import { baselinePlan, type DecodePlan, type PlanInput } from "../../decoding/plan.ts";
import type { GridPoint } from "./plan-grid.ts";

/** The studies of decoding. */
export const studyNames = [
  "main",
  "few-steps",
  "direction",
  "refresh",
  "steps",
  "guidance",
  "unmask",
  "order",
] as const;
/** A study of decoding: which of the paper's questions it asks. */
export type StudyName = (typeof studyNames)[number];

/** Two plans, by their names, to be compared. */
export interface Claim {
  readonly plan: string;
  /** Of several, the one whose compute is nearest. */
  readonly against: string | readonly string[];
}

/** A question about decoding, the plans that answer it, and what is claimed of them. */
export interface Study {
  readonly title: string;
  /** What is asked, in a sentence or two. */
  readonly question: string;
  readonly points: readonly GridPoint[];
  readonly claims: readonly Claim[];
  /** Whether the plans of one base make a line. */
  readonly isJoined: boolean;
}

/** What the plans of a study are made for. */
export interface StudyGround {
  /** The default plan. */
  readonly base: DecodePlan;
  /** The model's downscale factors. */
  readonly factors: readonly number[];
  /** N, the most steps that a plan can have. */
  readonly tokens: number;
  /** Multiply-adds of a plan, per sample. */
  readonly costOf: (plan: PlanInput) => number;
  /** The numbers of steps to compare in the studies of few steps, of steps and of the order; left out: the usual ones. */
  readonly decodeSteps?: readonly number[];
}

/**
 * The plans of a study.
 *
 * @throws InputError for an unknown name, for a model without sub-models, and for a study of guidance on a plan without
 *   it
 */
export function planStudy(name: string, ground: StudyGround): Study {
  requireSubModels(ground);
  const study = { main, "few-steps": fewSteps, direction, refresh, steps, guidance, unmask, order }[
    name as StudyName
  ];
  if (!study) {
    const nearest = nearestName(name, studyNames);
    const remedy = nearest && `did you mean "${nearest}"?`;
    throw invalidValue("study", [], `must be one of ${studyNames.join(", ")}`, name, remedy);
  }
  return study(ground);
}

/** @throws InputError for a model without sub-models */
export function requireSubModels({ factors }: Pick<StudyGround, "factors">): void {
  if (!factors.some((factor) => factor > 1)) {
    throw invalidValue(
      "study",
      ["model"],
      "must have sub-models",
      factors,
      "the full size alone is no study",
    );
  }
}

export const cached: PlanInput = { cache: { enabled: true, refresh: "on-switch" } };
const uncached: PlanInput = { cache: { enabled: false } };

/** A plan that is a series of its own. */
export const point = (name: string, plan: PlanInput, base = name): GridPoint => ({
  name,
  base,
  settings: "",
  plan,
});

/** The model's own schedule, if it varies; else as many steps at each of its sub-models, from the smallest on. */
export const schedule = ({ base, factors }: Pick<StudyGround, "base" | "factors">): readonly ScheduleRun[] =>
  base.modelSchedule.length > 1 ? base.modelSchedule : evenModelSchedule(base.steps, factors);

export const share = (factor: number) => (factor === 1 ? "full size" : `1/${factor}`);
export const ascending = (factors: readonly number[]) => [...factors].sort((a, b) => a - b);

/** What makes a step keep the tokens that it is surest of, also for a model whose own plan has a fixed order. */
const byConfidence = ({ maskSchedule }: DecodePlan): PlanInput =>
  maskSchedule.kind === "halton" ? { maskSchedule: { kind: "cosine" } } : {};

/** What does each part of the method bring? */
function main(ground: StudyGround): Study {
  const { base, factors, costOf } = ground;
  const scheduled = schedule(ground);
  const whole = point("scheduled with cache", { modelSchedule: scheduled, ...cached });
  const smaller = ascending(factors)
    .filter((factor) => factor > 1)
    .map((factor) => point(`baseline, ${share(factor)}`, baselinePlan(base, factor), "baseline sub-model"));
  const nearest = nearestBy(smaller, ({ plan }) => Math.abs(costOf(plan) - costOf(whole.plan)));
  return {
    title: "What schedule and cache bring",
    question:
      "Does a decode that grows from the smallest sub-model to the full one, and caches what is decided, come as near " +
      "to the reference set as the baseline decode at full size, for a third of the compute? And nearer than the sub-model that " +
      "takes as much compute by itself?",
    points: [
      point("baseline", baselinePlan(base)),
      ...smaller,
      point("scheduled without cache", { modelSchedule: scheduled, ...uncached }),
      point("baseline with cache", { ...baselinePlan(base), ...cached }),
      whole,
    ],
    claims: [
      { plan: whole.name, against: "baseline" },
      { plan: "baseline with cache", against: "baseline" },
      { plan: "scheduled without cache", against: "baseline" },
      { plan: whole.name, against: nearest.name },
    ],
    isJoined: false,
  };
}

/** K of the baseline decodes beside the default plan. */
const fewLengths = [6, 8, 12];

/** Does the baseline decode do as well with fewer steps? */
function fewSteps(ground: StudyGround): Study {
  const counts = stepCounts(ground, fewLengths);
  const whole = point("default plan", {});
  const plans = [whole, ...withoutFullModel(ground)];
  const baselines = counts.map((count) =>
    point(`baseline, ${count} steps`, baselinePlan({ steps: count }), "baseline"),
  );
  return {
    title: "The default plan beside baseline decodes of few steps",
    question:
      "A baseline decode can save compute too: by taking fewer steps. Does the model's default plan come as near to the " +
      "reference set as baseline decodes of several numbers of steps, in the same order of tokens, and for how much less?" +
      (plans.length > 1 ? " And one that never runs the full model?" : ""),
    points: [...plans, ...baselines],
    claims: plans.flatMap((plan) => baselines.map(({ name }) => ({ plan: plan.name, against: name }))),
    isJoined: true,
  };
}

/** The default plan with the largest sub-model in the place of the full model; none where it never runs the full model. */
function withoutFullModel({ base, factors }: StudyGround): GridPoint[] {
  if (base.modelSchedule.every(({ factor }) => factor > 1)) return [];
  const largest = Math.min(...factors.filter((factor) => factor > 1));
  const modelSchedule = base.modelSchedule.map(({ factor, steps }) => ({
    factor: Math.max(factor, largest),
    steps,
  }));
  return [point(`default plan, at most ${share(largest)}`, { modelSchedule })];
}

/** Which way should the model schedule run? */
function direction(ground: StudyGround): Study {
  const { base, factors, tokens, costOf } = ground;
  const { steps } = base;
  const growing = schedule(ground);
  const target = costOf({ modelSchedule: growing, ...cached });
  const distance = (modelSchedule: readonly ScheduleRun[]) =>
    Math.abs(costOf({ modelSchedule, ...cached }) - target);
  const shrinking = [...growing].reverse();
  const equal = nearestBy(spreads(steps, ascending(factors)), distance);
  const constants = ascending(factors).map((factor) => {
    const planOf = (count: number) => ({ modelSchedule: [{ factor, steps: count }], ...cached });
    const count = nearestLength(tokens, target, (count) => costOf(planOf(count)));
    return point(`${share(factor)}, ${count} steps`, planOf(count), "constant");
  });
  const small = point("small to large", { modelSchedule: growing, ...cached });
  const large = point("large to small", { modelSchedule: shrinking, ...cached });
  const comparable = point("large to small, equal compute", { modelSchedule: equal, ...cached });
  const isSame = printModelSchedule(equal) === printModelSchedule(shrinking);
  const others = [...(isSame ? [large] : [large, comparable]), ...constants];
  return {
    title: "Which way the model schedule should run",
    question:
      "Is it better to decode from the smallest sub-model to the full one, from the full one to the smallest, or by one " +
      "size throughout, at comparable compute? All with the cache.",
    points: [point("baseline", baselinePlan(base)), small, ...others],
    claims: others.map(({ name }) => ({ plan: small.name, against: name })),
    isJoined: false,
  };
}

/** How often must the cache be refreshed? */
function refresh(ground: StudyGround): Study {
  const { base } = ground;
  const { steps } = base;
  /** Where a sub-model runs for `most` steps at a time, a refresh after as many never comes. */
  const series = (name: string, plan: PlanInput, rare: string, most: number): GridPoint[] => [
    point(`${name}, ${rare}`, { ...plan, ...cached }, name),
    ...[4, 2]
      .filter((every) => every < most)
      .map((every) =>
        point(
          `${name}, every ${every} steps`,
          { ...plan, cache: { enabled: true, refresh: { every } } },
          name,
        ),
      ),
  ];
  const scheduled = schedule(ground);
  const longest = Math.max(...scheduled.map((run) => run.steps));
  return {
    title: "How often the cache must be refreshed",
    question:
      "What is lost when keys and values of decided tokens stay as they were computed, until the sub-model changes or " +
      "for good?",
    points: [
      point("baseline", baselinePlan(base)),
      ...series("baseline with cache", baselinePlan(base), "never", steps),
      point("scheduled, every step", { modelSchedule: scheduled, ...uncached }, "scheduled"),
      ...series("scheduled", { modelSchedule: scheduled }, "on switch", longest),
    ],
    claims: [
      { plan: "baseline with cache, never", against: "baseline" },
      { plan: "scheduled, on switch", against: "scheduled, every step" },
    ],
    isJoined: true,
  };
}

/** K of the study of steps. */
const lengths = [4, 6, 8, 12, 16, 24, 32];

/** How does it depend on the number of steps? */
function steps(ground: StudyGround): Study {
  const { base, factors } = ground;
  const counts = stepCounts(ground, lengths);
  const usual = counts.includes(base.steps) ? base.steps : Math.max(...counts);
  const claim = (count: number, against: number): Claim => ({
    plan: `scheduled, ${count} steps`,
    against: `baseline, ${against} steps`,
  });
  const series = (name: string, planOf: (count: number) => PlanInput): GridPoint[] =>
    counts.map((count) => ({
      name: `${name}, ${count} steps`,
      base: name,
      settings: `${count} steps`,
      plan: planOf(count),
    }));
  return {
    title: "How many steps",
    question:
      "Does the schedule with the cache keep up with the baseline decode at every number of steps, and with the baseline decode of " +
      `${usual} steps?`,
    points: [
      ...series("baseline", (count) => baselinePlan({ steps: count })),
      ...series("scheduled", (count) => ({ modelSchedule: evenModelSchedule(count, factors), ...cached })),
    ],
    claims: [
      ...counts.map((count) => claim(count, count)),
      ...counts.filter((count) => count !== usual).map((count) => claim(count, usual)),
    ],
    isJoined: true,
  };
}

/** In which share of the steps guidance is on, by its name. */
const intervals = {
  "guided throughout": [0, 1],
  "guided from 1/4 on": [0.25, 1],
  "guided until 3/4": [0, 0.75],
  "guided from 1/4 to 3/4": [0.25, 0.75],
} as const;

/** When is guidance needed, and how large must its other branch be? */
function guidance(ground: StudyGround): Study {
  const { base, factors } = ground;
  const { scale } = base.guidance;
  if (scale <= 0) {
    throw invalidValue("study", ["model", "plan", "guidance", "scale"], "must be above 0", scale);
  }
  const smallest = Math.max(...factors);
  const ways = Object.entries(intervals).map(([name, interval]) => ({ name, guidance: { interval } }));
  const series = (decode: string, plan: PlanInput, branch: number | "same" = "same"): GridPoint[] =>
    ways.map((way) => ({
      name: `${decode}, ${way.name}`,
      base: decode,
      settings: way.name,
      plan: { ...plan, guidance: { ...way.guidance, unconditionalFactor: branch } },
    }));
  const without = (decode: string, plan: PlanInput): GridPoint => ({
    name: `${decode}, unguided`,
    base: decode,
    settings: "unguided",
    plan: { ...plan, guidance: { ...plan.guidance, scale: 0 } },
  });
  const scheduled = { modelSchedule: schedule(ground), ...cached };
  const baseline = baselinePlan(base);
  const decodes = { baseline, scheduled } as const;
  const points = [
    ...Object.entries(decodes).flatMap(([name, plan]) => [without(name, plan), ...series(name, plan)]),
    ...Object.entries(decodes).flatMap(([name, plan]) =>
      series(`${name}, unguided branch ${share(smallest)}`, plan, smallest),
    ),
  ];
  return {
    title: "When to guide, and by how large a branch",
    question:
      "Is guidance needed in every step, and must its unconditional branch be as large as the conditional one? All at " +
      `guidance scale ${scale}.`,
    points,
    claims: points.flatMap(({ name }) => {
      const throughout = `${name.startsWith("baseline") ? "baseline" : "scheduled"}, guided throughout`;
      return name === throughout ? [] : [{ plan: name, against: throughout }];
    }),
    isJoined: false,
  };
}

/** Bounds on entropies in nats, from few steps to many. */
const bounds = [32, 24, 16, 12, 8, 4];

/** The most steps where entropies decide: as many as tokens, unless those are many. */
const mostSteps = 64;

/** What should decide how many tokens a step decodes? */
function unmask({ base, factors, tokens }: StudyGround): Study {
  // Entropies add up from the surest token on.
  const confidence = byConfidence(base);
  const scheduled = lengths
    .filter((count) => count <= tokens)
    .map((count) =>
      point(
        `scheduled, ${count} steps`,
        { modelSchedule: evenModelSchedule(count, factors), ...confidence, ...cached },
        "scheduled",
      ),
    );
  const counts = [Math.min(2 * base.steps, tokens), Math.min(mostSteps, tokens)];
  const bounded = [...new Set(counts)].flatMap((count) =>
    bounds.map((bound) => {
      const plan = {
        modelSchedule: evenModelSchedule(count, factors),
        unmask: { kind: "entropy", bound },
        ...confidence,
        ...cached,
      } as const;
      const name = `by entropy, at most ${count} steps`;
      return point(`${name}, bound ${bound}`, plan, name);
    }),
  );
  return {
    title: "Whether entropies should decide how many tokens a step decodes",
    question:
      "Does a decode come nearer to the reference set when each step decodes as many tokens as a bound on their entropies allows, " +
      "rather than as many as a schedule says, at comparable compute?",
    points: [point("baseline", { ...baselinePlan(base), ...confidence }), ...scheduled, ...bounded],
    claims: bounded.map(({ name }) => ({ plan: name, against: scheduled.map((one) => one.name) })),
    isJoined: true,
  };
}

/** K of the study of orders. */
const orderLengths = [6, 12, 24];

/** Should confidence decide which tokens a step decodes, or an order that is known before it runs? */
function order(ground: StudyGround): Study {
  const { base, factors, costOf } = ground;
  const counts = stepCounts(ground, orderLengths);
  const usual = counts[counts.length >> 1]!;
  const most = counts.at(-1)!;
  const confidence = byConfidence(base);
  const halton: PlanInput = { maskSchedule: { kind: "halton" }, unmask: { kind: "schedule" } };
  const running = (
    runs: "all-masked" | "needed",
    refresh: DecodePlan["cache"]["refresh"] = "on-switch",
  ): PlanInput => ({ ...halton, cache: { enabled: true, refresh, runs } });
  const scheduleOf = (count: number) =>
    count === base.steps ? schedule(ground) : evenModelSchedule(count, factors);
  const series = (name: string, planOf: (count: number) => PlanInput): GridPoint[] =>
    counts.map((count) => point(`${name}, ${count} steps`, planOf(count), name));
  const surest = "scheduled, by confidence";
  const neededOnly = "scheduled, Halton order, needed only";
  const fullSize = "full size, Halton order, needed only";
  const target = costOf({ modelSchedule: scheduleOf(usual), ...confidence, ...cached });
  const refreshedEvery = (every: number): PlanInput => ({
    modelSchedule: scheduleOf(most),
    ...running("needed", { every }),
  });
  const intervals = Array.from({ length: most }, (_, i) => most - i);
  const every = nearestBy(intervals, (every) => Math.abs(costOf(refreshedEvery(every)) - target));
  // More steps cost hardly more, since a token runs twice in any number of them: refreshes are what compute is spent on.
  const refreshed = point(`${neededOnly}, ${most} steps, refreshed every ${every}`, refreshedEvery(every));
  const allMasked = point(`scheduled, Halton order, ${usual} steps`, {
    modelSchedule: scheduleOf(usual),
    ...running("all-masked"),
  });
  const baselines = [
    ...series("baseline", (count) => ({ ...baselinePlan({ steps: count }), ...confidence })),
    ...series("baseline, Halton order", (count) => ({ ...baselinePlan({ steps: count }), ...halton })),
  ];
  const ofSteps = (name: string, count: number) => `${name}, ${count} steps`;
  const beside = (plan: string, against: string): Claim => ({ plan, against });
  return {
    title: "Whether confidence or a fixed order should decide which tokens a step decodes",
    question:
      "With the Halton order it is known beforehand which tokens a step decodes, so that a step runs only the tokens just decoded " +
      "and those that it decodes. Does such a decode come nearer to the reference set than one by confidence: at equal " +
      "compute, and with what it saves? And as near as baseline decodes of more or fewer steps, in either order? Should the model " +
      "grow in it, or be of full size throughout?",
    points: [
      ...baselines,
      ...series(surest, (count) => ({ modelSchedule: scheduleOf(count), ...confidence, ...cached })),
      ...series(neededOnly, (count) => ({ modelSchedule: scheduleOf(count), ...running("needed") })),
      ...series(fullSize, (count) => ({
        modelSchedule: [{ factor: 1, steps: count }],
        ...running("needed"),
      })),
      allMasked,
      refreshed,
    ],
    claims: [
      beside(ofSteps(fullSize, most), ofSteps("baseline", usual)),
      ...baselines.map(({ name }) => beside(ofSteps(fullSize, most), name)),
      ...["baseline", "baseline, Halton order"].map((name) =>
        beside(ofSteps(neededOnly, most), ofSteps(name, usual)),
      ),
      ...counts.map((count) => beside(ofSteps(neededOnly, count), ofSteps(fullSize, count))),
      ...counts.map((count) => beside(ofSteps(neededOnly, count), ofSteps(surest, count))),
      ...[ofSteps(fullSize, most), ofSteps(neededOnly, most), refreshed.name, allMasked.name].map((name) =>
        beside(name, ofSteps(surest, usual)),
      ),
    ].filter(isFirstOfItsKind),
    isJoined: true,
  };
}

/** Whether no claim before says the same. */
const isFirstOfItsKind = (claim: Claim, i: number, all: readonly Claim[]): boolean =>
  all.findIndex(({ plan, against }) => plan === claim.plan && against === claim.against) === i;

/**
 * The numbers of steps to compare, ascending: those that are asked for, or the usual ones as far as there are tokens.
 *
 * @throws InputError for none, and for numbers that are not in 1..N
 */
function stepCounts(
  { tokens, decodeSteps }: Pick<StudyGround, "tokens" | "decodeSteps">,
  usual: readonly number[],
): number[] {
  const isCount = (count: number) => Number.isSafeInteger(count) && count >= 1 && count <= tokens;
  if (decodeSteps && !(decodeSteps.length > 0 && decodeSteps.every(isCount))) {
    const must = `must be one or more whole numbers in 1..${tokens}, one step per token at most`;
    throw invalidValue("study", ["decodeSteps"], must, decodeSteps);
  }
  return [...new Set(decodeSteps ?? usual.filter((count) => count <= tokens))].sort((a, b) => a - b);
}

/** The number of steps, 1 to `most`, whose cost is nearest to a target; cost grows with them. */
function nearestLength(most: number, target: number, costOf: (count: number) => number): number {
  let [count, cost] = [1, costOf(1)];
  while (count < most && cost < target) {
    const next = costOf(count + 1);
    if (next - target > target - cost) break;
    [count, cost] = [count + 1, next];
  }
  return count;
}

/** Every way to give K steps to these factors in this order, one at least to each. */
function spreads(steps: number, factors: readonly number[]): ScheduleRun[][] {
  const [factor, ...rest] = factors as [number, ...number[]];
  if (rest.length === 0) return [[{ factor, steps }]];
  return Array.from({ length: Math.max(0, steps - rest.length) }, (_, i) => i + 1).flatMap((count) =>
    spreads(steps - count, rest).map((others) => [{ factor, steps: count }, ...others]),
  );
}

export const nearestBy = <T>(all: readonly T[], distance: (one: T) => number): T =>
  all.reduce((best, one) => (distance(one) < distance(best) ? one : best));
