/** What charts have in common: the plane with its axes, and marks that can be told apart without colour. */
import { scaleLinear, scaleLog } from "d3-scale";

export interface AxisOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly isLogX?: boolean;
  readonly isLogY?: boolean;
  /** Where the x axis has its marks; chosen from the range unless given. */
  readonly xTicks?: readonly number[];
}

/** The drawing, in units; and its margins. */
export const size = { width: 720, height: 420, left: 64, right: 96, top: 40, bottom: 52 };

const colours = ["#1f4e79", "#c0562f", "#3a7d44", "#7b4b94", "#8a6d1d", "#444444"];
const dashes = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 4"];

/** The colour and the dash of series `i`. */
export const styleOf = (i: number) => ({
  colour: colours[i % colours.length]!,
  dash: dashes[i % dashes.length]!,
});

export interface ChartFrame {
  /** Where a value stands. */
  readonly across: (value: number) => number;
  readonly up: (value: number) => number;
  /** The chart as SVG text with these marks on it; wider than usual where what stands beside the plane needs it. */
  draw(marks: readonly string[], width?: number): string;
}

/**
 * A plane over these ranges.
 *
 * @param isNiceX  widen the x range to round numbers, as the y range always is
 */
export function chartFrame(
  { title, x, y, isLogX = false, isLogY = false, xTicks }: AxisOptions,
  { xs, ys, isNiceX = false }: { xs: readonly number[]; ys: readonly number[]; isNiceX?: boolean },
): ChartFrame {
  const across = (isLogX ? scaleLog() : scaleLinear())
    .domain(extent(xs, isLogX))
    .range([size.left, size.width - size.right]);
  if (isNiceX) across.nice(6);
  const up = (isLogY ? scaleLog() : scaleLinear())
    .domain(extent(ys, isLogY))
    .nice(6)
    .range([size.height - size.bottom, size.top]);
  const [bottom, right] = [size.height - size.bottom, size.width - size.right];

  // A logarithmic scale leaves marks without text where they are close; its own text would be 300m for 0.3.
  const upText = (tick: number): string => {
    const text = up.tickFormat(6)(tick);
    return isLogY && text ? tick.toLocaleString("en") : text;
  };
  const gridlines = up
    .ticks(6)
    .map(
      (tick) =>
        `<path d="M${size.left} ${up(tick)}H${right}" stroke="#ddd"/>` +
        `<text x="${size.left - 8}" y="${up(tick) + 4}" text-anchor="end">${upText(tick)}</text>`,
    );
  const tickText = xTicks ? String : across.tickFormat(6);
  const ticks = (xTicks ?? across.ticks(6)).map(
    (tick) =>
      `<path d="M${across(tick)} ${bottom}v5" stroke="#555"/>` +
      `<text x="${across(tick)}" y="${bottom + 20}" text-anchor="middle">${tickText(tick)}</text>`,
  );
  return {
    across,
    up,
    draw: (marks, width = size.width) =>
      [
        `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${size.height}" font-family="sans-serif" font-size="12" fill="#333">`,
        `<title>${escapeText(title)}</title>`,
        `<rect width="100%" height="100%" fill="white"/>`,
        `<text x="${size.left}" y="24" font-size="15" font-weight="bold">${escapeText(title)}</text>`,
        ...gridlines,
        `<path d="M${size.left} ${bottom}H${right}" stroke="#555"/>`,
        ...ticks,
        `<text x="${(size.left + right) / 2}" y="${size.height - 10}" text-anchor="middle">${escapeText(x)}</text>`,
        `<text transform="translate(16 ${(size.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeText(y)}</text>`,
        ...marks,
        "</svg>\n",
      ].join("\n"),
  };
}

function extent(values: readonly number[], isLog: boolean): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (low !== high) return [low, high];
  return isLog ? [low / 2, high * 2] : [low - 1, high + 1];
}

/** Charts as one SVG text, side by side. */
export function sideBySide(title: string, charts: readonly string[]): string {
  const inner = charts.map((chart, i) =>
    chart.replace("<svg ", `<svg x="${i * size.width}" width="${size.width}" height="${size.height}" `),
  );
  const extent = `0 0 ${charts.length * size.width} ${size.height}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${extent}">\n<title>${escapeText(title)}</title>\n${inner.join("")}</svg>\n`;
}

export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
