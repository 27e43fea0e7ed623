/** What is in the folders that the studio was given: models, and trainings that may begin, go on and end meanwhile. */
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { InputError, type ListedModel, listModel } from "../../src/index.ts";
import { describeTraining, type TrainingState } from "../../src/train.ts";

/** A model, and where it is. */
export interface FoundModel {
  readonly listed: ListedModel;
  readonly folder: string;
}

/** A training, and where it is. */
export interface FoundRun {
  readonly name: string;
  readonly training: TrainingState;
}

/** What was found. */
export interface Found {
  readonly models: readonly FoundModel[];
  readonly runs: readonly FoundRun[];
  /** Folders that hold a model which cannot be used: why, a sentence each. */
  readonly refused: readonly string[];
}

/** Looks into folders, as often as asked; a model is read again only after a file of it changed. */
export class Folders {
  readonly #folders: readonly string[];
  readonly #models = new Map<string, { readonly version: string; readonly listed: ListedModel }>();

  /**
   * @param folders  each a model, a training, or a folder of such; relative to the working folder
   * @throws InputError for a folder that is not there or holds neither, and for a model that cannot be read
   */
  static async open(folders: readonly string[]): Promise<Folders> {
    const opened = new Folders(folders);
    for (const folder of folders) {
      const isThere = await stat(folder).then(
        (found) => found.isDirectory(),
        () => false,
      );
      if (!isThere) throw new InputError(`${folder}: is no folder; check the path`);
      if (await isModel(folder)) {
        await opened.#model(folder, nameOf(folder)); // what is wrong with a model that was named is told at once
        continue;
      }
      const { models, runs, refused } = await opened.#lookAt([folder]);
      const isEmpty = (await readdir(folder)).length === 0; // trainings may come
      if (models.length + runs.length + refused.length === 0 && !isEmpty) {
        throw new InputError(
          `${folder}: holds no model and no training; give a model folder (models/sprites), the --out folder of a ` +
            "training, or a folder of such",
        );
      }
    }
    return opened;
  }

  private constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** What is there now. */
  look(): Promise<Found> {
    return this.#lookAt(this.#folders);
  }

  async #lookAt(folders: readonly string[]): Promise<Found> {
    const models: FoundModel[] = [];
    const runs: FoundRun[] = [];
    const refused: string[] = [];
    const addModel = async (folder: string, name: string): Promise<void> => {
      try {
        const free = freeName(
          name,
          models.map(({ listed }) => listed.name),
        );
        models.push({ listed: await this.#model(folder, free), folder });
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        refused.push(error.message);
      }
    };
    const add = async (folder: string): Promise<boolean> => {
      if (await isModel(folder)) {
        await addModel(folder, nameOf(folder));
        return true;
      }
      const training = await describeTraining(folder);
      if (!training) return false;
      const name = freeName(
        nameOf(folder),
        runs.map((run) => run.name),
      );
      runs.push({ name, training });
      if (training.model) await addModel(training.model, name);
      return true;
    };
    for (const folder of folders) {
      if (await add(folder)) continue;
      for (const name of (await readdir(folder).catch(() => [])).sort()) await add(join(folder, name));
    }
    return { models, runs, refused };
  }

  async #model(folder: string, name: string): Promise<ListedModel> {
    const key = `${resolve(folder)}\n${name}`;
    const version = await versionOf(folder);
    const known = this.#models.get(key);
    if (known?.version === version) return known.listed;
    const listed = await listModel(folder, name);
    this.#models.set(key, { version, listed });
    return listed;
  }
}

const nameOf = (folder: string): string => basename(resolve(folder));

/** "sprites"; "sprites-2" where that is taken. */
function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  let number = 2;
  while (taken.includes(`${name}-${number}`)) number++;
  return `${name}-${number}`;
}

/** A generative model, and no classifier: it has an index of its parts. */
const isModel = (folder: string): Promise<boolean> =>
  stat(join(folder, "model_index.json")).then(
    (found) => found.isFile(),
    () => false,
  );

/** Another text after a file of the model was written. */
async function versionOf(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
  const facts = await Promise.all(
    names.sort().map(async (name) => {
      const { size, mtimeMs } = await stat(join(folder, name)).catch(() => ({ size: 0, mtimeMs: 0 }));
      return `${name} ${size} ${mtimeMs}`;
    }),
  );
  return facts.join("\n");
}
