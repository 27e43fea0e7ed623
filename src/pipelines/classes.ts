/** From what people call classes to the rows of the transformer's class table. */
import { InputError, unknownName } from "../core/errors.ts";

/**
 * The row of the class table of each of `count` images: the asked classes take turns.
 *
 * @param asked  names or numbers; a name goes before a number written as text; `"all"` is every class. Null or
 *   `["none"]`: no condition, the null class.
 * @param first  the index of the first image, by which the turns go
 * @returns [count] rows in 0..C, C (the number of classes) being the null class
 * @throws InputError for a class that the model does not have, naming the nearest
 */
export function classRows(
  asked: readonly (string | number)[] | null,
  classNames: readonly string[],
  count: number,
  first = 0,
): number[] {
  const none = classNames.length;
  const ids =
    asked === null || asked.length === 0 ? [none] : asked.flatMap((name) => idsOf(name, classNames));
  return Array.from({ length: count }, (_, i) => ids[(first + i) % ids.length]!);
}

function idsOf(asked: string | number, classNames: readonly string[]): number[] {
  const index = classNames.indexOf(String(asked));
  if (index >= 0 && typeof asked === "string") return [index];
  if (asked === "none") return [classNames.length];
  if (classNames.length === 0) {
    throw new InputError(
      `classes: must be left out, since this model was trained without classes, got "${asked}"`,
    );
  }
  if (asked === "all") return classNames.map((_, i) => i);
  const number = typeof asked === "string" && !/^\d+$/.test(asked) ? Number.NaN : Number(asked);
  if (Number.isInteger(number) && number >= 0 && number < classNames.length) return [number];
  if (Number.isNaN(number)) throw unknownName("classes", String(asked), classNames);
  throw new InputError(
    `classes: must be names or numbers in 0..${classNames.length - 1}, got ${asked}; magnets info lists the names`,
  );
}
