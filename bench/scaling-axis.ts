/** One axis of the scaling curves: its measured points, the statements checked on them, and the columns that show them. */

export const axisNames = ["batch", "tokens", "depth", "steps"] as const;
export type AxisName = (typeof axisNames)[number];

export interface Axis {
  readonly name: AxisName;
  /** Where the other axes stand, in words. */
  readonly at: string;
  readonly rounds: number;
  readonly points: readonly MeasuredPoint[];
  readonly checks: readonly Check[];
}

export interface MeasuredPoint {
  /** On the axis. */
  readonly value: number;
  readonly batch: number;
  /** Of a decode of the batch. */
  readonly seconds: number;
  readonly secondsPerImage: number;
  /** Of the batch, by the closed form. */
  readonly multiplyAdds: number;
  readonly gflops: number;
  /** Bytes at the peak, over those of the loaded weights. */
  readonly peak: number;
  readonly peakPerImage: number;
  /** The estimate of `peak`. */
  readonly peakBound: number;
}

export interface Check {
  readonly statement: string;
  readonly isTrue: boolean;
  readonly figures: string;
}

/** What noise may add before a statement counts as false. */
const tolerance = 1.05;

/** The statements about an axis. */
export function checksOf(name: AxisName, points: readonly MeasuredPoint[]): Check[] {
  const checks = [boundCheck(points)];
  if (name === "batch") checks.unshift(batchCheck(points));
  if (name === "tokens") checks.unshift(tokensCheck(points));
  return checks;
}

function batchCheck(points: readonly MeasuredPoint[]): Check {
  const growths = points.slice(1).map(({ batch, secondsPerImage }) => {
    const before = points.filter((other) => other.batch < batch).map((other) => other.secondsPerImage);
    return { batch, growth: secondsPerImage / Math.min(...before) };
  });
  const worst = growths.reduce((a, b) => (b.growth > a.growth ? b : a));
  return {
    statement: `The time per image does not grow with the batch (beyond ${percent(tolerance)} of noise)`,
    isTrue: worst.growth <= tolerance,
    figures: `at worst ${worst.growth.toFixed(3)} times the best smaller batch's, at batch ${worst.batch}`,
  };
}

function tokensCheck(points: readonly MeasuredPoint[]): Check {
  const excess = (from: MeasuredPoint, to: MeasuredPoint) =>
    to.seconds / from.seconds / (to.multiplyAdds / from.multiplyAdds);
  const worst = points.slice(1).map((to) => ({ to, ratio: excess(points[0]!, to) }));
  const steepest = points.slice(1).map((to, i) => ({ to, ratio: excess(points[i]!, to) }));
  const largest = (of: typeof worst) => of.reduce((a, b) => (b.ratio > a.ratio ? b : a));
  const [all, one] = [largest(worst), largest(steepest)];
  return {
    statement: `Time grows with the tokens no faster than the multiply-adds, from ${points[0]!.value} tokens on`,
    isTrue: all.ratio <= tolerance,
    figures:
      `growth of time over growth of multiply-adds at most ${all.ratio.toFixed(2)}, at ${all.to.value} tokens; ` +
      `between neighbours at most ${one.ratio.toFixed(2)}, up to ${one.to.value} tokens`,
  };
}

function boundCheck(points: readonly MeasuredPoint[]): Check {
  const ratios = points.map(({ peak, peakBound }) => peakBound / peak);
  const large = points
    .filter(({ peak }) => peak >= 128 * 2 ** 20)
    .map(({ peak, peakBound }) => peakBound / peak);
  const most = Math.max(...large, 1);
  return {
    statement: "Peak memory is below its estimate, and from 128 MiB on above half of it",
    isTrue: Math.min(...ratios) >= 1 && most <= 2,
    figures: `estimate over peak ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}, from 128 MiB on at most ${most.toFixed(2)}`,
  };
}

const percent = (factor: number): string => `${Math.round((factor - 1) * 100)} %`;

export const columns = [
  "s",
  "s per image",
  "G multiply-adds",
  "GFLOP/s",
  "peak MiB",
  "MiB per image",
  "estimate MiB",
];

/** The figures under {@link columns}, rounded. */
export function figuresOf(point: MeasuredPoint): number[] {
  const mebibytes = (bytes: number) => Number((bytes / 2 ** 20).toFixed(1));
  return [
    Number(point.seconds.toFixed(3)),
    Number(point.secondsPerImage.toFixed(4)),
    Number((point.multiplyAdds / 1e9).toFixed(2)),
    Number(point.gflops.toFixed(1)),
    ...[point.peak, point.peakPerImage, point.peakBound].map(mebibytes),
  ];
}
