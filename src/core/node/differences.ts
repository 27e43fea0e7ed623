/** What differs between two configurations. */
import { isDeepStrictEqual } from "node:util";

/** A key, such as `a.b`, whose values differ. */
export interface Difference {
  readonly key: string;
  readonly was: unknown;
  readonly now: unknown;
}

/** The keys of two pieces of plain data whose values differ; `undefined` where one has no such key. */
export function differences(was: unknown, now: unknown, key = ""): Difference[] {
  if (isDeepStrictEqual(was, now)) return [];
  if (!isBlock(was) || !isBlock(now)) return [{ key, was, now }];
  const keys = new Set([...Object.keys(was), ...Object.keys(now)]);
  return [...keys].flatMap((inner) =>
    differences(was[inner], now[inner], key === "" ? inner : `${key}.${inner}`),
  );
}

/** Whether a value is an object with keys, as a block of a configuration is. */
export const isBlock = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
