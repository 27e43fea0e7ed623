/** The classifier of a dataset: where it is, and the command that trains it. */
import { basename, join } from "node:path";
import type { VideoSampling } from "./video-sampling.ts";

/** Where the classifier of a dataset is by default: beside the shipped ones. */
export function defaultClassifierFolder(data: string): string {
  return join("models", `${basename(data)}-classifier`);
}

export interface ClassifierCommand extends VideoSampling {
  readonly data: string;
  readonly resolution: number;
  readonly frames?: number;
  readonly images?: number;
  readonly steps?: number;
  readonly out?: string;
  readonly randomFlip?: boolean;
  readonly shift?: number;
  readonly isDegraded?: boolean;
}

/** The command line that trains a classifier, with the options that decide what comes out. */
export function classifierCommand(options: ClassifierCommand): string {
  const { data, resolution, frames, stride, frameRate, fold, images, steps, shift, out } = options;
  const given = {
    data,
    resolution,
    frames,
    stride,
    "frame-rate": frameRate,
    fold,
    images,
    steps,
    shift,
    out,
  };
  const words = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name} ${value}`],
  );
  if (options.randomFlip === false) words.push("--no-flip");
  if (options.isDegraded) words.push("--degrade");
  return `magnets classifier ${words.join(" ")}`;
}
