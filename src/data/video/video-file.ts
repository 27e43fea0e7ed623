/**
 * MP4, AVI, WebM, Matroska and QuickTime files, decoded by ffmpeg.
 *
 * A file is decoded from its beginning up to the last frame asked for: frames are counted, not sought, since the
 * times in a file's index are not always those of its frames. One frame of full size is held at a time. Colours are
 * converted as the file says (BT.601 where it says nothing); turned images are turned upright, oblong pixels made
 * square, transparency dropped. Any damage that the decoder notices before the video's end is an error.
 */
import { InputError, requireInput } from "../../core/errors.ts";
import { squared } from "../image/sharp.ts";
import type { Raster } from "../source.ts";
import { everyFrame, ffmpegVersion, inputArguments, type Job, run, textOf } from "./ffmpeg.ts";
import { type Footage, framesIn, type Timing } from "./footage.ts";

export function videoFile(
  path: string,
  options: Pick<Job, "signal" | "timeoutMs" | "version"> = {},
): Footage {
  const given: Job = {
    ...options,
    action: `cannot read video ${path}`,
    remedy: "replace, re-encode or remove the file",
  };
  let known: Promise<Job> | undefined;
  /** The job with ffmpeg's version, asked for once. */
  const knownJob = (): Promise<Job> => {
    known ??= (async () =>
      given.version === undefined ? { ...given, version: await ffmpegVersion(given) } : given)();
    return known;
  };
  return {
    async extent(timing) {
      const { times, seconds } = await indexOf(path, await knownJob());
      const rate = seconds > 0 ? times.length / seconds : null;
      if (timing.frameRate !== undefined) return { length: framesIn(seconds, timing.frameRate), rate };
      requireEvenPace(path, times);
      return { length: times.length, rate };
    },

    async count(timing) {
      const job = await knownJob();
      const args = [...(await decoding(path, timing, job)), "-f", "null", "-progress", "pipe:1", "-"];
      const reports = [...(await textOf("ffmpeg", args, job)).matchAll(/^frame=\s*(\d+)/gm)];
      return Number(reports.at(-1)?.[1] ?? 0);
    },

    async read(cut) {
      const job = await knownJob();
      const { start, frames, stride = 1 } = cut;
      // Frame i is start + round(i stride), and i the whole number nearest to (n - start) / stride.
      const chosen = `select='gte(n,${start})*eq(n-${start},round(round((n-${start})/${stride})*${stride}))'`;
      const upright = "scale='iw*max(sar,1)':'ih/min(sar,1)':flags=accurate_rnd+full_chroma_int+bicubic";
      const args = await decoding(path, cut, job, [chosen, upright]);
      const written = ["-frames:v", `${frames}`, "-pix_fmt", "rgb24", "-c:v", "ppm"];
      const stream = run(
        "ffmpeg",
        [...args, ...written, "-f", "image2pipe", "-flush_packets", "1", "-"],
        job,
      );
      const read: Raster[] = [];
      for await (const frame of rasters(stream, job)) {
        read.push(await squared(frame, cut));
        if (read.length === frames) break;
      }
      return read;
    },
  };
}

/** One thread: frames decoded ahead would report damage beyond the video, and several files are read at once anyway. */
async function decoding(
  path: string,
  { frameRate }: Timing,
  job: Job,
  filters: readonly string[] = [],
): Promise<string[]> {
  const paced = frameRate === undefined ? [] : ["setpts=PTS-STARTPTS", `fps=${frameRate}`];
  const chain = [...paced, ...filters];
  return [
    ...["-nostdin", "-v", "error", "-xerror", "-threads", "1"],
    ...["-reinit_filter", "0"], // or the filters would count from 0 again where a recording changes its size
    ...inputArguments(path),
    ...["-map", "0:V:0", ...(await everyFrame(job))],
    ...(chain.length > 0 ? ["-vf", chain.join()] : []),
  ];
}

/**
 * What the container says, without decoding: one packet is one frame, but for a few odd encoders, and for packets that
 * an edit list leaves out, such as those before the point at which a video was cut.
 */
async function indexOf(path: string, job: Job): Promise<{ times: number[]; seconds: number }> {
  const entries = "packet=pts_time,dts_time,duration_time,flags:stream=avg_frame_rate";
  const args = ["-v", "error", "-select_streams", "V:0", "-show_entries", entries];
  const text = await textOf("ffprobe", [...args, "-of", "json", ...inputArguments(path)], job);
  const { streams, packets = [] } = JSON.parse(text) as {
    streams: { avg_frame_rate: string }[];
    packets?: { pts_time?: string; dts_time?: string; duration_time?: string; flags: string }[];
  };
  const stream = streams[0];
  if (!stream) throw new InputError(`${job.action}: it holds sound but no image; ${job.remedy}`);
  const shown = packets.filter(({ flags }) => !flags.includes("D"));
  const times = shown.map(({ pts_time, dts_time }) => Number(pts_time ?? dts_time)).sort((a, b) => a - b);
  let end = -Infinity;
  for (const { pts_time, dts_time, duration_time = 0 } of shown) {
    end = Math.max(end, Number(pts_time ?? dts_time) + Number(duration_time));
  }
  const [numerator, denominator] = stream.avg_frame_rate.split("/").map(Number);
  const seconds = [end - times[0]!, (shown.length * denominator!) / numerator!].find(Number.isFinite);
  return { times, seconds: seconds ?? 0 };
}

/** How much of the running time may stray from an even pace: a frame lost here and there. */
const slack = 0.25;

/**
 * Refuses to count frames that do not last about equally long: a stride over them has no pace.
 *
 * @param times  when they appear, in seconds, ascending
 */
function requireEvenPace(path: string, times: readonly number[]): void {
  const lasting = times.slice(1).map((time, i) => time - times[i]!);
  const sorted = [...lasting].sort((a, b) => a - b);
  const usual = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const strayed = lasting.reduce((sum, each) => sum + Math.abs(each - usual), 0);
  const total = lasting.reduce((sum, each) => sum + each, 0);
  const [least, most] = [sorted[0] ?? 0, sorted.at(-1) ?? 0].map((seconds) => Math.round(1000 * seconds));
  requireInput(
    !(strayed > slack * total),
    `${path}: its frame rate varies, frames last ${least} to ${most} ms, so that they cannot be counted off; give a ` +
      `frame rate to resample to, e.g. ${Math.max(1, Math.round(lasting.length / total))} (--frame-rate, in a ` +
      "configuration data.frameRate)",
  );
}

/** The frames of a stream of PPM files, each with its size before its RGB bytes: `P6\n320 240\n255\n`. */
async function* rasters(stream: AsyncIterable<Uint8Array>, job: Job): AsyncGenerator<Raster> {
  let head = "";
  let frame: Raster | undefined;
  let filled = 0;
  for await (const piece of stream) {
    for (let at = 0; at < piece.length; ) {
      if (frame) {
        const part = piece.subarray(at, at + frame.pixels.length - filled);
        frame.pixels.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled === frame.pixels.length) {
          yield frame;
          frame = undefined;
        }
      } else {
        head += String.fromCharCode(piece[at++]!);
        const size = /^P6\n(\d+) (\d+)\n255\n$/.exec(head);
        if (size) {
          const [width, height] = [Number(size[1]), Number(size[2])];
          frame = { width, height, pixels: new Uint8Array(width * height * 3) };
          filled = 0;
          head = "";
        } else if (head.length > 40) {
          throw new InputError(`${job.action}: ffmpeg wrote something that is no image; reinstall ffmpeg`);
        }
      }
    }
  }
  if (frame || head) throw new InputError(`${job.action}: ffmpeg broke off within a frame; ${job.remedy}`);
}
