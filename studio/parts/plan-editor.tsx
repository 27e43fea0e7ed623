/**
 * A plan as bars, one per step: height is the sub-model, width the positions that run, so that the area is what the step
 * computes; below the line stands the unguided branch. Bars are dragged, or moved by the arrow keys.
 */
import { useRef, useState } from "preact/hooks";
import {
  type DecodePlan,
  guidanceScaleAt,
  type PlanCost,
  type PlanInput,
  type StepCost,
} from "../../src/browser.ts";
import { factorsOf, withFactors } from "../state/plans.ts";
import { subModelShort, subModelText } from "../state/words.ts";
import { css, subModelColour } from "./colours.ts";

interface PlanEditorProps {
  readonly plan: DecodePlan;
  readonly cost: PlanCost;
  /** The model's, ascending. */
  readonly factors: readonly number[];
  /** The step that is shown, from 1; null: none. */
  readonly shown: number | null;
  /** Left out: the bars are only looked at. */
  readonly onChange?: (plan: PlanInput) => void;
}

/** The drawing's own units; it is stretched to the width that there is. */
const wide = 1000;
const high = 120;
/** Above the highest bar, for its refresh mark. */
const top = 8;
const gap = 4;
const least = 14;

interface Bar {
  readonly k: number;
  readonly x: number;
  readonly width: number;
  readonly factor: number;
  /** Null: a step that does not run, because nothing is left to decode or it is left out. */
  readonly step: StepCost | null;
}

function barsOf(plan: DecodePlan, cost: PlanCost): Bar[] {
  const factors = factorsOf(plan);
  const stepOf = new Map(cost.steps.map((step) => [step.step, step]));
  const active = factors.map((_, k) => stepOf.get(k)?.active ?? 0);
  const total = active.reduce((a, b) => a + b, 0);
  const gaps = Math.min(gap, 300 / factors.length);
  const smallest = Math.min(least, (wide * 0.5) / factors.length);
  const room = wide - gaps * (factors.length - 1) - smallest * factors.length;
  let x = 0;
  return factors.map((factor, k) => {
    const width = smallest + (room * active[k]!) / total;
    const bar = { k, x, width, factor, step: stepOf.get(k) ?? null };
    x += width + gaps;
    return bar;
  });
}

export function PlanEditor({ plan, cost, factors, shown, onChange }: PlanEditorProps) {
  const drawing = useRef<HTMLDivElement>(null);
  const [focused, setFocused] = useState(0);
  const bars = barsOf(plan, cost);
  const below = Math.max(
    0,
    ...cost.steps.map(({ unconditionalFactor }) => (unconditionalFactor ? high / unconditionalFactor : 0)),
  );
  const sorted = [...factors].sort((a, b) => b - a); // from the smallest sub-model on
  const isEditable = onChange !== undefined;
  const { guidance } = plan;

  const setFactor = (k: number, factor: number): void => {
    const next = factorsOf(plan);
    if (next[k] === factor) return;
    next[k] = factor;
    onChange?.(withFactors(plan, next));
  };
  const setSteps = (change: (factors: number[]) => void): void => {
    const next = factorsOf(plan);
    change(next);
    if (next.length >= 1) onChange?.(withFactors(plan, next));
  };

  /** The sub-model whose height is nearest to the pointer's. */
  const factorUnder = (event: PointerEvent): number => {
    const { top, height } = drawing.current!.getBoundingClientRect();
    const y = ((event.clientY - top) / height) * (high + below + 8);
    const share = Math.max(0, (high - y) / high);
    return sorted.reduce((a, b) =>
      Math.abs(Math.log2(1 / b) - Math.log2(share + 1e-3)) <
      Math.abs(Math.log2(1 / a) - Math.log2(share + 1e-3))
        ? b
        : a,
    );
  };

  const onKey = (event: KeyboardEvent, k: number): void => {
    const place = sorted.indexOf(bars[k]!.factor);
    const focus = (next: number) => {
      const to = Math.max(0, Math.min(bars.length - 1, next));
      setFocused(to);
      (drawing.current!.querySelector(`[data-step="${to}"]`) as HTMLElement | null)?.focus();
    };
    if (event.key === "ArrowUp") setFactor(k, sorted[Math.min(sorted.length - 1, place + 1)]!);
    else if (event.key === "ArrowDown") setFactor(k, sorted[Math.max(0, place - 1)]!);
    else if (event.key === "ArrowRight") focus(k + 1);
    else if (event.key === "ArrowLeft") focus(k - 1);
    else if (event.key === "+" || event.key === "Insert") setSteps((all) => all.splice(k, 0, all[k]!));
    else if (event.key === "Delete" || event.key === "Backspace") {
      setSteps((all) => all.splice(k, 1));
      if (k > 0) focus(k - 1);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const height = high + below + top;
  return (
    <figure class="plan" aria-label={`Plan of ${plan.steps} steps`}>
      <div class="plan-drawing" ref={drawing} style={{ height: `${height}px` }}>
        <svg viewBox={`0 ${-top} ${wide} ${height}`} preserveAspectRatio="none" aria-hidden="true">
          {bars.map((bar) => (
            <StepBar
              key={bar.k}
              bar={bar}
              factors={factors}
              isShown={shown !== null && cost.steps[shown - 1]?.step === bar.k}
            />
          ))}
          <line class="plan-axis" x1="0" x2={wide} y1={high} y2={high} vector-effect="non-scaling-stroke" />
        </svg>
        {bars.map(({ k, x, width, factor, step }) => (
          <div
            key={k}
            class={isEditable ? "plan-handle" : "plan-handle is-still"}
            data-step={k}
            style={{ left: `${(100 * x) / wide}%`, width: `${(100 * width) / wide}%` }}
            title={`Step ${k + 1}: ${barText(factor, step)}`}
            role="slider"
            tabIndex={k === Math.min(focused, bars.length - 1) ? 0 : -1}
            aria-label={`Step ${k + 1} of ${bars.length}`}
            aria-orientation="vertical"
            aria-valuemin={0}
            aria-valuemax={sorted.length - 1}
            aria-valuenow={sorted.indexOf(factor)}
            aria-valuetext={barText(factor, step)}
            aria-readonly={!isEditable}
            onFocus={() => setFocused(k)}
            onKeyDown={(event) => isEditable && onKey(event, k)}
            onPointerDown={(event) => {
              if (!isEditable) return;
              event.currentTarget.setPointerCapture(event.pointerId);
              setFactor(k, factorUnder(event));
            }}
            onPointerMove={(event) => {
              if (event.currentTarget.hasPointerCapture(event.pointerId)) setFactor(k, factorUnder(event));
            }}
          />
        ))}
      </div>
      <GuidanceCurve plan={plan} bars={bars} {...(onChange && { onChange })} />
      <figcaption class="plan-key">
        {sorted.map((factor) => (
          <span key={factor}>
            <i style={{ background: css(subModelColour(factor, factors)) }} />
            {subModelShort(factor)}
          </span>
        ))}
        <span>
          <i class="key-refresh" />
          cache refreshed
        </span>
        {below > 0 && <span class="key-below">below the line: without the class, for guidance</span>}
        {guidance.scale > 0 && (
          <span>
            <i class="key-guidance" />
            guidance {guidance.scale}
          </span>
        )}
      </figcaption>
    </figure>
  );
}

const barText = (factor: number, step: StepCost | null): string =>
  step === null
    ? `${subModelText(factor)}, does not run`
    : `${subModelText(factor)}, ${step.active} positions run${step.isFull ? ", cache refreshed" : ""}, decodes ${step.unmaskCount} tokens` +
      (step.unconditionalFactor === null ? "" : `, guided by ${subModelText(step.unconditionalFactor)}`);

function StepBar({ bar, factors, isShown }: { bar: Bar; factors: readonly number[]; isShown: boolean }) {
  const { x, width, factor, step } = bar;
  const height = high / factor;
  const unconditional = step?.unconditionalFactor ?? null;
  const fill = css(subModelColour(factor, factors), step ? 1 : 0.25);
  return (
    <g class={isShown ? "plan-bar is-shown" : "plan-bar"}>
      <rect x={x} y={high - height} width={width} height={height} fill={fill} />
      {step?.isFull && <rect class="plan-refresh" x={x} y={high - height - 5} width={width} height={2.5} />}
      {unconditional !== null && (
        <rect
          x={x}
          y={high}
          width={width}
          height={high / unconditional}
          fill={css(subModelColour(unconditional, factors), 0.45)}
        />
      )}
    </g>
  );
}

/** The most guidance that can be dragged to; more is typed. */
const mostGuidance = 6;
const curveHigh = 36;

/** Guidance by step; dragged up and down as a whole. */
function GuidanceCurve({
  plan,
  bars,
  onChange,
}: {
  plan: DecodePlan;
  bars: readonly Bar[];
  onChange?: PlanEditorProps["onChange"];
}) {
  const { guidance, steps } = plan;
  const most = Math.max(mostGuidance, guidance.scale);
  const yOf = (scale: number): number => curveHigh - 2 - ((curveHigh - 4) * scale) / most;
  const points = bars.flatMap(({ k, x, width }) => {
    const y = yOf(guidanceScaleAt(guidance, k, steps));
    return [`${x},${y}`, `${x + width},${y}`];
  });
  const setScale = (scale: number): void =>
    onChange?.({
      ...plan,
      guidance: { ...guidance, scale: Math.max(0, Math.min(most, Math.round(scale * 4) / 4)) },
    });
  const dragTo = (event: PointerEvent & { currentTarget: HTMLDivElement }): void => {
    const { top, height } = event.currentTarget.getBoundingClientRect();
    setScale((1 - (event.clientY - top) / height) * most);
  };
  return (
    <div
      class={onChange ? "plan-guidance" : "plan-guidance is-still"}
      role="slider"
      tabIndex={0}
      aria-label="Guidance scale"
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={most}
      aria-valuenow={guidance.scale}
      aria-valuetext={`${guidance.scale}${guidance.schedule === "constant" ? "" : `, ${guidance.schedule}`}`}
      aria-readonly={!onChange}
      title="Guidance over the steps; drag it up or down"
      onPointerDown={(event) => {
        if (!onChange) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        dragTo(event);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) dragTo(event);
      }}
      onKeyDown={(event) => {
        const change = { ArrowUp: 0.25, ArrowRight: 0.25, ArrowDown: -0.25, ArrowLeft: -0.25 }[event.key];
        if (!onChange || change === undefined) return;
        event.preventDefault();
        setScale(guidance.scale + change);
      }}
    >
      <svg viewBox={`0 0 ${wide} ${curveHigh}`} preserveAspectRatio="none" aria-hidden="true">
        <polyline points={points.join(" ")} vector-effect="non-scaling-stroke" />
      </svg>
    </div>
  );
}
