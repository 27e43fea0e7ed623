/** An image of every class, made by the model itself while nothing else runs, and kept until the page closes. */
import { signal } from "@preact/signals";
import type { Raster } from "../../src/browser.ts";
import type { EngineEvent } from "../engine/protocol.ts";
import { runJob } from "./job.ts";
import { newSeries, withEvent } from "./series.ts";
import type { Session } from "./sessions.ts";

/** By model, then by class. */
export const classImages = signal<ReadonlyMap<string, ReadonlyMap<string, Raster>>>(new Map());

/** More classes than this are chosen by name. */
export const mostClassImages = 32;

const batchSize = 6;

/** Makes what is missing; null where something else came between. */
export async function makeClassImages(session: Session): Promise<void> {
  const { listed, model, engine } = session;
  const names = model.classNames;
  if (names.length > mostClassImages || classImages.value.has(listed.name)) return;
  await runJob(
    "Drawing an image of every class",
    async (signal) => {
      const request = { classes: "all", count: names.length, seed: 5, batchSize };
      const batch = newSeries(session, { plan: model.plan, seed: 5, count: batchSize });
      const onEvent = (event: EngineEvent) => void withEvent(batch, event, session); // the latency model learns
      const made = await engine.call("generate", { request, isWatched: false }, { signal, onEvent });
      const own = new Map(names.map((name, i) => [name, made.images[i]!]));
      classImages.value = new Map([...classImages.value, [listed.name, own]]);
    },
    { isBackground: true },
  );
}
