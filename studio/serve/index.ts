/** The studio on a port of this machine, or as a folder that any host can serve. */
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, dirname, join, resolve } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { ensureWritableFolder, InputError, listen, modelListName } from "../../src/index.ts";
import type { RunList } from "../run-list.ts";
import { createApp } from "./app.ts";
import { Folders, type Found } from "./folders.ts";
import { findPage } from "./page.ts";

export interface StudioOptions {
  /** Each a model folder, the folder of a training, or a folder of such. */
  readonly folders: readonly string[];
  /** The folder that the page was built into; default: where the package has it. */
  readonly page?: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly host: string;
  /** Told of what should not have happened. */
  readonly onError?: (error: unknown) => void;
}

/** A studio that runs. */
export interface RunningStudio {
  readonly url: string;
  readonly port: number;
  /** What was found in the folders at the start. */
  readonly found: Found;
  /** Ends it at once: a page that is open keeps what it has loaded. */
  stop(): Promise<void>;
}

/**
 * Serves the studio.
 *
 * @throws InputError for a folder that holds nothing to show, a page that is not built, and a port that is taken
 */
export async function startStudio(options: StudioOptions): Promise<RunningStudio> {
  const { port, host, onError = () => {} } = options;
  const folders = await Folders.open(options.folders);
  const app = createApp({ page: await findPage(options.page), folders, onError });
  const found = await folders.look();
  const server = createServer(getRequestListener(app.fetch, { overrideGlobalObjects: false }));
  await listen(server, { where: "studio", port, host });
  const { address, family, port: taken } = server.address() as AddressInfo;
  // A browser reaches "every network" by this machine's own name.
  const name =
    address === "0.0.0.0" || address === "::" || address === "127.0.0.1"
      ? "localhost"
      : family === "IPv6"
        ? `[${address}]`
        : address;
  return {
    url: `http://${name}:${taken}/`,
    port: taken,
    found,
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        server.closeAllConnections();
      }),
  };
}

/**
 * Writes the studio as a folder of files, the models in it: any host that serves files can serve it, from any path. The
 * folder is there whole or not at all; a studio that stood there is replaced.
 *
 * @returns what was found in the folders; trainings are left out, since they go on
 * @throws InputError for a folder that holds no model, a page that is not built, and a place that holds something else
 */
export async function writeStudio({
  folders,
  page: built,
  out,
  signal,
}: Pick<StudioOptions, "folders" | "page"> & { out: string; signal?: AbortSignal }): Promise<Found> {
  const found = await (await Folders.open(folders)).look();
  if (found.models.length === 0) {
    throw new InputError(
      `${folders.join(", ")}: holds no model; a static studio needs one, e.g. models/sprites`,
    );
  }
  const page = await findPage(built);
  await requireFree(out);
  const target = resolve(out);
  await ensureWritableFolder(dirname(target));
  const aside = join(dirname(target), `.${basename(target)}-${randomUUID()}`);
  await mkdir(aside);
  try {
    const put = async (path: string, from: string): Promise<void> => {
      signal?.throwIfAborted();
      await mkdir(dirname(join(aside, path)), { recursive: true });
      await copyFile(from, join(aside, path));
    };
    for (const [path, from] of page) await put(path, from);
    for (const { listed, folder } of found.models) {
      for (const path of Object.keys(listed.files)) {
        await put(join("models", listed.name, path), join(folder, path));
      }
    }
    const models = { models: found.models.map(({ listed }) => listed) };
    await writeFile(join(aside, "models", modelListName), JSON.stringify(models));
    const none: RunList = { runs: [] };
    await mkdir(join(aside, "runs"));
    await writeFile(join(aside, "runs/index.json"), JSON.stringify(none));
    await rm(target, { recursive: true, force: true });
    await rename(aside, target);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    throw error;
  }
  return found;
}

/** Only an empty place, or an earlier studio, is written over. */
async function requireFree(out: string): Promise<void> {
  const names = await readdir(out).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [] as string[];
    throw new InputError(`${out}: is no folder; choose another path for the studio`);
  });
  const isStudio = ["index.html", "models", "ort"].every((name) => names.includes(name));
  if (names.length > 0 && !isStudio) {
    throw new InputError(`${out}: holds something else than a studio; choose an empty folder or a new one`);
  }
}
