/** From what people call classes to the rows of the transformer's class table. */
import { InputError, unknownName } from "../core/errors.ts";
import { invalidValue } from "../core/validate.ts";

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

/**
 * The classes that a text names: one whose name the whole text is, commas and all, else several between commas. A name in
 * double quotes may hold commas, too.
 *
 * @example
 * namedClasses('"tench, Tinca tinca",cat', classNames); // ["tench, Tinca tinca", "cat"]
 * @throws InputError for an empty name and a quote without an end
 */
export function namedClasses(text: string, classNames: readonly string[]): string[] {
  const whole = text.trim();
  if (indexOf(whole, classNames) >= 0) return [whole];
  const pieces = /^\s*(?:"([^"]*)"|([^",][^,]*?)?)\s*(?:,|$)/;
  const names: string[] = [];
  for (let rest = `${text},`; rest !== ""; ) {
    const [matched, quoted, plain] = pieces.exec(rest) ?? [""];
    const name = quoted ?? plain ?? "";
    if (matched === "" || name.trim() === "") {
      throw invalidValue(
        "classes",
        [],
        "must be names between commas, each as it is or in double quotes",
        text,
      );
    }
    names.push(name);
    rest = rest.slice(matched.length);
  }
  return names;
}

/** The class of a name; -1: none has it. An accent may be a part of its letter (NFC) or follow it (NFD, as macOS has it). */
function indexOf(name: string, classNames: readonly string[]): number {
  const index = classNames.indexOf(name);
  const composed = name.normalize("NFC");
  return index >= 0 ? index : classNames.findIndex((known) => known.normalize("NFC") === composed);
}

function idsOf(asked: string | number, classNames: readonly string[]): number[] {
  const index = typeof asked === "string" ? indexOf(asked, classNames) : -1;
  if (index >= 0) return [index];
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
