/** Colours of sub-models and of steps, the same on bars and on tokens. Both go from warm and light to cool and deep. */

type Rgb = readonly [number, number, number];

const subModels: readonly Rgb[] = [
  [238, 184, 88],
  [224, 122, 95],
  [150, 98, 158],
  [62, 110, 176],
];
const times: readonly Rgb[] = [
  [250, 214, 120],
  [132, 190, 120],
  [54, 140, 140],
  [56, 78, 132],
];

/** Between the stops; `at` from 0 to 1. */
function between(stops: readonly Rgb[], at: number): Rgb {
  const place = Math.max(0, Math.min(1, at)) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(place));
  const [from, to] = [stops[i]!, stops[i + 1]!];
  return [0, 1, 2].map((c) => Math.round(from[c]! + (to[c]! - from[c]!) * (place - i))) as unknown as Rgb;
}

/** Of a sub-model among a model's: the smallest is warm, the whole model blue. */
export function subModelColour(factor: number, factors: readonly number[]): Rgb {
  const sorted = [...factors].sort((a, b) => b - a);
  const place = sorted.length === 1 ? 1 : sorted.indexOf(factor) / (sorted.length - 1);
  return between(subModels, place);
}

/** Of step `step` (from 0) among `steps`. */
export const stepColour = (step: number, steps: number): Rgb =>
  between(times, steps < 2 ? 1 : step / (steps - 1));

export const css = ([r, g, b]: Rgb, alpha = 1): string => `rgb(${r} ${g} ${b} / ${alpha})`;
