/** A chart of figures over steps, with the last value of each line, or that under the pointer, in its legend. */
import { signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { ChartSeries, Chart as Figures } from "../state/run-log.ts";
import { css, subModelColour } from "./colours.ts";

/** The library comes with the first chart: who only generates does without. */
const loadPlot = () => import("uplot").then((module) => module.default);

const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = signal(dark.matches);
dark.addEventListener("change", () => {
  isDark.value = dark.matches;
});

const height = 190;

interface ChartProps {
  readonly chart: Figures;
  /** Of the model, for the colours of its sub-models. */
  readonly factors: readonly number[];
}

export function Chart({ chart, factors }: ChartProps) {
  const { name, title, hint, steps, series } = chart;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  const under = useSignal<number | null>(null);
  const colours = series.map((one) => colourOf(one, factors));
  const data = [steps, ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const lines = series.map(({ label }) => label).join();

  useEffect(() => {
    let isGone = false;
    const element = place.current!;
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    void loadPlot().then((Plot) => {
      if (isGone) return;
      const options = optionsOf(series, colours, element.clientWidth, (index) => {
        under.value = index;
      });
      plot.current = new Plot(options, latest.current, element);
      resized.observe(element);
    });
    return () => {
      isGone = true;
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [lines, isDark.value]);
  useEffect(() => {
    plot.current?.setData(data);
  }, [steps.length, steps.at(-1)]);

  const at = under.value !== null && under.value < steps.length ? under.value : null;
  const shown = series.map((one) => ({ label: one.label, ...valueAt(one, steps, at) }));
  const said = shown.map(({ label, text }) => `${label && `${label} `}${text}`).join(", ");
  return (
    <section class="chart" aria-labelledby={`chart-${name}`}>
      <h2 id={`chart-${name}`}>{title}</h2>
      <p class="hint">{hint}</p>
      <div
        ref={place}
        class="chart-plot"
        role="img"
        aria-label={`${title} up to step ${steps.at(-1)}: ${said}`}
      />
      <p class="chart-key" data-test={`figures-${name}`} aria-hidden="true">
        {shown.map(({ label, text, step }, i) => (
          <span key={label} title={`step ${step}`}>
            <i class={series[i]!.isHeldOut ? "is-dashed" : ""} style={{ color: colours[i] }} />
            {label} <b>{text}</b>
          </span>
        ))}
      </p>
    </section>
  );
}

const colourOf = ({ factor }: ChartSeries, factors: readonly number[]): string =>
  css(subModelColour(factor ?? 1, factors));

/** A value, or of what is measured more seldom the last one before it. */
function valueAt({ values }: ChartSeries, steps: readonly number[], index: number | null) {
  let at = index ?? values.length - 1;
  while (at > 0 && values[at] === null) at--;
  const value = values[at];
  return { step: steps[at], text: value == null ? "not finite" : figureText(value) };
}

/** Up to four figures: "0.8383", "331.9", "2.5e-4". */
export function figureText(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.01 || size >= 1e6) return Number(value.toPrecision(3)).toExponential();
  return String(Number(value.toPrecision(4)));
}

function optionsOf(
  series: readonly ChartSeries[],
  colours: readonly string[],
  width: number,
  onCursor: (index: number | null) => void,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const [soft, line] = ["--soft", "--line"].map((name) => style.getPropertyValue(name));
  const axis = {
    stroke: soft,
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    legend: { show: false },
    scales: { x: { time: false } },
    axes: [
      { ...axis, grid: { show: false }, size: 26, values: (_, ticks) => ticks.map((tick) => String(tick)) },
      { ...axis, size: 52, values: (_, ticks) => ticks.map(figureText) },
    ],
    cursor: { y: false, sync: { key: "training" }, drag: { x: false, y: false }, points: { size: 6 } },
    series: [
      {},
      ...series.map(({ label, isHeldOut }, i) => ({
        label,
        stroke: colours[i],
        width: 2,
        ...(isHeldOut && { dash: [4, 4] }),
        spanGaps: isHeldOut, // measured more seldom than the rest is logged
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
  };
}
