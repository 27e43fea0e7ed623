/** From options to a fleet: whose workers, and where results go. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InputError } from "../src/index.ts";
import type { Fleet, FleetOptions } from "./fleet.ts";
import { openStore } from "./open-store.ts";

/**
 * Opens a fleet.
 *
 * @throws InputError for options that do not go together, a store that cannot be used, a queue that does not answer
 */
export async function openFleet(options: FleetOptions): Promise<Fleet> {
  const { workers, queue, store: place } = options;
  if (queue !== undefined) {
    if (place === undefined) {
      throw new InputError(
        "--queue: must have a --store beside it, a folder that all machines see or s3://bucket/prefix, where results go",
      );
    }
    const store = await openStore(place);
    return (await import("./queue.ts")).openQueueFleet(queue, store, options);
  }
  const temporary = place === undefined ? await mkdtemp(join(tmpdir(), "magnets-fleet-")) : null;
  const store = await openStore(place ?? temporary!);
  const { openLocalWorkers } = await import("./local-workers.ts");
  const fleet = openLocalWorkers(workers!, store, { ...options, isKept: temporary === null });
  return {
    ...fleet,
    async close() {
      await fleet.close();
      if (temporary !== null) await rm(temporary, { recursive: true, force: true });
    },
  };
}
