/** The built page: its files, and where they are in a package or a checkout. */
import { readdir, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { InputError } from "../../src/index.ts";

/** Path within the page, "/" between its parts, to the file. */
export type PageFiles = ReadonlyMap<string, string>;

/** Beside this file where that is built, else where `npm run build:page` puts it. */
const places = ["../page", "../../dist/studio/page"].map((place) =>
  fileURLToPath(new URL(place, import.meta.url)),
);

/**
 * The page's files.
 *
 * @param built  the folder that it was built into; default: where the package has it
 * @throws InputError where it is not built
 */
export async function findPage(built?: string): Promise<PageFiles> {
  for (const folder of built === undefined ? places : [built]) {
    const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
    if (!names.includes("index.html")) continue;
    const files = new Map<string, string>();
    for (const name of names) {
      const path = join(folder, name);
      if ((await stat(path)).isFile()) files.set(relative(folder, path).split(sep).join("/"), path);
    }
    return files;
  }
  throw new InputError("studio: its page is not built yet; npm run build:page does that");
}
