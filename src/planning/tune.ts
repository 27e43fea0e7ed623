/**
 * Equal tuning: the settings of a decode that cost no transformer of another size (guidance, temperatures, min-p), tried on every way of
 * decoding alike. Ways that are compared each get the same tries, so that none inherits what was found for another.
 */
import { requireInput } from "../core/errors.ts";
import { foldIn, keyFromSeed, type Seed, uniformAt } from "../core/random.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import { searchRounds } from "./search.ts";

/** The unconditional branch's size: as drawn, or the same as the conditional branch's throughout. */
export type BranchRule = "any" | "same";

/** What tries are drawn from: the values, the same for all ways. */
export interface SettingsSpace {
  /** The default plan, whose choice temperature and mask of guidance the values lie around. */
  readonly base: DecodePlan;
  /** The model's downscale factors. */
  readonly factors: readonly number[];
  readonly branch: BranchRule;
}

const scales = [0.75, 1, 1.5, 2, 2.5, 3, 4, 5] as const;
const intervals = [
  [0, 1],
  [0.25, 1],
  [0.5, 1],
  [0, 0.5],
  [0.25, 0.75],
] as const;
const ramps = ["constant", "constant", "linear"] as const;
const choiceFactors = [0.25, 0.5, 0.75, 1, 1.5, 2] as const;
const tokenTemperatures = [0.85, 0.9, 1, 1.05] as const;
const minPs = [null, 0.02, 0.05, 0.1, 0.2] as const;

/** How likely a setting is to be drawn anew, beside the one that always is. */
const changedShare = 0.3;

/**
 * Settings to try. The first are the default plan's own; the others change one to three of them, mostly, since few drawings of
 * all at once would be near it. Equal arguments give equal settings, whatever way they are for.
 *
 * @param count  how many, at least 1
 */
export function settingsToTry(space: SettingsSpace, count: number, seed: Seed): PlanInput[] {
  const { base, factors, branch } = space;
  const isGuided = base.guidance.scale > 0;
  const own: PlanInput = isGuided && branch === "same" ? { guidance: { unconditionalFactor: "same" } } : {};
  const branches = branch === "same" ? (["same"] as const) : (["same", "smaller", ...factors] as const);
  const drawn = (key: ReturnType<typeof keyFromSeed>): PlanInput => {
    let at = 0;
    const oneOf = <T>(values: readonly T[]): T => values[Math.floor(uniformAt(key, at++) * values.length)]!;
    const free = {
      choiceTemperature: base.choiceTemperature * oneOf(choiceFactors),
      tokenTemperature: { kind: "constant", value: oneOf(tokenTemperatures) },
      minP: oneOf(minPs),
    } as const;
    const guidance = {
      scale: oneOf(scales),
      interval: oneOf(intervals),
      schedule: oneOf(ramps),
      unconditionalFactor: oneOf(branches),
    };
    const names = [...Object.keys(free), ...(isGuided ? Object.keys(guidance) : [])];
    const always = oneOf(names);
    const changed = names.filter((name) => uniformAt(key, at++) < changedShare || name === always);
    const changedOf = <T extends object>(settings: T): Partial<T> =>
      Object.fromEntries(Object.entries(settings).filter(([name]) => changed.includes(name))) as Partial<T>;
    const guided = { ...own.guidance, ...changedOf(guidance) };
    return { ...changedOf(free), ...(isGuided && Object.keys(guided).length > 0 && { guidance: guided }) };
  };
  const root = keyFromSeed(seed);
  return [own, ...Array.from({ length: count - 1 }, (_, i) => drawn(foldIn(root, i)))];
}

/** A way of decoding under settings: the way's own plan, with these in the place of its settings. */
export const withSettings = (way: PlanInput, settings: PlanInput): PlanInput => ({
  ...way,
  ...settings,
  ...((way.guidance || settings.guidance) && { guidance: { ...way.guidance, ...settings.guidance } }),
});

/** How thoroughly every way is tuned. */
export interface TuningEffort {
  /** Settings tried of each way, at least 2. */
  readonly tries: number;
  /** Images of each that is left in the last round; each round before has half of the next one's. */
  readonly samples: number;
  /** Rounds; the better half of the settings goes on from one to the next. */
  readonly rounds: number;
}

/** The settings that were found best of one way; where whole plans were tried, the plan. */
export interface Tuned<Settings = PlanInput> {
  readonly settings: Settings;
  /** In the last round. */
  readonly distance: number;
}

/**
 * Tries settings by successive halving: all with few images, the better half with twice as many, and so on.
 *
 * @param quality  the distance of a way under settings, over the first `samples` images; smaller is better
 * @throws InputError for fewer than 2 tries or images than rounds; what `quality` throws
 */
export async function tuneSettings<Settings>(
  tries: readonly Settings[],
  { samples, rounds }: Pick<TuningEffort, "samples" | "rounds">,
  quality: (settings: Settings, samples: number) => Promise<number>,
): Promise<Tuned<Settings>> {
  requireInput(tries.length >= 2, `tune: tries must be at least 2, got ${tries.length}; one is no search`);
  let kept: Tuned<Settings>[] = tries.map((settings) => ({ settings, distance: Number.POSITIVE_INFINITY }));
  for (const round of searchRounds(tries.length, samples, rounds)) {
    const measured: Tuned<Settings>[] = [];
    for (const { settings } of kept.slice(0, round.plans)) {
      measured.push({ settings, distance: await quality(settings, round.samples) });
    }
    kept = measured.sort((a, b) => a.distance - b.distance);
  }
  return kept[0]!;
}
