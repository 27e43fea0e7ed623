/**
 * The models that are served: all are known, and as many are loaded as a budget of memory holds. One that is asked for
 * and not loaded takes the place of those that were used least recently.
 */
import { basename, resolve } from "node:path";
import {
  createNodeRunner,
  type Device,
  type GenerativeModel,
  type ImagePipeline,
  InputError,
  modelPlanMemory,
  openPipeline,
  type Precision,
  type Runner,
  readModel,
  type VideoPipeline,
} from "../src/index.ts";
import { HttpError } from "./http-error.ts";

export interface ModelsOptions {
  /** Where to compute; default "cpu". */
  readonly device?: Device;
  /** CPU threads; default all cores. */
  readonly threads?: number;
  readonly precision?: Precision;
  /** Bytes that all loaded models may take together, decoding included; default no limit. */
  readonly memory?: number;
  /** The most images decoded together. */
  readonly batch: number;
  /** What computes for one model; default a worker thread of its own. */
  readonly openRunner?: () => Promise<Runner>;
  /** Told what happens to models: loaded, unloaded to make room, given up after a failure. */
  readonly onEvent?: (event: "loaded" | "unloaded" | "discarded", model: string) => void;
}

/** What is known of a model whether it is loaded or not. */
export interface ServedModel {
  readonly id: string;
  readonly folder: string;
  /** Everything but its weights. */
  readonly model: GenerativeModel;
  readonly isVideo: boolean;
  /** Side of what it makes, in pixels. */
  readonly resolution: number;
  /** What it takes when loaded, weights here and in the runner and the largest batch by its default plan; an estimate. */
  readonly bytes: number;
}

/** What a model makes. */
export type Makes = "images" | "videos";
export const makesOf = ({ isVideo }: ServedModel): Makes => (isVideo ? "videos" : "images");

export type Pipeline = ImagePipeline | VideoPipeline;

/** A loaded model, kept so until it is given back. */
export interface Lease {
  readonly pipeline: Pipeline;
  /** @param isBroken  something failed that should not: it is loaded anew next time */
  release(isBroken?: boolean): Promise<void>;
}

interface Loaded {
  readonly pipeline: Pipeline;
  readonly runner: Runner;
  leases: number;
  /** Counts up with every use. */
  usedAt: number;
  isDiscarded: boolean;
}

/** The models of a server. */
export class Models {
  readonly #served: ReadonlyMap<string, ServedModel>;
  readonly #options: ModelsOptions;
  readonly #loaded = new Map<string, Loaded>();
  #uses = 0;
  /** Loading goes in turn, so that two never take the same room. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Woken when a lease ends. */
  #waiting: (() => void)[] = [];

  /**
   * Reads model folders; loads none of them yet.
   *
   * @param folders  the last part of each path is the model's name
   * @throws InputError for a folder that is no model, two of one name, or one that the budget cannot hold
   */
  static async open(folders: readonly string[], options: ModelsOptions): Promise<Models> {
    const served = new Map<string, ServedModel>();
    for (const folder of folders) {
      const id = basename(resolve(folder));
      const before = served.get(id);
      if (before) {
        throw new InputError(
          `serve: models are called by their folder's name, and ${before.folder} and ${folder} have the same, "${id}"; ` +
            "rename one of the folders",
        );
      }
      const entry = describe(id, folder, await readModel(folder), options.batch);
      const { memory } = options;
      if (memory !== undefined && entry.bytes > memory) {
        throw new InputError(
          `serve: --memory must hold at least one model: ${folder} takes ${mebibytes(entry.bytes)} with batches of ` +
            `${options.batch}, got ${mebibytes(memory)}; give more, or a smaller --batch`,
        );
      }
      served.set(id, entry);
    }
    return new Models(served, options);
  }

  private constructor(served: ReadonlyMap<string, ServedModel>, options: ModelsOptions) {
    this.#served = served;
    this.#options = options;
  }

  /** All of them, loaded or not, in the order in which they were given. */
  list(): readonly ServedModel[] {
    return [...this.#served.values()];
  }

  /**
   * A model by its name.
   *
   * @param where  what a refusal begins with
   * @throws HttpError 404
   */
  get(id: string, where = "model"): ServedModel {
    const served = this.#served.get(id);
    if (served) return served;
    const names = [...this.#served.keys()].join(", ");
    const message = `${where}: must be one of ${names}, got ${show(id)}`;
    throw new HttpError(404, "model_not_found", message, {}, "model");
  }

  /**
   * The model for a request.
   *
   * @param id  left out: the first one that makes such things
   * @throws HttpError 404 for a name that no model has, 400 for a model that makes something else or where none makes such
   */
  choose(id: string | undefined, makes: Makes): ServedModel {
    const fitting = this.list().filter((served) => makesOf(served) === makes);
    if (id !== undefined) this.get(id, "body: model");
    const chosen = id === undefined ? fitting[0] : fitting.find((served) => served.id === id);
    if (chosen) return chosen;
    const named = (models: readonly ServedModel[]) =>
      models.map((served) => `${served.id} (${makesOf(served)})`).join(", ");
    const message =
      fitting.length === 0
        ? `body: model: must be one that makes ${makes}, and there is none here; there are ${named(this.list())}`
        : `body: model: must be one that makes ${makes}, of ${named(this.list())}, got ${show(id)}`;
    throw new HttpError(400, "wrong_kind_of_model", message, {}, "model");
  }

  /** How many are loaded. */
  get loadedCount(): number {
    return this.#loaded.size;
  }

  /** Loads a model unless it is, and keeps it until the lease is given back. Waits while all room is in use. */
  lease(id: string): Promise<Lease> {
    const leased = this.#turn.then(() => this.#leaseNow(id));
    this.#turn = leased.catch(() => {});
    return leased;
  }

  /** Unloads all that nobody uses; after the last lease was given back, all. */
  async close(): Promise<void> {
    await this.#turn;
    for (const id of [...this.#loaded.keys()]) await this.#unload(id);
  }

  async #leaseNow(id: string): Promise<Lease> {
    let loaded = this.#loaded.get(id);
    if (!loaded) {
      await this.#makeRoom(this.#served.get(id)!.bytes);
      loaded = await this.#load(id);
    }
    const held = loaded;
    held.leases++;
    held.usedAt = ++this.#uses;
    let isReleased = false;
    return {
      pipeline: held.pipeline,
      release: async (isBroken = false) => {
        if (isReleased) return;
        isReleased = true;
        held.leases--;
        if (isBroken && !held.isDiscarded) {
          held.isDiscarded = true;
          this.#loaded.delete(id);
          this.#options.onEvent?.("discarded", id);
        }
        if (held.isDiscarded && held.leases === 0) await dispose(held);
        for (const wake of this.#waiting.splice(0)) wake();
      },
    };
  }

  async #load(id: string): Promise<Loaded> {
    const { device, threads, precision, openRunner } = this.#options;
    const { folder } = this.#served.get(id)!;
    const runner = await (openRunner ? openRunner() : createNodeRunner({ device, threads }));
    try {
      const pipeline = await openPipeline(folder, { runner, precision });
      const loaded = { pipeline, runner, leases: 0, usedAt: 0, isDiscarded: false };
      this.#loaded.set(id, loaded);
      this.#options.onEvent?.("loaded", id);
      return loaded;
    } catch (error) {
      await runner.close().catch(() => {});
      throw error;
    }
  }

  /** Unloads the least recently used until `bytes` more fit, waiting for those in use. */
  async #makeRoom(bytes: number): Promise<void> {
    const { memory = Infinity } = this.#options;
    for (;;) {
      const taken = [...this.#loaded.keys()].reduce((sum, id) => sum + this.#served.get(id)!.bytes, 0);
      if (taken + bytes <= memory) return;
      const [idle] = [...this.#loaded]
        .filter(([, { leases }]) => leases === 0)
        .sort(([, a], [, b]) => a.usedAt - b.usedAt);
      if (idle) await this.#unload(idle[0]);
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async #unload(id: string): Promise<void> {
    const loaded = this.#loaded.get(id)!;
    this.#loaded.delete(id);
    await dispose(loaded);
    this.#options.onEvent?.("unloaded", id);
  }
}

/** A runner that died refuses to be tidied up; there is nothing left to tidy then. */
async function dispose({ pipeline, runner }: Loaded): Promise<void> {
  await pipeline.dispose().catch(() => {});
  await runner.close().catch(() => {});
}

function describe(id: string, folder: string, whole: GenerativeModel, batch: number): ServedModel {
  const { tokenizer, transformer } = whole;
  const weights = [...Object.values(tokenizer.tensors), ...Object.values(transformer.tensors)].reduce(
    (sum, { data }) => sum + data.byteLength,
    0,
  );
  const { bytesFixed, bytesPerImage } = modelPlanMemory(whole, whole.plan);
  const model = {
    ...whole,
    tokenizer: { config: tokenizer.config, tensors: {} },
    transformer: { config: transformer.config, tensors: {} },
  };
  return {
    id,
    folder,
    model,
    isVideo: tokenizer.config.frames !== undefined,
    resolution: tokenizer.config.resolution,
    bytes: 2 * weights + bytesFixed + batch * bytesPerImage,
  };
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
const show = (id: unknown): string => JSON.stringify(String(id).slice(0, 100));
