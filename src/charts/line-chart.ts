/**
 * A line chart as an SVG text: labelled axes, a direct label at the end of each line, readable in black and white
 * (every line has its own dash). Scales and paths come from d3; nothing here needs a browser.
 */
import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";

export interface Series {
  readonly name: string;
  /** [x, y] pairs in ascending x. */
  readonly points: readonly (readonly [number, number])[];
}

export interface ChartOptions {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly isLogX?: boolean;
  readonly isLogY?: boolean;
  /** Where the x axis has its marks; chosen from the range unless given. */
  readonly xTicks?: readonly number[];
}

const size = { width: 720, height: 420, left: 64, right: 96, top: 40, bottom: 52 };
const colours = ["#1f4e79", "#c0562f", "#3a7d44", "#7b4b94", "#8a6d1d", "#444444"];
const dashes = ["", "7 3", "2 3", "9 3 2 3", "12 4", "4 4"];

/**
 * The chart as SVG text, 720 x 420 units.
 *
 * @throws when no series has a point
 */
export function lineChart(
  series: readonly Series[],
  { title, x, y, isLogX = false, isLogY = false, xTicks }: ChartOptions,
): string {
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) throw new Error(`lineChart: "${title}" needs at least one point`);
  const extent = (axis: 0 | 1, isLog: boolean): [number, number] => {
    const values = points.map((point) => point[axis]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (low !== high) return [low, high];
    return isLog ? [low / 2, high * 2] : [low - 1, high + 1];
  };
  const across = (isLogX ? scaleLog() : scaleLinear())
    .domain(extent(0, isLogX))
    .range([size.left, size.width - size.right]);
  const up = (isLogY ? scaleLog() : scaleLinear())
    .domain(extent(1, isLogY))
    .nice()
    .range([size.height - size.bottom, size.top]);
  const path = line<readonly [number, number]>()
    .x(([value]) => across(value))
    .y(([, value]) => up(value));
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
  const labels = apart(
    series.map((one) => up(one.points.at(-1)?.[1] ?? 0)),
    15,
  );
  const lines = series.map((one, i) => {
    const colour = colours[i % colours.length];
    return (
      `<path d="${path(one.points)}" fill="none" stroke="${colour}" stroke-width="1.6" stroke-dasharray="${dashes[i % dashes.length]}"/>` +
      `<text x="${right + 8}" y="${labels[i]! + 4}" fill="${colour}">${escapeText(one.name)}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12" fill="#333">`,
    `<title>${escapeText(title)}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${size.left}" y="24" font-size="15" font-weight="bold">${escapeText(title)}</text>`,
    ...gridlines,
    `<path d="M${size.left} ${bottom}H${right}" stroke="#555"/>`,
    ...ticks,
    `<text x="${(size.left + right) / 2}" y="${size.height - 10}" text-anchor="middle">${escapeText(x)}</text>`,
    `<text transform="translate(16 ${(size.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeText(y)}</text>`,
    ...lines,
    "</svg>\n",
  ].join("\n");
}

/** Charts as one SVG text, side by side. */
export function sideBySide(title: string, charts: readonly string[]): string {
  const inner = charts.map((chart, i) =>
    chart.replace("<svg ", `<svg x="${i * size.width}" width="${size.width}" height="${size.height}" `),
  );
  const extent = `0 0 ${charts.length * size.width} ${size.height}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${extent}">\n<title>${escapeText(title)}</title>\n${inner.join("")}</svg>\n`;
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

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
