/** What the Generate view asks for, what that costs here, and what came of it. */
import { computed, signal } from "@preact/signals";
import {
  type DecodePlan,
  type ImageRecord,
  InputError,
  modelPlanCost,
  type PlanCost,
  type PlanInput,
  resolveRequest,
  type Seed,
} from "../../src/browser.ts";
import { runJob } from "./job.ts";
import { type Link, writeLink } from "./link.ts";
import { planDifference, planStops, wholePlan } from "./plans.ts";
import { newSeries, type Series, withEvent, withMade } from "./series.ts";
import { callModel, openModel, sessions } from "./sessions.ts";
import { complain } from "./status.ts";

/** Class names that take turns; none: no condition. */
export const classes = signal<readonly string[]>([]);
export const seed = signal<Seed>(7);
export const count = signal(1);
export const firstIndex = signal(0);
/** Null until a model is open. */
export const plan = signal<DecodePlan | null>(null);
/** Of a restored edit: its tokens, -1 where one is made. */
export const given = signal<readonly number[] | null>(null);

/** The series that is shown. */
export const series = signal<Series | null>(null);
/** The step, from 1, up to which it is shown; null: as far as it is. */
export const shownStep = signal<number | null>(null);

/** The most images of one series here: they are decoded together, and seen together. */
export const mostImages = 16;

/** A model whose default plan takes less shows several images at once from the start. */
const lightMultiplyAdds = 2e9;

const model = computed(() => sessions.image.value?.model ?? null);

/** The stops of the budget dial. */
export const stops = computed(() => (model.value ? planStops(model.value) : []));

/** What the plan costs per image; null without a model. */
export const cost = computed<PlanCost | null>(() => {
  if (!model.value || !plan.value) return null;
  return resolveRequest({ plan: plan.value, ...startTokens() }, model.value).cost;
});

/** Seconds that this device is expected to take for the series; null: not known yet. `generated` makes it live. */
export const expectedSeconds = computed<number | null>(() => {
  void series.value; // what it learned from
  const session = sessions.image.value;
  return session && cost.value ? session.latency.seconds(cost.value, count.value) : null;
});

/** Takes a plan, or parts of one; what is wrong with it is said, and nothing changes. */
export function setPlan(input: PlanInput): void {
  if (!model.value) return;
  try {
    plan.value = wholePlan(model.value, input);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    complain(error.message);
  }
}

/** Start tokens of an edit that was restored. */
function startTokens(): { startTokens?: Int32Array } {
  const tokens = given.value;
  const size = model.value?.transformer.config.grid.reduce((product, extent) => product * extent, 1);
  if (!tokens || tokens.length !== size) return {};
  const maskId = model.value!.transformer.config.codebookSize;
  return { startTokens: Int32Array.from(tokens, (id) => (id < 0 ? maskId : id)) };
}

/** Decodes the series; what ran before is cancelled. */
export async function generate(): Promise<void> {
  const session = sessions.image.value ?? (await openModel("image").catch(sayWhy));
  if (!session) return;
  plan.value ??= session.model.plan;
  const asked = {
    classes: classes.value.length > 0 ? classes.value : null,
    seed: seed.value,
    count: count.value,
    firstIndex: firstIndex.value,
    plan: plan.value,
    batchSize: count.value,
    ...startTokens(),
  };
  let own = newSeries(session, {
    plan: plan.value,
    seed: asked.seed,
    count: asked.count,
    firstIndex: asked.firstIndex,
    maskedTokens: given.value?.filter((id) => id < 0).length,
  });
  await runJob("Decoding", async (signal) => {
    shownStep.value = null;
    const made = await callModel(
      "image",
      "generate",
      { request: asked, isWatched: true },
      {
        signal,
        onEvent: (event, session) => {
          if (signal.aborted) return;
          own = withEvent(own, event, session);
          series.value = own;
        },
      },
    );
    if (signal.aborted) return;
    series.value = withMade(own, given.value ? { ...made, given: given.value } : made, sessions.image.value!);
  });
}

/** How long a change waits for the next one, in milliseconds. */
const pause = 180;
let waiting: ReturnType<typeof setTimeout> | undefined;

/** The longest decode, in seconds, that starts by itself when something changes. */
const mostUnasked = 4;

/** Decodes when nothing has changed for a moment; a decode that would take long waits for somebody who asks for it. */
export function generateSoon(): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if ((expectedSeconds.value ?? 0) <= mostUnasked) void generate();
  }, pause);
}

function sayWhy(error: Error): null {
  complain(error.message);
  return null;
}

/** A seed nobody chose: short enough to say. */
export function drawSeed(): void {
  seed.value = crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000;
}

/** Takes what an address or a file says; the model is opened first. */
export async function restore(link: Link): Promise<void> {
  const session = await openModel("image", link.model);
  const base = session.model.plan;
  plan.value = link.plan ? wholePlan(session.model, link.plan) : base;
  const { classNames } = session.model;
  const unknown = link.classes?.find((name) => !classNames.includes(name));
  if (unknown !== undefined)
    complain(`Class "${unknown}" is not one of ${session.listed.name}'s; choose another one.`);
  const known = link.classes?.filter((name) => classNames.includes(name));
  classes.value = known ?? (classNames.includes("cat") ? ["cat"] : classNames.slice(0, 1));
  if (link.seed !== undefined) seed.value = link.seed;
  const usual =
    modelPlanCost(session.model.transformer.config, base).multiplyAdds < lightMultiplyAdds ? 4 : 1;
  count.value = Math.max(1, Math.min(mostImages, link.count ?? usual));
  firstIndex.value = link.firstIndex ?? 0;
  given.value = link.given ?? null;
}

/** The record of an image, as an address says it: that image alone. */
export const linkOf = (record: ImageRecord): Link => ({
  view: "generate",
  model: record.model,
  classes: record.class === null ? [] : [record.class],
  seed: record.seed,
  count: 1,
  firstIndex: record.index,
  plan: record.plan,
  ...(record.given && { given: record.given }),
});

/** What stands in the address. */
export const link = computed<string>(() => {
  const session = sessions.image.value;
  if (!session || !plan.value) return "";
  return writeLink({
    view: "generate",
    model: session.listed.name,
    classes: classes.value,
    seed: seed.value,
    count: count.value,
    firstIndex: firstIndex.value,
    plan: planDifference(plan.value, session.model.plan),
    ...(given.value && { given: given.value }),
  });
});
