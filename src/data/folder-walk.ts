/** Going through the folders of a dataset: links are followed, but nothing is read twice and no walk is without end. */
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileError } from "../core/node/file-error.ts";
import { few } from "../core/nouns.ts";

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** Who may stop a walk. */
export interface WalkOptions {
  readonly signal?: AbortSignal;
}

/**
 * Visible entries of a folder, links followed, sorted by code unit so that classIds never depend on the locale.
 *
 * @throws InputError when it cannot be read; the signal's reason
 */
export async function list(folder: string, { signal }: WalkOptions = {}): Promise<Entry[]> {
  signal?.throwIfAborted();
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw fileError("cannot read the folder", folder, error);
  });
  const visible = entries.filter((entry) => !entry.name.startsWith("."));
  const kinds = await Promise.all(
    visible.map(async (entry) => ({ name: entry.name, isDirectory: await leadsToFolder(folder, entry) })),
  );
  // macOS writes an accent apart from its letter (NFD): the order, so the classIds, must not hang on who packed the folder.
  const keys = new Map(kinds.map(({ name }) => [name, name.normalize("NFC")]));
  return kinds.sort((a, b) => (keys.get(a.name)! < keys.get(b.name)! ? -1 : 1));
}

async function leadsToFolder(folder: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const target = await stat(join(folder, entry.name)).catch(() => null);
  return target?.isDirectory() ?? false;
}

/**
 * One walk. A folder that a link leads to again, such as a parent, is left out and named: otherwise a picture would be
 * there many times over, in classes that are not its own, and with two such links the walk would hardly end.
 */
export class FolderWalk {
  readonly #root: string;
  readonly #options: WalkOptions;
  readonly #seen: Set<string>;
  readonly #again: string[];

  /** @param root  what the walk begins with, for the warning */
  constructor(root: string, options: WalkOptions = {}, before?: FolderWalk) {
    this.#root = root;
    this.#options = options;
    this.#seen = new Set(before ? before.#seen : []);
    this.#again = before ? before.#again : [];
  }

  /** A walk that goes on from here, of one class say: what it sees is not left out of the others. */
  branch(): FolderWalk {
    return new FolderWalk(this.#root, this.#options, this);
  }

  /**
   * The visible entries of a folder, as {@link list}; none of one that was seen on this walk.
   *
   * @throws InputError when it cannot be read; the signal's reason
   */
  async enter(folder: string): Promise<Entry[]> {
    const entries = await list(folder, this.#options);
    const real = await realpath(folder);
    if (this.#seen.has(real)) {
      this.#again.push(folder);
      return [];
    }
    this.#seen.add(real);
    return entries;
  }

  /** Every file below `folder`, as paths that start with `prefix`, in sorted order. */
  async filesBelow(folder: string, prefix: string): Promise<string[]> {
    const found: string[] = [];
    for (const { name, isDirectory } of await this.enter(folder)) {
      if (isDirectory) found.push(...(await this.filesBelow(join(folder, name), join(prefix, name))));
      else found.push(join(prefix, name));
    }
    return found;
  }

  /** What this walk and its branches left out, ready to print. */
  warnings(): string[] {
    const again = [...this.#again].sort();
    return again.length === 0
      ? []
      : [`${this.#root}: left out links to folders that are read already: ${few(again)}`];
  }
}

/** How the parts of a dataset are called. */
const partNames = /^(train(ing)?|val(id(ation)?)?|dev|test(ing)?)$/i;

/**
 * A warning where the class folders look like the parts of a dataset: somebody gave the folder above the one to give.
 *
 * @param classNames  of the class folders below `folder`
 */
export function partsWarning(folder: string, classNames: readonly string[]): string[] {
  if (classNames.length < 2 || !classNames.every((name) => partNames.test(name))) return [];
  const training = classNames.find((name) => /^train/i.test(name)) ?? classNames[0]!;
  return [
    `${folder}: its folders ${classNames.join(", ")} are taken for classes, but look like the parts of a dataset; if ` +
      `they are, give one of them, such as ${join(folder, training)}`,
  ];
}
