/** `magnets data preview`: a sheet of a dataset's pictures, as training will see them. */
import type { Command } from "commander";
import { finishCommand, wholeNumber } from "../options.ts";
import { openReport } from "../report.ts";

interface PreviewOptions {
  source: string;
  count: number;
  seed: number;
  resolution: number;
  scale: number;
  out: string;
  json?: boolean;
}

export function addDataCommand(program: Command, signal: AbortSignal): void {
  const data = program.command("data").description("look at training data");
  const preview = data
    .command("preview")
    .description("draw a labelled sheet of a dataset's pictures, resized and cropped as for training")
    .option("--source <name>", '"sprites", or a folder with one sub-folder of pictures per class', "sprites")
    .option("--count <n>", "pictures", wholeNumber(1, 10_000), 24)
    .option("--seed <n>", "which pictures, 0..2^53", wholeNumber(0), 0)
    .option("--resolution <pixels>", "side of the pictures, 8..1024", wholeNumber(8, 1024), 64)
    .option("--scale <n>", "enlargement of the sheet", wholeNumber(1, 16), 2)
    .option("--out <file>", "the sheet", "out/preview.png");
  finishCommand(
    preview,
    "data preview --count 36 --out out/sprites.png",
    "data preview --source pictures/ --seed 3",
  ).action(async (options: PreviewOptions) => {
    const report = openReport(options);
    const { openSource, previewIndexes } = await import("../../src/train.ts");
    const { pictureSheet, writeFileAtomic } = await import("../../src/index.ts");
    const source = await openSource(options);
    for (const warning of source.warnings) report.say(`warning: ${warning}`);
    const pictures = [];
    for (const index of previewIndexes(source, options.count, options.seed)) {
      signal.throwIfAborted();
      pictures.push(await source.read(index));
    }
    const labels = pictures.map(({ label }) => source.classNames[label] ?? "");
    const sheet = await pictureSheet(pictures, { scale: options.scale, labels });
    await writeFileAtomic(options.out, sheet, { signal });
    const classes = source.classNames.length;
    report.say(
      `${source.name}: ${source.length ?? "any number of"} pictures, ` +
        `${classes === 0 ? "no classes" : `${classes} classes`}; ${pictures.length} drawn on ${options.out}`,
    );
    if (report.isTerminal) {
      const { halfBlocks } = await import("../terminal.ts");
      report.say(await halfBlocks(sheet, process.stdout.columns));
    }
    report.finish({
      source: source.name,
      pictures: source.length,
      classes: source.classNames,
      shown: pictures.length,
      out: options.out,
    });
  });
}
