/** Doing a job, the same way on every machine: what is needed for it is opened once and kept for the next one. */
import { hostname } from "node:os";
import {
  decodeSafetensors,
  encodeSafetensors,
  type ImagePipeline,
  InputError,
  modelDigest,
  openPipeline,
  type VideoPipeline,
} from "../src/index.ts";
import type { TokenEncoder } from "../src/train.ts";
import {
  type DecodeJob,
  type Job,
  type SampleJob,
  sampleOfFacts,
  type TokeniseJob,
  weightsName,
} from "./job.ts";
import { imagesToTensors, readResult, samplesToTensors, writeResult } from "./result.ts";
import type { ResultStore } from "./result-store.ts";
import { version } from "./version.ts";

/** A worker cannot do a job that others can: it is of another version, or has another model. The job is not to blame. */
export class Refusal extends InputError {}

/** How a job came to be done. */
export interface Done {
  /** False where its result was there before. */
  readonly isNew: boolean;
  /** That it took to compute. */
  readonly seconds: number;
}

/** What does jobs, one after the other. */
export interface JobRunner {
  /** Host and process, by which people know the worker. */
  readonly name: string;
  /**
   * Does a job and puts its result into the store, unless it is there already: a worker that was lost may have come so
   * far.
   *
   * @throws Refusal when this worker is not one for this job; InputError when the job cannot be done anywhere; the
   *   signal's reason
   */
  run(job: Job, options?: { readonly signal?: AbortSignal }): Promise<Done>;
  close(): Promise<void>;
}

/** @param options.threads  CPU threads; default all cores */
export function openJobRunner(store: ResultStore, { threads }: { readonly threads?: number }): JobRunner {
  const name = `${hostname()}:${process.pid}`;
  const kept = keepLast();
  return {
    name,
    async run(job, { signal } = {}) {
      if (job.version !== version) {
        throw new Refusal(
          `has magnets ${version}, but the job needs ${job.version}; install that version there`,
        );
      }
      const before = await readResult(store, job);
      if (before) return { isNew: false, seconds: before.seconds };
      const { tensors, metadata, seconds } = await made(job, signal);
      await writeResult(store, job, encodeSafetensors(tensors, { metadata }), { worker: name, seconds });
      return { isNew: true, seconds };
    },
    close: () => kept.close(),
  };

  async function made(job: Job, signal?: AbortSignal) {
    if (job.kind === "tokenise") {
      const encoder = await kept.open(encoderKey(job), () => openEncoder(job, { store, threads }));
      return tokenise(encoder, job, signal);
    }
    const pipeline = await kept.open(modelKey(job), () => openModel(job, { store, threads }));
    return job.kind === "sample" ? sample(pipeline, job, signal) : decode(pipeline, job, signal);
  }
}

/** The worker that opens something. */
interface Here {
  readonly store: ResultStore;
  readonly threads?: number;
}

/** What cannot be opened here may well be opened elsewhere. */
async function refusing<T>(opening: Promise<T>): Promise<T> {
  return opening.catch((error) => {
    throw error instanceof InputError ? new Refusal(error.message, { cause: error }) : error;
  });
}

type ModelJob = SampleJob | DecodeJob;

const modelKey = ({ model, device, precision }: ModelJob) => ({ model, device, precision });

async function openModel({ model, device, precision }: ModelJob, { threads }: Here) {
  const pipeline = await refusing(openPipeline(model.folder, { device, precision, threads }));
  const digest = modelDigest(pipeline.model);
  if (digest === model.digest) return pipeline;
  await pipeline.dispose();
  throw new Refusal(
    `its ${model.folder} has the digest ${digest}, but the job needs ${model.digest}; copy the model there`,
  );
}

async function sample(pipeline: ImagePipeline | VideoPipeline, job: SampleJob, signal?: AbortSignal) {
  const { plan, classes, seed, firstIndex, count, batchSize } = job;
  const request = { plan, classes, seed: BigInt(seed), firstIndex, count, batchSize, signal };
  const made = await pipeline.generate(request);
  const images = "images" in made ? made.images : made.videos;
  const { multiplyAdds, baselineMultiplyAdds, seconds } = made.stats;
  return {
    ...samplesToTensors({ images, tokens: made.tokens, multiplyAdds, baselineMultiplyAdds }),
    seconds,
  };
}

async function decode(
  pipeline: ImagePipeline | VideoPipeline,
  { plan, samples }: DecodeJob,
  signal?: AbortSignal,
) {
  const started = performance.now();
  const made = await pipeline.decodeTogether(plan, samples.map(sampleOfFacts), { signal });
  const content = imagesToTensors({
    images: made.map(({ image }) => image),
    tokens: made.map(({ tokens }) => tokens),
  });
  return { ...content, seconds: (performance.now() - started) / 1000 };
}

const encoderKey = ({ kind, part: _, ...job }: TokeniseJob) => ({ kind, job });

async function openEncoder(job: TokeniseJob, { store, threads }: Here): Promise<TokenEncoder> {
  const { openTokenEncoder } = await import("../src/train.ts");
  const file = weightsName(job.tokenizer.digest);
  const bytes = await store.read(file);
  if (!bytes) {
    throw new Refusal(
      `its --store ${store.place} holds no ${file}; start it with the store of whoever asks for the work`,
    );
  }
  const { tensors } = decodeSafetensors(bytes, file);
  return refusing(openTokenEncoder(job, tensors, { device: job.device, threads }));
}

async function tokenise(encoder: TokenEncoder, { part }: TokeniseJob, signal?: AbortSignal) {
  const started = performance.now();
  const tokens = await encoder.encode(part, { signal });
  return { ...tokens, seconds: (performance.now() - started) / 1000 };
}

/** Keeps what was opened last for as long as the same is asked for: models are large, and jobs of one kind come together. */
function keepLast() {
  let last: { readonly key: string; readonly opened: { dispose(): Promise<void> } } | null = null;
  const close = async () => {
    const { opened } = last ?? {};
    last = null;
    await opened?.dispose();
  };
  return {
    async open<T extends { dispose(): Promise<void> }>(facts: object, open: () => Promise<T>): Promise<T> {
      const key = JSON.stringify(facts);
      if (last?.key === key) return last.opened as T;
      await close();
      const opened = await open();
      last = { key, opened };
      return opened;
    },
    close,
  };
}
