/** Generate: choose, and watch the decode. */
import { signal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ClassPicker } from "../parts/class-picker.tsx";
import { Dial } from "../parts/dial.tsx";
import { PlanEditor } from "../parts/plan-editor.tsx";
import { PlanSettings } from "../parts/plan-settings.tsx";
import { Scrubber } from "../parts/scrubber.tsx";
import { SeedField } from "../parts/seed-field.tsx";
import { type ColourBy, Stage } from "../parts/stage.tsx";
import { pngOf, save } from "../state/files.ts";
import * as state from "../state/generate.ts";
import { job } from "../state/job.ts";
import { writeLink } from "../state/link.ts";
import { pictures } from "../state/pictures.ts";
import { imageAt, recordOf, type Series } from "../state/series.ts";
import { sessions } from "../state/sessions.ts";
import { remark } from "../state/status.ts";
import { multiplyAddsText, secondsText } from "../state/words.ts";

const colourBy = signal<ColourBy>("none");
const selected = signal(0);

export function GenerateView() {
  const session = sessions.image.value;
  const { plan, cost, series } = state;
  const isRunning = job.value !== null && !job.value.isBackground;

  useSignalEffect(() => {
    const link = state.link.value;
    if (link) history.replaceState(null, "", `#${link}`);
  });
  useKeys();

  if (!session || !plan.value || !cost.value) return <Waiting />;
  const { model, listed } = session;
  return (
    <div class="view generate">
      <section class="stage-side" aria-label="Images">
        {series.value ? (
          <Stage
            series={series.value}
            step={state.shownStep.value}
            colourBy={colourBy.value}
            selected={selected}
          />
        ) : (
          <div class="stage is-empty" />
        )}
        {series.value && <Watch series={series.value} />}
        <div class="plan-side">
          <PlanEditor
            plan={plan.value}
            cost={cost.value}
            factors={model.transformer.config.factors}
            shown={state.shownStep.value ?? (isRunning ? (series.value?.steps.length ?? null) : null)}
            onChange={(input) => {
              state.setPlan(input);
              void state.generateSoon();
            }}
          />
          <PlanSettings
            plan={plan.value}
            factors={model.transformer.config.factors}
            onChange={(input) => {
              state.setPlan(input);
              void state.generateSoon();
            }}
          />
        </div>
      </section>
      <section class="controls" aria-label="What to generate">
        <ClassPicker
          names={model.classNames}
          pictures={pictures.value.get(listed.name) ?? new Map()}
          chosen={state.classes.value}
          onChange={(chosen) => {
            state.classes.value = chosen;
            void state.generateSoon();
          }}
        />
        <SeedField
          seed={state.seed.value}
          onChange={(seed) => {
            state.seed.value = seed;
            void state.generateSoon();
          }}
          onDraw={() => {
            state.drawSeed();
            void state.generate();
          }}
        />
        <CountField />
        <Dial
          stops={state.stops.value}
          plan={plan.value}
          multiplyAdds={cost.value.multiplyAdds}
          expected={state.expectedSeconds.value}
          count={state.count.value}
          onChange={(chosen) => {
            state.setPlan(chosen);
            void state.generateSoon();
          }}
        />
        <div class="actions">
          {isRunning ? (
            <button type="button" class="primary" onClick={() => job.value?.cancel()}>
              Cancel <kbd>Esc</kbd>
            </button>
          ) : (
            <button type="button" class="primary" onClick={() => void state.generate()}>
              Generate <kbd>G</kbd>
            </button>
          )}
        </div>
        <p class="hint keys">
          <kbd>G</kbd> cancels and starts again · <kbd>N</kbd> with a new seed · <kbd>Esc</kbd> cancels
        </p>
      </section>
    </div>
  );
}

function Waiting() {
  return <div class="view waiting" aria-hidden="true" />;
}

/** Keys of the view, but not while somebody types. */
function useKeys(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const { target } = event;
      const isTyping =
        target instanceof HTMLElement && target.matches("input:not([type=range]), select, textarea");
      if (event.key === "Escape" && job.value) {
        job.value.cancel();
        return;
      }
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      const key = event.key.toLowerCase();
      if (key === "n") state.drawSeed();
      if (key === "g" || key === "n") void state.generate();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function CountField() {
  return (
    <div class="field">
      <label for="count">Images</label>
      <input
        id="count"
        type="number"
        min={1}
        max={state.mostImages}
        value={state.count.value}
        onChange={(event) => {
          const count = Math.round(Number(event.currentTarget.value)) || 1;
          state.count.value = Math.max(1, Math.min(state.mostImages, count));
          event.currentTarget.value = String(state.count.value);
          void state.generateSoon();
        }}
      />
    </div>
  );
}

/** What happened: the steps to scrub through, the colours, and the selected image's seed and plan to take along. */
function Watch({ series }: { series: Series }) {
  const index = Math.min(selected.value, series.count - 1);
  const { made, steps } = series;
  const record = made && recordOf(series, index);
  const copy = (what: string, text: string): void =>
    void navigator.clipboard.writeText(text).then(
      () => remark(`Copied: ${what}.`),
      () => remark(`The browser did not let the page copy; here it is: ${text}`),
    );
  const linkOfIt = (): string => new URL(`#${writeLink(state.linkOf(record!))}`, location.href).href;
  return (
    <div class="watch">
      <Scrubber
        steps={steps.length}
        total={series.cost.steps.length}
        value={state.shownStep.value}
        onChange={(step) => (state.shownStep.value = step)}
        isRunning={made === null}
      />
      <div class="watch-row">
        <label class="inline">
          Colour tokens by
          <select
            value={colourBy.value}
            onChange={(event) => (colourBy.value = event.currentTarget.value as ColourBy)}
          >
            <option value="none">nothing</option>
            <option value="step">step</option>
            <option value="sub-model">sub-model</option>
          </select>
        </label>
        {made && (
          <p class="took" data-test="took">
            {secondsText(made.stats.seconds)} · {multiplyAddsText(made.stats.multiplyAdds)} multiply-adds ·{" "}
            {made.stats.ratio.toFixed(2)} × less than the baseline
          </p>
        )}
      </div>
      {record && (
        <div class="watch-row" data-test="record">
          <p class="record">
            {series.count > 1 && <>Image {index + 1}: </>}
            {record.class ?? "no class"} · seed <b>{String(record.seed)}</b>
            {record.index > 0 && <> · number {record.index}</>}
          </p>
          <div class="buttons">
            <button
              type="button"
              onClick={async () =>
                save(fileName(record), "image/png", await pngOf(imageAt(series, index, null)!, record))
              }
            >
              Save PNG
            </button>
            <button type="button" onClick={() => copy("the link to this image", linkOfIt())}>
              Copy link
            </button>
            <button
              type="button"
              onClick={() => copy("seed and plan", JSON.stringify({ ...record, seed: String(record.seed) }))}
            >
              Copy seed and plan
            </button>
            <button
              type="button"
              onClick={() =>
                save("plan.json", "application/json", `${JSON.stringify(record.plan, null, 2)}\n`)
              }
            >
              Save plan
            </button>
          </div>
        </div>
      )}
    </div>
  );
}

const fileName = ({ model, class: name, seed, index }: ReturnType<typeof recordOf>): string =>
  `${[model, name, seed, index]
    .filter((part) => part !== null)
    .join("-")
    .replaceAll(/[^\w-]+/g, "-")}.png`;
