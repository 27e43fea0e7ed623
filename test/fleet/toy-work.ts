/** A model that decodes in milliseconds, in a folder, and what one process makes with it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SampleJob } from "../../fleet/job.ts";
import { type FleetModel, openFleetModel } from "../../fleet/sample.ts";
import { version } from "../../fleet/version.ts";
import { type GeneratedImages, openPipeline } from "../../src/index.ts";
import { writeModel } from "../../src/pipelines/node/model-folder.ts";
import { toyModel } from "../pipelines/toy-model.ts";

export interface ToyWork {
  readonly by: FleetModel;
  readonly request: { classes: string[]; count: number; seed: bigint; batchSize: number; firstIndex: number };
  /** What one process makes. */
  readonly alone: GeneratedImages;
}

/** Writes the model below `folder`; a job is `batchSize` images. */
export async function openToyWork(
  folder: string,
  { count, batchSize }: { readonly count: number; readonly batchSize: number },
): Promise<ToyWork> {
  const model = join(folder, "model");
  await writeModel(model, toyModel());
  const request = { classes: ["dog", "cat"], count, seed: 2n ** 63n + 1n, batchSize, firstIndex: 3 };
  const pipeline = await openPipeline(model, { threads: 1 });
  const alone = (await pipeline.generate(request)) as GeneratedImages;
  await pipeline.dispose();
  return { by: await openFleetModel(model), request, alone };
}

/** All but the time it took. */
export function madeOf({ stats: { seconds: _, ...stats }, ...made }: GeneratedImages) {
  return { ...made, stats };
}

/** Process numbers of this process's children, of which a command line tells `what`. */
export function children(what: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const isOurs = Number(parent) === process.pid && state !== "Z";
      return isOurs && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(what) ? [Number(name)] : [];
    } catch {
      return []; // ended meanwhile
    }
  });
}

/** The first job of the work, by hand. */
export function jobOf({ by, request, alone }: ToyWork, asked = version): SampleJob {
  const { classes, seed, firstIndex, batchSize } = request;
  const { device, precision, folder, digest } = by;
  return {
    ...{ kind: "sample", version: asked, device, model: { folder, digest }, precision, plan: alone.plan },
    ...{ classes, seed: `${seed}`, firstIndex, count: Math.min(request.count, batchSize), batchSize },
  };
}
