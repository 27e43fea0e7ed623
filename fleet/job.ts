/**
 * What a job is: a piece of work that any machine can do by itself, as JSON. All that its result depends on stands in it,
 * so the result's name is a digest of the job: a job that is done twice gives the same file twice, and a file that is
 * there need not be made again.
 */
import { createHash } from "node:crypto";
import { countOf, type DecodePlan, type Device, type Precision, type Sample } from "../src/index.ts";
import type { TokenPart } from "../src/train.ts";

/** What every job says of itself. */
interface JobBase {
  /** Of the package that asked for it: another one may compute something else. */
  readonly version: string;
  readonly device: Device;
}

/** Images or videos `firstIndex` to `firstIndex + count - 1` of a seed. */
export interface SampleJob extends JobBase {
  readonly kind: "sample";
  readonly model: ModelPlace;
  readonly precision: Precision;
  /** Every choice of the decode. */
  readonly plan: DecodePlan;
  /** Names or numbers that take turns by index, or ["all"]; null: no condition. */
  readonly classes: readonly (string | number)[] | null;
  /** 0 to 2^64 - 1, in decimal. */
  readonly seed: string;
  readonly firstIndex: number;
  readonly count: number;
  /** Images decoded together. */
  readonly batchSize: number;
}

/** Samples of one request or of several, which decode as one batch: a server's. */
export interface DecodeJob extends JobBase {
  readonly kind: "decode";
  readonly model: ModelPlace;
  readonly precision: Precision;
  /** That of all of them. */
  readonly plan: DecodePlan;
  readonly samples: readonly SampleFacts[];
}

/** A `Sample` as JSON holds it. */
export interface SampleFacts {
  /** 0 to 2^64 - 1, in decimal. */
  readonly seed: string;
  readonly index: number;
  readonly classRow: number;
  /** [N] token ids; null: all masked, and the mask id seen. */
  readonly start: readonly number[] | null;
  readonly condition: readonly number[] | null;
}

/** A sample as a job holds it. */
export function factsOfSample({ seed, start, condition, ...rest }: Sample): SampleFacts {
  return { ...rest, seed: `${seed}`, start: start && [...start], condition: condition && [...condition] };
}

/** The inverse of {@link factsOfSample}. */
export function sampleOfFacts({ seed, start, condition, ...rest }: SampleFacts): Sample {
  return {
    ...rest,
    seed: BigInt(seed),
    start: start && Int32Array.from(start),
    condition: condition && Int32Array.from(condition),
  };
}

/** One part of a dataset as token ids. */
export interface TokeniseJob extends JobBase, TokenPart {
  readonly kind: "tokenise";
}

/** Where the store has a tokenizer's weights, which are a run's and nowhere else. */
export const weightsName = (digest: string): string => `tokenizer-${digest}.safetensors`;

/** A job of any kind. */
export type Job = SampleJob | DecodeJob | TokeniseJob;

/** Where a model lies, and which one it must be. */
export interface ModelPlace {
  /** Its folder, seen from where a worker was started. */
  readonly folder: string;
  /** `modelDigest` of it. */
  readonly digest: string;
}

/** The name of a job's result: 32 hexadecimal digits that tell all it depends on, but not where a model or data lie. */
export function resultName(job: Job): string {
  const facts = job.kind === "tokenise" ? withoutPlaces(job) : { ...job, model: job.model.digest };
  return createHash("sha256").update(canonical(facts)).digest("hex").slice(0, 32);
}

/** A job in words, for messages: what a person recognises of it. */
export function describeJob(job: Job): string {
  if (job.kind === "tokenise") return `tokens of part ${job.part + 1} of ${job.parts} of ${job.data.source}`;
  if (job.kind === "decode")
    return `a batch of ${countOf(job.samples.length, "sample")} by ${job.model.folder}`;
  const { firstIndex, count, seed, model } = job;
  const last = firstIndex + count - 1;
  return `${count === 1 ? `sample ${firstIndex}` : `samples ${firstIndex} to ${last}`} of seed ${seed} by ${model.folder}`;
}

/** A range of a series of `count`, in pieces of `size`; the last one may be smaller. */
export function rangesOf(
  count: number,
  size: number,
): { readonly firstIndex: number; readonly count: number }[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => ({
    firstIndex: i * size,
    count: Math.min(size, count - i * size),
  }));
}

/** Images of a job at least: fewer would be less work than handing it out. */
const fewestImages = 16;

/** Images of a job: whole batches, so that every batch holds the images that it holds on one machine. */
export const jobSize = (batchSize: number): number => batchSize * Math.ceil(fewestImages / batchSize);

/** A tokenising job but for the data's folder, which its description tells. */
function withoutPlaces({ data, ...rest }: TokeniseJob) {
  const { source: _, ...choices } = data;
  return { ...rest, data: choices };
}

/** JSON with sorted keys: equal facts are equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
