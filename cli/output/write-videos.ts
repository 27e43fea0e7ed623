/** What the commands that make videos leave in their folder: the videos, an animated sheet, a film strip, a record. */
import { join } from "node:path";
import type { GeneratedVideos, Video } from "../../src/index.ts";
import type { VideoWriting } from "../options/video-options.ts";
import { writeRecord } from "./record.ts";
import type { Report } from "./report.ts";
import { type ModelUsed, type OutOptions, writeTokens } from "./write-images.ts";

/** A video to write, under a name without extension. */
export interface NamedVideo {
  readonly name: string;
  readonly video: Video;
}

/** How many videos a sheet and a strip show at the most. */
const mostShown = 36;

/**
 * @param extra   what to write besides the videos, e.g. comparisons; the sheet and the strip do not show it
 * @param source  what they were made from, for the record
 * @returns the result object of the command
 */
export async function writeVideos(
  { videos, tokens, seed, plan, stats }: GeneratedVideos,
  { model, precision }: ModelUsed,
  { out, tokens: format, ...writing }: OutOptions & VideoWriting,
  report: Report,
  signal: AbortSignal,
  { extra = [], source }: { readonly extra?: readonly NamedVideo[]; readonly source?: object } = {},
) {
  const { animatedSheet, encodeAnimation, fastest, filmStrip, printModelSchedule, writeFileAtomic } =
    await import("../../src/index.ts");
  const digits = Math.max(4, String(videos.length - 1).length);
  const named = videos.map((video, i) => ({ name: String(i).padStart(digits, "0"), video }));
  const write = async (videos: readonly NamedVideo[]): Promise<string[]> => {
    const paths: string[] = [];
    for (const { name, video } of videos) {
      signal.throwIfAborted();
      const path = join(out, `${name}.${writing.format}`);
      await writeFileAtomic(path, await encode(video, writing, signal));
      paths.push(path);
    }
    return paths;
  };
  const paths = await write(named);
  const extraPaths = await write(extra);
  const labels = videos.map(({ classId }) => (classId === null ? "" : model.classNames[classId]!));
  const isLabelled = labels.some((label) => label !== "");
  const shown = videos.slice(0, mostShown);
  const shownLabels = isLabelled ? { labels: labels.slice(0, mostShown) } : {};
  const sheet = join(out, "sheet.webp");
  const moving = await animatedSheet(shown, { scale: 2, ...shownLabels });
  const frameRate = Math.min(writing.fps, fastest.webp);
  await writeFileAtomic(sheet, await encodeAnimation(moving, { format: "webp", frameRate }));
  const strip = join(out, "strip.png");
  const still = await filmStrip(shown, { gap: 2 });
  await writeFileAtomic(strip, still);
  const tokenPaths = await writeTokens(out, tokens, model.transformer.config.grid, format);
  const facts = {
    ...stats,
    modelSchedule: printModelSchedule(plan.modelSchedule),
    seed,
    precision,
    ...(source ? { source } : { classes: labels }),
  };
  await writeRecord(out, { ...facts, plan }, [...paths, ...extraPaths, sheet, strip, ...tokenPaths]);
  if (report.isTerminal) {
    const { halfBlocks } = await import("./terminal.ts");
    report.say(await halfBlocks(still, process.stdout.columns));
  }
  return { videos: paths, extra: extraPaths, sheet, strip, ...facts };
}

async function encode(video: Video, { format, fps }: VideoWriting, signal: AbortSignal): Promise<Uint8Array> {
  const { encodeAnimation, encodeMp4 } = await import("../../src/index.ts");
  return format === "mp4"
    ? encodeMp4(video, { frameRate: fps, scale: 2, signal })
    : encodeAnimation(video, { format, frameRate: fps, scale: 2 });
}
