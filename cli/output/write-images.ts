/** What `sample` and `edit` leave in their folder: a sheet, single images, tokens, and how they were made. */
import { basename, join, resolve } from "node:path";
import type { GeneratedImages, ImagePipeline } from "../../src/index.ts";
import { writeRecord } from "./record.ts";
import type { Report } from "./report.ts";

export interface OutOptions {
  out: string;
  tokens?: "json" | "npy";
}

/** The model that made images, and what it computed with. */
export type ModelUsed = Pick<ImagePipeline, "model" | "precision">;

/** @returns the result object of the command */
export async function writeGenerated(
  { images, tokens, seed, plan, stats }: GeneratedImages,
  { model, precision }: ModelUsed,
  { out, tokens: format, folder }: OutOptions & { /** Of the model. */ folder: string },
  report: Report,
  signal: AbortSignal,
) {
  const { imageSheet, printModelSchedule, writeFileAtomic, writeImages } = await import("../../src/index.ts");
  signal.throwIfAborted();
  const labels = images.map(({ classId }) => (classId === null ? "" : model.classNames[classId]!));
  const makings = labels.map((label, index) => ({
    ...{ model: basename(resolve(folder)), seed, index, class: label || null, plan },
  }));
  const paths = await writeImages(out, images, { makings });
  const sheetPath = join(out, "sheet.png");
  const isLabelled = labels.some((label) => label !== "");
  const sheet = await imageSheet(images, { scale: 2, ...(isLabelled && { labels }) });
  await writeFileAtomic(sheetPath, sheet);
  const tokenPaths = await writeTokens(out, tokens, model.transformer.config.grid, format);
  const facts = { ...stats, modelSchedule: printModelSchedule(plan.modelSchedule), seed, precision };
  await writeRecord(out, { ...facts, classes: labels, plan }, [...paths, sheetPath, ...tokenPaths]);
  if (report.isTerminal) {
    const { halfBlocks } = await import("./terminal.ts");
    report.say(await halfBlocks(sheet, process.stdout.columns));
  }
  return { images: paths, sheet: sheetPath, ...facts, classes: labels };
}

/**
 * The token ids, `tokens.json` or `tokens.npy` [images, ...grid], or nothing where no format is asked for.
 *
 * @returns the paths written
 */
export async function writeTokens(
  out: string,
  tokens: readonly Int32Array[],
  grid: readonly number[],
  format: OutOptions["tokens"],
): Promise<string[]> {
  if (format === undefined) return [];
  const { writeFileAtomic, writeNpy } = await import("../../src/index.ts");
  const path = join(out, `tokens.${format}`);
  if (format === "json") await writeFileAtomic(path, JSON.stringify(tokens.map((ids) => [...ids])));
  if (format === "npy") {
    const data = Int32Array.from(tokens.flatMap((ids) => [...ids]));
    await writeNpy(path, { dtype: "int32", dims: [tokens.length, ...grid], data });
  }
  return [path];
}
