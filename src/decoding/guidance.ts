/**
 * Classifier-free guidance, by the convention logits = cond + s (cond - uncond): s = 0 is the conditional pass alone.
 * (Other tools write uncond + w (cond - uncond); then w = s + 1.)
 *
 * Steps k = 0..K-1.
 */
export const guidanceSchedules = ["constant", "linear", "power-cosine"] as const;
export type GuidanceSchedule = (typeof guidanceSchedules)[number];

/** How strongly a decode follows its classes: logits = cond + s (cond - uncond), with s by step. */
export interface Guidance {
  /** s, 0 or more; 0 turns guidance off. */
  readonly scale: number;
  /** `constant` s; `linear` s k/(K-1), Muse's; `power-cosine` s (1 - cos(pi (k/K)^power))/2, MDT's. */
  readonly schedule: GuidanceSchedule;
  /** The power of `power-cosine`, above 0; without effect elsewhere. */
  readonly power: number;
  /** [from, to] within 0..1: step k is guided when from <= k/K < to. Other steps skip the unconditional pass. */
  readonly interval: readonly [number, number];
  /**
   * The unconditional branch's downscale factor: that of the conditional branch in the same step, the next smaller
   * sub-model, or a fixed factor.
   */
  readonly unconditionalFactor: number | "same" | "smaller";
}

/** Whether step k of K lies in an interval of the steps. */
function isInInterval([from, to]: Guidance["interval"], step: number, steps: number): boolean {
  return from <= step / steps && step / steps < to;
}

/** Whether any of K steps is in an interval. */
export function hasStepIn(interval: Guidance["interval"], steps: number): boolean {
  // The first step that is not before it; its neighbours too, since the product rounds.
  const first = Math.ceil(interval[0] * steps);
  return [first - 1, first, first + 1].some((k) => k >= 0 && k < steps && isInInterval(interval, k, steps));
}

/** Guidance for K steps: as it is, but in all of them where its interval has none. */
export function guidanceOver<G extends Pick<Guidance, "interval">>(guidance: G, steps: number): G {
  return hasStepIn(guidance.interval, steps) ? guidance : { ...guidance, interval: [0, 1] };
}

/** s of step k of K; 0 means that the step has no unconditional pass. */
export function guidanceScaleAt(guidance: Guidance, step: number, steps: number): number {
  if (!isInInterval(guidance.interval, step, steps)) return 0;
  switch (guidance.schedule) {
    case "constant":
      return guidance.scale;
    case "linear":
      return steps === 1 ? guidance.scale : (guidance.scale * step) / (steps - 1);
    case "power-cosine":
      return (guidance.scale * (1 - Math.cos(Math.PI * (step / steps) ** guidance.power))) / 2;
  }
}

/**
 * The unconditional branch's factor in a guided step whose conditional branch runs at `factor`.
 *
 * @param factors  the model's factors; "smaller" picks the least one above `factor`, or `factor` if it is the last
 */
export function unconditionalFactorFor(
  guidance: Guidance,
  factor: number,
  factors: readonly number[],
): number {
  if (typeof guidance.unconditionalFactor === "number") return guidance.unconditionalFactor;
  if (guidance.unconditionalFactor === "same") return factor;
  const smaller = factors.filter((other) => other > factor);
  return smaller.length > 0 ? Math.min(...smaller) : factor;
}
