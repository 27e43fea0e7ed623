/** `magnets data preview`: a sheet of a dataset's images, as training will see them. */
import type { Command } from "commander";
import type { Video } from "../../src/index.ts";
import { addVideoSamplingOptions, type VideoSampling } from "../options/frame-rate-options.ts";
import { decimalNumber, finishCommand, wholeNumber } from "../options/parse.ts";
import { videoWritingOf } from "../options/video-options.ts";
import { openReport } from "../output/report.ts";

interface PreviewOptions extends VideoSampling {
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
      "draw a labelled sheet of a dataset's images, resized and cropped as for training; of videos, one that moves",
    )
    .option(
      "--source <name>",
      '"sprites", "scenes", "motions", or a folder with one sub-folder of images or videos per class',
      "sprites",
    )
    .option("--count <n>", "images or videos", wholeNumber(1, 10_000), 24)
    .option("--seed <n>", "which images, 0..2^53", wholeNumber(0), 0)
    .option("--resolution <pixels>", "side of the images, 8..1024", wholeNumber(8, 1024), 64)
    .option("--scale <n>", "enlargement of the sheet", wholeNumber(1, 16), 2)
    .option("--frames <n>", "frames of a video, for a folder of videos (motions: 16)", wholeNumber(2, 1024));
  addVideoSamplingOptions(preview)
    .option("--fps <n>", "frames per second of a moving sheet, 0.1 to 50", decimalNumber(0, true), 8)
    .option("--out <file>", "the sheet (default: out/preview.png, of videos out/preview.webp)");
  finishCommand(
    preview,
    "data preview --source scenes --resolution 128",
    "data preview --source motions",
    "data preview --count 36 --out out/sprites.png",
    "data preview --source images/ --seed 3",
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
      imageSheet,
      writeFileAtomic,
    } = await import("../../src/index.ts");
    await videoWritingOf({ format: "webp", fps: options.fps });
    const source = await openSource(options, { signal });
    const noun = nounOf(source);
    const isVideo = noun === "video";
    const ending = isVideo ? ".webp" : ".png";
    const out = options.out ?? `out/preview${ending}`;
    if (!out.toLowerCase().endsWith(ending)) {
      throw new InputError(`--out: the sheet of ${noun}s is a ${ending} file, got ${out}`);
    }
    for (const warning of source.warnings) report.say(`warning: ${warning}`);
    const images = [];
    let broken: unknown;
    for (const index of previewIndexes(source, options.count, options.seed)) {
      signal.throwIfAborted();
      try {
        images.push(await source.read(index));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        report.say(`warning: left out: ${error.message}`); // as training does
        broken ??= error;
      }
    }
    if (images.length === 0) throw broken;
    const labels = images.map(({ classId }) => (classId === null ? "" : source.classNames[classId]!));
    const layout = { scale: options.scale, labels };
    const videos = images.filter((image): image is typeof image & Video => image.frames !== undefined);
    const sheet = isVideo
      ? await encodeAnimation(await animatedSheet(videos, layout), { format: "webp", frameRate: options.fps })
      : await imageSheet(images, layout);
    await writeFileAtomic(out, sheet, { signal });
    const classes = source.classNames.length;
    report.say(
      `${source.name}: ${source.length === null ? `any number of ${noun}s` : countOf(source.length, noun)}, ` +
        `${classes === 0 ? "no classes" : `${classes} classes`}; ${images.length} drawn on ${out}`,
    );
    if (report.isTerminal) {
      const { halfBlocks } = await import("../output/terminal.ts");
      const still = isVideo ? videos.map((video) => frameOf(video, Math.floor(video.frames / 2))) : images;
      report.say(await halfBlocks(await imageSheet(still, layout), process.stdout.columns));
    }
    report.finish({
      source: source.name,
      images: source.length,
      classes: source.classNames,
      shown: images.length,
      out,
    });
  });
}
