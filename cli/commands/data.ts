/** `magnets data preview`: a sheet of a dataset's pictures, as training will see them. */
import type { Command } from "commander";
import type { Clip } from "../../src/index.ts";
import { clipWritingOf } from "../clip-options.ts";
import { decimalNumber, finishCommand, wholeNumber } from "../options.ts";
import { addPaceOptions, type PaceOptions } from "../pace-options.ts";
import { openReport } from "../report.ts";

interface PreviewOptions extends PaceOptions {
  source: string;
  count: number;
  seed: number;
  resolution: number;
  scale: number;
  frames?: number;
  fps: number;
  out?: string;
  json?: boolean;
}

export function addDataCommand(program: Command, signal: AbortSignal): void {
  const data = program.command("data").description("look at training data");
  const preview = data
    .command("preview")
    .description(
      "draw a labelled sheet of a dataset's pictures, resized and cropped as for training; of clips, one that moves",
    )
    .option(
      "--source <name>",
      '"sprites", "scenes", "motions", or a folder with one sub-folder of pictures or videos per class',
      "sprites",
    )
    .option("--count <n>", "pictures or clips", wholeNumber(1, 10_000), 24)
    .option("--seed <n>", "which pictures, 0..2^53", wholeNumber(0), 0)
    .option("--resolution <pixels>", "side of the pictures, 8..1024", wholeNumber(8, 1024), 64)
    .option("--scale <n>", "enlargement of the sheet", wholeNumber(1, 16), 2)
    .option("--frames <n>", "frames of a clip, for a folder of videos (motions: 16)", wholeNumber(2, 1024));
  addPaceOptions(preview)
    .option("--fps <n>", "frames per second of a moving sheet, 0.1 to 50", decimalNumber(0, true), 8)
    .option("--out <file>", "the sheet (default: out/preview.png, of clips out/preview.webp)");
  finishCommand(
    preview,
    "data preview --source scenes --resolution 128",
    "data preview --source motions",
    "data preview --count 36 --out out/sprites.png",
    "data preview --source pictures/ --seed 3",
  ).action(async (options: PreviewOptions) => {
    const report = openReport(options);
    const { openSource, previewIndexes } = await import("../../src/train.ts");
    const {
      animatedSheet,
      countOf,
      encodeAnimation,
      frameOf,
      InputError,
      nounOf,
      pictureSheet,
      writeFileAtomic,
    } = await import("../../src/index.ts");
    await clipWritingOf({ format: "webp", fps: options.fps });
    const source = await openSource(options);
    const noun = nounOf(source);
    const isMoving = noun === "clip";
    const ending = isMoving ? ".webp" : ".png";
    const out = options.out ?? `out/preview${ending}`;
    if (!out.toLowerCase().endsWith(ending)) {
      throw new InputError(`--out: the sheet of ${noun}s is a ${ending} file, got ${out}`);
    }
    for (const warning of source.warnings) report.say(`warning: ${warning}`);
    const pictures = [];
    let broken: unknown;
    for (const index of previewIndexes(source, options.count, options.seed)) {
      signal.throwIfAborted();
      try {
        pictures.push(await source.read(index));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        report.say(`warning: left out: ${error.message}`); // as training does
        broken ??= error;
      }
    }
    if (pictures.length === 0) throw broken;
    const labels = pictures.map(({ label }) => source.classNames[label] ?? "");
    const layout = { scale: options.scale, labels };
    const clips = pictures.filter(
      (picture): picture is typeof picture & Clip => picture.frames !== undefined,
    );
    const sheet = isMoving
      ? await encodeAnimation(await animatedSheet(clips, layout), { format: "webp", frameRate: options.fps })
      : await pictureSheet(pictures, layout);
    await writeFileAtomic(out, sheet, { signal });
    const classes = source.classNames.length;
    report.say(
      `${source.name}: ${source.length === null ? `any number of ${noun}s` : countOf(source.length, noun)}, ` +
        `${classes === 0 ? "no classes" : `${classes} classes`}; ${pictures.length} drawn on ${out}`,
    );
    if (report.isTerminal) {
      const { halfBlocks } = await import("../terminal.ts");
      const still = isMoving ? clips.map((clip) => frameOf(clip, Math.floor(clip.frames / 2))) : pictures;
      report.say(await halfBlocks(await pictureSheet(still, layout), process.stdout.columns));
    }
    report.finish({
      source: source.name,
      pictures: source.length,
      classes: source.classNames,
      shown: pictures.length,
      out,
    });
  });
}
