/**
 * Decode plans measured once per seed, all by the same seeds, so that two of them differ by their plans alone. What an
 * earlier evaluation measured is read from its cache.
 */
import { requireInput } from "../core/errors.ts";
import type { Seed } from "../core/random.ts";
import type { DecodePlan, PlanInput } from "../decoding/plan.ts";
import { cached } from "../weights/node/cache.ts";
import type { ComparisonOptions } from "./comparison.ts";
import { type Estimate, type Estimated, estimate, estimated } from "./metrics/estimate.ts";

/** What decoding a series of images cost. */
export interface DecodeStats {
  /** Wall time, the tokenizer's decoder included. */
  readonly seconds: number;
  /** Of the transformer, over all images. */
  readonly multiplyAdds: number;
  readonly baselineMultiplyAdds: number;
  readonly ratio: number;
}

/** Which plans of a model are measured, and how. */
export interface PlanRunOptions {
  /** What differs from the model's default plan, by name. */
  readonly plans: Readonly<Record<string, PlanInput>>;
  /** The first seed, default 0. */
  readonly seed?: Seed;
  /** How many seeds in a row, each a set of images of every plan; default 1. */
  readonly seeds?: number;
  /** Images decoded together, default 64. */
  readonly batchSize?: number;
  /**
   * Tells the model, its default plan and the way it is computed from others, as JSON; part of the cache key. With it
   * and a cache folder, the measures of every set are cached there.
   */
  readonly identity?: unknown;
  /** Called after every set of images. */
  readonly onRun?: (run: RunReport) => void;
}

/** A run of a plan that is measured. */
export interface RunReport {
  /** Of the plan. */
  readonly name: string;
  /** Whether it was read from the cache. */
  readonly isCached: boolean;
}

/** The cost of a plan. */
export interface PlanFigures {
  readonly name: string;
  /** Multiply-adds of the transformer per image; the mean over the seeds, where entropies decide the steps. */
  readonly multiplyAdds: number;
  /** Those of the baseline decode of the same steps and guidance. */
  readonly baselineMultiplyAdds: number;
  /** Baseline over plan. */
  readonly ratio: number;
  readonly plan: DecodePlan;
}

/** One seed of a plan. */
export interface PlanRun {
  readonly seed: string;
  /** Wall time per image, the tokenizer's decoder included. */
  readonly seconds: number;
}

/** A plan's cost, its figures over the seeds, and those of each seed. */
export type PlanRow<Figures> = PlanFigures &
  Estimated<Figures> & {
    /** Wall time per image, over the seeds. */
    readonly seconds: Estimate;
    readonly runs: readonly (PlanRun & Figures)[];
  };

/** Makes one set of images, and measures it. */
export type MeasureOnce<Figures> = (run: {
  readonly plan: PlanInput;
  readonly seed: Seed;
  readonly batchSize: number;
  readonly signal?: AbortSignal;
  readonly onStep: (progress: { readonly step: number; readonly total: number }) => void;
}) => Promise<{
  readonly made: { readonly plan: DecodePlan; readonly stats: DecodeStats };
  readonly figures: Figures;
}>;

/**
 * Measures every plan under every seed: all plans under the first, then all under the second, so that whoever stops
 * early has a whole comparison.
 *
 * @param facts  what the figures depend on besides `identity`, plan and seed, as JSON
 */
export async function measurePlans<Figures extends object>(
  options: PlanRunOptions & ComparisonOptions,
  facts: unknown,
  once: MeasureOnce<Figures>,
): Promise<PlanRow<Figures>[]> {
  const { plans, samples, batchSize = 64, identity, signal, onProgress, onRun } = options;
  const seeds = seedsFrom(options.seed ?? 0, options.seeds ?? 1);
  const folder = measureCache(options);
  const found = new Map<string, (PlanFigures & { run: PlanRun & Figures })[]>();
  for (const seed of seeds) {
    for (const [name, plan] of Object.entries(plans)) {
      const stage = seeds.length === 1 ? name : `${name}, seed ${seed}`;
      const measure = async () => {
        const { made, figures } = await once({
          plan,
          seed,
          batchSize,
          signal,
          onStep: ({ step, total }) => onProgress?.({ stage, plan: name, done: step, total }),
        });
        const { multiplyAdds, baselineMultiplyAdds, ratio, seconds } = made.stats;
        return {
          multiplyAdds: multiplyAdds / samples,
          baselineMultiplyAdds: baselineMultiplyAdds / samples,
          ratio,
          plan: made.plan,
          run: { seed: `${seed}`, seconds: seconds / samples, ...figures },
        };
      };
      const key = { identity, facts, plan, seed: `${seed}`, samples, batchSize };
      const { found: measured, isCached } = await cached(folder, key, measure);
      found.set(name, [...(found.get(name) ?? []), { name, ...measured }]);
      onRun?.({ name, isCached });
    }
  }
  return [...found.values()].map((runs) => rowOf(runs));
}

/** Where an evaluation caches measures; null: nowhere. */
function measureCache({ identity, cacheFolder = null }: PlanRunOptions & ComparisonOptions): string | null {
  return identity === undefined ? null : cacheFolder;
}

/**
 * The measures of a set that no plan made, such as held-out images through the tokenizer, unless they are cached.
 *
 * @param facts  what the figures depend on besides `identity`, as JSON
 */
export async function measureBeside<Figures>(
  options: PlanRunOptions & ComparisonOptions,
  facts: unknown,
  measure: () => Promise<Figures>,
): Promise<Figures> {
  const { identity, samples } = options;
  return (await cached(measureCache(options), { identity, facts, samples }, measure)).found;
}

function rowOf<Figures>(measured: readonly (PlanFigures & { run: PlanRun & Figures })[]): PlanRow<Figures> {
  const { name, plan } = measured[0]!;
  const mean = (of: (one: PlanFigures) => number) =>
    measured.reduce((sum, one) => sum + of(one), 0) / measured.length;
  const multiplyAdds = mean((one) => one.multiplyAdds);
  const baselineMultiplyAdds = mean((one) => one.baselineMultiplyAdds);
  const figures = {
    name,
    multiplyAdds,
    baselineMultiplyAdds,
    ratio: baselineMultiplyAdds / multiplyAdds,
    plan,
  };
  const runs = measured.map(({ run }) => run);
  const { seed: _seed, ...over } = estimated(runs) as Estimated<PlanRun & Figures> & { seed: string };
  return { ...figures, ...over, runs } as unknown as PlanRow<Figures>;
}

function seedsFrom(first: Seed, count: number): Seed[] {
  requireInput(
    Number.isInteger(count) && count >= 1,
    `evaluate: seeds must be a whole number of at least 1, got ${count}`,
  );
  const last = BigInt(first) + BigInt(count - 1);
  requireInput(
    last < 1n << 64n,
    `evaluate: ${count} seeds from ${first} on end above 2^64 - 1; begin with a smaller one`,
  );
  return Array.from({ length: count }, (_, i) =>
    typeof first === "number" && last <= Number.MAX_SAFE_INTEGER ? first + i : BigInt(first) + BigInt(i),
  );
}

/** How many times as large a figure is under one plan as under another, seed by seed. */
export function ratioOf<Run>(
  runs: readonly Run[],
  others: readonly Run[],
  figure: (run: Run) => number,
): Estimate {
  return estimate(runs.map((run, i) => figure(run) / figure(others[i]!)));
}
