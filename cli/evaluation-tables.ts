/** The tables that `magnets evaluate` prints. */
import type {
  Estimate,
  Evaluation,
  PlanFigures,
  PredictionEvaluation,
  PredictionVerdict,
  Verdict,
} from "../src/evaluate.ts";
import { short, table } from "./table.ts";

/** A plan's row, as printed and as JSON. */
type PlanRow<Row> = Row & PlanFigures & { readonly frechetToFlat?: number; readonly sizes: string };

const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
const plusMinus = ({ mean, standardError }: Estimate, digits: number) =>
  `${mean.toFixed(digits)} ± ${standardError.toFixed(digits)}`;

/** What the judge says of anything. */
const judgedHead = ({ factorAccuracies }: Verdict) => [
  "right class",
  ...factorAccuracies.map((_, i) => `word ${i + 1}`),
  "distance",
];
const judgedCells = ({ classAccuracy, factorAccuracies, frechet }: Verdict) => [
  percent(classAccuracy),
  ...factorAccuracies.map(percent),
  Number(frechet.toPrecision(4)),
];

/** What plans alone have. */
const costHead = ["to flat", "multiply-adds", "saved", "seconds"];
const noCost = costHead.map(() => "");
const costCells = (row: PlanRow<unknown>) => [
  row.frechetToFlat === undefined ? "" : row.frechetToFlat.toFixed(3),
  short(Math.round(row.multiplyAdds)),
  `${row.ratio.toFixed(2)}x`,
  row.seconds.toFixed(1),
];

export function generationTable({ real, tokenizer }: Evaluation, rows: readonly PlanRow<Verdict>[]): string {
  return table(
    ["pictures", "plan", ...judgedHead(real), ...costHead],
    [
      ["real, held out", "", ...judgedCells(real), ...noCost],
      ["real, through the tokenizer", "", ...judgedCells(tokenizer), ...noCost],
      ...rows.map((row) => [row.name, row.sizes, ...judgedCells(row), ...costCells(row)]),
    ],
  );
}

/** The ways to predict, by the names that tables give them. */
const waysOf = ({ repeat, tokenizer, plans }: PredictionEvaluation): [string, PredictionVerdict][] => [
  ["last given frame again", repeat],
  ["true frames, through the tokenizer", tokenizer],
  ...plans.map((row): [string, PredictionVerdict] => [row.name, row]),
];

export function predictionTable(
  result: PredictionEvaluation,
  rows: readonly PlanRow<PredictionVerdict>[],
): string {
  const near = ({ psnr, ssim }: PredictionVerdict) => [plusMinus(psnr, 2), plusMinus(ssim, 4)];
  const ways = waysOf(result).map(([name, way], i) => {
    const row = rows[i - 2]; // two ways have no plan
    const cost = row ? costCells(row) : noCost;
    return [name, row?.sizes ?? "", ...near(way), ...judgedCells(way), ...cost];
  });
  return table(
    ["clips", "plan", "PSNR, dB", "SSIM", ...judgedHead(result.real), ...costHead],
    [["the true ones", "", "", "", ...judgedCells(result.real), ...noCost], ...ways],
  );
}

export function frameTable(result: PredictionEvaluation): string {
  const places = result.repeat.frames.map((_, i) => `${result.given + i + 1}`);
  return table(
    ["frame", ...places],
    waysOf(result).map(([name, { frames }]) => [name, ...frames.map(({ psnr }) => psnr.mean.toFixed(1))]),
  );
}
