/** What the log of a training says: its lines, the charts that they make, how long is left. */

/** One line of `metrics.jsonl`: means since the line before it. */
export interface LogLine {
  readonly step: number;
  /** By name; NaN where it was not finite. */
  readonly figures: Readonly<Record<string, number>>;
}

/** Lines of JSON; one that is no line of a log, such as the half of one, is passed over. */
export function parseLog(text: string): LogLine[] {
  return text.split("\n").flatMap((line) => {
    try {
      const { step, ...rest } = JSON.parse(line) as { step: unknown };
      if (typeof step !== "number") return [];
      // JSON has no NaN and no infinity: they are written as texts.
      const figures = Object.entries(rest).filter(([, value]) => /^(number|string)$/.test(typeof value));
      return [{ step, figures: Object.fromEntries(figures.map(([name, value]) => [name, Number(value)])) }];
    } catch {
      return [];
    }
  });
}

/** A line of a chart. */
export interface ChartSeries {
  readonly label: string;
  /** Of which sub-model; null: of the whole training. */
  readonly factor: number | null;
  /** On images that it does not train on. */
  readonly isHeldOut: boolean;
  /** One per step of the chart; null where it was not measured, or is not finite. */
  readonly values: readonly (number | null)[];
}

export interface Chart {
  /** As in the log. */
  readonly name: string;
  readonly title: string;
  /** What it means, in a sentence. */
  readonly hint: string;
  readonly steps: readonly number[];
  readonly series: readonly ChartSeries[];
}

/** Charts in their order. What the log has besides comes after them, under its own name. */
const known: Readonly<Record<string, readonly [title: string, hint: string]>> = {
  loss: ["Loss", "What training makes smaller."],
  borderContrast: [
    "Border contrast",
    "The step between pixels across the borders of tokens, over that within them; 1 is no mosaic.",
  ],
  psnr: ["PSNR", "How near images come back from the tokenizer, in dB."],
  accuracy: ["Accuracy", "The share of classes that are right."],
  imagesPerSecond: ["Throughput", "Images a second."],
  gflops: ["Arithmetic", "Billions of operations a second."],
  gradientNorm: ["Gradient norm", "Before it is clipped."],
  codebookUse: ["Codebook use", "The share of the codebook that is used."],
  learningRate: ["Learning rate", "As its schedule says."],
};
/** What says little as a line; the table of the log has it. */
const hidden = ["seconds", "idleShare"];

/** The charts of a log: sub-models in one, and what was measured on held-out images beside them. */
export function chartsOf(lines: readonly LogLine[]): Chart[] {
  const names = [...new Set(lines.flatMap(({ figures }) => Object.keys(figures)))];
  const hasSubModels = names.some((name) => /^loss\.p\d+$/.test(name));
  const groups = new Map<string, ChartSeries[]>();
  for (const name of names) {
    const [, base = name, p] = /^(.+)\.p(\d+)$/.exec(name) ?? [];
    // The sum over sub-models says nothing beside them.
    if (hidden.includes(name) || (hasSubModels && /^(loss|heldOut\.loss)$/.test(name))) continue;
    const isHeldOut = base === "heldOut" || base === "heldOut.loss";
    const group = isHeldOut ? "loss" : base;
    const factor = p === undefined ? null : Number(p);
    const series: ChartSeries = {
      label: [
        factor === null ? "" : factor === 1 ? "whole model" : `1/${factor}`,
        isHeldOut ? "held out" : "",
      ]
        .filter(Boolean)
        .join(", "),
      factor,
      isHeldOut,
      values: lines.map(({ figures }) => {
        const value = figures[name];
        return value !== undefined && Number.isFinite(value) ? value : null;
      }),
    };
    groups.set(group, [...(groups.get(group) ?? []), series]);
  }
  const order = Object.keys(known);
  const placeOf = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const steps = lines.map(({ step }) => step);
  return [...groups]
    .sort(([a], [b]) => placeOf(a) - placeOf(b))
    .map(([name, series]) => {
      const [title, hint] = known[name] ?? [name, ""];
      const isNested = name === "loss" && hasSubModels;
      const held = series.some(({ isHeldOut }) => isHeldOut) ? " Dashed: on held-out images." : "";
      return {
        name,
        title,
        hint: `${isNested ? "Of each sub-model, over masked tokens." : hint}${held}`,
        steps,
        series: series.sort(
          (a, b) => Number(a.isHeldOut) - Number(b.isHeldOut) || (a.factor ?? 0) - (b.factor ?? 0),
        ),
      };
    });
}

/** Lines that say how fast it is now. */
const recent = 5;

/** Seconds until `steps` are done, at the rate of the last lines; null where that is not known. */
export function secondsLeft(lines: readonly LogLine[], steps: number | null): number | null {
  const [first, last] = [lines.at(-1 - recent) ?? lines[0], lines.at(-1)];
  if (!first || !last || steps === null || last.step <= first.step) return null;
  const seconds = last.figures.seconds! - first.figures.seconds!;
  return seconds > 0 ? (Math.max(0, steps - last.step) * seconds) / (last.step - first.step) : null;
}
