/** Compare: one seed, two plans, one after the other on the same device. */
import { computed, signal } from "@preact/signals";
import { baselinePlan, type DecodePlan, type GenerativeModel, type Raster } from "../../src/browser.ts";
import { runJob } from "./job.ts";
import { planStops, wholePlan } from "./plans.ts";
import { images } from "./request.ts";
import { newSeries, type Series, withEvent, withMade } from "./series.ts";
import { callModel, openModel, sessions } from "./sessions.ts";
import { busy, idle } from "./status.ts";

/** What a side decodes by. */
export type SideName = "baseline" | "default" | "fastest" | "yours";

export interface Side {
  readonly name: SideName;
  /** What came of it; null before. */
  readonly series: Series | null;
}

export const sides = signal<readonly [Side, Side]>([
  { name: "baseline", series: null },
  { name: "yours", series: null },
]);

export const sideTitles: Readonly<Record<SideName, string>> = {
  baseline: "Baseline decode: the whole model, every position, no cache",
  default: "The model's default plan",
  fastest: "The cheapest plan",
  yours: "Your plan, as in Generate",
};

/** Takes another plan for a side. */
export function setSide(which: 0 | 1, name: SideName): void {
  const next = [...sides.value] as [Side, Side];
  next[which] = { name, series: null };
  sides.value = next;
}

/** The plan of a side; the baseline decode takes the steps and the guidance of the plan beside it. */
export function planOf(model: GenerativeModel, name: SideName): DecodePlan {
  const yours = images.plan.value ?? model.plan;
  if (name === "yours") return yours;
  if (name === "default") return model.plan;
  if (name === "fastest") return planStops(model)[0]!.plan;
  return wholePlan(model, { ...yours, ...baselineOf(yours) });
}

const baselineOf = (plan: DecodePlan) => {
  const { guidance, cache, ...rest } = baselinePlan(plan);
  return {
    ...rest,
    leaveOut: [],
    guidance: { ...plan.guidance, ...guidance },
    cache: { ...plan.cache, ...cache },
  };
};

/** What came of a side, if it is of what is asked now: the plan, the seed and the images may have changed since. */
export function seriesOf(model: GenerativeModel, { name, series }: Side): Series | null {
  if (!series) return null;
  const isSame =
    JSON.stringify(series.plan) === JSON.stringify(planOf(model, name)) &&
    series.seed === images.seed.value &&
    series.firstIndex === images.firstIndex.value &&
    series.count === Math.min(mostCompared, images.count.value) &&
    sessions.image.value?.listed.name === series.model;
  return isSame ? series : null;
}

/** Images of a side at most. */
const mostCompared = 4;

/** Plans whose graphs are compiled, so that what is timed is the decode. */
const warm = new WeakMap<object, Set<string>>();

/** Decodes both sides; each plan runs once beforehand where it has not run yet. */
export async function compare(): Promise<void> {
  await runJob("Comparing", async (signal) => {
    const session = sessions.image.value ?? (await openModel("image"));
    const count = Math.min(mostCompared, images.count.value);
    const asked = { seed: images.seed.value, count, firstIndex: images.firstIndex.value };
    const classes = images.classes.value.length > 0 ? images.classes.value : null;
    const known = warm.get(session.engine) ?? new Set<string>();
    warm.set(session.engine, known);
    try {
      for (const which of [0, 1] as const) {
        const { name } = sides.value[which];
        const plan = planOf(session.model, name);
        const request = { ...asked, plan, classes, batchSize: count };
        const key = JSON.stringify(plan);
        const call = (onEvent: (series: Series) => void) => {
          let series = newSeries(session, { ...asked, plan });
          return callModel(
            "image",
            "generate",
            { request, isWatched: false },
            {
              signal,
              onEvent: (event, from) => {
                series = withEvent(series, event, from);
                onEvent(series);
              },
            },
          ).then((made) => withMade(series, made, session));
        };
        if (!known.has(key)) {
          busy(`Warming up ${which === 0 ? "the left plan" : "the right plan"}`);
          await call(() => {});
          known.add(key);
        }
        busy(`Timing ${which === 0 ? "the left plan" : "the right plan"}`);
        const series = await call(() => {});
        if (signal.aborted) return;
        const next = [...sides.value] as [Side, Side];
        next[which] = { name, series };
        sides.value = next;
      }
    } finally {
      idle();
    }
  });
}

export interface Difference {
  /** White less the largest |left - right| of a pixel's channels, made 3 times as strong; of each image. */
  readonly images: readonly Raster[];
  /** Tokens that differ, of all. */
  readonly tokens: number;
  readonly of: number;
}

/** How strongly a difference is shown. */
const gain = 3;

/** What differs between the two sides; null until both are there. */
export const difference = computed<Difference | null>(() => {
  const model = sessions.image.value?.model;
  if (!model) return null;
  const [left, right] = sides.value.map((side) => seriesOf(model, side)?.made ?? null);
  if (!left || !right || left.images.length !== right.images.length) return null;
  return {
    images: left.images.map((image, i) => ({
      ...image,
      pixels: inked(image.pixels, right.images[i]!.pixels),
    })),
    tokens: left.tokens.reduce(
      (sum, ids, i) => sum + ids.filter((id, n) => id !== right.tokens[i]![n]).length,
      0,
    ),
    of: left.tokens.reduce((sum, ids) => sum + ids.length, 0),
  };
});

/** The difference of two images as ink on white. */
function inked(left: Uint8Array, right: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(left.length);
  for (let p = 0; p < left.length; p += 3) {
    const away = Math.max(...[0, 1, 2].map((c) => Math.abs(left[p + c]! - right[p + c]!)));
    pixels.fill(255 - Math.min(255, gain * away), p, p + 3);
  }
  return pixels;
}
