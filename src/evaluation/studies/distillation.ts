/**
 * The study of how sub-models are trained: nested, with each kind of teacher or none, and separately. It compares
 * models, each by several plans, where the other studies (studies.ts) compare plans of one model.
 */
import { baselinePlan } from "../../decoding/plan.ts";
import type { GridPoint } from "./plan-grid.ts";
import {
  ascending,
  cached,
  point,
  requireSubModels,
  type Study,
  type StudyGround,
  schedule,
  share,
} from "./studies.ts";

/** A way of training, and the plans by which its model is measured. */
export interface StudyVariant {
  readonly name: string;
  /** What it changes of the training configuration, as `--set` takes it. */
  readonly settings: readonly string[];
  /** The sub-models that train. */
  readonly factors: readonly number[];
  /** How many times as many steps as the others it trains. */
  readonly length: number;
  readonly points: readonly GridPoint[];
}

/** A study of what sub-models lose by being trained together, and what distillation gives back. */
export interface DistillationStudy extends Study {
  readonly variants: readonly StudyVariant[];
}

/** All sub-models train in every step: of two, the next larger one would always be the full one. */
const together = "transformer.training.subModels=all";

/** Nested trainings, by what sub-models learn from besides the tokens themselves. */
const nested = {
  "no teacher": [together, "transformer.training.lambda={start: 1, end: 1}"],
  "full teacher": [
    together,
    "transformer.training.lambda={start: 1, end: 0}",
    "transformer.training.teacher=full",
  ],
  "next-larger teacher": [
    together,
    "transformer.training.lambda={start: 1, end: 0}",
    "transformer.training.teacher=next-larger",
  ],
};
const [none, full, nextLarger] = Object.keys(nested) as [string, string, string];
const separate = "separate";

/** The full size alone, with the training compute of all. */
const longest = `${separate}, full size, trained longer`;

const baselineName = (family: string, factor: number): string => `${family}, ${share(factor)}`;
const scheduledName = (family: string): string => `${family}, scheduled`;

/** Whether a plan is the full-size baseline decode that others of its kind of training are compared with. */
export const isFullSize = ({ name, base }: GridPoint): boolean => name === baselineName(base, 1);

/**
 * The variants with their plans: every sub-model's baseline decode, and of nested models also the scheduled decode with the
 * cache. Plans of one kind of training have the same settings, and the baseline ones of them the same base.
 *
 * @throws InputError for a configuration without sub-models
 */
export function planDistillation(ground: Pick<StudyGround, "base" | "factors">): DistillationStudy {
  requireSubModels(ground);
  const { steps } = ground.base;
  const factors = ascending(ground.factors);
  const baseline = (family: string, factor: number): GridPoint => ({
    ...point(baselineName(family, factor), baselinePlan(ground.base, factor), family),
    settings: family,
  });
  const alone = (factor: number) => ({
    name: `${separate} ${factor}`,
    // The model's own plan, by which sheets are made on the way, may use no other sub-model.
    settings: [
      `transformer.training.factors=[${factor}]`,
      `decoding.modelSchedule=${factor}x${steps}`,
      "decoding.guidance.unconditionalFactor=same",
    ],
    factors: [factor],
  });
  const modelSchedule = schedule(ground);
  const scheduled = (family: string): GridPoint => ({
    ...point(scheduledName(family), { modelSchedule, ...cached }),
    settings: family,
  });
  const variants: StudyVariant[] = [
    ...Object.entries(nested).map(([name, settings]) => ({
      name,
      settings,
      factors,
      length: 1,
      points: [...factors.map((factor) => baseline(name, factor)), scheduled(name)],
    })),
    ...factors.map((factor) => ({ ...alone(factor), length: 1, points: [baseline(separate, factor)] })),
    {
      ...alone(1),
      name: `${separate} 1, longer`,
      length: factors.reduce((sum, factor) => sum + 1 / factor, 0),
      points: [{ ...baseline(separate, 1), name: longest }],
    },
  ];
  return {
    title: "How sub-models should be trained",
    question:
      "Do nested sub-models come nearer to the reference set when they also learn from a larger one, and from which: the full " +
      "model or the next larger? And are they as good as models of their sizes that were trained separately, each for " +
      "as many steps (all of them together take the compute of one nested training), or as the full size alone, trained for all that " +
      "compute?",
    variants,
    points: variants.flatMap(({ points }) => points),
    claims: [
      ...claimsOf(full, none, factors),
      ...claimsOf(nextLarger, none, factors),
      ...claimsOf(nextLarger, full, factors),
      ...factors.map((factor) => ({
        plan: baselineName(none, factor),
        against: baselineName(separate, factor),
      })),
      ...factors.map((factor) => ({
        plan: baselineName(nextLarger, factor),
        against: baselineName(separate, factor),
      })),
      { plan: baselineName(nextLarger, 1), against: longest },
      { plan: scheduledName(nextLarger), against: longest },
      { plan: scheduledName(nextLarger), against: factors.map((factor) => baselineName(separate, factor)) },
    ],
    isJoined: true,
  };
}

/** One teacher against another: each smaller sub-model, which alone have one, and the scheduled decode. */
function claimsOf(teacher: string, other: string, factors: readonly number[]) {
  return [
    ...factors
      .filter((factor) => factor > 1)
      .map((factor) => ({ plan: baselineName(teacher, factor), against: baselineName(other, factor) })),
    { plan: scheduledName(teacher), against: scheduledName(other) },
  ];
}
