/** `magnets evaluate`: how good decode plans are, and what they cost, on one model. */
import { basename } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Evaluation, PlanVerdict, Verdict } from "../../src/evaluate.ts";
import type { PlanInput } from "../../src/index.ts";
import { addMachineOptions, type MachineOptions } from "../machine-options.ts";
import { collect, decimalNumber, finishCommand, wholeNumber } from "../options.ts";
import { openReport } from "../report.ts";
import { short, table } from "../table.ts";

interface EvaluateCommandOptions extends MachineOptions {
  plan?: string[];
  samples: number;
  real: number;
  data: string;
  classifier: string;
  guidance?: number[];
  choiceTemperature?: number[];
  tokenTemperature?: number[];
  cacheFolder: string;
  batch: number;
  json?: boolean;
}

/** Values between commas, each read by `read`. */
const several =
  (read: (text: string) => number) =>
  (text: string): number[] =>
    text.split(",").map(read);

export function addEvaluateCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("evaluate")
    .description("compare decode plans: class accuracy, distance to real pictures, compute")
    .argument("<model>", "a model folder")
    .option(
      "--plan <name=sizes>",
      'a plan to judge; repeatable. "default" and "flat" name the model\'s own and the flat decode ' +
        "(default: these two)",
      collect,
    )
    .option("--samples <n>", "pictures per plan; the classes take turns", wholeNumber(2), 2000)
    .option("--real <n>", "held-out real pictures to compare with", wholeNumber(2), 10_000)
    .option("--data <source>", '"sprites", or the folder the model was trained on', "sprites")
    .option("--classifier <folder>", "the judge; see magnets classifier", "models/sprites-classifier")
    .option("--guidance <s,...>", "guidance scales to try", several(decimalNumber(0)))
    .option("--choice-temperature <t,...>", "choice temperatures to try", several(decimalNumber(0)))
    .option("--token-temperature <t,...>", "token temperatures to try", several(decimalNumber(0, true)))
    .option("--cache-folder <folder>", "keeps the features of drawn real pictures", ".cache/evaluation");
  addMachineOptions(command).option("--batch <n>", "pictures decoded together", wholeNumber(1, 4096), 64);
  finishCommand(
    command,
    "evaluate models/sprites",
    "evaluate models/sprites --plan default --plan late=8x2,1x10 --choice-temperature 4,9,14 --samples 240",
  ).action((model: string, options: EvaluateCommandOptions) => evaluate(model, options, signal));
}

async function evaluate(folder: string, options: EvaluateCommandOptions, signal: AbortSignal): Promise<void> {
  const { samples, seed, batch, threads, device, precision } = options;
  const report = openReport(options);
  const { createNodeRunner, openImagePipeline, planFor, printSizes, readModel } = await import(
    "../../src/index.ts"
  );
  const { evaluateModel, flatPlan, openParts, planGrid, readClassifier } = await import(
    "../../src/evaluate.ts"
  );
  const { startProgress } = await import("../progress.ts");
  const model = await readModel(folder);
  const classifier = await readClassifier(options.classifier);
  const { heldOut } = await openParts(options.data, model.tokenizer.config.resolution);
  const known: Record<string, PlanInput> = { default: {}, flat: flatPlan(model.plan) };
  const grid = planGrid(plansOf(options.plan ?? ["default", "flat"], known), {
    guidanceScale: options.guidance,
    choiceTemperature: options.choiceTemperature,
    tokenTemperature: options.tokenTemperature,
  });
  const plans = Object.fromEntries(grid.map(({ name, plan }) => [name, plan]));
  for (const plan of Object.values(plans)) planFor(model, plan); // a mistake in the last one is told before the first runs

  const runner = await createNodeRunner({ device, threads });
  let progress: ReturnType<typeof startProgress> | undefined;
  let stage = "";
  let result: Evaluation;
  try {
    const pipeline = await openImagePipeline(model, { runner, precision });
    result = await evaluateModel({
      pipeline,
      runner,
      classifier,
      plans,
      samples,
      seed,
      batchSize: batch,
      real: heldOut,
      realCount: options.real,
      cacheFolder: options.cacheFolder,
      signal,
      onProgress(next) {
        if (next.stage !== stage) {
          progress?.stop();
          progress = startProgress(next.stage, next.total);
          stage = next.stage;
        }
        progress?.update(next.done);
      },
    });
  } finally {
    progress?.stop();
    await runner.close();
  }

  const rows = result.plans.map((row, i) => {
    const { base, settings } = grid[i]!;
    const flat =
      result.plans[grid.findIndex((other) => other.base === "flat" && other.settings === settings)];
    const toFlat = flat && base !== "flat" ? { frechetToFlat: row.frechet / flat.frechet } : {};
    return { ...row, ...toFlat, sizes: printSizes(row.plan.sizes) };
  });
  report.say(verdictTable(result, rows));
  report.say(
    `\n${samples} pictures each, seed ${seed}; distance to ${result.reference.pictures} pictures of ` +
      `${result.reference.source} in the features of ${basename(options.classifier)} (not FID)\n` +
      `tokenizer: ${result.tokenizer.psnr.toFixed(2)} dB, ` +
      `${(100 * result.tokenizer.codebookUse).toFixed(1)} % of the codebook used`,
  );
  if (result.real.isUnderSampled) {
    report.say(
      `warning: ${samples} pictures are too few for ${classifier.config.featureWidth} features; distances mean little`,
    );
  }
  report.finish({
    model: folder,
    samples,
    seed,
    precision,
    classifier: { folder: options.classifier, accuracy: classifier.accuracy.value },
    reference: result.reference,
    real: result.real,
    tokenizer: result.tokenizer,
    plans: rows,
  });
}

/** Plans by name from `name=sizes`, `sizes` or the name of a known plan. */
function plansOf(
  texts: readonly string[],
  known: Readonly<Record<string, PlanInput>>,
): Record<string, PlanInput> {
  const plans: Record<string, PlanInput> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    const name = at < 0 ? text : text.slice(0, at);
    if (name === "" || Object.hasOwn(plans, name)) {
      throw new InvalidArgumentError(`--plan: every plan needs a name of its own, got "${text}" again.`);
    }
    plans[name] = at < 0 ? (known[text] ?? { sizes: text }) : { sizes: text.slice(at + 1) };
  }
  return plans;
}

function verdictTable(
  { real, tokenizer }: Evaluation,
  rows: readonly (PlanVerdict & { frechetToFlat?: number; sizes: string })[],
): string {
  const percent = (value: number) => `${(100 * value).toFixed(1)} %`;
  const own = ({ classAccuracy, frechet }: Verdict) => [
    percent(classAccuracy),
    Number(frechet.toPrecision(4)),
  ];
  return table(
    ["pictures", "plan", "right class", "distance", "to flat", "multiply-adds", "saved", "seconds"],
    [
      ["real, held out", "", ...own(real), "", "", "", ""],
      ["real, through the tokenizer", "", ...own(tokenizer), "", "", "", ""],
      ...rows.map((row) => [
        row.name,
        row.sizes,
        ...own(row),
        row.frechetToFlat === undefined ? "" : row.frechetToFlat.toFixed(3),
        short(Math.round(row.multiplyAdds)),
        `${row.ratio.toFixed(2)}x`,
        row.seconds.toFixed(1),
      ]),
    ],
  );
}
