/**
 * How long a decode will take here, from the steps that ran: seconds = base x passes + slope x multiply-adds, both at least 0,
 * by least squares over what was seen. It begins with the first decode and gets better with every one.
 *
 * B images of one batch.
 */
import { signal } from "@preact/signals";
import type { PlanCost, StepCost } from "../../src/browser.ts";

/** Runs of the network in a step: its two branches run joined where they have one size. */
const passesOf = ({ factor, unconditionalFactor }: StepCost): number =>
  unconditionalFactor === null || unconditionalFactor === factor ? 1 : 2;

const multiplyAddsOf = (step: StepCost): number =>
  step.conditionalMultiplyAdds + step.unconditionalMultiplyAdds;

/** Which compiled graphs a step runs. */
const graphsOf = ({ factor, unconditionalFactor, isFull, isCacheRead }: StepCost): string =>
  [factor, unconditionalFactor, isFull, isCacheRead].join();

interface Sample {
  readonly passes: number;
  readonly multiplyAdds: number;
  readonly seconds: number;
}

export interface LatencyModel {
  /** Notes a step that ran. The first run of a graph compiles it, so that one is left out. */
  note(step: StepCost, batch: number, seconds: number): void;
  /** Notes the tokenizer's decoder, which makes the pixels. */
  noteDecoder(batch: number, seconds: number): void;
  /** Of so many images decoded together; null before anything was seen. */
  seconds(cost: PlanCost, batch: number): number | null;
}

const most = 300;

export function createLatencyModel(): LatencyModel {
  const samples: Sample[] = [];
  const decoder: number[] = [];
  const compiled = new Set<string>();
  const learned = signal(0); // so that what shows seconds follows
  return {
    note(step, batch, seconds) {
      const graphs = graphsOf(step);
      if (!compiled.has(graphs)) {
        compiled.add(graphs);
        return;
      }
      samples.push({ passes: passesOf(step), multiplyAdds: batch * multiplyAddsOf(step), seconds });
      if (samples.length > most) samples.shift();
      learned.value++;
    },
    noteDecoder(batch, seconds) {
      decoder.push(seconds / batch);
      if (decoder.length > 9) decoder.shift();
      learned.value++;
    },
    seconds({ steps }, batch) {
      if (learned.value === 0 || samples.length < 3) return null;
      const { base, slope } = lineThrough(samples);
      const sum = steps.reduce(
        (total, step) => total + base * passesOf(step) + slope * batch * multiplyAddsOf(step),
        0,
      );
      return sum + batch * median(decoder);
    },
  };
}

/** The two coefficients, each at least 0. Weighted by 1 / seconds, so that short steps count as much as long ones. */
function lineThrough(samples: readonly Sample[]): { base: number; slope: number } {
  let [pp, pm, mm, ps, ms] = [0, 0, 0, 0, 0];
  for (const { passes, multiplyAdds, seconds } of samples) {
    const weight = 1 / Math.max(seconds, 1e-4);
    pp += weight * passes * passes;
    pm += weight * passes * multiplyAdds;
    mm += weight * multiplyAdds * multiplyAdds;
    ps += weight * passes * seconds;
    ms += weight * multiplyAdds * seconds;
  }
  const determinant = pp * mm - pm * pm;
  const base = (ps * mm - ms * pm) / determinant;
  const slope = (pp * ms - pm * ps) / determinant;
  if (determinant > 1e-12 * pp * mm && base >= 0 && slope >= 0) return { base, slope };
  return slope < 0 ? { base: ps / pp, slope: 0 } : { base: 0, slope: ms / mm };
}

function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
