/**
 * The studio's answers: the page, the models, the trainings. A request's path is looked up among the files that were found in
 * the folders given, and never becomes a path of the file system.
 *
 *     /                                  the page and its files
 *     /models/index.json                 the models, with the size and SHA-256 of every file
 *     /models/NAME/PATH                  a file of that list
 *     /runs/index.json                   the trainings, as they are now
 *     /runs/NAME/STAGE/metrics.jsonl     a log, whole or from a byte on
 *     /runs/NAME/STAGE/samples/STEP.png  images made on the way
 */
import { stat } from "node:fs/promises";
import { serveStatic } from "@hono/node-server/serve-static";
import { type Context, Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { modelListName } from "../../src/index.ts";
import type { ListedRun, RunList } from "../run-list.ts";
import type { Folders, FoundRun } from "./folders.ts";
import type { PageFiles } from "./page.ts";

export interface AppOptions {
  readonly page: PageFiles;
  readonly folders: Folders;
  /** Told of what should not have happened. */
  readonly onError: (error: unknown) => void;
}

/** Nothing leaves the page, and the browser sees to that: no script, request, frame or form of or to another place. */
const security = secureHeaders({
  // The two that isolate the page, which threads need, and the one by which its files may be in such a page.
  crossOriginOpenerPolicy: "same-origin",
  crossOriginEmbedderPolicy: "require-corp",
  crossOriginResourcePolicy: "same-origin",
  strictTransportSecurity: false, // plain http on this machine
  contentSecurityPolicy: {
    defaultSrc: ["'self'"],
    scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
    workerSrc: ["'self'", "blob:"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", "data:", "blob:"],
    mediaSrc: ["'self'", "blob:"],
    objectSrc: ["'none'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
});

export function createApp({ page, folders, onError }: AppOptions): Hono {
  const app = new Hono();
  app.use(security);

  app.get(`/models/${modelListName}`, async (c) => {
    const { models } = await folders.look();
    return json(c, { models: models.map(({ listed }) => listed) });
  });
  app.get("/models/:name/:path{.+}", async (c) => {
    const { name, path } = c.req.param();
    const { models } = await folders.look();
    const found = models.find(({ listed }) => listed.name === name);
    const file = found && Object.hasOwn(found.listed.files, path) ? found.listed.files[path]! : null;
    if (!found || !file) return c.notFound();
    c.header("repr-digest", `sha-256=:${Buffer.from(file.sha256, "hex").toString("base64")}:`);
    return send(c, `${found.folder}/${path}`, file.sha256);
  });

  app.get("/runs/index.json", async (c) => json(c, runList((await folders.look()).runs)));
  app.get("/runs/:name/:stage/metrics.jsonl", async (c) => {
    const metrics = (await stageOf(c.req.param()))?.metrics;
    // Another log at every line: what a browser kept of it is told by its bytes, not by a tag.
    return metrics ? send(c, metrics.path, null) : c.notFound();
  });
  app.get("/runs/:name/:stage/samples/:step{[0-9]+\\.png}", async (c) => {
    const step = Number.parseInt(c.req.param("step"), 10);
    const sample = (await stageOf(c.req.param()))?.samples.find((one) => one.step === step);
    return sample ? send(c, sample.path, await versionOf(sample.path)) : c.notFound();
  });

  app.get("/*", async (c) => {
    const path = page.get(c.req.path.slice(1) || "index.html");
    return path ? send(c, path, await versionOf(path)) : c.notFound();
  });
  app.all("*", (c) => c.text("the studio only reads: GET or HEAD", 405, { allow: "GET, HEAD" }));
  app.notFound((c) => c.text("there is nothing here; / is the studio", 404));
  app.onError((error, c) => {
    onError(error);
    return c.text("the server made a mistake; its terminal says which", 500);
  });
  return app;

  async function stageOf({ name, stage }: { name: string; stage: string }) {
    const { runs } = await folders.look();
    return runs.find((run) => run.name === name)?.training.stages.find((one) => one.name === stage);
  }
}

/** The list of trainings as the page gets it. */
export function runList(runs: readonly FoundRun[]): RunList {
  return {
    runs: runs.map(({ name, training: { isTraining, stages } }): ListedRun => {
      const base = (stage: string) => `runs/${encodeURIComponent(name)}/${encodeURIComponent(stage)}`;
      return {
        name,
        isTraining,
        stages: stages.map(({ name: stage, steps, metrics, samples }) => ({
          name: stage,
          steps,
          metrics: metrics && {
            url: `${base(stage)}/metrics.jsonl`,
            bytes: metrics.bytes,
            id: metrics.id,
          },
          samples: samples.map(({ step }) => ({ step, url: `${base(stage)}/samples/${step}.png` })),
        })),
      };
    }),
  };
}

/** A list is asked for again whenever it is needed. */
function json(c: Context, value: unknown): Response {
  c.header("cache-control", "no-store");
  return c.json(value as object);
}

/**
 * A file, or the part of it that is asked for.
 *
 * @param tag  another one when the file has changed; null: the file is asked for again each time
 */
async function send(c: Context, path: string, tag: string | null): Promise<Response> {
  if (tag === null) c.header("cache-control", "no-store");
  else {
    const etag = `"${tag}"`;
    c.header("etag", etag);
    c.header("cache-control", "no-cache"); // kept, and asked about
    if (c.req.header("if-none-match") === etag) return c.body(null, 304);
    // The rest of a file that has become another one is no use: all of it, then.
    const expected = c.req.header("if-range");
    if (expected !== undefined && expected !== etag) c.req.raw.headers.delete("range");
  }
  c.header("accept-ranges", "bytes");
  const response = await serveStatic({ path })(c, async () => {});
  return response ?? c.notFound();
}

async function versionOf(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }));
  return `${size.toString(36)}-${Math.round(mtimeMs).toString(36)}`;
}
