/** An evaluation as tables: which columns there are, and every figure as text. A printer makes lines of them. */

import type { ModelEvaluation, RowContext } from "./evaluate.ts";
import type { GenerationRow } from "./evaluate-generation.ts";
import type { PredictionRow } from "./evaluate-prediction.ts";
import type { Estimate } from "./metrics/estimate.ts";

/** Cells by row; every row as long as the head. */
export interface FigureTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A table in Markdown. */
export function markdownTable({ head, rows }: FigureTable): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [head, head.map(() => "---"), ...rows].map(line).join("\n");
}

/** The tables of an evaluation, by what they show. */
export interface EvaluationTables {
  /** One row per plan, and one per set that no plan made. */
  readonly plans: FigureTable;
  /** The same sets in the features of the network besides the classifier; null where there is none. */
  readonly network: FigureTable | null;
  /** Of predictions, the PSNR of every predicted frame in dB; null of generated images. */
  readonly frames: FigureTable | null;
}

/** The tables of an evaluation. */
export function tablesOf(evaluation: ModelEvaluation): EvaluationTables {
  return {
    plans: plansTable(evaluation),
    network: evaluation.result.network ? networkTable(evaluation) : null,
    frames: evaluation.task === "predict" ? framesTable(evaluation) : null,
  };
}

/** Sets that no plan made, each with its name and measures: held-out ones, and what needs no transformer. */
export function setsBeside(evaluation: ModelEvaluation) {
  const { task, isVideo, result } = evaluation;
  const things = isVideo ? "videos" : "images";
  return task === "predict"
    ? [
        { name: "held-out videos", ...result.heldOut },
        { name: "last given frame repeated", ...result.repeat },
        { name: "true frames, through the tokenizer", ...result.tokenizer },
      ]
    : [
        { name: `held-out ${things}`, ...result.heldOut },
        { name: `held-out ${things}, through the tokenizer`, ...result.tokenizer },
      ];
}

/** A figure of one set, or over several seeds. */
type Figure = number | Estimate;

/** A figure with its standard error, where it has one; empty for null. */
function shown(figure: Figure | null, print: (value: number) => string): string {
  if (figure === null) return "";
  if (typeof figure === "number") return print(figure);
  const { mean, standardError } = figure;
  return Number.isFinite(standardError) ? `${print(mean)} ± ${print(standardError)}` : print(mean);
}

const decimals = (digits: number) => (value: number) => value.toFixed(digits);

/** As many decimals as four significant digits of a figure take, so that its error has the same. */
const significant = (figure: Figure | null) => {
  const size = Math.abs(figure === null ? 0 : typeof figure === "number" ? figure : figure.mean);
  return decimals(Math.min(6, Math.max(0, 3 - Math.floor(Math.log10(size || 1)))));
};

const percent = (value: number) => (100 * value).toFixed(1);
const billions = (value: number) => (value / 1e9).toPrecision(3);

/** The measures of any set, by the classifier. */
interface ByClassifier {
  readonly classAccuracy: Figure;
  readonly factorAccuracies: readonly Figure[];
  readonly frechet: Figure;
  readonly kernel: Estimate | null;
  readonly precision: Figure | null;
  readonly recall: Figure | null;
}

const classifierHead = ({ factorAccuracies }: ByClassifier) => [
  "right class, %",
  ...factorAccuracies.map((_, i) => `word ${i + 1}, %`),
  "distance",
  "kernel distance",
  "precision",
  "recall",
];

const classifierCells = (measures: ByClassifier) => [
  shown(measures.classAccuracy, percent),
  ...measures.factorAccuracies.map((figure) => shown(figure, percent)),
  shown(measures.frechet, significant(measures.frechet)),
  shown(measures.kernel, significant(measures.kernel)),
  shown(measures.precision, decimals(3)),
  shown(measures.recall, decimals(3)),
];

const costHead = ["to baseline", "multiply-adds, G", "saved", "seconds"];

const costCells = (row: (GenerationRow | PredictionRow) & RowContext) => [
  shown(row.frechetToBaseline ?? null, decimals(3)),
  billions(row.multiplyAdds),
  `${row.ratio.toFixed(2)}x`,
  shown(row.seconds, decimals(3)),
];

/** How similar predicted frames are to the true ones. */
interface BySimilarity {
  readonly psnr: Estimate;
  readonly ssim: Estimate;
  readonly gain: { readonly psnr: Estimate };
}

const similarityHead = ["PSNR, dB", "gained, dB", "SSIM"];

const similarityCells = ({ psnr, gain, ssim }: BySimilarity) => [
  shown(psnr, decimals(2)),
  shown(gain.psnr, decimals(2)),
  shown(ssim, decimals(4)),
];

function plansTable(evaluation: ModelEvaluation): FigureTable {
  const { task, isVideo, result, rows } = evaluation;
  const isPrediction = task === "predict";
  const similarity = (set: object): string[] =>
    "gain" in set ? similarityCells(set as BySimilarity) : isPrediction ? similarityHead.map(() => "") : [];
  return {
    head: [
      isVideo ? "videos" : "images",
      "plan",
      ...(isPrediction ? similarityHead : []),
      ...classifierHead(result.heldOut),
      ...costHead,
    ],
    rows: [
      ...setsBeside(evaluation).map((set) => [
        set.name,
        "",
        ...similarity(set),
        ...classifierCells(set),
        ...costHead.map(() => ""),
      ]),
      ...rows.map((row) => [
        row.name,
        row.modelSchedule,
        ...similarity(row),
        ...classifierCells(row),
        ...costCells(row),
      ]),
    ],
  };
}

/** The measures of any set, by a feature network. */
interface ByNetwork {
  readonly frechet: Figure;
  readonly kernel: Estimate | null;
  readonly precision: Figure | null;
  readonly recall: Figure | null;
  readonly inceptionScore: Figure | null;
}

function networkTable(evaluation: ModelEvaluation): FigureTable {
  const sets: readonly { readonly name: string; readonly network?: ByNetwork }[] = [
    ...setsBeside(evaluation),
    ...evaluation.rows,
  ];
  return {
    head: [
      "in its features",
      "Fréchet distance",
      "kernel distance",
      "precision",
      "recall",
      "Inception score",
    ],
    rows: sets.flatMap(({ name, network }) => {
      if (!network) return [];
      const { frechet, kernel, precision, recall, inceptionScore } = network;
      return [
        [
          name,
          shown(frechet, significant(frechet)),
          shown(kernel, significant(kernel)),
          shown(precision, decimals(3)),
          shown(recall, decimals(3)),
          shown(inceptionScore, decimals(2)),
        ],
      ];
    }),
  };
}

function framesTable({ result }: Extract<ModelEvaluation, { task: "predict" }>): FigureTable {
  const { given, repeat, tokenizer, plans } = result;
  const ways = [
    { name: "last given frame repeated", frames: repeat.frames },
    { name: "true frames, through the tokenizer", frames: tokenizer.frames },
    ...plans,
  ];
  return {
    head: ["frame", ...repeat.frames.map((_, i) => `${given + i + 1}`)],
    rows: ways.map(({ name, frames }) => [name, ...frames.map(({ psnr }) => psnr.mean.toFixed(1))]),
  };
}
