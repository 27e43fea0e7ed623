/** The tables of an evaluation, for a terminal unless another printer is given. */
import type { Estimate, Evaluation, PlanFigures, PredictionEvaluation } from "../../src/evaluate.ts";
import { short, table } from "./table.ts";

/** A figure of one set, or over several seeds. */
type Figure = number | Estimate;

/** What the judge says of anything. */
interface ClassifiedSet {
  readonly classAccuracy: Figure;
  readonly factorAccuracies: readonly Figure[];
  readonly frechet: Figure;
  readonly kernel: Estimate | null;
  readonly precision: Figure | null;
  readonly recall: Figure | null;
}

/** How near predicted frames are to the true ones. */
interface Near {
  readonly psnr: Estimate;
  readonly ssim: Estimate;
  /** Beside the last given frame again. */
  readonly gain: { readonly psnr: Estimate };
}

/** What plans alone have. */
interface Decoded extends PlanFigures {
  readonly modelSchedule: string;
  readonly seconds: Estimate;
  readonly frechetToBaseline?: Estimate;
}

/** A figure with its error bar, where it has one. */
function shown(figure: Figure | null, print: (value: number) => string): string {
  if (figure === null) return "";
  if (typeof figure === "number") return print(figure);
  const { mean, standardError } = figure;
  return Number.isFinite(standardError) ? `${print(mean)} ± ${print(standardError)}` : print(mean);
}

const decimals = (digits: number) => (value: number) => value.toFixed(digits);
/** As many decimals as four significant digits of a figure take, so that its error bar has the same. */
const significant = (figure: Figure) => {
  const size = Math.abs(typeof figure === "number" ? figure : figure.mean);
  return decimals(Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(size || 1)))));
};
const percent = (value: number) => (100 * value).toFixed(1);

const judgedHead = ({ factorAccuracies }: ClassifiedSet) => [
  "right class, %",
  ...factorAccuracies.map((_, i) => `word ${i + 1}, %`),
  "distance",
  "kernel distance",
  "precision",
  "recall",
];
const judgedCells = ({ classAccuracy, factorAccuracies, frechet, kernel, precision, recall }: ClassifiedSet) => [
  shown(classAccuracy, percent),
  ...factorAccuracies.map((figure) => shown(figure, percent)),
  shown(frechet, significant(frechet)),
  shown(kernel, significant(kernel ?? 0)),
  shown(precision, decimals(3)),
  shown(recall, decimals(3)),
];

const costHead = ["to baseline", "multiply-adds", "saved", "seconds"];
const noCost = costHead.map(() => "");
const costCells = ({ frechetToBaseline, multiplyAdds, ratio, seconds }: Decoded) => [
  shown(frechetToBaseline ?? null, decimals(3)),
  short(Math.round(multiplyAdds)),
  `${ratio.toFixed(2)}x`,
  shown(seconds, decimals(3)),
];

export function generationTable(
  { real, tokenizer }: Evaluation,
  rows: readonly (Decoded & ClassifiedSet)[],
  print = table,
): string {
  return print(
    ["images", "plan", ...judgedHead(real), ...costHead],
    [
      ["real, held out", "", ...judgedCells(real), ...noCost],
      ["real, through the tokenizer", "", ...judgedCells(tokenizer), ...noCost],
      ...rows.map((row) => [row.name, row.modelSchedule, ...judgedCells(row), ...costCells(row)]),
    ],
  );
}

export function predictionTable(
  { real, repeat, tokenizer }: PredictionEvaluation,
  rows: readonly (Decoded & ClassifiedSet & Near)[],
  print = table,
): string {
  const cells = (way: ClassifiedSet & Near) => [
    shown(way.psnr, decimals(2)),
    shown(way.gain.psnr, decimals(2)),
    shown(way.ssim, decimals(4)),
    ...judgedCells(way),
  ];
  return print(
    ["videos", "plan", "PSNR, dB", "gained, dB", "SSIM", ...judgedHead(real), ...costHead],
    [
      ["the true ones", "", "", "", "", ...judgedCells(real), ...noCost],
      ["last given frame again", "", ...cells(repeat), ...noCost],
      ["true frames, through the tokenizer", "", ...cells(tokenizer), ...noCost],
      ...rows.map((row) => [row.name, row.modelSchedule, ...cells(row), ...costCells(row)]),
    ],
  );
}

/** What a feature network says of anything. */
interface SeenByNetwork {
  readonly frechet: Figure;
  readonly kernel: Estimate | null;
  readonly precision: Figure | null;
  readonly recall: Figure | null;
  readonly inceptionScore: Figure | null;
}

/** The sets that a feature network looked at, by name. */
export function networkTable(
  sets: readonly { readonly name: string; readonly network?: SeenByNetwork }[],
  print = table,
): string {
  return print(
    ["in its features", "Fréchet distance", "kernel distance", "precision", "recall", "Inception score"],
    sets.flatMap(({ name, network }) => {
      if (!network) return [];
      const { frechet, kernel, precision, recall, inceptionScore } = network;
      return [
        [
          name,
          shown(frechet, significant(frechet)),
          shown(kernel, significant(kernel ?? 0)),
          shown(precision, decimals(3)),
          shown(recall, decimals(3)),
          shown(inceptionScore, decimals(2)),
        ],
      ];
    }),
  );
}

/** The PSNR of every predicted frame by itself. */
export function frameTable({ given, repeat, tokenizer, plans }: PredictionEvaluation): string {
  const places = repeat.frames.map((_, i) => `${given + i + 1}`);
  const ways = [
    { ...repeat, name: "last given frame again" },
    { ...tokenizer, name: "true frames, through the tokenizer" },
    ...plans,
  ];
  return table(
    ["frame", ...places],
    ways.map(({ name, frames }) => [name, ...frames.map(({ psnr }) => psnr.mean.toFixed(1))]),
  );
}
