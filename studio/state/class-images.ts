/**
 * An image of every class, made by the model itself while nothing else runs. They are kept in the browser's storage under
 * the digests of the model's files, so that later visits have them at once, and what was cut short goes on.
 */
import { signal } from "@preact/signals";
import type { DecodePlan, GenerativeModel, ListedModel, Raster } from "../../src/browser.ts";
import type { EngineEvent } from "../engine/protocol.ts";
import { imageIn, pngOf } from "./files.ts";
import { runJob } from "./job.ts";
import { planStops } from "./plans.ts";
import { newSeries, withEvent } from "./series.ts";
import type { Session } from "./sessions.ts";

/** By model, then by class. */
export const classImages = signal<ReadonlyMap<string, ReadonlyMap<string, Raster>>>(new Map());

/** More classes than this are chosen by name. */
export const mostClassImages = 32;

const batchSize = 12;
const seed = 5;
const cacheName = "magnets-class-images";

/** Shows those that an earlier visit kept. */
export async function showKeptClassImages({ listed, model }: Session): Promise<void> {
  const cache = await openCache();
  if (!cache || model.classNames.length > mostClassImages) return;
  const kept = missing(listed, model).map(async (name): Promise<[string, Raster][]> => {
    const image = await cache.match(keyOf(listed, name));
    return image ? [[name, await imageIn(await image.blob(), model.tokenizer.config.resolution)]] : [];
  });
  add(listed, (await Promise.all(kept).catch(() => [])).flat()); // those that cannot be read are made again
}

/** Makes those that are missing, in few batches; each is shown and kept when it is made. */
export async function makeClassImages(session: Session): Promise<void> {
  const { listed, model, engine } = session;
  if (model.classNames.length > mostClassImages || missing(listed, model).length === 0) return;
  const cache = await openCache();
  const plan = lightPlan(model);
  await runJob(
    "Drawing an image of every class",
    async (signal) => {
      while (missing(listed, model).length > 0) {
        const classes = missing(listed, model).slice(0, batchSize);
        const count = classes.length;
        const batch = newSeries(session, { plan, seed, count });
        const onEvent = (event: EngineEvent) => void withEvent(batch, event, session); // the latency model learns
        const request = { classes, count, seed, plan, batchSize: count };
        const made = await engine.call("generate", { request, isWatched: false }, { signal, onEvent });
        const own = classes.map((name, i) => [name, made.images[i]!] as const);
        add(listed, own);
        await Promise.all(own.map((entry) => cache && keep(cache, listed, ...entry)));
      }
    },
    { isBackground: true },
  );
}

const missing = ({ name }: ListedModel, { classNames }: GenerativeModel): string[] =>
  classNames.filter((own) => !classImages.peek().get(name)?.has(own));

function add({ name }: ListedModel, own: readonly (readonly [string, Raster])[]): void {
  if (own.length === 0) return;
  const all = new Map([...(classImages.peek().get(name) ?? []), ...own]);
  classImages.value = new Map([...classImages.peek(), [name, all]]);
}

/** The cheapest plan that was measured to be as good as the baseline decode; the model's own where none was. */
const lightPlan = (model: GenerativeModel): DecodePlan =>
  planStops(model).find(({ distance }) => distance !== null && distance <= 1)?.plan ?? model.plan;

/** Null where the browser keeps nothing. */
const openCache = (): Promise<Cache | null> =>
  "caches" in globalThis ? caches.open(cacheName).catch(() => null) : Promise.resolve(null);

/** An address that nobody asks a server for: the class, and what of every file of the model tells it from others. */
function keyOf({ files }: ListedModel, name: string): string {
  const digests = Object.keys(files)
    .sort()
    .map((path) => files[path]!.sha256.slice(0, 16));
  return `${new URL("class-images", document.baseURI).href}/${digests.join("-")}?class=${encodeURIComponent(name)}`;
}

async function keep(cache: Cache, listed: ListedModel, name: string, image: Raster): Promise<void> {
  const png = new Blob([await pngOf(image, null)], { type: "image/png" });
  await cache.put(keyOf(listed, name), new Response(png)).catch(() => {}); // storage is full: the next visit makes it again
}
