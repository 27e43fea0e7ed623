/**
 * A study whose ways of decoding are tuned with equal effort first: every way tries the same settings, as often, on seeds and real
 * images that are not those of the report.
 */
import { z } from "zod";
import type { Seed } from "../../core/random.ts";
import { invalidValue } from "../../core/validate.ts";
import { behind } from "../../data/views.ts";
import type { DecodePlan, PlanInput } from "../../decoding/plan.ts";
import { planFor } from "../../pipelines/choose-plan.ts";
import type { GenerativeModel } from "../../pipelines/model.ts";
import { searchRounds } from "../../planning/search.ts";
import {
  type BranchRule,
  settingsToTry,
  type Tuned,
  tuneSettings,
  withSettings,
} from "../../planning/tune.ts";
import type { Workbench } from "../evaluate.ts";
import { mean } from "../metrics/estimate.ts";
import { openRunners } from "../open-subject.ts";
import type { PlanGround } from "../plan-names.ts";
import { openSubjectScorer, type PlanScorer } from "../score-plans.ts";
import { settingsText } from "./settings-text.ts";
import { type Claim, point, type Study, type StudyName } from "./studies.ts";

/** How every way of a study is tuned. */
export interface TuningOptions {
  /** Settings tried of each way, 2..1000; default 24. */
  readonly tries?: number;
  /**
   * Images of each by every training in the last of three rounds, of which each has half of the settings of the one before;
   * default 500.
   */
  readonly samples?: number;
  /** Real images that they are compared with, none of which the report uses; default 2000. */
  readonly referenceImages?: number;
  /** Of the settings and of the images; none of the report's seeds. Default 2^31. */
  readonly seed?: number;
}

export const tuningSchema = z.strictObject({
  tries: z.int().min(2).max(1000).default(24),
  samples: z.int().min(16).default(500),
  referenceImages: z.int().min(4).default(2000),
  seed: z
    .int()
    .min(0)
    .default(2 ** 31),
});

/** {@link TuningOptions} with their defaults. */
export type CheckedTuning = z.output<typeof tuningSchema>;

const rounds = 3;

/** A way of decoding, tuned. */
export interface TunedWay extends Tuned {
  /** Its plan's name in the study. */
  readonly name: string;
  readonly branch: BranchRule;
}

/**
 * Refuses seeds of the report for the tuning.
 *
 * @throws InputError naming the seed
 */
export function requireOtherSeeds(
  tuning: CheckedTuning,
  { seed, seeds }: { readonly seed: Seed; readonly seeds: number },
): void {
  const [first, last] = [BigInt(seed), BigInt(seed) + BigInt(seeds - 1)];
  const own = BigInt(tuning.seed);
  if (own < first || own > last) return;
  const must = `must not be one of the report's seeds, ${first}..${last}`;
  throw invalidValue(
    "study",
    ["tuning", "seed"],
    must,
    tuning.seed,
    "settings would be chosen by their luck",
  );
}

/**
 * Refuses the study whose plans differ by what tuning sets.
 *
 * @throws InputError naming the study
 */
export function requireTunable(name: StudyName): void {
  if (name !== "guidance") return;
  const must =
    "must be left out of the study of guidance, whose plans differ by the settings that tuning changes";
  throw invalidValue("study", ["tuning"], must, name, "tune another study");
}

/**
 * What of a study is tuned: every way; those of its first claim also with equal unconditional branches, where there is
 * guidance.
 */
export function tunedWaysOf(
  { points, claims }: Pick<Study, "points" | "claims">,
  { guidance }: Pick<DecodePlan, "guidance">,
): Pick<TunedWay, "name" | "branch">[] {
  const pair = guidance.scale > 0 ? namesOf(claims[0]!) : [];
  return [
    ...points.map(({ name }) => ({ name, branch: "any" as const })),
    ...pair.map((name) => ({ name, branch: "same" as const })),
  ];
}

/** The plans of a claim. */
const namesOf = ({ plan, against }: Claim): string[] => [plan, against].flat();

/**
 * Tunes ways of a study: by the mean distance over all trainings, so that none has settings that one of them happens to like.
 *
 * @param ways    names of the study's plans, each with the rule for its unconditional branch
 * @param models  the trainings, the workbench's own among them
 * @throws InputError where the held-out images do not suffice beside those of the report; the signal's reason
 */
export async function tuneWays(
  study: Study,
  ways: readonly Pick<TunedWay, "name" | "branch">[],
  { model, base }: PlanGround,
  { subject, options }: Workbench,
  models: readonly GenerativeModel[],
  tuning: CheckedTuning,
): Promise<TunedWay[]> {
  const { heldOut } = subject;
  const { onProgress } = options;
  const used = options.referenceImages + options.samples;
  const left = (heldOut.length ?? Number.POSITIVE_INFINITY) - used;
  if (left < tuning.referenceImages) {
    const must = `must be at most ${left}, what ${heldOut.name} holds out beside the report's ${used}`;
    const remedy = "ask for fewer, here or of the report (--reference-images, --samples)";
    throw invalidValue("study", ["tuning", "referenceImages"], must, tuning.referenceImages, remedy);
  }
  const runners = await openRunners(options);
  const scorers: PlanScorer[] = [];
  try {
    for (const each of models) {
      const one = { ...subject, model: each, heldOut: behind(heldOut, used) };
      const how = { ...options, referenceImages: tuning.referenceImages, onProgress: undefined };
      scorers.push(await openSubjectScorer(one, how, runners));
    }
    const tuned: TunedWay[] = [];
    for (const [i, { name, branch }] of ways.entries()) {
      const way = study.points.find((one) => one.name === name)!.plan;
      const space = { base, factors: model.transformer.config.factors, branch };
      const tries = settingsToTry(space, tuning.tries, tuning.seed);
      const planned = searchRounds(tries.length, tuning.samples, rounds);
      const total = planned.reduce((sum, { plans }) => sum + plans, 0);
      let measured = 0;
      const quality = async (settings: PlanInput, samples: number): Promise<number> => {
        const stage = `tuning ${i + 1} of ${ways.length}: ${name}`;
        onProgress?.({ stage, done: measured++, total, secondsLeft: null });
        const plan = planFor(
          { ...model, plan: base },
          withSettings(way, settings),
          "generate",
          `plan "${name}"`,
        );
        const distances: number[] = [];
        for (const scorer of scorers) {
          distances.push(await scorer.distance(plan, { samples, seed: tuning.seed }));
        }
        return mean(distances);
      };
      tuned.push({ name, branch, ...(await tuneSettings(tries, { ...tuning, rounds }, quality)) });
    }
    return tuned;
  } finally {
    for (const scorer of scorers) await scorer.dispose();
    await runners.close();
  }
}

/** What a tuned way is called. */
export const tunedName = ({ name, branch }: Pick<TunedWay, "name" | "branch">): string =>
  `${name}, tuned${branch === "same" ? " with equal branches" : ""}`;

/**
 * The study of tuned ways: its plans under the settings that were found, best against best, and its first claim's plans
 * as they were as well.
 */
export function tunedStudy(study: Study, ways: readonly TunedWay[]): Study {
  const plainClaim = study.claims[0]!;
  const plain = study.points.filter(({ name }) => namesOf(plainClaim).includes(name));
  const found = ways.map((way) => {
    const { plan } = study.points.find((one) => one.name === way.name)!;
    return point(tunedName(way), withSettings(plan, way.settings), way.name);
  });
  const renamed = (name: string, branch: BranchRule) => tunedName({ name, branch });
  const hasWay = (name: string, branch: BranchRule) =>
    ways.some((way) => way.name === name && way.branch === branch);
  const claimsOf = (branch: BranchRule) =>
    study.claims.flatMap(({ plan, against }) => {
      const others = [against].flat();
      return [plan, ...others].every((name) => hasWay(name, branch))
        ? [{ plan: renamed(plan, branch), against: others.map((name) => renamed(name, branch)) }]
        : [];
    });
  return {
    ...study,
    title: `${study.title}, each at its best`,
    points: [...found, ...plain],
    claims: [...claimsOf("any"), ...claimsOf("same"), plainClaim],
  };
}

/**
 * What was tuned, and what came of it, in paragraphs for the page.
 *
 * @param trainings  how many models every setting was tried on
 */
export function tuningNotes(
  ways: readonly TunedWay[],
  { tries, samples, referenceImages, seed }: CheckedTuning,
  trainings: number,
): { readonly text: string; readonly table: { readonly head: string[]; readonly rows: string[][] } } {
  const everyTraining =
    trainings > 1 ? ` by each of the ${trainings} trainings, whose mean distance decides` : "";
  const text =
    `**Equal tuning.** Every way tried the same ${tries} settings of guidance (scale, interval, ramp, size of the ` +
    "unconditional branch), choice and token temperature and min-p, the default plan's among them, by successive halving in " +
    `${rounds} rounds up to ${samples} images of seed ${seed}${everyTraining}, beside ${referenceImages} real images; neither that seed nor ` +
    'those images are in the figures below. "With equal branches" are ways whose unconditional branch is as large as the ' +
    "conditional one, on both sides. What was found, and its distance in the last round:";
  const rows = ways.map((way) => [tunedName(way), settingsText(way.settings), way.distance.toPrecision(4)]);
  return { text, table: { head: ["way", "settings found", "distance"], rows } };
}
