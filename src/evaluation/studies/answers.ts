/**
 * The answers of a study in plain sentences: for each claim how many times the other plan's distance a plan has, at what
 * share of its compute, and whether the seeds show a significant difference.
 */
import { countOf } from "../../core/nouns.ts";
import type { DecodePlan } from "../../decoding/plan.ts";
import type { Estimate } from "../metrics/estimate.ts";
import { ratioOf } from "../plan-runs.ts";
import { guidanceText } from "./settings-text.ts";
import { nearestBy, type Study } from "./studies.ts";

/** What answers are made of: a measured plan. */
export interface StudiedPlan {
  readonly name: string;
  readonly multiplyAdds: number;
  readonly seconds: Estimate;
  readonly plan?: Pick<DecodePlan, "guidance">;
  readonly runs: readonly { readonly frechet: number; readonly psnr?: Estimate }[];
}

/** What the runs of a plan differ by. */
type Unit = "seed" | "training";

/** How answers are told. */
export interface AnswerOptions {
  /** Of the tokenizer's decoder for one image; left out: compute is told without it. */
  readonly decoderMultiplyAdds?: number;
  /** Default "seed". */
  readonly unit?: Unit;
}

/**
 * A sentence for each claim. Significant is a difference by Student's t at 95 %, two-sided, over the ratio of each seed.
 *
 * @param rows  every plan of the study
 */
export function answersOf(
  { claims }: Pick<Study, "claims">,
  rows: readonly StudiedPlan[],
  { decoderMultiplyAdds, unit = "seed" }: AnswerOptions = {},
): string[] {
  const row = (name: string): StudiedPlan => {
    const found = rows.find((one) => one.name === name);
    if (!found) throw new Error(`answersOf: no plan "${name}" was measured`);
    return found;
  };
  return claims.map(({ plan, against }) => {
    const own = row(plan);
    const distance = (other: StudiedPlan) => Math.abs(Math.log(other.multiplyAdds / own.multiplyAdds));
    return sentence(own, nearestBy([against].flat().map(row), distance), decoderMultiplyAdds, unit);
  });
}

function sentence(plan: StudiedPlan, other: StudiedPlan, decoder: number | undefined, unit: Unit): string {
  const distance = ratioOf(plan.runs, other.runs, ({ frechet }) => frechet);
  const { mean, standardError } = distance;
  const hasError = Number.isFinite(standardError);
  const times = hasError ? `${mean.toFixed(3)} ± ${standardError.toFixed(3)}` : mean.toFixed(3);
  const share = (beside: number) => ((plan.multiplyAdds + beside) / (other.multiplyAdds + beside)).toFixed(2);
  const whole = decoder === undefined ? "" : ` (${share(decoder)} with the tokenizer's decoder)`;
  const seeds = plan.runs.length;
  const time = (plan.seconds.mean / other.seconds.mean).toFixed(2);
  return (
    `"${plan.name}"${guidedAs(plan)} is ${times} times the distance of "${other.name}"${guidedAs(other)} at ${share(0)} of ` +
    `its multiply-adds${whole} and ${time} of ` +
    `its seconds${psnrsOf(plan, other)}: ${difference(distance, seeds, unit)}.`
  );
}

/** How a plan is guided, in brackets, where that is known. */
const guidedAs = ({ plan }: StudiedPlan): string => (plan ? ` (${guidanceText(plan.guidance)})` : "");

/** The PSNRs of both, for predictions. */
function psnrsOf(plan: StudiedPlan, other: StudiedPlan): string {
  const [own, others] = [plan, other].map(({ runs }) =>
    runs.reduce((sum, { psnr }) => sum + (psnr?.mean ?? Number.NaN) / runs.length, 0),
  ) as [number, number];
  if (Number.isNaN(own - others)) return "";
  return `, with ${own.toFixed(2)} dB PSNR beside ${others.toFixed(2)} dB`;
}

/** Student's t at 95 %, two-sided, for 1, 2, ... degrees of freedom; the last one for more, too. */
const students = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

function difference({ mean, standardError }: Estimate, seeds: number, unit: Unit): string {
  if (seeds === 1) return `one ${unit} has no error bar, so nothing is concluded`;
  const reach = students[Math.min(seeds - 1, students.length) - 1]! * standardError;
  if (Math.abs(mean - 1) <= reach) return `no significant difference (${countOf(seeds, unit)})`;
  return `significantly ${mean < 1 ? "closer to" : "further from"} the reference set`;
}
