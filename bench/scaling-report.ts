/** The scaling curves as files: docs/results/scaling.md, one section per axis, and a chart of each. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sideBySide } from "../src/charts/chart-frame.ts";
import { lineChart } from "../src/charts/line-chart.ts";
import { ensureWritableFolder, writeFileAtomic } from "../src/index.ts";
import { circumstances } from "./circumstances.ts";
import { type Axis, columns, figuresOf } from "./scaling-axis.ts";

const folder = "docs/results";

const head = `# Scaling

How time and memory of a decode grow, one axis at a time: random weights, the default plan (as many steps at each of p =
8, 4, 2, 1), guidance in every step, sampling included, the tokenizer not. Each point is the median of some rounds, each
a process of its own. Time: the median decode of that process, after one that is not counted.
Peak: the most resident memory of the process over that with the weights loaded and nothing decoded; the estimate is
what \`--batch auto\` goes by. Multiply-adds are those of the closed form. In the charts the dashed line of time is what
the multiply-adds predict from the first point on.
`;

/**
 * Writes what was measured; sections of other axes stay as they are.
 *
 * @param asked  the axis that was asked for, if one was
 * @returns the paths written
 */
export async function writeScaling(axes: readonly Axis[], asked?: string): Promise<string[]> {
  await ensureWritableFolder(folder);
  const path = join(folder, "scaling.md");
  const sections = sectionsOf(await readFile(path, "utf8").catch(() => ""));
  const written = [path];
  for (const axis of axes) {
    const chart = join(folder, `scaling-${axis.name}.svg`);
    await writeFileAtomic(chart, chartOf(axis));
    written.push(chart);
    sections.set(axis.name, section(axis, asked));
  }
  await writeFileAtomic(path, [head, ...sections.values()].join("\n"));
  return written;
}

/** The sections of an earlier run, by the axis in their heading. */
function sectionsOf(markdown: string): Map<string, string> {
  const parts = markdown.split(/^(?=## )/m).slice(1);
  return new Map(parts.map((part) => [/^## (\S+)/.exec(part)![1]!.toLowerCase(), `${part.trimEnd()}\n`]));
}

function section({ name, at, rounds, points, checks }: Axis, asked?: string): string {
  const { machine, node, commit, date } = circumstances();
  const row = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;
  const title = name[0]!.toUpperCase() + name.slice(1);
  return [
    `## ${title}`,
    "",
    `${at}; ${rounds} rounds. \`npm run bench -- scaling${asked ? ` --axis ${asked}` : ""}\`, ${date.slice(0, 10)}, ` +
      `${machine.processor}, ${machine.cores} cores, Node ${node}, commit ${commit ?? "unknown"}.`,
    "",
    row([name, ...columns]),
    row([name, ...columns].map(() => "---:")),
    ...points.map((point) => row([point.value, ...figuresOf(point)])),
    "",
    ...checks.map(
      ({ statement, isTrue, figures }) => `- ${isTrue ? "True" : "**False**"}: ${statement}: ${figures}.`,
    ),
    "",
    `![Time and memory against ${name}](scaling-${name}.svg)`,
    "",
  ].join("\n");
}

const units = { batch: "batch, images", tokens: "tokens per image", depth: "layers", steps: "steps" };

function chartOf({ name, points }: Axis): string {
  const first = points[0]!;
  const perImage = ({ batch, multiplyAdds }: (typeof points)[number]) => multiplyAdds / batch;
  const rate = first.secondsPerImage / perImage(first);
  const shared = { x: units[name], isLogX: true, isLogY: true, xTicks: points.map(({ value }) => value) };
  const line = (label: string, y: (point: (typeof points)[number]) => number) => ({
    name: label,
    points: points.map((point) => [point.value, y(point)] as const),
  });
  return sideBySide(`Time and memory per image against ${name}`, [
    lineChart(
      [
        line("measured", (point) => point.secondsPerImage),
        line("by the formula", (point) => rate * perImage(point)),
      ],
      { ...shared, title: `Time per image against ${name}`, y: "seconds per image" },
    ),
    lineChart(
      [
        line("measured", ({ peak }) => peak / 2 ** 20),
        line("estimate", ({ peakBound }) => peakBound / 2 ** 20),
      ],
      { ...shared, title: `Peak memory of a decode against ${name}`, y: "MiB" },
    ),
  ]);
}
