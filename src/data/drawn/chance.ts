/** The dice of one drawing: every call takes the next counter of one random key, so a drawing is a pure function of it. */
import { type Key, uniformAt } from "../../core/random.ts";

export interface Chance {
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** A whole number, low..high inclusive. */
  whole(low: number, high: number): number;
  /** One of the list, all equally likely. */
  pick<T>(list: readonly T[]): T;
  /** True with this probability. */
  happens(probability: number): boolean;
}

export function chanceOf(key: Key): Chance {
  let counter = 0;
  const next = () => uniformAt(key, counter++);
  return {
    between: (low, high) => low + (high - low) * next(),
    whole: (low, high) => low + Math.floor((high - low + 1) * next()),
    pick: (list) => list[Math.floor(list.length * next())]!,
    happens: (probability) => next() < probability,
  };
}
