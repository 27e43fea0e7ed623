/** Deadlines of one model in one runner: what this device needs, the plan to begin with, and how it is kept. */
import { requireInput } from "../core/errors.ts";
import type { DecodePlan } from "../decoding/plan.ts";
import { transformerFacts } from "../models/transformer/facts.ts";
import { planFamily } from "../planning/budget.ts";
import { keepDeadline, planInTime, type Timing } from "../planning/deadline.ts";
import { secondsOfSteps } from "../planning/latency.ts";
import { calibratedTiming, type MeasurementStore, noMeasurements } from "./calibration.ts";
import { modelPlanCost } from "./choose-plan.ts";
import type { GenerativeModel } from "./model.ts";

export interface DeadlineRequest {
  readonly deadlineMs: number;
  /** Images, decoded together. */
  readonly count: number;
  /** The plan that others are made from; where it is the model's default, its measured plans are asked first. */
  readonly decodePlan: DecodePlan;
  /** N0; all tokens unless editing. */
  readonly maskedTokens?: number;
  readonly signal?: AbortSignal;
}

/** What a plan is predicted to take on this device. */
export interface TimedPlan {
  readonly plan: DecodePlan;
  /** Of each step that runs. */
  readonly stepSeconds: readonly number[];
  /** Of the tokenizer's decoder. */
  readonly decoderSeconds: number;
  /** All of it. */
  readonly seconds: number;
}

export interface Deadlines {
  /**
   * The plan to begin with.
   *
   * @throws InputError for a deadline that no plan can keep, saying the least one
   */
  plan(request: DeadlineRequest): Promise<TimedPlan>;
  /** The same, and how to keep the deadline; `keep` starts it and gives the decode's `replan`. */
  begin(request: DeadlineRequest): Promise<{
    readonly plan: DecodePlan;
    /** @param now  seconds since the decode began */
    keep(now: () => number): (plan: DecodePlan, step: number) => DecodePlan;
  }>;
}

/** What the device is asked to do while it is timed. */
export interface TimedWork {
  /** Keeps what was found; default: nothing is kept. */
  readonly measurements?: MeasurementStore;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Decodes so many images and throws them away. */
  decodeTokens(
    batch: number,
    plan: DecodePlan,
    hooks: { signal?: AbortSignal; onStep: () => void },
  ): Promise<void>;
  /** Makes so many images of any tokens. */
  makeImages(batch: number): Promise<void>;
}

export function openDeadlines(model: GenerativeModel, work: TimedWork): Deadlines {
  const { config } = model.transformer;
  const facts = transformerFacts(config);
  const timings = new Map<string, Promise<Timing>>();

  /** What decodes of so many images take, guided and filtered as the plan is; found once. */
  function timingOf({ count: batch, decodePlan: plan, signal }: DeadlineRequest): Promise<Timing> {
    // Which graphs run, and not by which numbers: times are the same, and callers may try many.
    const isFiltered = plan.topK !== null || plan.topP !== null;
    const key = JSON.stringify([batch, plan.guidance.scale > 0, isFiltered, plan.minP !== null]);
    const known = timings.get(key);
    if (known) return known;
    const timing = calibratedTiming({
      facts,
      plan,
      batch,
      measurements: work.measurements ?? noMeasurements,
      now: work.now,
      decodeTokens: (timed, onStep) => work.decodeTokens(batch, timed, { signal, onStep }),
      makeImages: () => work.makeImages(batch),
    });
    timings.set(key, timing);
    timing.catch(() => timings.delete(key)); // asked for again, it is tried again
    return timing;
  }

  async function chosen(request: DeadlineRequest): Promise<{ plan: DecodePlan; timing: Timing }> {
    const { deadlineMs, decodePlan, maskedTokens } = request;
    requireInput(
      deadlineMs > 0,
      `generate: deadlineMs must be a number of milliseconds above 0, got ${deadlineMs}`,
    );
    const timing = await timingOf(request);
    const isDefault = JSON.stringify(decodePlan) === JSON.stringify(model.plan);
    const choice = {
      paretoFront: isDefault ? (model.paretoFront?.plans ?? []) : [],
      family: planFamily(config.factors, decodePlan),
    };
    return { plan: planInTime(facts, choice, timing, deadlineMs / 1000, maskedTokens), timing };
  }

  return {
    async plan(request) {
      const { plan, timing } = await chosen(request);
      const cost = modelPlanCost(config, plan, request.maskedTokens);
      return {
        plan,
        stepSeconds: cost.steps.map(timing.secondsOf),
        decoderSeconds: timing.tailSeconds,
        seconds: secondsOfSteps(cost, timing.secondsOf) + timing.tailSeconds,
      };
    },
    async begin(request) {
      const { plan, timing } = await chosen(request);
      const { maskedTokens = facts.gridTokens, deadlineMs } = request;
      const keep = (now: () => number) =>
        keepDeadline({ ...timing, model: facts, maskedTokens, wanted: plan, now, endsAt: deadlineMs / 1000 });
      return { plan, keep };
    },
  };
}
