/**
 * The page's state in its address, after the `#`, so that no server sees it: the view, the model, and what makes its images
 * again. The plan stands there as what differs from the model's default.
 */
import type { PlanInput, Seed } from "../../src/browser.ts";

/** What an address says; left out: as it is by default. */
export interface Link {
  readonly view?: string;
  readonly model?: string;
  readonly classes?: readonly string[];
  readonly seed?: Seed;
  readonly count?: number;
  readonly firstIndex?: number;
  /** Not yet checked. */
  readonly plan?: PlanInput;
  /** Of an edited image: [N] the tokens that were given, -1 where one is made. */
  readonly given?: readonly number[];
  /** A training, and one of its networks. */
  readonly run?: string;
  readonly stage?: string;
  /** What stands in the address and is no value, "seed=x"; with what it must be. */
  readonly unread?: readonly string[];
}

/** What a seed must be. */
export const seedRule = "a whole number from 0 to 18446744073709551615";

/** Of "#view=generate&seed=7"; what is not understood is told as `unread`, and the rest taken. */
export function readLink(hash: string): Link {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const whole = (name: string): number | undefined => {
    const text = fields.get(name);
    return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  };
  const seed = readSeed(fields.get("seed") ?? "");
  const [count, firstIndex] = [whole("count"), whole("first")];
  const plan = readPlan(fields.get("plan"));
  const given = fields.get("given")?.split(".").map(Number);
  const isGiven = given?.every(Number.isInteger) ?? false;
  const isUnread = (name: string, isRead: boolean): boolean => fields.has(name) && !isRead;
  const unread = [
    ...(isUnread("seed", seed !== null) ? [`seed=${fields.get("seed")} (${seedRule})`] : []),
    ...(isUnread("count", count !== undefined) ? [`count=${fields.get("count")} (a whole number)`] : []),
    ...(isUnread("first", firstIndex !== undefined) ? [`first=${fields.get("first")} (a whole number)`] : []),
    ...(isUnread("plan", plan !== null) ? ["plan (an object in JSON)"] : []),
    ...(isUnread("given", isGiven) ? ["given (tokens, whole numbers with dots between them)"] : []),
  ];
  return {
    ...(fields.has("view") && { view: fields.get("view")! }),
    ...(fields.has("model") && { model: fields.get("model")! }),
    ...(fields.has("class") && { classes: fields.getAll("class").filter(Boolean) }),
    ...(seed !== null && { seed }),
    ...(count !== undefined && { count }),
    ...(firstIndex !== undefined && { firstIndex }),
    ...(plan && { plan }),
    ...(given && isGiven && { given }),
    ...(fields.has("run") && { run: fields.get("run")! }),
    ...(fields.has("stage") && { stage: fields.get("stage")! }),
    ...(unread.length > 0 && { unread }),
  };
}

/** "view=generate&seed=7". */
export function writeLink({
  view,
  model,
  classes,
  seed,
  count,
  firstIndex,
  plan,
  given,
  run,
  stage,
}: Link): string {
  const fields = new URLSearchParams();
  if (view) fields.set("view", view);
  if (model) fields.set("model", model);
  for (const name of classes?.length === 0 ? [""] : (classes ?? [])) fields.append("class", name);
  if (seed !== undefined) fields.set("seed", String(seed));
  if (count !== undefined) fields.set("count", String(count));
  if (firstIndex) fields.set("first", String(firstIndex));
  if (plan && Object.keys(plan).length > 0) fields.set("plan", JSON.stringify(plan));
  if (given) fields.set("given", given.join("."));
  if (run) fields.set("run", run);
  if (stage) fields.set("stage", stage);
  return fields.toString();
}

/** A seed from text; null: it is none. */
export function readSeed(text: string): Seed | null {
  if (!/^\d{1,20}$/.test(text.trim())) return null;
  const seed = BigInt(text.trim());
  if (seed >= 1n << 64n) return null;
  return seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed;
}

function readPlan(text: string | null): PlanInput | null {
  try {
    const plan: unknown = JSON.parse(text ?? "null");
    return typeof plan === "object" && plan !== null && !Array.isArray(plan) ? (plan as PlanInput) : null;
  } catch {
    return null;
  }
}
