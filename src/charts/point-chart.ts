/**
 * Points with error bars as an SVG text: labelled axes, each point's name beside it, or where they are too many for that
 * a number and a key; readable in black and white (every series has its own shape, and its dash where its points are
 * joined).
 */
import { line, symbol, symbolsFill } from "d3-shape";
import { type AxisOptions, chartFrame, escapeText, size, styleOf } from "./chart-frame.ts";

export interface Point {
  readonly name: string;
  /** What stands beside it, where its series tells the rest; default its name. */
  readonly label?: string;
  readonly x: number;
  readonly y: number;
  /** Half the length of the bar up and down; infinite or 0: no bar. */
  readonly error: number;
}

/** Points that belong together. */
export interface PointSeries {
  readonly points: readonly Point[];
  /** Whether a line joins them, in ascending x; else they are points alone. */
  readonly isJoined: boolean;
}

/** A rectangle in the drawing. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Of a label's letters, in units of the drawing: wide enough for most. */
const letter = { width: 6.4, height: 13 };
/** Keeps lines that run behind a label off its letters. */
const halo = 'stroke="white" stroke-width="3" paint-order="stroke"';

/**
 * The chart as SVG text, 720 x 420 units, wider with a key; the x axis begins at 0.
 *
 * @throws when no series has a point
 */
export function pointChart(
  series: readonly PointSeries[],
  options: Pick<AxisOptions, "title" | "x" | "y">,
): string {
  const all = series.flatMap(({ points }) => points);
  if (all.length === 0) throw new Error(`pointChart: "${options.title}" needs at least one point`);
  const { across, up, draw } = chartFrame(options, {
    xs: [0, ...all.map(({ x }) => x)],
    ys: all.flatMap((point) => [point.y - barOf(point), point.y + barOf(point)]),
    isNiceX: true,
  });
  const path = line<Point>()
    .x(({ x }) => across(x))
    .y(({ y }) => up(y));
  const marks = series.map(({ points, isJoined }, i) => {
    const { colour, dash } = styleOf(i);
    const ordered = [...points].sort((a, b) => a.x - b.x);
    const joined = `<path d="${path(ordered)}" fill="none" stroke="${colour}" stroke-width="1.6" stroke-dasharray="${dash}"/>`;
    const shape = symbol(symbolsFill[i % symbolsFill.length], 60)();
    return [
      ...(isJoined && points.length > 1 ? [joined] : []),
      ...points.map((point) => {
        const [x, y] = [across(point.x), up(point.y)];
        return `${errorBar(x, up(point.y - barOf(point)), up(point.y + barOf(point)))}<path d="${shape}" transform="translate(${x} ${y})" fill="${colour}"/>`;
      }),
    ].join("");
  });
  const drawn = series.flatMap(({ points }, i) =>
    points.map((point) => {
      const [y, high] = [up(point.y), up(point.y + barOf(point))];
      const { name, label = name } = point;
      return { name, label, series: i, x: across(point.x), y, error: y - high };
    }),
  );
  const beside = labels(drawn);
  if (beside.every(({ isFar }) => !isFar)) return draw([...marks, ...beside.map(({ text }) => text)]);
  const numbers = labels(drawn.map((point, i) => ({ ...point, label: String(i + 1) })));
  return draw([...marks, ...numbers.map(({ text }) => text), ...key(drawn)], keyLeft + keyWidth(drawn));
}

/** What is drawn of a point. */
interface Drawn {
  readonly name: string;
  readonly label: string;
  /** The number of its series. */
  readonly series: number;
  readonly x: number;
  readonly y: number;
  /** Of its bar, up and down. */
  readonly error: number;
}

/** Where the key begins. */
const keyLeft = size.width - size.right + 24;
const keyWidth = (points: readonly Drawn[]): number =>
  44 + letter.width * Math.max(...points.map(({ name }) => name.length));

/** Number, shape and name of every point, one below the other. */
function key(points: readonly Drawn[]): string[] {
  const step = Math.min(letter.height + 4, (size.height - size.top) / points.length);
  return points.map(({ name, series }, i) => {
    const y = size.top + i * step;
    const shape = symbol(symbolsFill[series % symbolsFill.length], 40)();
    return (
      `<text x="${keyLeft + 14}" y="${y + 4}" text-anchor="end">${i + 1}</text>` +
      `<path d="${shape}" transform="translate(${keyLeft + 26} ${y})" fill="${styleOf(series).colour}"/>` +
      `<text x="${keyLeft + 36}" y="${y + 4}">${escapeText(name)}</text>`
    );
  });
}

const barOf = ({ error }: Point): number => (Number.isFinite(error) ? error : 0);

function errorBar(x: number, low: number, high: number): string {
  if (low === high) return "";
  return `<path d="M${x} ${low}V${high}M${x - 4} ${low}h8M${x - 4} ${high}h8" fill="none" stroke="#333"/>`;
}

/**
 * The label of every point of the drawing at the nearest free place beside it; from further away a thin line leads back.
 * A label is far, too, where no place is free.
 */
function labels(points: readonly Drawn[]): { text: string; isFar: boolean }[] {
  const taken: Box[] = points.map(({ x, y, error }) => {
    const half = Math.max(6, error);
    return { left: x - 6, top: y - half, width: 12, height: 2 * half };
  });
  return points.map(({ label, x, y }) => {
    const width = letter.width * label.length;
    const places = placesAround(x, y, width);
    const free = places.find((place) => isInside(place) && !taken.some((other) => overlap(place, other)));
    const box = free ?? places[0]!;
    taken.push(box);
    const isAway = Math.abs(box.top + letter.height / 2 - y) > letter.height + 8;
    const [nearX, nearY] = [
      box.left > x ? box.left - 2 : box.left + Math.min(width, x - box.left),
      box.top + letter.height / 2,
    ];
    const lead = isAway ? `<path d="M${x} ${y}L${nearX} ${nearY}" stroke="#999" stroke-width="0.7"/>` : "";
    const text = `${lead}<text x="${box.left}" y="${box.top + 10}" ${halo}>${escapeText(label)}</text>`;
    return { text, isFar: isAway || !free };
  });
}

/** Where a label may stand: right, left, above and below, then further and further up and down. */
function placesAround(x: number, y: number, width: number): Box[] {
  const at = (left: number, middle: number): Box => ({
    left,
    top: middle - letter.height / 2,
    width,
    height: letter.height,
  });
  const [right, left, centred] = [x + 9, x - 9 - width, x - width / 2];
  return Array.from({ length: 12 }, (_, i) => i * letter.height).flatMap((away) =>
    away === 0
      ? [at(right, y), at(left, y), at(centred, y - 15), at(centred, y + 15)]
      : [at(right, y - away), at(right, y + away), at(left, y - away), at(left, y + away)],
  );
}

const isInside = ({ left, top, width, height }: Box): boolean =>
  left >= size.left &&
  left + width <= size.width &&
  top >= size.top - 10 &&
  top + height <= size.height - size.bottom;

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.left + b.width &&
  b.left < a.left + a.width &&
  a.top < b.top + b.height &&
  b.top < a.top + a.height;
