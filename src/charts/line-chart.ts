/**
 * A line chart as an SVG text: labelled axes, a direct label at the end of each line, readable in black and white
 * (every line has its own dash). Scales and paths come from d3; nothing here needs a browser.
 */
import { line } from "d3-shape";
import { type AxisOptions, chartFrame, escapeText, size, styleOf } from "./chart-frame.ts";

export interface Series {
  readonly name: string;
  /** [x, y] pairs in ascending x. */
  readonly points: readonly (readonly [number, number])[];
}

/**
 * The chart as SVG text, 720 x 420 units.
 *
 * @throws when no series has a point
 */
export function lineChart(series: readonly Series[], options: AxisOptions): string {
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) throw new Error(`lineChart: "${options.title}" needs at least one point`);
  const { across, up, draw } = chartFrame(options, {
    xs: points.map(([x]) => x),
    ys: points.map(([, y]) => y),
  });
  const path = line<readonly [number, number]>()
    .x(([value]) => across(value))
    .y(([, value]) => up(value));
  const labels = apart(
    series.map((one) => up(one.points.at(-1)?.[1] ?? 0)),
    15,
  );
  const lines = series.map((one, i) => {
    const { colour, dash } = styleOf(i);
    return (
      `<path d="${path(one.points)}" fill="none" stroke="${colour}" stroke-width="1.6" stroke-dasharray="${dash}"/>` +
      `<text x="${size.width - size.right + 8}" y="${labels[i]! + 4}" fill="${colour}">${escapeText(one.name)}</text>`
    );
  });
  return draw(lines);
}

/** Positions moved apart to at least `gap`, order kept, so that labels of close lines can be read. */
function apart(positions: readonly number[], gap: number): number[] {
  const moved = [...positions];
  const order = [...positions.keys()].sort((a, b) => positions[a]! - positions[b]!);
  for (let i = 1; i < order.length; i++) {
    moved[order[i]!] = Math.max(moved[order[i]!]!, moved[order[i - 1]!]! + gap);
  }
  return moved;
}
