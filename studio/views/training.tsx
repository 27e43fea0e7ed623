/** Training: what a training has logged, and the samples that it made, while it goes on. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Chart, figureText } from "../parts/chart.tsx";
import type { ListedRun, ListedStage } from "../run-list.ts";
import { chartsOf, type LogLine, secondsLeft } from "../state/run-log.ts";
import { isReached, log, runs, shownRun, shownStage, showRun, watchRuns } from "../state/training.ts";
import { secondsText } from "../state/words.ts";

export function TrainingView() {
  useEffect(watchRuns, []);
  const run = shownRun.value;
  const stage = shownStage.value;
  const lines = log.value;
  if (!runs.value) return <div class="view waiting" />;
  if (!run || !stage) return <NothingYet />;
  const charts = chartsOf(lines);
  const factors = [...new Set(charts.flatMap(({ series }) => series.flatMap(({ factor }) => factor ?? [])))];
  return (
    <div class="view training">
      <div class="training-head">
        <Choice run={run} stage={stage} />
        <Progress run={run} stage={stage} lines={lines} />
      </div>
      {!isReached.value && (
        <p class="wrong" role="alert">
          The server does not answer. It is asked again every two seconds; what it told before stays here.
        </p>
      )}
      <div class="training-parts">
        {stage.samples.length > 0 && <Samples key={`${run.name}/${stage.name}`} stage={stage} />}
        {charts.map((chart) => (
          <Chart key={chart.name} chart={chart} factors={factors.length > 0 ? factors : [1]} />
        ))}
      </div>
      {lines.length > 0 && <Table lines={lines} />}
    </div>
  );
}

function NothingYet() {
  return (
    <div class="view training">
      <h2>No training has begun</h2>
      <p class="hint">
        Give the folder in which one keeps its checkpoints, the <code>--out</code> of{" "}
        <code>magnets train</code>, to <code>magnets studio</code>. A training that begins there appears here
        by itself.
      </p>
    </div>
  );
}

function Choice({ run, stage }: { run: ListedRun; stage: ListedStage }) {
  return (
    <div class="training-choice">
      <label class="inline">
        <span>Training</span>
        <select value={run.name} onChange={({ currentTarget }) => showRun(currentTarget.value)}>
          {runs.value!.map(({ name, isTraining }) => (
            <option key={name} value={name}>
              {name}
              {isTraining ? ", now" : ""}
            </option>
          ))}
        </select>
      </label>
      {run.stages.length > 1 && (
        <fieldset class="buttons" aria-label="Network">
          {run.stages.map(({ name }) => (
            <button
              key={name}
              type="button"
              aria-pressed={name === stage.name}
              onClick={() => showRun(run.name, name)}
            >
              {name}
            </button>
          ))}
        </fieldset>
      )}
    </div>
  );
}

function Progress({ run, stage, lines }: { run: ListedRun; stage: ListedStage; lines: readonly LogLine[] }) {
  const step = lines.at(-1)?.step ?? 0;
  const { steps } = stage;
  const text = stateText(run, stage, lines);
  return (
    <div class="training-progress">
      <p data-test="training-state">{text}</p>
      {steps !== null && steps > 0 && (
        <progress value={Math.min(1, step / steps)} aria-label={`Steps of the ${stage.name} done`} />
      )}
    </div>
  );
}

const count = (value: number): string => value.toLocaleString("en");

function stateText(run: ListedRun, { steps }: ListedStage, lines: readonly LogLine[]): string {
  const step = lines.at(-1)?.step ?? 0;
  if (steps === 0) return "Taken from another model: no steps of its own";
  if (steps !== null && step >= steps) return `Finished: ${count(step)} steps`;
  const of = steps === null ? `step ${count(step)}` : `step ${count(step)} of ${count(steps)}`;
  if (!run.isTraining) return `Stopped at ${of}; train --resume goes on`;
  if (step === 0) return "Training: nothing is logged yet";
  const left = secondsLeft(lines, steps);
  return `Training: ${of}${left === null ? "" : `, about ${timeText(left)} left`}`;
}

const timeText = (seconds: number): string =>
  seconds < 5400 ? secondsText(seconds) : `${(seconds / 3600).toFixed(seconds < 36_000 ? 1 : 0)} h`;

/** Sheets of samples, gone through by their steps; the newest stays in sight until somebody goes back. */
function Samples({ stage: { name, samples } }: { stage: ListedStage }) {
  const chosen = useSignal<number | null>(null);
  const last = samples.length - 1;
  const at = Math.min(last, chosen.value ?? last);
  const { step, url } = samples[at]!;
  return (
    <section class="samples" aria-labelledby="samples">
      <h2 id="samples">Samples</h2>
      <p class="hint">
        {name === "tokenizer"
          ? "Images, and below each what the tokenizer brings back of it."
          : "What it makes on the way, from the same seed."}
      </p>
      <img src={url} alt={`Samples after step ${step}`} data-test="sample" />
      {samples.length > 1 && (
        <div class="scrubber">
          <label for="sample-step">Step</label>
          <input
            id="sample-step"
            type="range"
            min={0}
            max={last}
            step={1}
            value={at}
            style={{ "--fill": `${(100 * at) / last}%` }}
            aria-valuetext={`after step ${step}, ${at + 1} of ${samples.length}`}
            onInput={({ currentTarget }) => {
              const to = Number(currentTarget.value);
              chosen.value = to === last ? null : to;
            }}
          />
          <output for="sample-step">{count(step)}</output>
        </div>
      )}
    </section>
  );
}

const rows = 100;

function Table({ lines }: { lines: readonly LogLine[] }) {
  const names = [...new Set(lines.flatMap(({ figures }) => Object.keys(figures)))];
  return (
    <details class="settings">
      <summary>The last {Math.min(rows, lines.length)} lines of the log</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <section class="table" aria-label="Log" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">step</th>
              {names.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {lines
              .slice(-rows)
              .toReversed()
              .map(({ step, figures }) => (
                <tr key={step}>
                  <th scope="row">{step}</th>
                  {names.map((name) => (
                    <td key={name}>{figures[name] === undefined ? "" : figureText(figures[name])}</td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
