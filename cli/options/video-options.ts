/** The options that choose how videos are written, shared by the commands that make them. */
import { type Command, Option } from "commander";
import { decimalNumber } from "./parse.ts";

export interface VideoOptions {
  format?: "webp" | "gif" | "mp4";
  fps?: number;
}

/** How videos are written. */
export type VideoWriting = Required<VideoOptions>;

export function addVideoOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--format <name>", "of written videos; mp4 needs ffmpeg (default: webp)").choices([
        "webp",
        "gif",
        "mp4",
      ]),
    )
    .option(
      "--fps <n>",
      "frames per second of written videos, 0.1 to 50, of mp4 to 240 (default: that of a given video, else 8)",
      decimalNumber(0, true),
    );
}

/**
 * What the options say; asked for before anything is made, so that what cannot be written is told then.
 *
 * @param sourceRate  frames per second of what is gone on with, which is kept as near as the format can; 8 where it has
 *   none
 * @throws InputError for a frame rate that the format cannot have, and for a format whose program is absent
 */
export async function videoWritingOf(
  { format = "webp", fps: asked }: VideoOptions,
  sourceRate = 8,
): Promise<VideoWriting> {
  const { fastest, ffmpegVersion, InputError } = await import("../../src/index.ts");
  const fps = asked ?? Math.min(fastest[format], Math.max(0.1, sourceRate));
  if (fps < 0.1 || fps > fastest[format]) {
    const remedy = format === "mp4" || fps > fastest.mp4 ? "" : "; --format mp4 takes up to 240";
    throw new InputError(`--fps must be in 0.1..${fastest[format]} for ${format}, got ${fps}${remedy}`);
  }
  if (format === "mp4") await ffmpegVersion({ action: "--format mp4" });
  return { format, fps };
}
