/** How long a series of computations still takes, from the multiply-adds that are left and the speed so far. */

export interface TimeLeft {
  /** Seconds until all is done, given that `part` of the present piece is; null while the speed is unknown. */
  seconds(part: number): number | null;
  /** A piece is done. `isSkipped`: it took no time, e.g. it was cached, and tells nothing of the speed. */
  finish(work: number, isSkipped: boolean): void;
}

/**
 * @param total  the work of all pieces, in any unit
 * @param now    the time in seconds
 */
export function openTimeLeft(total: number, now = () => performance.now() / 1000): TimeLeft {
  let [left, done] = [total, 0];
  let started: number | null = null;
  return {
    seconds(part) {
      started ??= now();
      const [worked, elapsed] = [done + part, now() - started];
      return elapsed > 0 && worked > 0 ? (elapsed * Math.max(0, left - part)) / worked : null;
    },
    finish(work, isSkipped) {
      left -= work;
      if (!isSkipped) done += work;
    },
  };
}
