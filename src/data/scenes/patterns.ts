/**
 * Patterns: stripes, checks, dots, bricks and the like, as elements that fill an area. Period and phase are the same all
 * over the area, however much of it other things hide: whoever draws a part must know the rest.
 */
import type { Colour } from "../sprites/palette.ts";
import { faint, line, path, shape } from "../sprites/svg.ts";

export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** The outline of an area, to clip by. */
export const outlineOf = ({ x, y, width, height }: Area): string =>
  path`M${x} ${y}h${width}v${height}h${-width}Z`;

/**
 * What each kind draws into an area in one colour. Columns are counted from the middle of the area, so that a pattern is
 * its own mirror image; rows are counted from its top. `period` > 0, in units of the page.
 */
const kinds = {
  /** Upright, one of them in the middle. */
  stripes: (area: Area, period: number, colour: Colour) =>
    shape(
      columnsOf(area, period)
        .map((x) => path`M${x - period / 4} ${area.y}h${period / 2}v${area.height}h${-period / 2}Z`)
        .join(""),
      colour,
    ),
  bands: (area: Area, period: number, colour: Colour) =>
    shape(
      rowsOf(area, period)
        .map((y) => path`M${area.x} ${y}h${area.width}v${period / 2}h${-area.width}Z`)
        .join(""),
      colour,
    ),
  checks: (area: Area, period: number, colour: Colour) =>
    shape(
      cellsOf(area, period / 2)
        .filter(({ column, row }) => (column + row) % 2 === 0)
        .map(({ x, y }) => path`M${x - period / 4} ${y}h${period / 2}v${period / 2}h${-period / 2}Z`)
        .join(""),
      colour,
    ),
  dots: (area: Area, period: number, colour: Colour) => {
    const r = period * 0.2;
    return shape(
      cellsOf(area, period / 2)
        .filter(({ column, row }) => (column + row) % 2 === 0)
        .map(
          ({ x, y }) =>
            path`M${x - r} ${y + period / 4}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`,
        )
        .join(""),
      colour,
    );
  },
  diamonds: (area: Area, period: number, colour: Colour) => {
    const half = period * 0.34;
    return shape(
      cellsOf(area, period)
        .map(
          ({ x, y }) =>
            path`M${x} ${y + period / 2 - half}l${half} ${half}l${-half} ${half}l${-half} ${-half}Z`,
        )
        .join(""),
      colour,
    );
  },
  /** Stripes and bands of cloth: where they cross, the colour is twice as strong. */
  plaid: (area: Area, period: number, colour: Colour) =>
    faint(0.5, kinds.stripes(area, period, colour)) + faint(0.5, kinds.bands(area, period, colour)),
  zigzag: (area: Area, period: number, colour: Colour) =>
    line(
      rowsOf(area, period)
        .map((y) => {
          const points = columnsOf(area, period / 2).map(
            (x, i) => path`${x} ${y + (i % 2 === 0 ? 0.5 : 0.1) * period}`,
          );
          return `M${points.join("L")}`;
        })
        .join(""),
      colour,
      period * 0.2,
    ),
  /** Single bricks, every second one of a wall; rows half a period tall. */
  bricks: (area: Area, period: number, colour: Colour) =>
    shape(
      cellsOf(area, period / 2)
        .filter(({ column, row }) => (column + row) % 2 === 0)
        .map(
          ({ x, y }) =>
            path`M${x - period * 0.26} ${y + period * 0.1}h${period * 0.52}v${period * 0.26}h${-period * 0.52}Z`,
        )
        .join(""),
      colour,
    ),
  /** Roof tiles: rows of arcs, each row shifted by half a tile. */
  tiles: (area: Area, period: number, colour: Colour) =>
    line(
      rowsOf(area, period * 0.7)
        .map((y, row) => {
          const xs = columnsOf(area, period).map((x) => x + (row % 2 === 0 ? 0 : period / 2));
          return (
            path`M${xs[0]!} ${y}` +
            xs
              .slice(1)
              .map(() => path`q${period / 2} ${period * 0.62} ${period} 0`)
              .join("")
          );
        })
        .join(""),
      colour,
      Math.max(1, period * 0.15),
    ),
};

export type PatternName = keyof typeof kinds;

/** The elements of a pattern over `area`; its edges stick out, so clip them where that would show. */
export const pattern = (kind: PatternName, area: Area, period: number, colour: Colour): string =>
  kinds[kind](area, period, colour);

/** Middles of columns from beyond the left edge to beyond the right one, one of them in the middle of the area. */
function columnsOf({ x, width }: Area, period: number): number[] {
  const each = Math.ceil(width / 2 / period) + 1;
  return Array.from({ length: 2 * each + 1 }, (_, i) => x + width / 2 + (i - each) * period);
}

/** Upper edges of rows, the first at the top of the area. */
function rowsOf({ y, height }: Area, period: number): number[] {
  return Array.from({ length: Math.ceil(height / period) }, (_, i) => y + i * period);
}

function cellsOf(area: Area, period: number): { x: number; y: number; column: number; row: number }[] {
  const columns = columnsOf(area, period);
  const middle = (columns.length - 1) / 2;
  return rowsOf(area, period).flatMap((y, row) =>
    columns.map((x, i) => ({ x, y, column: Math.abs(i - middle), row })),
  );
}
