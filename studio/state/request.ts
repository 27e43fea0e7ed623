/** What a view asks of a model, what that costs here, and what came of it: one of images, one of videos. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
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
import type { Made } from "../engine/protocol.ts";
import { runJob, sentenceOf } from "./job.ts";
import { type Link, writeLink } from "./link.ts";
import { type PlanStop, planDifference, planStops, wholePlan } from "./plans.ts";
import { newSeries, type Series, withEvent, withMade } from "./series.ts";
import { callModel, type Kind, openModel, type Session, sessions } from "./sessions.ts";
import { complain, forgetFile, notice } from "./status.ts";

/** The most images of one series here: they are decoded together, and seen together. */
export const mostImages = 16;

/** A model whose default plan takes less shows several images at once from the start. */
const lightMultiplyAdds = 2e9;

/** How long a change waits for the next one, in milliseconds. */
const pause = 180;

/** The longest decode, in seconds, that starts by itself when something changes. */
const mostUnasked = 4;

export interface Asking {
  readonly kind: Kind;
  /** Class names that take turns; none: no condition. */
  readonly classes: Signal<readonly string[]>;
  readonly seed: Signal<Seed>;
  readonly count: Signal<number>;
  readonly firstIndex: Signal<number>;
  /** Null until a model is open. */
  readonly plan: Signal<DecodePlan | null>;
  /** The series that is shown. */
  readonly series: Signal<Series | null>;
  /** The step, from 1, up to which it is shown; null: as far as it is. */
  readonly shownStep: Signal<number | null>;
  /** The stops of the budget dial. */
  readonly stops: ReadonlySignal<readonly PlanStop[]>;
  /** What the plan costs per image; null without a model. */
  readonly cost: ReadonlySignal<PlanCost | null>;
  /** Seconds that this device is expected to take for the series; null: not known yet. */
  readonly expectedSeconds: ReadonlySignal<number | null>;
  /** Something has changed, and a decode will begin in a moment. */
  readonly isPending: ReadonlySignal<boolean>;
  /** What stands in the address. */
  readonly link: ReadonlySignal<string>;
  /** Takes a plan, or parts of one, of a person's own making; what is wrong with it is said, and nothing changes. */
  setPlan(input: PlanInput): void;
  /** Decodes the series; what ran before is cancelled. */
  decode(): Promise<void>;
  /** Decodes when nothing has changed for a moment; a decode that would take long waits for somebody who asks for it. */
  decodeSoon(): void;
  /** Takes a plan from a file. Throws InputError that names the file, and nothing changes. */
  takePlan(input: PlanInput, file: string): void;
  /**
   * Takes what an address or a file says; the model is opened first. What cannot be taken is said in one sentence, and the
   * rest is taken. Throws InputError for a model that is not there.
   *
   * @param from  what says it, for the message
   * @returns whether it can be decoded as it was meant: not where a class is unknown
   */
  restore(link: Link, from?: string): Promise<boolean>;
}

function createAsking(kind: Kind, view: string): Asking {
  const session = sessions[kind];
  const model = computed(() => session.value?.model ?? null);
  const classes = signal<readonly string[]>([]);
  const seed = signal<Seed>(7);
  const count = signal(1);
  const firstIndex = signal(0);
  const plan = signal<DecodePlan | null>(null);
  const given = signal<readonly number[] | null>(null);
  const series = signal<Series | null>(null);
  const shownStep = signal<number | null>(null);
  const isPending = signal(false);
  let waiting: ReturnType<typeof setTimeout> | undefined;

  const stops = computed(() => (model.value ? planStops(model.value) : []));
  const cost = computed(() => {
    if (!model.value || !plan.value) return null;
    return resolveRequest({ plan: plan.value, ...startTokens(model.value) }, model.value).cost;
  });
  const expectedSeconds = computed(() => {
    const open = session.value;
    return open && cost.value ? open.latency.seconds(cost.value, count.value) : null;
  });
  const link = computed(() => {
    if (!session.value || !plan.value) return "";
    return writeLink({
      view,
      model: session.value.listed.name,
      classes: classes.value,
      seed: seed.value,
      count: count.value,
      firstIndex: firstIndex.value,
      plan: planDifference(plan.value, session.value.model.plan),
      ...(given.value && { given: given.value }),
    });
  });

  /** Start tokens of an edit that was restored. */
  function startTokens({ transformer: { config } }: Session["model"]): { startTokens?: Int32Array } {
    if (!given.value) return {};
    return { startTokens: Int32Array.from(given.value, (id) => (id < 0 ? config.codebookSize : id)) };
  }

  function setPlan(input: PlanInput): void {
    if (!model.value) return;
    try {
      plan.value = wholePlan(model.value, input);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      complain(error.message);
    }
  }

  function takePlan(input: PlanInput, file: string): void {
    if (!model.value) throw new InputError(`${file}: a plan needs an open model; choose one above`);
    try {
      plan.value = wholePlan(model.value, input);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      throw new InputError(`${file}: ${error.message} (for ${session.value!.listed.name})`);
    }
  }

  async function decode(): Promise<void> {
    clearTimeout(waiting);
    isPending.value = false;
    await runJob("Decoding", async (signal) => {
      const open = session.value ?? (await openModel(kind));
      plan.value ??= open.model.plan;
      const asked = {
        plan: plan.value,
        seed: seed.value,
        count: plan.value.unmask ? 1 : count.value, // with an entropy rule each image has steps of its own
        firstIndex: firstIndex.value,
      };
      const request = {
        ...asked,
        classes: classes.value.length > 0 ? classes.value : null,
        batchSize: asked.count,
        ...startTokens(open.model),
      };
      const restored = given.value;
      let own = newSeries(open, {
        ...asked,
        ...(restored && { maskedTokens: restored.filter((id) => id < 0).length }),
      });
      shownStep.value = null;
      const made: Made = await callModel(
        kind,
        "generate",
        { request, isWatched: true },
        {
          signal,
          onEvent: (event, from) => {
            if (signal.aborted) return;
            own = withEvent(own, event, from);
            series.value = own;
          },
        },
      );
      if (signal.aborted) return;
      series.value = withMade(own, restored ? { ...made, given: restored } : made, session.value!);
    });
  }

  function decodeSoon(): void {
    clearTimeout(waiting);
    isPending.value = true;
    waiting = setTimeout(() => {
      isPending.value = false;
      if ((expectedSeconds.value ?? 0) <= mostUnasked) void decode();
    }, pause);
  }

  async function restore(wanted: Link, from = "the link"): Promise<boolean> {
    const open = await openModel(kind, wanted.model);
    const { plan: base, classNames, transformer } = open.model;
    const { name } = open.listed;
    const refused = [...(wanted.unread ?? [])];
    plan.value = base;
    try {
      if (wanted.plan) plan.value = wholePlan(open.model, wanted.plan);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      refused.push(error.message);
    }
    const unknown = wanted.classes?.filter((own) => !classNames.includes(own)) ?? [];
    for (const own of unknown) refused.push(`class=${own} (${name} has no such class; choose one)`);
    const usual = classNames.includes("cat") ? ["cat"] : classNames.slice(0, 1);
    classes.value = wanted.classes?.filter((name) => classNames.includes(name)) ?? usual;
    if (wanted.seed !== undefined) seed.value = wanted.seed;
    const isLight = modelPlanCost(transformer.config, base).multiplyAdds < lightMultiplyAdds;
    const usualCount = isLight && kind === "image" ? 4 : 1;
    const isCount = wanted.count === undefined || (wanted.count >= 1 && wanted.count <= mostImages);
    if (!isCount) refused.push(`count=${wanted.count} (1 to ${mostImages})`);
    count.value = isCount ? (wanted.count ?? usualCount) : usualCount;
    firstIndex.value = wanted.firstIndex ?? 0;
    given.value = wanted.given && fits(wanted.given, open) ? wanted.given : null;
    if (wanted.given && !given.value) {
      refused.push(`given (tokens that do not fit ${name}: another model of that name made this image)`);
    }
    if (refused.length > 0) complain(`Not taken from ${from}: ${refused.join("; ")}. The rest is.`);
    return unknown.length === 0;
  }

  return {
    ...{
      kind,
      classes,
      seed,
      count,
      firstIndex,
      plan,
      series,
      shownStep,
      stops,
      cost,
      expectedSeconds,
      link,
    },
    ...{ isPending, setPlan, takePlan, decode, decodeSoon, restore },
  };
}

/** Whether tokens are a whole grid of a model's codes, with at least one to make. */
function fits(given: readonly number[], { model }: Session): boolean {
  const { grid, codebookSize } = model.transformer.config;
  const size = grid.reduce((product, extent) => product * extent, 1);
  return given.length === size && given.includes(-1) && given.every((id) => id >= -1 && id < codebookSize);
}

export const images = createAsking("image", "generate");
export const videos = createAsking("video", "video");

/** A seed nobody chose: short enough to say. */
export const drawnSeed = (): Seed => crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000;

/** The record of an image, as an address says it: that image alone. */
export const linkOf = (view: string, record: ImageRecord): Link => ({
  view,
  model: record.model,
  classes: record.class === null ? [] : [record.class],
  seed: record.seed,
  count: 1,
  firstIndex: record.index,
  plan: record.plan,
  ...(record.given && { given: record.given }),
});

/** Takes a file; what it is refused for is told until the next one is taken, or something else succeeds. */
export async function toldOfFile(work: Promise<unknown>): Promise<void> {
  try {
    const before = notice.peek();
    await work;
    if (notice.peek() === before) forgetFile();
  } catch (error) {
    complain(sentenceOf(error), { isOfFile: true });
  }
}

/** Tells what refuses, and goes on. */
export async function told(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    complain(sentenceOf(error));
  }
}
