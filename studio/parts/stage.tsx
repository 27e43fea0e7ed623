/** The images of a series, with the decode over them: what is masked is veiled, what is decoded takes its colour. */
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { factorsOf } from "../state/plans.ts";
import { decodedAt, imageAt, type Series } from "../state/series.ts";
import { stepColour, subModelColour } from "./colours.ts";
import { Pixels, type TokenColour, TokenOverlay } from "./pixels.tsx";

export type ColourBy = "none" | "step" | "sub-model";

interface StageProps {
  readonly series: Series;
  /** From 1; null: as far as it is. */
  readonly step: number | null;
  readonly colourBy: ColourBy;
  readonly selected?: Signal<number>;
  readonly frame?: number;
  readonly below?: (index: number) => ComponentChildren;
}

export function Stage({ series, step, colourBy, selected, frame = 0, below }: StageProps) {
  const own = useSignal(0);
  const chosen = selected ?? own;
  const { count } = series;
  return (
    <div class="stage" data-count={count}>
      {Array.from({ length: count }, (_, index) => {
        const tile = <Tile series={series} index={index} step={step} colourBy={colourBy} frame={frame} />;
        return (
          <div class="stage-cell" key={index}>
            {selected && count > 1 ? (
              <button
                type="button"
                class="stage-tile"
                aria-pressed={chosen.value === index}
                aria-label={`Select image ${index + 1}`}
                onClick={() => {
                  chosen.value = index;
                }}
              >
                {tile}
              </button>
            ) : (
              <div class="stage-tile">{tile}</div>
            )}
            {below?.(index)}
          </div>
        );
      })}
    </div>
  );
}

/** One image and what is known of its tokens. */
export function Tile({
  series,
  index,
  step,
  colourBy,
  frame = 0,
}: Pick<StageProps, "series" | "step" | "colourBy" | "frame"> & { index: number }) {
  const raster = imageAt(series, index, step);
  const [rows, columns] = series.grid.slice(-2) as [number, number];
  const isDone = series.made !== null && (step === null || step >= series.steps.length);
  const at = decodedAt(series, index, step);
  if (!raster) return <span class="stage-blank" />;
  const depth = series.grid.length === 3 ? series.grid[0]! : 1;
  const slice = Math.floor((frame * depth) / (raster.frames ?? 1)) * rows * columns;
  return (
    <>
      <Pixels raster={raster} frame={frame} label={labelOf(series, index, step)} />
      {at && !(isDone && colourBy === "none") && (
        <TokenOverlay
          rows={rows}
          columns={columns}
          colourOf={colourOfTokens(series, at.subarray(slice), colourBy)}
        />
      )}
    </>
  );
}

function labelOf({ made, classNames, count, steps }: Series, index: number, step: number | null): string {
  const classId = made?.classIds[index] ?? null;
  const what = classId === null ? "Image" : `${classNames[classId]}, image`;
  const when = made && step === null ? "" : `, after step ${step ?? steps.length}`;
  return `${what} ${index + 1} of ${count}${when}`;
}

/** Masked tokens are veiled in the page's own colour. */
function colourOfTokens({ plan, factors }: Series, at: Int32Array, colourBy: ColourBy): TokenColour {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const veil = isDark ? ([28, 29, 32, 0.82] as const) : ([246, 244, 239, 0.84] as const);
  const ran = factorsOf(plan);
  return (token) => {
    const k = at[token]!;
    if (k === -2) return veil;
    if (k < 0 || colourBy === "none") return null;
    const [r, g, b] = colourBy === "step" ? stepColour(k, plan.steps) : subModelColour(ran[k]!, factors);
    return [r, g, b, 0.62];
  };
}
