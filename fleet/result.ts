/**
 * A result: what a job made, as a file, and beside it who made it and in what time. The file depends on the job alone;
 * the other one does not, and is written first, so that where the file is, both are.
 *
 *     NAME.safetensors   what was made
 *     NAME.json          who made it, in what time
 */
import { decodeSafetensors, type Image, InputError, type Tensors } from "../src/index.ts";
import { type Job, resultName } from "./job.ts";
import type { ResultStore } from "./result-store.ts";

/** Who did a job, and how long that took. */
export interface Effort {
  /** Host and process. */
  readonly worker: string;
  /** Of computing, without waiting. */
  readonly seconds: number;
}

/** A result as it was read. */
export interface Result extends Effort {
  readonly bytes: Uint8Array;
}

const madeName = (job: Job): string => `${resultName(job)}.safetensors`;
const effortName = (job: Job): string => `${resultName(job)}.json`;

/** Puts a result into the store; done twice, one of two equal files stays. */
export async function writeResult(
  store: ResultStore,
  job: Job,
  made: Iterable<Uint8Array>,
  effort: Effort,
): Promise<void> {
  await store.write(effortName(job), [new TextEncoder().encode(`${JSON.stringify(effort)}\n`)]);
  await store.write(madeName(job), made);
}

/** A job's result; null where there is none, or it is damaged: then it is made again. */
export async function readResult(store: ResultStore, job: Job): Promise<Result | null> {
  const [bytes, effort] = await Promise.all([store.read(madeName(job)), store.read(effortName(job))]);
  if (!bytes || !effort) return null;
  try {
    const { metadata } = decodeSafetensors(bytes, madeName(job));
    const { worker, seconds } = JSON.parse(new TextDecoder().decode(effort));
    const isWhole = metadata.format !== undefined && typeof worker === "string" && seconds >= 0;
    return isWhole ? { bytes, worker, seconds } : null;
  } catch (error) {
    if (error instanceof InputError || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Whether there is a result, whole or not. */
export async function hasResult(store: ResultStore, job: Job): Promise<boolean> {
  return (await store.has(madeName(job))) && (await store.has(effortName(job)));
}

/** Takes a result out of the store. */
export async function removeResult(store: ResultStore, job: Job): Promise<void> {
  await store.remove(madeName(job));
  await store.remove(effortName(job));
}

/** What a decoding job makes. */
export interface MadeImages {
  readonly images: readonly Image[];
  /** [N] per image. */
  readonly tokens: readonly Int32Array[];
}

/** What a sampling job makes. */
export interface MadeSamples extends MadeImages {
  /** Of the transformer, over all images. */
  readonly multiplyAdds: number;
  readonly baselineMultiplyAdds: number;
}

const sampleFormat = "magnets.samples.1";

/** A file's content. */
interface Content {
  readonly tensors: Tensors;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Images as tensors: tokens int32 [n, N], pixels uint8 [n, (T,) H, W, 3], classIds int32 [n] with -1 for none. */
export function imagesToTensors({ images, tokens }: MadeImages): Content {
  const { frames, height, width } = images[0]!;
  const space = [...(frames === undefined ? [] : [frames]), height, width, 3];
  const [count, n, size] = [images.length, tokens[0]!.length, images[0]!.pixels.length];
  const ids = new Int32Array(count * n);
  const pixels = new Uint8Array(count * size);
  for (let i = 0; i < count; i++) {
    ids.set(tokens[i]!, i * n);
    pixels.set(images[i]!.pixels, i * size);
  }
  return {
    tensors: {
      tokens: { dtype: "int32", dims: [count, n], data: ids },
      pixels: { dtype: "uint8", dims: [count, ...space], data: pixels },
      classIds: {
        dtype: "int32",
        dims: [count],
        data: Int32Array.from(images, ({ classId }) => classId ?? -1),
      },
    },
    metadata: { format: sampleFormat },
  };
}

/** The same, with what they cost. */
export function samplesToTensors({ multiplyAdds, baselineMultiplyAdds, ...made }: MadeSamples): Content {
  const { tensors, metadata } = imagesToTensors(made);
  const costs = { multiplyAdds: String(multiplyAdds), baselineMultiplyAdds: String(baselineMultiplyAdds) };
  return { tensors, metadata: { ...metadata, ...costs } };
}

/** The inverse of {@link samplesToTensors}. */
export function samplesOf(result: Result, job: Job): MadeSamples {
  const { metadata } = decodeSafetensors(result.bytes, madeName(job));
  return {
    ...imagesOf(result, job),
    multiplyAdds: Number(metadata.multiplyAdds),
    baselineMultiplyAdds: Number(metadata.baselineMultiplyAdds),
  };
}

/** The inverse of {@link imagesToTensors}. */
export function imagesOf({ bytes }: Result, job: Job): MadeImages {
  const { tensors } = decodeSafetensors(bytes, madeName(job));
  const { tokens, pixels, classIds } = tensors as Record<string, Tensors[string]>;
  const [count, ...space] = pixels!.dims as [number, ...number[]];
  const [height, width] = space.slice(-3) as [number, number, number];
  const frames = space.length === 4 ? { frames: space[0]! } : {};
  const [n, size] = [tokens!.data.length / count, pixels!.data.length / count];
  return {
    images: Array.from({ length: count }, (_, i) => ({
      width,
      height,
      ...frames,
      pixels: (pixels!.data as Uint8Array).slice(i * size, (i + 1) * size),
      classId: Number(classIds!.data[i]) < 0 ? null : Number(classIds!.data[i]),
    })),
    tokens: Array.from({ length: count }, (_, i) => (tokens!.data as Int32Array).slice(i * n, (i + 1) * n)),
  };
}
