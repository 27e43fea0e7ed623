/** What a file with videos is to the rest: frames along a time line, each made square as stills are. */
import type { Resampler } from "../choices.ts";
import type { Raster } from "../source.ts";

/** Which frames follow one another: every `stride`-th of the file, or `frameRate` per second of its running time. */
export interface Timing {
  /** Takes every n-th frame, n at least 1; between whole numbers the nearest frames. Default 1. */
  readonly stride?: number;
  /**
   * Frames per second, instead of a stride: frame i shows what is on screen at (i + 1/2) / frameRate seconds. This
   * gives files of different or varying frame rate one pace.
   */
  readonly frameRate?: number;
}

/** Which frames to read, and how large. */
export interface Cut extends Timing {
  /** The first frame, counted in the file's frames, with `frameRate` in frames of that rate. */
  readonly start: number;
  readonly frames: number;
  readonly resolution: number;
  readonly resampler: Resampler;
}

/** What a file says of its frames. */
export interface Extent {
  /** How many there are to choose from, its own or at `frameRate`. */
  readonly length: number;
  /** How many of its own it shows per second, on average; null where they have no times. */
  readonly rate: number | null;
}

/** A file with videos. */
export interface Footage {
  /** From its index, which may say a few frames too many. */
  extent(timing: Timing): Promise<Extent>;
  /** How many frames there are to choose from, by decoding it all. */
  count(timing: Timing): Promise<number>;
  /** The square frames of a cut; fewer where the file ends before. */
  read(cut: Cut): Promise<Raster[]>;
}

/** How many frames of the time line a video spans. */
export const spanOf = ({ frames, stride = 1, frameRate }: Timing & { readonly frames: number }): number =>
  frameRate === undefined ? Math.round((frames - 1) * stride) + 1 : frames;

/** The frames of the file that a cut by stride shows, where the file has them. */
export const placesOf = ({ start, frames, stride = 1 }: Pick<Cut, "start" | "frames" | "stride">): number[] =>
  Array.from({ length: frames }, (_, i) => start + Math.round(i * stride));

/** How many frames of `frameRate` fit into a running time. */
export const framesIn = (seconds: number, frameRate: number): number =>
  Math.max(1, Math.round(seconds * frameRate));
