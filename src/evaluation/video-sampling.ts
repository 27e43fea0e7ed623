/** Which frames of the videos of a folder are taken, and of UCF-101 which of its splits. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Fold } from "../data/choices.ts";
import { readJson } from "../weights/node/json-file.ts";

/** Which frames of videos to read. */
export interface VideoSampling {
  /** Every n-th frame is taken. */
  readonly stride?: number;
  /** Frames per second that videos are resampled to, in the place of a stride. */
  readonly frameRate?: number;
  /** Of UCF-101's three ways to split, 1 to 3. */
  readonly fold?: Fold;
}

/**
 * What is given, and where nothing is, what a training used, if it was on the same data.
 *
 * @param given    with the data that it is for
 * @param trained  the `data` of a training's configuration
 */
export function samplingLike(
  { stride, frameRate, fold, data }: VideoSampling & { readonly data?: string },
  trained: VideoSampling & { readonly source?: string },
): VideoSampling {
  const isSame =
    data !== undefined && trained.source !== undefined && resolve(data) === resolve(trained.source);
  const before: VideoSampling = isSame ? trained : {};
  const isGiven = stride !== undefined || frameRate !== undefined;
  return {
    stride: isGiven ? stride : before.stride,
    frameRate: isGiven ? frameRate : before.frameRate,
    fold: fold ?? before.fold,
  };
}

/** The `data` of the configuration that a model folder was trained by; empty where it does not tell. */
export async function trainingDataOf(folder: string): Promise<VideoSampling & { readonly source?: string }> {
  const path = join(folder, "train_config.json");
  if (!existsSync(path)) return {};
  const config = (await readJson(path)) as { data?: VideoSampling & { source?: string } } | null;
  return config?.data ?? {};
}
