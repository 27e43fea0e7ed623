/** Pipelines in Node: from a model folder, with a runner of their own. */
import { z } from "zod";
import { invalidValue, parse } from "../../core/validate.ts";
import { type Precision, requirePrecision } from "../../models/transformer/precision.ts";
import { type Device, devices } from "../../runtime/device.ts";
import { describeProcessor } from "../../runtime/node/machine.ts";
import { createNodeRunner } from "../../runtime/node/runner.ts";
import { runtimeVersion } from "../../runtime/node/runtime-version.ts";
import type { Runner } from "../../runtime/runner.ts";
import { cached } from "../../weights/node/cache.ts";
import type { MeasurementStore } from "../calibration.ts";
import { type ImagePipeline as ImagePipelineOf, imagePipelineOver } from "../image-pipeline.ts";
import type { GenerativeModel } from "../model.ts";
import { openSession, type Session } from "../session.ts";
import { type VideoPipeline as VideoPipelineOf, videoPipelineOver } from "../video-pipeline.ts";
import { decodingIdentity } from "./identity.ts";
import { readModel } from "./model-folder.ts";

/** Where and how a pipeline computes. */
export interface PipelineOptions {
  /** Where to compute; default "cpu". */
  readonly device?: Device;
  /** CPU threads; default all cores. */
  readonly threads?: number;
  /**
   * What the transformer's linear layers compute with; default "fp32". "int8", on the CPU only, is faster, and near to
   * the same images.
   */
  readonly precision?: Precision;
  /** Keeps what deadlines need to know of this device, between processes; null, the default: nowhere. */
  readonly calibrationFolder?: string | null;
  /** Called before the device is timed for a deadline, which takes some seconds, where nothing was kept of that. */
  readonly onCalibration?: () => void;
  /** A runner to compute with, which pipelines may share; it stays the caller's to close, `device` and `threads` are its own. */
  readonly runner?: Runner;
  /** Milliseconds of a clock that only goes forward; default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Opens a model folder as what it is; a `VideoPipeline` has `frames`, an `ImagePipeline` has not.
 *
 * @throws InputError when the folder is not a whole model, or the device is not there or lacks the precision
 * @example
 * const pipeline = await openPipeline("models/motions");
 * if ("frames" in pipeline) console.log(`videos of ${pipeline.frames} frames`);
 */
export async function openPipeline(
  folder: string,
  options: PipelineOptions = {},
): Promise<ImagePipelineOf | VideoPipelineOf> {
  const session = await openNodeSession(folder, options);
  const isVideo = session.model.tokenizer.config.frames !== undefined;
  return isVideo ? videoPipelineOver(session) : imagePipelineOver(session);
}

/** A pipeline over a model that is in memory; throws as {@link openPipeline}, and for a model of videos. */
export async function openImagePipeline(
  model: GenerativeModel,
  options: PipelineOptions = {},
): Promise<ImagePipelineOf> {
  return imagePipelineOver(await openNodeSession(model, options));
}

/** A pipeline over a model that is in memory; throws as {@link openPipeline}, and for a model of images. */
export async function openVideoPipeline(
  model: GenerativeModel,
  options: PipelineOptions = {},
): Promise<VideoPipelineOf> {
  return videoPipelineOver(await openNodeSession(model, options));
}

/** A model of images, ready to decode; `dispose` it when done. */
export type ImagePipeline = ImagePipelineOf;
/** Opens models of images. */
export const ImagePipeline = {
  /**
   * Opens a model folder.
   *
   * @throws InputError when the folder is not a whole model of images, or the device is not there or lacks the precision
   * @example
   * const pipeline = await ImagePipeline.fromPretrained("models/sprites");
   * const { images } = await pipeline.generate({ classes: ["cat"], count: 4, seed: 7 });
   * await pipeline.dispose();
   */
  async fromPretrained(folder: string, options: PipelineOptions = {}): Promise<ImagePipelineOf> {
    return imagePipelineOver(await openNodeSession(folder, options));
  },
};

/** A model of videos, ready to decode; `dispose` it when done. */
export type VideoPipeline = VideoPipelineOf;
/** Opens models of videos. */
export const VideoPipeline = {
  /**
   * Opens a model folder.
   *
   * @throws InputError when the folder is not a whole model of videos, or the device is not there or lacks the precision
   * @example
   * const pipeline = await VideoPipeline.fromPretrained("models/motions");
   * const { videos } = await pipeline.generate({ classes: ["cat bounce"], count: 4, seed: 7 });
   * const continued = await pipeline.predict({ videos, given: 5 });
   * await pipeline.dispose();
   */
  async fromPretrained(folder: string, options: PipelineOptions = {}): Promise<VideoPipelineOf> {
    return videoPipelineOver(await openNodeSession(folder, options));
  },
};

const optionsSchema = z.strictObject({
  device: z.enum(Object.keys(devices) as [Device, ...Device[]]).optional(),
  threads: z.int().min(1).optional(),
  precision: z.enum(["fp32", "int8"]).optional(),
  calibrationFolder: z.string().nullable().optional(),
  onCalibration: z.custom<() => void>().optional(),
  runner: z.custom<Runner>().optional(),
  now: z.custom<() => number>().optional(),
});

/** A session over a folder or a model in memory, with a runner of its own unless one is given. */
async function openNodeSession(source: string | GenerativeModel, given: PipelineOptions): Promise<Session> {
  const isSource = typeof source === "string" || (typeof source === "object" && source !== null);
  if (!isSource) throw invalidValue("model", [], "must be a model's folder, or a model in memory", source);
  const {
    calibrationFolder = null,
    onCalibration,
    ...options
  } = parse(optionsSchema, given, "pipeline options") as PipelineOptions;
  const { precision = "fp32", threads, now, runner: lent } = options;
  requirePrecision(precision, lent?.device ?? options.device); // before anything is opened
  const reading = typeof source === "string" ? readModel(source) : source;
  // The runner's thread starts while the files are read.
  const opening = lent ?? createNodeRunner({ device: options.device, threads });
  const [opened, read] = await Promise.allSettled([opening, reading]);
  if (opened.status === "rejected") throw opened.reason;
  const runner = opened.value;
  const close = lent ? async () => {} : () => runner.close();
  if (read.status === "rejected") {
    await close();
    throw read.reason;
  }
  const model = read.value;
  const measurements: MeasurementStore = (facts, measure) =>
    cached(
      calibrationFolder,
      {
        ...(facts as object),
        identity: {
          ...decodingIdentity(model, { device: runner.device, precision, threads }),
          runtime: runtimeVersion(),
          machine: describeProcessor(),
        },
      },
      async () => {
        onCalibration?.();
        return measure();
      },
    );
  return openSession(model, {
    runner,
    precision,
    measurements,
    availableMemory: () => process.availableMemory(),
    now,
    close,
  });
}
