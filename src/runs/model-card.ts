/** The model card of a trained model: what it is, how it was made, how long it took, how its losses fell. */
import { join } from "node:path";
import { lineChart } from "../charts/line-chart.ts";
import { writeFileAtomic } from "../core/node/atomic-file.ts";
import { type Noun, nounOf } from "../core/nouns.ts";
import { describeModel } from "../pipelines/describe-model.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import type { TrainConfig } from "../training/config.ts";
import { finalMean, type MetricsLine, readMetrics } from "../training/metrics.ts";
import { type Lengthened, readLengthened } from "../training/run-folder.ts";
import { type CopyReport, describeCopies } from "./copies.ts";

export interface CardSource {
  readonly config: TrainConfig;
  readonly model: GenerativeModel;
  /** The run's folder; its metrics give the losses and times. */
  readonly run: string;
  /** How near its samples are to what it was trained on; null or left out where that was not looked at. */
  readonly copies?: CopyReport | null;
  /** Whether the tokenizer's decoder went on alone. Default false. */
  readonly isDecoderTrained?: boolean;
}

/** Writes README.md and loss.svg into the model folder `folder`. */
export async function writeModelCard(folder: string, source: CardSource): Promise<void> {
  const { config, model, run, isDecoderTrained = false } = source;
  const metricsOf = (stage: "tokenizer" | "transformer" | "decoder") =>
    readMetrics(join(run, stage, "metrics.jsonl"));
  const tokenizer = config.tokenizer.training.steps === 0 ? [] : await metricsOf("tokenizer");
  const transformer = config.transformer.training.steps === 0 ? [] : await metricsOf("transformer");
  const decoder = isDecoderTrained ? await metricsOf("decoder") : [];
  if (transformer.length > 0) await writeLosses(join(folder, "loss.svg"), model, transformer);
  const lengthened = {
    tokenizer: await readLengthened(join(run, "tokenizer")),
    transformer: await readLengthened(join(run, "transformer")),
  };
  const text = cardText(source, { tokenizer, transformer, decoder, lengthened });
  await writeFileAtomic(join(folder, "README.md"), text);
}

/** The losses of the sub-models over the training, as a chart. */
async function writeLosses(
  path: string,
  model: GenerativeModel,
  transformer: readonly MetricsLine[],
): Promise<void> {
  const losses = model.transformer.config.factors.map((factor) => ({
    name: subModel(factor),
    points: smoothed(transformer, `loss.p${factor}`),
  }));
  const seen = transformer.filter((line) => line["heldOut.p1"] !== undefined);
  if (seen.length > 0) {
    losses.push({ name: "held out", points: seen.map((line) => [line.step!, line["heldOut.p1"]!]) });
  }
  const curve = lineChart(losses, {
    title: "Cross-entropy on masked tokens, by sub-model",
    x: "training step",
    y: "nats per token",
  });
  await writeFileAtomic(path, curve);
}

/** Means over about 100 stretches of the run: single batches are noisy. */
function smoothed(all: readonly MetricsLine[], name: string): [number, number][] {
  const lines = all.filter((line) => line[name] !== undefined);
  const stretch = Math.max(1, Math.floor(lines.length / 100));
  const points: [number, number][] = [];
  for (let from = 0; from + stretch <= lines.length; from += stretch) {
    const part = lines.slice(from, from + stretch);
    points.push([part.at(-1)!.step!, part.reduce((total, line) => total + line[name]!, 0) / part.length]);
  }
  return points;
}

/** How a model was trained. */
interface History {
  readonly tokenizer: readonly MetricsLine[];
  readonly transformer: readonly MetricsLine[];
  /** Empty where it was not trained alone. */
  readonly decoder: readonly MetricsLine[];
  readonly lengthened: Readonly<Record<"tokenizer" | "transformer", readonly Lengthened[]>>;
}

function cardText(
  { config, model, copies }: CardSource,
  { tokenizer, transformer, decoder, lengthened }: History,
): string {
  const { transformer: sizes, plan, completionPlan, tokenizer: coder } = describeModel(model);
  const { subModels, width, depth, heads, grid, codebookSize } = sizes;
  const { resolution, frames } = coder;
  const thing = nounOf(coder);
  const things = `${thing}s`;
  const folder = join("models", config.name);
  const best = lowest(transformer, "heldOut.loss");
  const subModelRows = subModels.map(
    ({ factor, heads: subModelHeads, hidden, parameters }) =>
      `| ${subModel(factor)} | ${subModelHeads} | ${hidden} | ${(parameters / 1e6).toFixed(2)}M | ` +
      `${transformer.length > 0 ? finalMean(transformer, `loss.p${factor}`).toFixed(3) : "not trained here"} |${best ? ` ${best[`heldOut.p${factor}`]!.toFixed(3)} |` : ""}`,
  );
  return `---
library_name: magnets
pipeline_tag: ${frames === undefined ? "unconditional-image-generation" : "video-generation"}
tags: [masked-generation, nested-transformer]
---
# ${config.name}

${frames === undefined ? "Images" : `Videos of ${frames} frames`} of ${resolution} x ${resolution} pixels${model.classNames.length > 0 ? `, by class: ${model.classNames.join(", ")}` : ""}.
A tokenizer (${(coder.parameters / 1e6).toFixed(1)}M parameters) turns ${an(thing)} into ${grid.join(" x ")} tokens of ${codebookSize} codes; a nested
masked transformer (width ${width}, depth ${depth}, ${heads} heads) fills them in. Sub-model 1/p has the leading 1/p of the heads and hidden units
of every layer; all sub-models share one set of weights.

| sub-model | heads | hidden units | parameters | training loss (nats per masked token) |${best ? " on held-out images |" : ""}
|---|---|---|---|---|${best ? "---|" : ""}
${subModelRows.join("\n")}

${transformer.length > 0 ? "![Losses of the sub-models over the training](loss.svg)\n\n" : ""}## Use

\`\`\`
magnets sample ${folder} --class "${model.classNames[0] ?? "none"}" --count 16
${sizes.tasks.map((task) => `magnets ${task} ${folder} --video video.mp4\n`).join("")}\`\`\`

Default plan: model schedule ${plan.modelSchedule} (\`pxK\`: K steps of sub-model 1/p), ${plan.maskSchedule} mask schedule, guidance scale ${plan.guidanceScale}. It takes ${(plan.multiplyAdds / 1e9).toFixed(2)} G
multiply-adds for ${an(thing)}, ${plan.ratio.toFixed(2)} times fewer than the baseline decode of as many steps: the full model and every position in every step, no cache,
the same guidance scale.
${completionPlan ? `Default plan of completions (${sizes.tasks.join(", ")}): model schedule ${completionPlan.modelSchedule}, ${completionPlan.maskSchedule} mask schedule, ${completionPlan.ratio.toFixed(2)} times fewer.\n` : ""}
## Training

\`\`\`
magnets train ${folder}/train_config.json
\`\`\`

Trained on ${config.data.count === null ? things : `${config.data.count} ${things}`} of "${config.data.source}"; every setting is in \`train_config.json\`. Time in the training loops, on the machine it was trained on:
${tokenizerLine(config, tokenizer, lengthened.tokenizer)},
${transformerLine(config, transformer, lengthened.transformer)}.
${decoderLine(config, decoder)}The weights are moving averages over the training${best ? `, those of step ${best.step}, whose loss on held-out images was the lowest` : ""}, stored as float16.
${copies ? `\n## Copies\n\nOf ${copies.nearest.length} samples by the default plan: ${describeCopies(copies)}.${copies.isCopying ? " More are near than chance explains: some are copies." : ""}\n` : ""}`;
}

/** The line on which a figure is the lowest; undefined where no line has it. */
const lowest = (lines: readonly MetricsLine[], name: string): MetricsLine | undefined =>
  lines
    .filter((line) => line[name] !== undefined)
    .reduce<MetricsLine | undefined>(
      (low, line) => (low && low[name]! <= line[name]! ? low : line),
      undefined,
    );

/** How the tokenizer came about. */
function tokenizerLine(
  { data, tokenizer: { init, training } }: TrainConfig,
  lines: readonly MetricsLine[],
  lengthened: readonly Lengthened[],
): string {
  if (training.steps === 0) return `tokenizer: none, it is the one of ${init}`;
  const things = `${nounOf(data)}s`;
  return (
    `tokenizer ${minutes(lines)} minutes (${training.steps} steps of ${training.batchSize} ${things}${startOf({ init })}${growthOf(lengthened)}, ` +
    `${finalMean(lines, "psnr").toFixed(1)} dB on training batches, ` +
    `${(100 * finalMean(lines, "codebookUse")).toFixed(0)} % of the codes used)`
  );
}

/** How the transformer came about. */
function transformerLine(
  { data, transformer: { init, training } }: TrainConfig,
  lines: readonly MetricsLine[],
  lengthened: readonly Lengthened[],
): string {
  if (training.steps === 0) return `transformer: none, it is the one of ${init}`;
  return (
    `transformer ${minutes(lines)} minutes (${training.steps} steps of ${training.batchSize} ${nounOf(data)}s${startOf({ init })}` +
    `${growthOf(lengthened)})`
  );
}

/** How the tokenizer's decoder went on, if it did; a line. */
function decoderLine({ data, decoder: { training } }: TrainConfig, lines: readonly MetricsLine[]): string {
  if (lines.length === 0) return "";
  return (
    `At last the tokenizer's decoder trained alone for ${training.steps} steps, ${minutes(lines)} minutes, on ${nounOf(data)}s that the model ` +
    `made and on real ones: ${finalMean(lines, "psnr").toFixed(1)} dB on these, border contrast ${finalMean(lines, "borderContrast").toFixed(2)} of what was made.\n`
  );
}

/** What a sub-model is called: its share of the heads and hidden units. */
const subModel = (factor: number): string => (factor === 1 ? "full" : `1/${factor}`);

/** "an image", "a video". */
const an = (noun: Noun): string => (noun === "image" ? "an image" : `a ${noun}`);

const minutes = (lines: readonly MetricsLine[]): string => (lines.at(-1)!.seconds! / 60).toFixed(0);

/** Where a training began, if not at random. */
const startOf = ({ init }: { readonly init?: string }): string =>
  init === undefined ? "" : `, starting from the weights of ${init}`;

/** How a training was given more steps, if it was: from there on its learning rate followed another schedule. */
const growthOf = (lengthened: readonly Lengthened[]): string =>
  lengthened.map(({ from, atStep }) => `, at first ${from} steps, lengthened at step ${atStep}`).join("");
