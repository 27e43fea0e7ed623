/** An evaluation as files: JSON and CSV with every figure, and charts of quality against compute. */
import { join } from "node:path";
import { type PointSeries, pointChart } from "../charts/point-chart.ts";
import { writeFileAtomic } from "../core/node/atomic-file.ts";
import { writeJson } from "../weights/node/json-file.ts";
import { type Estimate, isEstimate } from "./metrics/estimate.ts";

/** What charts show of a plan. */
export interface ChartedRow {
  readonly name: string;
  /** Plans of one base are one series. */
  readonly base: string;
  /** Per image. */
  readonly multiplyAdds: number;
  /** Per image. */
  readonly seconds: Estimate;
  readonly frechet: Estimate;
  /** Of predictions, in dB. */
  readonly psnr?: Estimate;
  /** In the features of a network besides the classifier. */
  readonly network?: { readonly frechet: Estimate };
}

/** What is written of an evaluation. */
export interface EvaluationFiles {
  /** What goes into the JSON file. */
  readonly result: unknown;
  /** Sets that no plan made, by name; above the plans in the CSV file. */
  readonly beside: readonly object[];
  readonly rows: readonly ChartedRow[];
  /** The name of the classifier in whose features distances are. */
  readonly features: string;
  /** The name of the network besides the classifier, where there is one. */
  readonly network?: string;
  /** Join the plans of one base by lines. */
  readonly isJoined?: boolean;
}

/**
 * Writes `evaluation.json`, `evaluation.csv` and the charts into a folder, each whole or not at all.
 *
 * @returns the paths
 * @throws InputError when the system refuses
 */
export async function writeEvaluationFiles(folder: string, files: EvaluationFiles): Promise<string[]> {
  const charts = qualityCharts(files);
  const paths = ["evaluation.json", "evaluation.csv", ...Object.keys(charts)].map((name) =>
    join(folder, name),
  );
  await writeJson(paths[0]!, files.result);
  await writeFileAtomic(paths[1]!, csvOf([...files.beside, ...files.rows]));
  for (const [name, chart] of Object.entries(charts)) await writeFileAtomic(join(folder, name), chart);
  return paths;
}

/** Charts by file name: of each quality against multiply-adds and against seconds. */
export function qualityCharts({
  rows,
  features,
  network,
  isJoined = false,
}: Pick<EvaluationFiles, "rows" | "features" | "network" | "isJoined">): Record<string, string> {
  const costs = [
    {
      name: "multiply-adds",
      x: "multiply-adds per sample, G",
      of: (row: ChartedRow) => row.multiplyAdds / 1e9,
    },
    { name: "seconds", x: "seconds per sample", of: (row: ChartedRow) => row.seconds.mean },
  ];
  const title = "Distance to the reference set (less is better)";
  const qualities = [
    {
      name: "distance",
      title,
      y: `Fréchet distance, features of ${features}`,
      of: (row: ChartedRow) => row.frechet,
    },
    {
      name: "network-distance",
      title,
      y: `Fréchet distance, ${network}`,
      of: (row: ChartedRow) => row.network?.frechet,
    },
    {
      name: "psnr",
      title: "Similarity to the true frames (more is better)",
      y: "PSNR, dB",
      of: (row: ChartedRow) => row.psnr,
    },
  ];
  const charts: Record<string, string> = {};
  for (const { name, title, y, of } of qualities) {
    if (rows.length === 0 || rows.some((row) => of(row) === undefined)) continue;
    for (const cost of costs) {
      const series = seriesOf(rows, isJoined, (row) => {
        const { mean, standardError } = of(row)!;
        return { name: row.name, x: cost.of(row), y: mean, error: standardError };
      });
      charts[`${name}-${cost.name}.svg`] = pointChart(series, { title, x: cost.x, y });
    }
  }
  return charts;
}

/** The plans of each base as one series; on a line, the last point alone bears the base's name. */
function seriesOf(
  rows: readonly ChartedRow[],
  isJoined: boolean,
  pointOf: (row: ChartedRow) => PointSeries["points"][number],
): PointSeries[] {
  const bases = [...new Set(rows.map(({ base }) => base))];
  return bases.map((base) => {
    const points = rows.filter((row) => row.base === base).map(pointOf);
    const last = Math.max(...points.map(({ x }) => x));
    const short = (name: string) => (name.startsWith(`${base}, `) ? name.slice(base.length + 2) : name);
    return {
      isJoined,
      points: points.map((point) =>
        isJoined && point.x < last ? { ...point, label: short(point.name) } : point,
      ),
    };
  });
}

/** Keys that have no place in a table of numbers. */
const leftOut = ["plan", "runs"];

/**
 * Rows as CSV (RFC 4180): a column per figure, one after it for its standard error; nested figures have their path as
 * the column's name.
 */
export function csvOf(rows: readonly object[]): string {
  const flat = rows.map((row) => new Map(cellsOf(row)));
  // In the order of the fullest row, so that errors stand beside their figures though some rows have none.
  const fullest = [...flat].sort((a, b) => b.size - a.size);
  const columns = [...new Set(fullest.flatMap((cells) => [...cells.keys()]))];
  const line = (cells: readonly string[]) => `${cells.map(quoted).join(",")}\r\n`;
  return [columns, ...flat.map((cells) => columns.map((column) => cells.get(column) ?? ""))]
    .map(line)
    .join("");
}

/** A record's cells by column. */
function cellsOf(record: object, path: readonly string[] = []): [string, string][] {
  return Object.entries(record).flatMap(([key, value]): [string, string][] => {
    if (leftOut.includes(key) || value === undefined) return [];
    const isPlace = Array.isArray(record);
    const place = [...path, isPlace ? `${Number(key) + 1}` : key];
    const column = place.join(" ");
    if (isEstimate(value)) {
      const { mean, standardError } = value;
      return [
        [column, `${mean}`],
        [`${column} error`, Number.isFinite(standardError) ? `${standardError}` : ""],
      ];
    }
    if (typeof value === "object" && value !== null) return cellsOf(value, place);
    return [[column, value === null ? "" : `${value}`]];
  });
}

const quoted = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
