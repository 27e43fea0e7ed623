/** A server on a port: opens models, answers, stops. */
import { randomInt } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { listen } from "../src/index.ts";
import { type ApiKeys, readApiKeys } from "./api-keys.ts";
import { createApp, type RequestLine } from "./app.ts";
import { openMetrics } from "./metrics.ts";
import { Models, type ModelsOptions } from "./models.ts";
import { type Elsewhere, Scheduler } from "./scheduler.ts";

export interface ServerOptions extends Omit<ModelsOptions, "onEvent" | "batch"> {
  /** Model folders; the first one is the default. */
  readonly models: readonly string[];
  /** Default 8080; 0: any that is free. */
  readonly port?: number;
  /** Default 127.0.0.1, which other machines do not reach. */
  readonly host?: string;
  /** A file of keys, of which every request must bring one; default: none is asked for. */
  readonly apiKeyFile?: string;
  /** The most images decoded together; default 16. */
  readonly batch?: number;
  /** The most images that may wait or be decoded at a time; default 256. */
  readonly waiting?: number;
  /** Other processes or machines, which decode what is neither watched nor has a deadline; default: none. */
  readonly elsewhere?: Elsewhere;
  /** Milliseconds that a batch waits for images that come at the same time; default 5. */
  readonly gatherMs?: number;
  /** Bytes of an upload; default 16 MiB. */
  readonly mostUploadBytes?: number;
  /** Of the package; told in the document. */
  readonly version?: string;
  /** Gets a line of JSON for every request and every event; default: nobody. */
  readonly log?: (line: string) => void;
  /** Whether lines say what was asked: model, seed and the request's fields. Default: sizes and times only. */
  readonly logsRequests?: boolean;
}

/** A server that runs. */
export interface RunningServer {
  /** Where it is reached. */
  readonly url: string;
  readonly port: number;
  /**
   * Takes no new requests, answers those it has, and ends.
   *
   * @param graceMs  after so long the rest is refused; default 30 s
   */
  stop(graceMs?: number): Promise<void>;
}

/** A header must be there after so long, and a whole request. */
const headersMs = 10_000;
const requestMs = 60_000;
/** A connection is kept for the next request so long: longer than proxies keep theirs, which would else use a closed one. */
const keptMs = 65_000;
/** At a stop, a client has so long to take its answer. */
const sendingMs = 5000;
/** A connection on which nothing happens is closed. */
const idleMs = 10 * 60_000;
/** More at a time are turned away by the system. */
const mostConnections = 4096;

/**
 * Starts a server. The first model is loaded before it is ready, so that the first request does not wait for that; where others
 * decode, models are loaded when something has to be decoded here.
 *
 * @throws InputError for a folder that is no model, a port that is taken, a key file that cannot be read, and as
 *   {@link Models.open}
 * @example
 * const server = await startServer({ models: ["models/sprites"], port: 8080 });
 * process.once("SIGTERM", () => server.stop());
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { port = 8080, host = "127.0.0.1", batch = 16, waiting = 256, gatherMs = 5 } = options;
  const { elsewhere, log = () => {}, logsRequests = false, mostUploadBytes = 2 ** 24 } = options;
  const now = () => performance.now();
  const write = (event: string, facts: object) =>
    log(JSON.stringify({ time: new Date().toISOString(), event, ...facts }));
  const keys: ApiKeys | null =
    options.apiKeyFile === undefined ? null : await readApiKeys(options.apiKeyFile);
  const models = await Models.open(options.models, {
    ...options,
    batch,
    onEvent: (event, model) => {
      metrics.modelEvents.inc({ event, model });
      write(`model ${event}`, { model });
    },
  });
  const scheduler = new Scheduler({
    ...{ models, batch, queue: waiting, gatherMs, now, elsewhere },
    onBatch: ({ model, images, requests, seconds }) => {
      metrics.images.inc({ model }, images);
      metrics.batchImages.observe(images);
      metrics.batchRequests.observe(requests);
      metrics.batchSeconds.observe({ model }, seconds);
    },
    onFailure: (error, isRetried) => {
      metrics.failures.inc({ outcome: isRetried ? "retried" : "given up" });
      write("batch failed", { isRetried, reason: reasonOf(error) });
    },
  });
  const metrics = openMetrics({ waiting: () => scheduler.waiting, loaded: () => models.loadedCount });
  let state: "starting" | "ready" | "stopping" = "starting";
  const app = createApp({
    ...{ models, scheduler, metrics, keys, now },
    limits: { json: 2 ** 18, form: mostUploadBytes, forms: 16, stallMs: 30_000 },
    version: options.version ?? "0",
    state: () => (state === "ready" && elsewhere?.workers() === 0 ? "alone" : state),
    newSeed: () => randomInt(2 ** 32),
    onRequest: ({ asked, ms, ...line }: RequestLine) =>
      write("request", { ...line, ms: Math.round(ms), ...(logsRequests && { asked }) }),
    onError: (error) => write("failure", { reason: reasonOf(error) }),
  });
  const server = createServer(
    {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: keptMs,
      connectionsCheckingInterval: 2000,
    },
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  );
  server.maxConnections = mostConnections;
  const underWay = answersUnderWay(server);
  server.timeout = idleMs;
  await listen(server, { where: "serve", port, host });
  try {
    if (!elsewhere) await (await models.lease(models.list()[0]!.id)).release();
  } catch (error) {
    await close(server, underWay);
    throw error;
  }
  state = "ready";
  const address = server.address() as AddressInfo;
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
  let stopped: Promise<void> | undefined;
  return {
    url: `http://${shown}:${address.port}`,
    port: address.port,
    stop: (graceMs = 30_000) => {
      stopped ??= (async () => {
        state = "stopping";
        await scheduler.close(graceMs);
        await close(server, underWay);
        await models.close();
      })();
      return stopped;
    },
  };
}

/** Notes which answers are not wholly handed to the system yet. */
function answersUnderWay(server: Server): ReadonlySet<ServerResponse> {
  const underWay = new Set<ServerResponse>();
  server.on("request", (_request, response: ServerResponse) => {
    underWay.add(response);
    response.once("close", () => underWay.delete(response));
  });
  return underWay;
}

/** Closes a server whose answers are made: what is still to be sent gets a moment. Closed first, it would cut them off. */
async function close(server: Server, underWay: ReadonlySet<ServerResponse>): Promise<void> {
  for (let waited = 0; underWay.size > 0 && waited < sendingMs; waited += 10) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
