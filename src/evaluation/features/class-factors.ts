/**
 * Class names that say several things at once: "cat bounce", "cat spin", "fish bounce", "fish spin" are a thing and a
 * motion each. A classifier of such classes is right or wrong about either. C classes.
 */
import { accuracyOf, type ClassifiedSet } from "./classify-images.ts";

/** What one word of the class names says. */
export interface ClassFactor {
  /** Its words, in the order of the classes that first have them. */
  readonly values: readonly string[];
  /** [C], the place in `values` of every class. */
  readonly ofClass: readonly number[];
}

/**
 * One factor per word: where all names have as many words, at least two, and every combination of words is a class.
 *
 * @returns the factors in the order of the words; none where the names are no such product
 */
export function classFactors(classNames: readonly string[]): ClassFactor[] {
  const words = classNames.map((name) => name.split(" "));
  const count = words[0]?.length ?? 0;
  if (count < 2 || words.some(({ length }) => length !== count)) return [];
  const factors = Array.from({ length: count }, (_, place) => {
    const values = [...new Set(words.map((name) => name[place]!))];
    return { values, ofClass: words.map((name) => values.indexOf(name[place]!)) };
  });
  const combinations = factors.reduce((all, { values }) => all * values.length, 1);
  const isProduct = new Set(classNames).size === classNames.length && classNames.length === combinations;
  return isProduct ? factors : [];
}

/** The share of images of which each factor is recognised, in [0, 1]; the rest of the class may be wrong. */
export function factorAccuracies(
  { classIds, predictedIds }: Pick<ClassifiedSet, "classIds" | "predictedIds">,
  factors: readonly ClassFactor[],
): number[] {
  return factors.map(({ ofClass }) => {
    const wordOf = (classId: number) => ofClass[classId]!;
    return accuracyOf({ classIds: classIds.map(wordOf), predictedIds: predictedIds.map(wordOf) });
  });
}
