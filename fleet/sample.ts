/** Images and videos made by a fleet: those of one machine, byte for byte. */
import type { MakeSet } from "../src/evaluate.ts";
import {
  type Device,
  type GeneratedImages,
  type GeneratedVideos,
  type GenerateOptions,
  type GenerativeModel,
  type Image,
  InputError,
  modelDigest,
  type Precision,
  type ResolvedRequest,
  readModel,
  resolveRequest,
  type Video,
} from "../src/index.ts";
import { collect } from "./collect.ts";
import type { Fleet } from "./fleet.ts";
import { type Job, jobSize, rangesOf, type SampleJob } from "./job.ts";
import { type MadeSamples, samplesOf } from "./result.ts";
import { version } from "./version.ts";

/** A model that workers have, too. */
export interface FleetModel {
  /** Workers find it under the same path, seen from where they were started. */
  readonly folder: string;
  readonly model: GenerativeModel;
  readonly digest: string;
  /** What workers compute on, and in what. */
  readonly device: Device;
  readonly precision: Precision;
}

/**
 * Reads a model for a fleet; nothing is computed here.
 *
 * @throws InputError when the folder is no whole model
 */
export async function openFleetModel(
  folder: string,
  { device = "cpu", precision = "fp32" }: { readonly device?: Device; readonly precision?: Precision } = {},
): Promise<FleetModel> {
  const model = await readModel(folder);
  return { folder, model, digest: modelDigest(model), device, precision };
}

/** What to make. */
export interface FleetRequest extends Omit<GenerateOptions, "classes" | "onStep" | "startTokens"> {
  readonly classes?: readonly (string | number)[] | null;
  /** Called with the images there are so far. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Makes images or videos, in jobs of whole batches.
 *
 * @throws InputError as `generate` of a pipeline, for a deadline, and when a job failed for good; the signal's reason
 */
export async function sampleByFleet(
  fleet: Fleet,
  by: FleetModel,
  options: FleetRequest,
): Promise<GeneratedImages | GeneratedVideos> {
  const started = performance.now();
  const request = requestOf(by, options);
  const { plan, batchSize, seed } = request;
  const images: Image[] = [];
  const tokens: Int32Array[] = [];
  let [multiplyAdds, baselineMultiplyAdds] = [0, 0];
  for await (const made of samplesBy(fleet, by, request, options)) {
    images.push(...made.images);
    tokens.push(...made.tokens);
    multiplyAdds += made.multiplyAdds;
    baselineMultiplyAdds += made.baselineMultiplyAdds;
  }
  const ratio = baselineMultiplyAdds / multiplyAdds;
  const seconds = (performance.now() - started) / 1000;
  const stats = { seconds, multiplyAdds, baselineMultiplyAdds, ratio, batchSize };
  const made = { tokens, seed, plan, stats };
  const isVideo = by.model.tokenizer.config.frames !== undefined;
  return isVideo ? { ...made, videos: images as (Image & Video)[] } : { ...made, images };
}

/** Makes the sets of an evaluation: `evaluate(folder, { makeSet: setsByFleet(fleet, model) })`. */
export function setsByFleet(fleet: Fleet, by: FleetModel): MakeSet {
  return async function* ({ samples, onStep, ...set }) {
    const options = { ...set, count: samples, classes: ["all"] };
    const request = requestOf(by, options);
    const { plan } = request;
    const onProgress = (step: number, total: number) => onStep?.({ step, total });
    for await (const made of samplesBy(fleet, by, request, { ...options, onProgress })) {
      const { images, multiplyAdds, baselineMultiplyAdds, seconds } = made;
      const ratio = baselineMultiplyAdds / multiplyAdds;
      yield { images, plan, stats: { seconds, multiplyAdds, baselineMultiplyAdds, ratio } };
    }
  };
}

/** The request as one machine would run it. */
function requestOf({ model }: FleetModel, options: FleetRequest): ResolvedRequest {
  const { signal: _, onProgress: __, ...asked } = options;
  if (asked.deadlineMs !== undefined) {
    throw new InputError(
      `--deadline: must be left out where workers share the work, got ${asked.deadlineMs} ms; a deadline is one machine's`,
    );
  }
  return resolveRequest(asked, model, () => process.availableMemory());
}

/** What every job made, in order, with the seconds that its worker computed. */
async function* samplesBy(
  fleet: Fleet,
  { folder, digest, device, precision }: FleetModel,
  { plan, batchSize, seed, firstIndex, classRows }: ResolvedRequest,
  { classes = null, signal, onProgress }: Pick<FleetRequest, "classes" | "signal" | "onProgress">,
): AsyncGenerator<MadeSamples & { readonly seconds: number }> {
  const total = classRows.length;
  const jobs = rangesOf(total, jobSize(batchSize)).map(
    (range): SampleJob => ({
      kind: "sample",
      version,
      device,
      model: { folder, digest },
      precision,
      plan,
      classes,
      seed: `${seed}`,
      firstIndex: firstIndex + range.firstIndex,
      count: range.count,
      batchSize,
    }),
  );
  let done = 0;
  const onDone = (job: Job): void => {
    if (job.kind === "sample") done += job.count;
    onProgress?.(done, total);
  };
  let next = 0;
  for await (const result of collect(fleet, jobs, { signal, onDone })) {
    yield { ...samplesOf(result, jobs[next++]!), seconds: result.seconds };
  }
}
