/** The budget dial: from the fewest multiply-adds to the baseline decode, over plans that are known to be good for them. */
import type { DecodePlan } from "../../src/browser.ts";
import type { PlanStop } from "../state/plans.ts";
import { multiplyAddsText, planText, secondsText } from "../state/words.ts";

interface DialProps {
  readonly stops: readonly PlanStop[];
  readonly plan: DecodePlan;
  /** Of the plan, per image, and of its baseline decode. */
  readonly multiplyAdds: number;
  /** For all images; null: not known yet. */
  readonly expected: number | null;
  readonly count: number;
  readonly noun: "image" | "video";
  readonly onChange: (plan: DecodePlan) => void;
}

export function Dial({ stops, plan, multiplyAdds, expected, count, noun, onChange }: DialProps) {
  if (stops.length === 0) return null;
  const text = JSON.stringify(plan);
  const exact = stops.findIndex((stop) => JSON.stringify(stop.plan) === text);
  const nearest = stops.reduce(
    (best, stop, i) =>
      Math.abs(Math.log(stop.multiplyAdds / multiplyAdds)) <
      Math.abs(Math.log(stops[best]!.multiplyAdds / multiplyAdds))
        ? i
        : best,
    0,
  );
  const at = exact >= 0 ? exact : nearest;
  const most = stops.at(-1)!.multiplyAdds;
  const share = multiplyAdds / most;
  const stop = exact >= 0 ? stops[exact]! : null;
  const name =
    stop === null
      ? "your plan"
      : (stop.name ?? (stop.distance === null ? "a plan within this budget" : "a measured plan"));
  const words = `${multiplyAddsText(multiplyAdds)} multiply-adds per ${noun}, ${shareText(share)} of the baseline decode`;
  return (
    <div class="dial">
      <label for="budget">Budget</label>
      <input
        id="budget"
        type="range"
        min={0}
        max={stops.length - 1}
        step={1}
        value={at}
        style={{ "--fill": `${(100 * at) / (stops.length - 1)}%` }}
        aria-valuetext={`${name}, ${words}`}
        onInput={(event) => onChange(stops[Number(event.currentTarget.value)]!.plan)}
      />
      <div class="dial-ends" aria-hidden="true">
        <span>fastest</span>
        <span>most computation</span>
      </div>
      <dl class="figures">
        <div>
          <dt>Multiply-adds</dt>
          <dd>{multiplyAddsText(multiplyAdds)}</dd>
          <dd class="aside">{shareText(share)} of the baseline</dd>
        </div>
        <div>
          <dt>Expected here</dt>
          <dd data-test="expected">{expected === null ? "…" : secondsText(expected)}</dd>
          <dd class="aside">{count === 1 ? `one ${noun}` : `${count} ${noun}s`}</dd>
        </div>
      </dl>
      <p class="dial-plan">
        {planText(plan)} <span class="aside">{name}</span>
        {stop?.distance != null && (
          <span
            class="aside"
            title="Fréchet distance to real images, as a multiple of the baseline decode's; less is better"
          >
            {" "}
            · measured distance {stop.distance.toFixed(2)} × baseline
          </span>
        )}
      </p>
    </div>
  );
}

const shareText = (share: number): string =>
  share < 0.0995 ? `${(100 * share).toFixed(1)} %` : `${Math.round(100 * share)} %`;
