/**
 * Mask schedules: how many tokens are still masked after each decode step.
 *
 * N0 tokens are masked at the start, K steps k = 0..K-1, r = (k+1)/K. gamma(r) falls from 1 at r = 0 to 0 at r = 1.
 */

/** The schedules' names; `halton` replaces confidence by a fixed order, with arccos counts. */
export const maskScheduleKinds = ["cosine", "linear", "pow", "arccos", "exp", "log", "halton"] as const;
export type MaskScheduleKind = (typeof maskScheduleKinds)[number];

/** How many tokens are still masked after each step: gamma(r), falling from 1 to 0 over r = (k+1)/K. */
export interface MaskSchedule {
  readonly kind: MaskScheduleKind;
  /** a of `pow`, gamma(r) = 1 - r^a; above 0. Only `pow` has one. */
  readonly exponent?: number;
}

/**
 * gamma(r): the fraction of the N0 tokens still masked when the fraction r of the steps is done (MaskGIT, section
 * 3.3; `log` and `exp` as in its released code; `arccos` from Halton-MaskGIT).
 *
 * @param r  in (0, 1]
 */
export function maskRatio(schedule: MaskSchedule, r: number, initiallyMasked: number): number {
  const logTokens = Math.log(Math.max(2, initiallyMasked));
  switch (schedule.kind) {
    case "cosine":
      return Math.cos((Math.PI * r) / 2);
    case "linear":
      return 1 - r;
    case "pow":
      return 1 - r ** schedule.exponent!;
    case "arccos":
    case "halton":
      return Math.acos(r) / (Math.PI / 2);
    case "exp":
      return 1 - Math.exp(-logTokens * (1 - r));
    case "log":
      return Math.min(1, -Math.log(r) / logTokens);
  }
}

/**
 * m_k, the number of tokens still masked after step k, for k = 0..K-1: floor(N0 gamma(r)), at most one less than
 * before the step, at least one per step still to come; 0 after the last.
 *
 * MaskGIT's lower bound is 1. Ours differs only where that one would leave a later step nothing to decode (a steep
 * schedule, or fewer tokens than steps). With N0 < K the first K - N0 steps decode nothing: m_k = N0 there, and the
 * resolved plan leaves them out. `halton` rounds up, as its source does.
 */
export function maskedAfterSteps(schedule: MaskSchedule, steps: number, initiallyMasked: number): number[] {
  // An exact integer that rounding misses by a hair counts as reached: 10 (1 - 9/10) is 1, not 0.
  const round = (m: number) => (schedule.kind === "halton" ? Math.ceil(m - 1e-9) : Math.floor(m + 1e-9));
  const counts: number[] = [];
  let masked = initiallyMasked;
  for (let k = 0; k < steps; k++) {
    const scheduled = round(initiallyMasked * maskRatio(schedule, (k + 1) / steps, initiallyMasked));
    masked = Math.min(masked, Math.max(Math.min(scheduled, masked - 1), steps - 1 - k));
    counts.push(masked);
  }
  return counts;
}
