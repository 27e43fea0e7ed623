/**
 * The one way in for what a user wrote: a zod schema says what is allowed, {@link parse} reads by it, and every refusal
 * has the form
 *
 *     <file or option>: <path>: must be <what is allowed>, got <value>; <what to do, or "did you mean ...?">
 *
 * What is allowed is told from the schema itself (by way of its JSON Schema), so that no message restates a rule. A rule
 * between several fields is a `superRefine` that calls {@link addIssue}; one that needs more than the value itself, a
 * plan that must fit a model say, throws an {@link invalidValue}.
 */
import { z } from "zod";
import { InputError, nearestName } from "./errors.ts";

/** Keys and list indices from the outside in. */
export type Path = readonly PropertyKey[];

/** The file or option that a value came from; a function where different parts of it came from different places. */
export type Where = string | ((path: Path) => string);

/**
 * Reads a value by a schema, which fills in defaults.
 *
 * A schema's `.meta({ allowed, remedy })` puts words of its own for what is allowed, and says what to do.
 *
 * @param value  not trusted
 * @param where  what messages begin with, e.g. `generation_config.json` or `--set`
 * @param path   the place of the value within it, e.g. `["plan"]`
 * @throws InputError with one line for everything that is wrong
 */
export function parse<S extends z.ZodType>(
  schema: S,
  value: unknown,
  where: Where,
  path: Path = [],
): z.output<S> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const allowed = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Allowed;
  // An unknown key first: it is often why another one is missing.
  const isUnknownKey = ({ code }: z.core.$ZodIssue) => (code === "unrecognized_keys" ? 0 : 1);
  const issues = parsed.error.issues.flatMap(innermost).sort((a, b) => isUnknownKey(a) - isUnknownKey(b));
  throw new InputError(issues.flatMap((issue) => messagesOf(issue, allowed, where, path)).join("\n"));
}

/** What a rule between fields, in a schema's `superRefine`, reports. */
export interface Issue {
  /** The field to blame, from the schema's value on. */
  readonly path: PropertyKey[];
  /** `must ...`. */
  readonly must: string;
  readonly got: unknown;
  readonly remedy?: string;
}

/** Reports from within a `superRefine` that a rule between fields is broken. */
export function addIssue(context: z.core.$RefinementCtx, { path, must, got, remedy }: Issue): void {
  context.addIssue({ code: "custom", path, message: must, input: got, params: { remedy } });
}

/** The error for a value that breaks a rule which no schema can hold. `must` begins with that word. */
export function invalidValue(
  where: Where,
  path: Path,
  must: string,
  got: unknown,
  remedy?: string,
): InputError {
  return new InputError(sentence(where, path, must, show(got), remedy));
}

/** A value as it reads in a message: text in quotes, `undefined` as "nothing", and of much only the beginning. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = (typeof value === "object" ? JSON.stringify(value) : null) ?? literal(value);
  return text.length > 100 ? `${text.slice(0, 97)}...` : text;
}

const literal = (value: unknown): string =>
  typeof value === "string" ? JSON.stringify(value) : String(value);

function sentence(where: Where, path: Path, must: string, got: string, remedy?: string): string {
  const source = typeof where === "string" ? where : where(path);
  const place = path.length > 0 ? `${source}: ${printPath(path)}` : source;
  return `${place}: ${must}, got ${got}${remedy ? `; ${remedy}` : ""}`;
}

/** `plans[0].plan.steps`. */
function printPath(path: Path): string {
  return path
    .map((key, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`))
    .join("");
}

/**
 * Of a value that is none of several alternatives, what is wrong in the one that was meant: the alternative that it has
 * the type of. The issue itself where that is not clear.
 */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== "invalid_union") return [issue];
  const meant = issue.errors.filter(
    (issues) => issues.length > 0 && issues.every(({ code, path }) => path.length > 0 || !isOfKind(code)),
  );
  if (meant.length !== 1) return [issue];
  return meant[0]!.flatMap((inner) => innermost({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** Whether an issue says that the value is of another kind altogether. */
const isOfKind = (code: string): boolean => code === "invalid_type" || code === "invalid_value";

function messagesOf(issue: z.core.$ZodIssue, root: Allowed, where: Where, outer: Path): string[] {
  const path = [...outer, ...issue.path];
  if (issue.code === "custom" && issue.message.startsWith("must ")) {
    return [sentence(where, path, issue.message, show(issue.input), issue.params?.remedy)];
  }
  const places = allowedAt(root, issue.path);
  if (issue.code === "unrecognized_keys") {
    const { input } = issue;
    return issue.keys.map((key) => unknownKey(places, input ?? {}, key, where, path));
  }
  const got = inputOf(issue);
  const nearest = isText(got) ? nearestName(got, constantsOf(places).filter(isText)) : undefined;
  const remedy = nearest ? `did you mean "${nearest}"?` : places.find((place) => place.remedy)?.remedy;
  return [sentence(where, path, `must be ${describe(places)}`, show(got), remedy)];
}

/** The value at an issue's path. Where no alternative has the `kind` that was given, zod tells the object around it. */
function inputOf({ code, input, path }: z.core.$ZodIssue): unknown {
  const key = path.at(-1);
  const isAround = code === "invalid_union" && key === "kind" && typeof input === "object" && input !== null;
  return isAround ? (input as Record<string, unknown>).kind : input;
}

const isText = (value: unknown): value is string => typeof value === "string";

/** A key that an object must not have: a misspelt one, or one that only another kind of object has. */
function unknownKey(
  places: readonly Allowed[],
  given: Record<string, unknown>,
  key: string,
  where: Where,
  path: Path,
): string {
  const kinds = places.filter((place) => place.properties);
  const own = kinds.filter((place) => constantsOf([place.properties!.kind ?? {}]).includes(given.kind));
  const place = own[0] ?? kinds[0];
  if (kinds.some((other) => Object.hasOwn(other.properties!, key))) {
    return sentence(
      where,
      [...path, key],
      `must be left out where kind is "${given.kind}"`,
      show(given[key]),
    );
  }
  const known = Object.keys(place?.properties ?? {});
  const now = renamedKeys[key];
  const nearest = now && known.includes(now) ? now : nearestName(key, known);
  const originOf: Where = typeof where === "string" ? where : () => where([...path, key]);
  const hint = nearest ? `did you mean "${nearest}"?` : undefined;
  return sentence(originOf, path, `must have no other keys than ${known.join(", ")}`, `"${key}"`, hint);
}

/** Keys by the names that they once had in plans and configurations. */
const renamedKeys: Readonly<Record<string, string>> = {
  sizes: "modelSchedule",
  front: "paretoFront",
  flip: "randomFlip",
  isMirrored: "randomFlip",
  absoluteWeight: "l1Weight",
  clipsPerFile: "videosPerFile",
  judge: "classifier",
  guidance: "guidanceScale",
  batch: "batchSize",
  class: "classes",
};

/** What of JSON Schema zod's schemas come to, with the words that `.meta` adds. */
interface Allowed {
  readonly allowed?: string;
  readonly remedy?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Allowed[];
  readonly oneOf?: readonly Allowed[];
  readonly allOf?: readonly Allowed[];
  readonly properties?: Readonly<Record<string, Allowed>>;
  readonly items?: Allowed;
  readonly prefixItems?: readonly Allowed[];
  readonly minItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** The alternatives for what may stand at a place. */
function allowedAt(root: Allowed, path: Path): readonly Allowed[] {
  let places = alternatives(root);
  for (const key of path) {
    const within = places
      .flatMap((place) =>
        typeof key === "number" ? (place.prefixItems?.[key] ?? place.items) : place.properties?.[String(key)],
      )
      .flatMap((place) => (place ? alternatives(place) : []));
    // Where nothing tells of the inside, words for the whole stand for it.
    places = within.length > 0 ? within : places.filter((place) => place.allowed);
  }
  return places;
}

function alternatives(place: Allowed): readonly Allowed[] {
  if (place.allowed) return [place];
  const several = place.anyOf ?? place.oneOf ?? place.allOf;
  return several ? several.flatMap(alternatives) : [place];
}

/** The values that are allowed by name. */
const constantsOf = (places: readonly Allowed[]): readonly unknown[] =>
  places.flatMap((place) => place.enum ?? ("const" in place ? [place.const] : []));

/** `"a", "b" or a whole number of at least 1`. */
function describe(places: readonly Allowed[]): string {
  const isNamed = (place: Allowed) => place.allowed === undefined && constantsOf([place]).length > 0;
  const constants = constantsOf(places.filter(isNamed)).map(literal);
  const others = places.filter((place) => !isNamed(place));
  const objects = others.filter((place) => place.properties && place.allowed === undefined);
  const whole: Allowed = {
    type: "object",
    properties: Object.assign({}, ...objects.map((place) => place.properties)),
  };
  const rest = others.filter((place) => !objects.includes(place)).map(describeOne);
  const all = [...new Set([...constants, ...rest, ...(objects.length > 0 ? [describeOne(whole)] : [])])];
  return all.length < 2 ? (all[0] ?? "something else") : `${all.slice(0, -1).join(", ")} or ${all.at(-1)}`;
}

function describeOne(place: Allowed): string {
  if (place.allowed) return place.allowed;
  switch (place.type) {
    case "integer":
      return `a whole number${rangeOf(place)}`;
    case "number":
      return `a number${rangeOf(place)}`;
    case "boolean":
      return "true or false";
    case "string":
      return "text";
    case "null":
      return "null";
    case "array":
      return listOf(place);
    case "object":
      return place.properties ? `an object with ${Object.keys(place.properties).join(", ")}` : "an object";
    default:
      return "something else";
  }
}

function listOf({ prefixItems, items, minItems }: Allowed): string {
  if (prefixItems)
    return `a list of ${prefixItems.length}: ${prefixItems.map((item) => describe([item])).join(", ")}`;
  const entries = items ? `, each ${describe(alternatives(items))}` : "";
  return `a list${minItems ? ` of at least ${minItems}` : ""}${entries}`;
}

/** ` of at least 1`, ` above 0`, ` in 1..8`, ` in [0, 1)`. */
function rangeOf({ type, minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Allowed): string {
  // Whole numbers come with the bounds of what a double counts exactly, which nobody wants to read.
  const isBound = (bound?: number): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const least = [minimum, exclusiveMinimum].find(isBound);
  const most = [maximum, exclusiveMaximum].find(isBound);
  const [opening, closing] = [isBound(exclusiveMinimum) ? "(" : "[", isBound(exclusiveMaximum) ? ")" : "]"];
  if (least !== undefined && most !== undefined) {
    return type === "integer" && opening + closing === "[]"
      ? ` in ${least}..${most}`
      : ` in ${opening}${least}, ${most}${closing}`;
  }
  if (least !== undefined) return `${opening === "(" ? " above" : " of at least"} ${least}`;
  if (most !== undefined) return `${closing === ")" ? " below" : " of at most"} ${most}`;
  return "";
}
