/** `magnets edit`: a part of an image made again. */
import { type Command, Option } from "commander";
import { addBatchOptions, type BatchOptions, batchingOf } from "../options/batch-options.ts";
import { addMachineOptions, computingOf, type MachineOptions } from "../options/machine-options.ts";
import { box, finishCommand, wholeNumber } from "../options/parse.ts";
import { addPlanOptions, type PlanFlags, planOptionsOf } from "../options/plan-options.ts";
import { deadlineLine } from "../output/deadline-line.ts";
import { openReport } from "../output/report.ts";
import { type OutOptions, writeGenerated } from "../output/write-images.ts";

interface EditOptions extends PlanFlags, BatchOptions, MachineOptions, OutOptions {
  image: string;
  mask?: string;
  box?: { x: number; y: number; width: number; height: number };
  outpaint?: boolean;
  class?: string;
  composite: boolean;
  count: number;
  json?: boolean;
}

export function addEditCommand(program: Command, signal: AbortSignal): void {
  const command = program
    .command("edit")
    .description("make a part of an image again: inside a mask or box (inpainting), or outside (outpainting)")
    .argument("<model>", "a model folder")
    .requiredOption("--image <file>", "PNG, JPEG or WebP; resized and cropped to the model's size")
    .option(
      "--mask <file>",
      "image of the size of --image, or of the model's, white where it shall be made again",
    )
    .addOption(
      new Option("--box <x,y,w,h>", "a box in the model's pixels instead of a mask")
        .argParser(box)
        .conflicts("mask"),
    )
    .option("--outpaint", "keep what the mask or box marks, and make the rest again")
    .option("--class <name>", "what to draw there, a name or number (default: anything)")
    .option("--no-composite", "show what is kept as the model renders it, not the image's own pixels")
    .option("--count <n>", "versions", wholeNumber(1), 4);
  addMachineOptions(addBatchOptions(addPlanOptions(command)))
    .addOption(new Option("--tokens <format>", "also write the token ids").choices(["json", "npy"]))
    .option("--out <folder>", "for the sheet, single images and sample.json", "out/edit");
  finishCommand(
    command,
    "edit models/sprites --image out/sample/0000.png --box 16,16,32,32 --class cat --seed 3",
  ).action((model: string, options: EditOptions) => edit(model, options, signal));
}

async function edit(folder: string, options: EditOptions, signal: AbortSignal): Promise<void> {
  const report = openReport(options);
  const { boxMask, countOf, ensureWritableFolder, ImagePipeline, InputError, readMask, readImage } =
    await import("../../src/index.ts");
  if (!options.mask && !options.box) {
    throw new InputError("edit: needs --mask <file> or --box x,y,width,height to know what to make again");
  }
  await ensureWritableFolder(options.out);
  const pipeline = await ImagePipeline.fromPretrained(folder, computingOf(options));
  try {
    const { resolution } = pipeline;
    const size = { width: resolution, height: resolution };
    const isOutside = options.outpaint ?? false;
    if (options.box && isBeyond(options.box, resolution)) {
      report.say(`--box: reaches beyond the image of ${resolution} x ${resolution} pixels; cut at its edge`);
    }
    const result = await pipeline.edit({
      image: await readImage(options.image, null, { resolution }),
      mask: options.box
        ? boxMask(size, options.box, isOutside)
        : await readMask(options.mask!, isOutside, { image: options.image, resolution }),
      class: options.class,
      isComposited: options.composite,
      count: options.count,
      seed: options.seed,
      ...(await planOptionsOf(options)),
      ...batchingOf(options),
      signal,
    });
    const written = await writeGenerated(result, pipeline, { ...options, folder }, report, signal);
    report.say(
      `${countOf(options.count, "version")} in ${result.stats.seconds.toFixed(1)} s: ${written.sheet}`,
    );
    if (result.stats.deadline) report.say(deadlineLine(result));
    report.finish(written);
  } finally {
    await pipeline.dispose();
  }
}

/** Whether a part of a box lies outside of an image of such a side. */
const isBeyond = ({ x, y, width, height }: Required<EditOptions>["box"], side: number): boolean =>
  x < 0 || y < 0 || x + width > side || y + height > side;
