/**
 * The error class of the project that somebody catches: what the user gave (an option, a file, a config key)
 * is wrong, and the message says where, what was required, what came, and what to do. The command line prints the
 * message alone and exits with status 2; a server would answer 4xx. Anything else that is thrown is our own mistake.
 */
export class InputError extends Error {
  override name = "InputError";
}

/** What was asked for is not there; nothing is wrong with what is, so that a caller may do without. */
export class AbsentError extends InputError {}

/** Throws an {@link InputError} with `message` unless `condition` holds. */
export function requireInput(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InputError(message);
}

/** What a read gives, or null where it is refused: for what can be made again, so that a damaged file is as good as none. */
export async function unlessRefused<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/** So many names a message lists; of more, the nearest few. */
const listed = 20;
const nearestListed = 5;

/**
 * The error for a name that is not in a known list: it lists what there is, of a long list the nearest five, and suggests
 * the nearest.
 *
 * @param where  the file or option, and the place there, e.g. `generate: classes`
 * @param given  the name that came
 * @param known  the names that exist
 */
export function unknownName(where: string, given: string, known: readonly string[]): InputError {
  const nearest = nearestName(given, known);
  const names =
    known.length <= listed
      ? `one of ${known.join(", ")}`
      : `one of ${known.length} names, of which the nearest are ${byDistance(given, known).slice(0, nearestListed).join(", ")}`;
  const hint = nearest ? `; did you mean "${nearest}"?` : "";
  return new InputError(`${where}: must be ${names}, got "${given}"${hint}`);
}

/** The known name that `given` is most like, if it is like one at all: a third of its letters may differ. */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const [nearest] = byDistance(given, known);
  const isLike = nearest !== undefined && distance(given, nearest) <= Math.max(2, given.length / 3);
  return isLike ? nearest : undefined;
}

/** The names from the one that `given` is most like. */
function byDistance(given: string, known: readonly string[]): string[] {
  const distances = new Map(known.map((name) => [name, distance(given, name)]));
  return [...known].sort((a, b) => distances.get(a)! - distances.get(b)!);
}

const distance = (a: string, b: string): number =>
  editDistance(a.normalize("NFC").toLowerCase(), b.normalize("NFC").toLowerCase());

/** Levenshtein distance: the fewest single-character insertions, deletions and substitutions from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitute, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
