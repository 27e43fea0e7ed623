/** A server's batches, decoded by a fleet: the images that the server itself would make. */
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
  const digests = new Map<string, string>();
  /** The quickest plan of each model. */
  const quickest = new Map<string, DecodePlan>();
  for (const folder of folders) {
    const { digest, model } = await openFleetModel(folder, options);
    digests.set(folder, digest);
    const schedule = `${Math.max(...model.transformer.config.factors)}x1`;
    quickest.set(folder, resolveRequest({ modelSchedule: schedule, guidanceScale: 0 }, model).plan);
  }
  /** Who still reads which result: two requests for the same images may have the same job. */
  const readers = new Map<string, number>();
  let workers = await fleet.countWorkers();
  const counting = setInterval(async () => {
    workers = await fleet.countWorkers().catch(() => workers);
  }, countEveryMs);
  counting.unref();

  const jobOf = (folder: string, plan: DecodePlan, samples: readonly Sample[]): DecodeJob => ({
    ...{ kind: "decode", version, plan, model: { folder, digest: digests.get(folder)! } },
    ...options,
    samples: samples.map(factsOfSample),
  });

  async function resultOf(job: DecodeJob, signal: AbortSignal): Promise<DecodedSample[]> {
    for await (const result of collect(fleet, [job], { signal })) {
      const { images, tokens } = imagesOf(result, job);
      return images.map((image, i) => ({ image, tokens: tokens[i]! }));
    }
    throw new Error("a job has no result, and no error either");
  }

  return {
    async decode(folder, plan, samples, signal) {
      const job = jobOf(folder, plan, samples);
      const name = resultName(job);
      readers.set(name, (readers.get(name) ?? 0) + 1);
      try {
        return await resultOf(job, signal);
      } catch (error) {
        // Whoever asks a server for images is not to blame for its workers.
        throw error instanceof InputError ? new Error(error.message, { cause: error }) : error;
      } finally {
        const left = readers.get(name)! - 1;
        if (left > 0) readers.set(name, left);
        else {
          readers.delete(name);
          await removeResult(fleet.store, job).catch(() => {}); // then it lies there, and harms nobody
        }
      }
    },
    async warmUp(folder) {
      const jobs = Array.from({ length: workers }, (_, index) =>
        jobOf(folder, quickest.get(folder)!, [{ seed: 0, index, classRow: 0, start: null, condition: null }]),
      );
      const signal = new AbortController().signal;
      await Promise.all(jobs.map((job) => resultOf(job, signal)));
      await Promise.all(jobs.map((job) => removeResult(fleet.store, job)));
    },
    workers: () => workers,
    async close() {
      clearInterval(counting);
      await fleet.close();
    },
  };
}
