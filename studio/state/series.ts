/** A series of images or videos: what was asked, every step of its decode as it was seen, and what came out. */
import type { DecodePlan, ImageRecord, PlanCost, Raster, Seed } from "../../src/browser.ts";
import { modelPlanCost } from "../../src/browser.ts";
import type { EngineEvent, Made, StepSeen } from "../engine/protocol.ts";
import type { Session } from "./sessions.ts";

export interface Series {
  readonly model: string;
  /** [rows, columns] of the token grid, of videos [times, rows, columns]. */
  readonly grid: readonly number[];
  readonly factors: readonly number[];
  readonly classNames: readonly string[];
  readonly plan: DecodePlan;
  readonly cost: PlanCost;
  readonly seed: Seed;
  readonly firstIndex: number;
  readonly count: number;
  /** In order; of one batch. */
  readonly steps: readonly StepSeen[];
  /** Null while it decodes. */
  readonly made: Made | null;
}

/** A series of which nothing was decoded yet. */
export function newSeries(
  { listed, model }: Session,
  asked: Pick<Series, "plan" | "seed" | "count"> & { firstIndex?: number; maskedTokens?: number },
): Series {
  const { config } = model.transformer;
  const { maskedTokens, firstIndex = 0, ...rest } = asked;
  return {
    ...rest,
    firstIndex,
    model: listed.name,
    grid: config.grid,
    factors: config.factors,
    classNames: model.classNames,
    cost: modelPlanCost(config, asked.plan, maskedTokens),
    steps: [],
    made: null,
  };
}

/** The series with one more thing seen; the session's latency model learns from it. */
export function withEvent(series: Series, event: EngineEvent, { latency }: Session): Series {
  if (event.kind !== "step") return series;
  const { step } = event;
  const isAgain = step.step <= (series.steps.at(-1)?.step ?? 0); // another device began from the start
  const cost = series.cost.steps[step.step - 1];
  if (cost) latency.note(cost, series.count, step.seconds);
  return { ...series, steps: [...(isAgain ? [] : series.steps), step] };
}

/** The series with the pixels of a step that was not shown while it ran. */
export function withPreviews(series: Series, step: number, previews: readonly Raster[]): Series {
  return {
    ...series,
    steps: series.steps.map((seen) => (seen.step === step ? { ...seen, previews } : seen)),
  };
}

export function withMade(series: Series, made: Made, { latency }: Session): Series {
  latency.noteDecoder(made.images.length, made.decoderSeconds);
  return { ...series, made };
}

/**
 * What the page shows of image `index` after step `step` (from 1); the last one where that is null. A step whose pixels are
 * not there yet shows those of the one before.
 */
export function imageAt({ steps, made }: Series, index: number, step: number | null): Raster | null {
  if (made && (step === null || step >= steps.length)) return made.images[index] ?? null;
  const seen = steps.slice(0, step ?? steps.length);
  return seen.findLast(({ previews }) => previews !== null)?.previews?.[index] ?? made?.images[index] ?? null;
}

/** [N] the step (from 0) that decoded each token of image `index`, as of step `step`; see {@link StepSeen.decodedAtStep}. */
export function decodedAt({ steps, grid }: Series, index: number, step: number | null): Int32Array | null {
  const seen = step === null ? steps.at(-1) : steps[step - 1];
  const size = grid.reduce((product, extent) => product * extent, 1);
  return seen ? seen.decodedAtStep.subarray(index * size, (index + 1) * size) : null;
}

/** What makes image `index` again. */
export function recordOf(series: Series, index: number): ImageRecord {
  const { made, model, seed, firstIndex, classNames } = series;
  const classId = made?.classIds[index] ?? null;
  return {
    model,
    seed,
    index: firstIndex + index,
    class: classId === null ? null : classNames[classId]!,
    plan: made?.plan ?? series.plan,
    ...(made?.given && { given: made.given }),
  };
}
