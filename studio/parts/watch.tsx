/** What happened in a decode: its steps to go back through, its colours, and what makes the selected image again. */
import type { Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { animationOf } from "../state/animation.ts";
import { pngOf, save } from "../state/files.ts";
import { writeLink } from "../state/link.ts";
import { type Asking, linkOf, told } from "../state/request.ts";
import { recordOf, type Series, withPreviews } from "../state/series.ts";
import { sessions } from "../state/sessions.ts";
import { remark } from "../state/status.ts";
import { multiplyAddsText, planText, secondsText } from "../state/words.ts";
import { Scrubber } from "./scrubber.tsx";
import type { ColourBy } from "./stage.tsx";

interface WatchProps {
  readonly asking: Asking;
  readonly series: Series;
  readonly selected: number;
  readonly colourBy: Signal<ColourBy>;
  readonly children?: ComponentChildren;
}

export function Watch({ asking, series, selected, colourBy, children }: WatchProps) {
  const { made, steps } = series;
  const { shownStep } = asking;
  useMissingPixels(asking, series);
  return (
    <div class="watch">
      <Scrubber
        steps={steps.length}
        total={series.cost.steps.length}
        value={shownStep.value}
        isRunning={made === null}
        onChange={(step) => {
          shownStep.value = step;
        }}
      />
      <label class="inline">
        Colour tokens by
        <select
          value={colourBy.value}
          onChange={({ currentTarget }) => {
            colourBy.value = currentTarget.value as ColourBy;
          }}
        >
          <option value="none">nothing</option>
          <option value="step">step</option>
          <option value="sub-model">sub-model</option>
        </select>
      </label>
      {made && (
        <p class="took" data-test="took">
          {secondsText(made.stats.seconds)}, {multiplyAddsText(made.stats.multiplyAdds)} multiply-adds,{" "}
          {made.stats.ratio.toFixed(2)} times fewer than the baseline decode
        </p>
      )}
      {children}
      {made && <Keep asking={asking} series={series} index={Math.min(selected, series.count - 1)} />}
    </div>
  );
}

/** Decodes the pixels of a step that somebody looks at and that was not shown while it ran. */
function useMissingPixels({ kind, series: shown, shownStep }: Asking, series: Series): void {
  const step = shownStep.value;
  const seen = step === null ? null : series.steps[step - 1];
  const isMissing = seen != null && seen.previews === null && series.made !== null;
  useEffect(() => {
    const { engine } = sessions[kind].peek() ?? {};
    if (!isMissing || !engine) return;
    const size = seen.tokens.length / series.count;
    const tokens = Array.from({ length: series.count }, (_, i) =>
      seen.tokens.slice(i * size, (i + 1) * size),
    );
    engine.call("pixels", { tokens }).then(
      (previews) => {
        if (shown.peek()?.made === series.made)
          shown.value = withPreviews(shown.peek()!, seen.step, previews);
      },
      () => {}, // the step before stays in its place
    );
  }, [isMissing, step]);
}

/** Seed and plan of one image: shown, copied, saved. */
function Keep({ asking: { kind }, series, index }: { asking: Asking; series: Series; index: number }) {
  const record = recordOf(series, index);
  const { classNames, made, count } = series;
  const image = made!.images[index]!;
  const name = fileName(record);
  const view = kind === "video" ? "video" : "generate";
  const address = new URL(`#${writeLink(linkOf(view, record))}`, location.href).href;
  return (
    <div class="keep" data-test="record">
      <p>
        {count > 1 && `${index + 1} of ${count}: `}
        {classNames.length > 0 && `${record.class ?? "no class"}, `}seed <b>{String(record.seed)}</b>
        {record.index > 0 && `, number ${record.index} of its series`}
      </p>
      <p class="aside">{planText(record.plan)}</p>
      <div class="buttons">
        {kind === "video" ? (
          <button
            type="button"
            onClick={() =>
              void told(animationOf(image).then((bytes) => save(`${name}.webp`, "image/webp", bytes)))
            }
          >
            Save WebP
          </button>
        ) : (
          <button
            type="button"
            onClick={() =>
              void told(pngOf(image, record).then((bytes) => save(`${name}.png`, "image/png", bytes)))
            }
          >
            Save PNG
          </button>
        )}
        <button
          type="button"
          title={
            count > 1
              ? `To ${kind} ${index + 1} alone; the page's address gives all ${count}`
              : "The page's address is a link too"
          }
          onClick={() =>
            copy(count > 1 ? `the link to ${kind} ${index + 1} alone` : "the link to it", address)
          }
        >
          Copy link
        </button>
        <button
          type="button"
          onClick={() => copy("seed, plan and tokens, as JSON", recordText(series, index))}
        >
          Copy seed and plan
        </button>
        <button
          type="button"
          onClick={() => save("plan.json", "application/json", `${JSON.stringify(record.plan, null, 2)}\n`)}
        >
          Save plan
        </button>
      </div>
    </div>
  );
}

/** Into the clipboard, or where that is not allowed onto the page. */
export function copy(what: string, text: string): void {
  navigator.clipboard.writeText(text).then(
    () => remark(`Copied: ${what}.`),
    () => remark(`The browser did not let the page copy; here it is: ${text}`),
  );
}

/** What makes an image again, and its tokens, as JSON. */
export function recordText(series: Series, index: number): string {
  const record = recordOf(series, index);
  return JSON.stringify({ ...record, seed: String(record.seed), tokens: [...series.made!.tokens[index]!] });
}

const fileName = ({ model, class: name, seed, index }: ReturnType<typeof recordOf>): string =>
  [model, name, seed, index]
    .filter((part) => part !== null)
    .join("-")
    .replaceAll(/[^\w-]+/g, "-");
