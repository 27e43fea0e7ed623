/** Figures with error bars: of several values of one figure, and of several records figure by figure. */

/** What several values say of a figure. */
export interface Estimate {
  readonly mean: number;
  /** Of the mean: of values, their standard deviation over the square root of their number; infinite for one value. */
  readonly standardError: number;
}

/** @param values  at least one */
export function estimate(values: readonly number[]): Estimate {
  const middle = mean(values);
  if (values.length === 1) return { mean: middle, standardError: Infinity };
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return { mean: middle, standardError: Math.sqrt(squares / (values.length - 1) / values.length) };
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** A record of figures with an estimate in the place of every number; words, flags and nothing stay as they are. */
export type Estimated<T> = T extends number | Estimate
  ? Estimate
  : T extends string | boolean | null | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Estimated<Item>[]
      : { readonly [Key in keyof T]: Estimated<T[Key]> };

/**
 * Every figure of records of one shape, over the records: the mean, and the standard error between them. A figure that
 * comes as an estimate keeps the mean of its own errors: the records may share what it errs by, as several decodes of
 * the same videos do, and then more of them do not make it surer.
 *
 * @param records  at least one, all with the same keys
 */
export function estimated<T>(records: readonly T[]): Estimated<T> {
  return joined(records, estimate) as Estimated<T>;
}

/**
 * Every figure of records of one shape as its mean over them; a figure that comes as an estimate keeps the mean of its errors.
 *
 * @param records  at least one, all with the same keys
 */
export function averaged<T>(records: readonly T[]): T {
  return joined(records, mean) as T;
}

/** Records as one, with what `ofNumbers` makes of the numbers of a figure. */
function joined(values: readonly unknown[], ofNumbers: (numbers: readonly number[]) => unknown): unknown {
  const [first] = values;
  if (typeof first === "number") return ofNumbers(values as number[]);
  if (isEstimate(first)) {
    const own = values as Estimate[];
    return {
      mean: mean(own.map((figure) => figure.mean)),
      standardError: mean(own.map(({ standardError }) => standardError)),
    };
  }
  if (Array.isArray(first))
    return first.map((_, i) =>
      joined(
        values.map((value) => (value as unknown[])[i]),
        ofNumbers,
      ),
    );
  if (typeof first !== "object" || first === null) return first;
  const keys = Object.keys(first);
  return Object.fromEntries(
    keys.map((key) => [
      key,
      joined(
        values.map((value) => (value as Record<string, unknown>)[key]),
        ofNumbers,
      ),
    ]),
  );
}

/** Whether a value is an estimate, and not another record. */
export function isEstimate(value: unknown): value is Estimate {
  return typeof value === "object" && value !== null && "mean" in value && "standardError" in value;
}
