/**
 * What every evaluation opens: the model, the classifier of its data, held-out images, and what computes them. Checked
 * before anything runs.
 */
import { existsSync } from "node:fs";
import { z } from "zod";
import { invalidValue } from "../core/validate.ts";
import { isDrawnSource } from "../data/choices.ts";
import type { ImageSource } from "../data/source.ts";
import type { Precision } from "../models/transformer/precision.ts";
import type { GenerativeModel } from "../pipelines/model.ts";
import { readModel } from "../pipelines/node/model-folder.ts";
import type { Device } from "../runtime/device.ts";
import { createNodeRunner } from "../runtime/node/runner.ts";
import type { Runner } from "../runtime/runner.ts";
import { classifierCommand, defaultClassifierFolder } from "./classifier-command.ts";
import { type ClassifierFolder, readClassifier } from "./features/classifier-folder.ts";
import { splitData } from "./split-data.ts";
import { samplingLike, trainingDataOf, type VideoSampling } from "./video-sampling.ts";

/** A model, or the path of its folder. */
export type ModelOrFolder = GenerativeModel | string;

/** What a model's images are compared with, and what computes them. */
export interface SubjectOptions extends VideoSampling {
  /** "sprites", "scenes", "motions" or the path of a folder; default "sprites", for a model of videos "motions". */
  readonly data?: string;
  /** The classifier's folder; default the one beside the model, `<model>-classifier`, else `models/<data>-classifier`. */
  readonly classifier?: string;
  /** Held-out images in the reference set, at least 4; default 10,000, or what there is. */
  readonly referenceImages?: number;
  /** Images decoded together, 1..4096; default 64. */
  readonly batchSize?: number;
  /** Where the model is computed, default "cpu". The measures are always computed on the CPU. */
  readonly device?: Device;
  /** CPU threads; default all cores. */
  readonly threads?: number;
  /** What the model's layers compute with, default "fp32". */
  readonly precision?: Precision;
  /** Caches every measure, so that what was stopped goes on where it was; null, the default: nothing is cached. */
  readonly cacheFolder?: string | null;
  readonly signal?: AbortSignal;
}

/** {@link SubjectOptions} as a schema, for options that extend them. What other modules check is taken as it comes. */
export const subjectFields = {
  data: z.string().optional(),
  classifier: z.string().optional(),
  stride: z.int().min(1).optional(),
  frameRate: z.number().positive().optional(),
  fold: z.literal([1, 2, 3]).optional(),
  referenceImages: z.int().min(4).optional(),
  batchSize: z.int().min(1).max(4096).default(64),
  device: z.custom<Device>().default("cpu"),
  threads: z.int().min(1).max(1024).optional(),
  precision: z.custom<Precision>().default("fp32"),
  cacheFolder: z.string().nullable().default(null),
  signal: z.custom<AbortSignal>().optional(),
};

/** A model with its classifier and held-out images. */
export interface Subject {
  readonly model: GenerativeModel;
  /** The model's folder; null where a model was given. */
  readonly folder: string | null;
  readonly classifier: ClassifierFolder;
  readonly classifierFolder: string;
  readonly heldOut: ImageSource;
  /** What was left out of a folder, ready to print. */
  readonly warnings: readonly string[];
}

/**
 * Opens a model, its classifier and held-out images.
 *
 * @throws InputError when one of them is missing or damaged
 */
export async function openSubject(
  given: ModelOrFolder,
  options: Pick<SubjectOptions, "data" | "classifier" | "signal" | keyof VideoSampling>,
): Promise<Subject> {
  const folder = typeof given === "string" ? given : null;
  const model = typeof given === "string" ? await readModel(given) : given;
  const sampling = samplingLike(options, folder === null ? {} : await trainingDataOf(folder));
  const beside = folder === null ? null : `${folder.replace(/[\\/]+$/, "")}-classifier`;
  const classifier = options.classifier ?? (beside && existsSync(beside) ? beside : undefined);
  const opened = await openClassifierData(model.tokenizer.config, { ...options, ...sampling, classifier });
  return { model, folder, ...opened };
}

/**
 * The classifier of images of a size, and images that it did not train on.
 *
 * @throws InputError when there is no such classifier, saying how to train one
 */
export async function openClassifierData(
  { resolution, frames }: { readonly resolution: number; readonly frames?: number },
  options: Pick<SubjectOptions, "data" | "classifier" | "signal" | keyof VideoSampling>,
): Promise<Pick<Subject, "classifier" | "classifierFolder" | "heldOut" | "warnings">> {
  const { stride, frameRate, fold } = options;
  const data = options.data ?? (frames === undefined ? "sprites" : "motions");
  const classifierFolder = options.classifier ?? defaultClassifierFolder(data);
  const isDrawn = isDrawnSource(data);
  if (!isDrawn && !existsSync(data)) {
    throw invalidValue("data", [], 'must be "sprites", "scenes", "motions" or a folder that exists', data);
  }
  if (!existsSync(classifierFolder)) {
    const command = classifierCommand({ data, resolution, frames, stride, frameRate, fold });
    throw invalidValue(
      "classifier",
      [],
      "must be the folder of a trained classifier",
      classifierFolder,
      `there is none; name another, or train one: ${command}`,
    );
  }
  const { heldOut, warnings } = await splitData(
    data,
    { resolution, frames, stride, frameRate, fold },
    { signal: options.signal },
  );
  return { classifier: await readClassifier(classifierFolder), classifierFolder, heldOut, warnings };
}

/** What computes the model, and what computes the measures: the CPU, which alone has float64. */
export interface EvaluationRunners {
  readonly runner: Runner;
  readonly measuring: Runner;
  close(): Promise<void>;
}

export async function openRunners({
  device = "cpu",
  threads,
}: Pick<SubjectOptions, "device" | "threads">): Promise<EvaluationRunners> {
  const runner = await createNodeRunner({ device, threads });
  const measuring = device === "cpu" ? runner : await createNodeRunner({ threads });
  const close = async () => {
    await runner.close();
    if (measuring !== runner) await measuring.close();
  };
  return { runner, measuring, close };
}
