/**
 * What decoding takes on this device, found by a few short decodes: every sub-model, guided and not, in full passes and
 * in partial ones of several sizes. It takes about as long as thirty quick decodes, and is kept in a file.
 */

import { type DecodePlan, makePlan } from "../decoding/plan.ts";
import type { transformerFacts } from "../models/transformer/facts.ts";
import { planCost } from "../planning/cost.ts";
import type { Timing } from "../planning/deadline.ts";
import { type PassTime, passesOf, stepSeconds } from "../planning/latency.ts";

/**
 * Keeps what was measured: gives what was found under these facts before, or else what `measure` finds now.
 *
 * @param facts    all that the figures depend on besides the model and the device, as JSON
 * @param measure  gives what JSON can hold
 */
export type MeasurementStore = <Found>(
  facts: unknown,
  measure: () => Promise<Found>,
) => Promise<{ readonly found: Found; readonly isCached: boolean }>;

/** Keeps nothing. */
export const noMeasurements: MeasurementStore = async (_facts, measure) => ({
  found: await measure(),
  isCached: false,
});

export interface CalibrationOptions {
  readonly facts: ReturnType<typeof transformerFacts>;
  /** Whose guidance and filters are timed. */
  readonly plan: DecodePlan;
  /** Images decoded together. */
  readonly batch: number;
  readonly measurements: MeasurementStore;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Decodes a batch of `batch` images and throws it away. */
  readonly decodeTokens: (plan: DecodePlan, onStep: () => void) => Promise<void>;
  /** Makes `batch` images of any tokens. */
  readonly makeImages: () => Promise<void>;
}

interface Calibration {
  readonly passes: readonly PassTime[];
  readonly tailSeconds: number;
}

/**
 * How often each decode is timed; the first run, which compiles and allocates, is not. The quickest counts: times are
 * kept, but what else the machine does comes and goes, and decodes answer to it while they run.
 */
const rounds = 3;

/**
 * Times the device, or reads what was found before; graphs are compiled when it returns.
 *
 * @throws what decoding throws
 */
export async function calibratedTiming(options: CalibrationOptions): Promise<Timing> {
  const { batch, plan, measurements } = options;
  const plans = timedPlans(options);
  const { topK, topP, minP } = plan;
  const facts = { figure: "seconds (2)", batch, topK, topP, minP, plans };
  const { found, isCached } = await measurements(facts, () => calibrate(options, plans));
  if (isCached) await warmUp(options, plans);
  return { secondsOf: stepSeconds(found.passes, batch), tailSeconds: found.tailSeconds };
}

/** One decode per sub-model, and guided ones too where the plan is guided, from the largest to the smallest. */
function timedPlans({ facts, plan }: Pick<CalibrationOptions, "facts" | "plan">): DecodePlan[] {
  const { scale } = plan.guidance;
  return [...facts.factors]
    .sort((a, b) => a - b)
    .flatMap((factor) =>
      (scale === 0 ? [0] : [0, scale]).map((scale) =>
        makePlan({
          // Four partial steps over all, half, a third and a fifth of the tokens.
          modelSchedule: [{ factor, steps: 5 }],
          maskSchedule: { kind: "pow", exponent: 0.5 },
          topK: plan.topK,
          topP: plan.topP,
          minP: plan.minP,
          guidance: { scale },
        }),
      ),
    );
}

async function calibrate(options: CalibrationOptions, plans: readonly DecodePlan[]): Promise<Calibration> {
  const { facts, batch, makeImages, now } = options;
  const passes: PassTime[] = [];
  for (const plan of plans) {
    const seconds: number[][] = [];
    for (let round = 0; round <= rounds; round++) seconds.push(await timedSteps(options, plan));
    for (const [i, step] of planCost(facts, plan).steps.entries()) {
      const [pass] = passesOf(step, batch);
      passes.push({ ...pass!, seconds: Math.min(...seconds.slice(1).map((round) => round[i]!)) });
    }
  }
  const tails: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = now();
    await makeImages();
    tails.push((now() - before) / 1000);
  }
  return { passes, tailSeconds: Math.min(...tails.slice(1)) };
}

/** Compiles and allocates without timing: the smallest sub-model, guided and not. */
async function warmUp(options: CalibrationOptions, plans: readonly DecodePlan[]): Promise<void> {
  const smallest = plans.at(-1)!.modelSchedule[0]!.factor;
  for (const plan of plans)
    if (plan.modelSchedule[0]!.factor === smallest) await options.decodeTokens(plan, () => {});
  await options.makeImages();
}

/** The seconds of each step of a decode. */
async function timedSteps({ decodeTokens, now }: CalibrationOptions, plan: DecodePlan): Promise<number[]> {
  const seconds: number[] = [];
  let before = now();
  await decodeTokens(plan, () => {
    const after = now();
    seconds.push((after - before) / 1000);
    before = after;
  });
  return seconds;
}
