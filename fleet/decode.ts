/** A server's batches, decoded by a fleet: the images that the server itself would make. */
import { setTimeout } from "node:timers/promises";
import {
  type DecodedSample,
  type DecodePlan,
  InputError,
  resolveRequest,
  type Sample,
} from "../src/index.ts";
import { collect } from "./collect.ts";
import type { Fleet } from "./fleet.ts";
import { type DecodeJob, factsOfSample, resultName } from "./job.ts";
import { imagesOf, removeResult } from "./result.ts";
import { type FleetModel, openFleetModel } from "./sample.ts";
import { version } from "./version.ts";

/** Decodes batches of several models. */
export interface FleetDecoder {
  /**
   * Decodes samples as one batch, as `decodeTogether` of a pipeline does.
   *
   * @param folder  one of the models' folders
   * @throws the signal's reason; an Error when the job failed for good, saying where and why
   */
  decode(
    folder: string,
    plan: DecodePlan,
    samples: readonly Sample[],
    signal: AbortSignal,
  ): Promise<DecodedSample[]>;
  /**
   * Has every worker there is open a model, by an image of one step, so that what is wrong there is told before anybody waits.
   *
   * @throws InputError saying on which worker and why
   */
  warmUp(folder: string): Promise<void>;
  /** Workers there are now. */
  workers(): number;
  close(): Promise<void>;
}

/** Workers come and go: they are counted so often. */
const countEveryMs = 2000;

/**
 * Makes a fleet decode batches. Their results are nobody's afterwards, so each is taken out of the store once it is read.
 *
 * @throws InputError for a folder that is no whole model
 */
export async function openFleetDecoder(
  fleet: Fleet,
  folders: readonly string[],
  options: Pick<FleetModel, "device" | "precision">,
): Promise<FleetDecoder> {
  /** The digest of each model, and its quickest plan. */
  const known = new Map<string, { readonly digest: string; readonly quickest: DecodePlan }>();
  for (const folder of folders) {
    const { digest, model } = await openFleetModel(folder, options);
    const modelSchedule = `${Math.max(...model.transformer.config.factors)}x1`;
    known.set(folder, { digest, quickest: resolveRequest({ modelSchedule, guidanceScale: 0 }, model).plan });
  }
  /** Who still reads which result: two requests for the same images may have the same job. */
  const readers = new Map<string, number>();
  const closing = new AbortController();
  let workers = await fleet.countWorkers();
  /** One count after the other: while Redis is away, one alone waits for it. */
  const keepCounting = async (): Promise<void> => {
    for (;;) {
      await setTimeout(countEveryMs, undefined, { signal: closing.signal, ref: false });
      workers = await fleet.countWorkers().catch(() => workers);
    }
  };
  keepCounting().catch(() => {}); // ended by close

  /** Has samples decoded, reads the result, and takes it out of the store. */
  async function decoded(
    folder: string,
    plan: DecodePlan,
    samples: readonly Sample[],
    signal?: AbortSignal,
  ): Promise<DecodedSample[]> {
    const job: DecodeJob = {
      ...{ kind: "decode", version, plan, model: { folder, digest: known.get(folder)!.digest } },
      ...options,
      samples: samples.map(factsOfSample),
    };
    const name = resultName(job);
    readers.set(name, (readers.get(name) ?? 0) + 1);
    try {
      for await (const result of collect(fleet, [job], { signal })) {
        const { images, tokens } = imagesOf(result, job);
        return images.map((image, i) => ({ image, tokens: tokens[i]! }));
      }
      throw new Error("a job has no result, and no error either");
    } finally {
      const left = readers.get(name)! - 1;
      if (left > 0) readers.set(name, left);
      else {
        readers.delete(name);
        await removeResult(fleet.store, job).catch(() => {}); // then it lies there, and harms nobody
      }
    }
  }

  return {
    decode: (folder, plan, samples, signal) =>
      decoded(folder, plan, samples, signal).catch((error) => {
        // Whoever asks a server for images is not to blame for its workers.
        throw error instanceof InputError ? new Error(error.message, { cause: error }) : error;
      }),
    async warmUp(folder) {
      const { quickest } = known.get(folder)!;
      const images = Array.from({ length: workers }, (_, index): Sample[] => [
        { seed: 0, index, classRow: 0, start: null, condition: null },
      ]);
      await Promise.all(images.map((image) => decoded(folder, quickest, image)));
    },
    workers: () => workers,
    async close() {
      closing.abort();
      await fleet.close();
    },
  };
}
