/** A store in memory, and samples to put into it. */
import type { SampleJob } from "../../fleet/job.ts";
import { samplesToTensors, writeResult } from "../../fleet/result.ts";
import type { ResultStore } from "../../fleet/result-store.ts";
import { basePlan } from "../../src/decoding/plan.ts";
import { encodeSafetensors } from "../../src/index.ts";

export function memoryStore(): ResultStore & { readonly files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  return {
    files,
    place: "memory",
    has: async (name) => files.has(name),
    read: async (name) => files.get(name) ?? null,
    write: async (name, chunks) => void files.set(name, Buffer.concat([...chunks])),
    remove: async (name) => void files.delete(name),
  };
}

/** A job of `count` samples from `firstIndex` on. */
export const sampleJob = (firstIndex: number, count = 2): SampleJob => ({
  kind: "sample",
  version: "0.1.0",
  device: "cpu",
  model: { folder: "model", digest: "0" },
  precision: "fp32",
  plan: basePlan([1]),
  classes: null,
  seed: "0",
  firstIndex,
  count,
  batchSize: 1,
});

/** Images of one pixel whose red is their index. */
export const samplesFor = ({ firstIndex, count }: SampleJob) => ({
  images: Array.from({ length: count }, (_, i) => ({
    width: 1,
    height: 1,
    pixels: Uint8Array.of(firstIndex + i, 0, 255),
    classId: i === 0 ? null : 3,
  })),
  tokens: Array.from({ length: count }, (_, i) => Int32Array.of(firstIndex + i, 65_535)),
  multiplyAdds: 12_345_678_901_234,
  baselineMultiplyAdds: 2 ** 52 + 1,
});

/** Does a job of {@link sampleJob}. */
export async function doSample(store: ResultStore, job: SampleJob): Promise<void> {
  const { tensors, metadata } = samplesToTensors(samplesFor(job));
  await writeResult(store, job, encodeSafetensors(tensors, { metadata }), { worker: "me:1", seconds: 0.5 });
}
