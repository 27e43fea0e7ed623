/** The videos of a dataset and their classes, before any is read. */
import { basename, dirname, extname } from "node:path";
import { AbsentError, requireInput } from "../../core/errors.ts";
import { few } from "../../core/nouns.ts";
import { FolderWalk, type WalkOptions } from "../folder-walk.ts";
import type { FolderSource } from "../image/image-folder.ts";
import { isVideoPath } from "./read-video.ts";

export type Listing = Pick<FolderSource, "classNames" | "files" | "warnings">;

/** A video that an annotation file names. */
export interface Named {
  /** The name without its ending, or, where that is not unique, `folder/name`. */
  readonly name: string;
  readonly classId: number;
}

/**
 * The files of the videos that a list names, wherever they lie below the folder and whatever format they are in. Videos
 * that are not there are counted in one warning: no copy of a dataset of web videos is complete.
 *
 * @param list  what names them, for the messages
 * @throws InputError for a list that names none, AbsentError when none of them is there; the signal's reason
 */
export async function locate(
  folder: string,
  list: string,
  classNames: readonly string[],
  named: readonly Named[],
  { signal }: WalkOptions = {},
): Promise<Listing> {
  requireInput(named.length > 0, `${folder}: ${list} names no video; download it again`);
  const paths = new Map<string, string>();
  const walk = new FolderWalk(folder, { signal });
  for (const path of await walk.filesBelow(folder, "")) {
    if (!isVideoPath(path)) continue;
    const name = basename(path, extname(path)).normalize("NFC");
    for (const key of [name, `${basename(dirname(path)).normalize("NFC")}/${name}`]) {
      if (!paths.has(key)) paths.set(key, path);
    }
  }
  const files = named.flatMap(({ name, classId }) => {
    const path = paths.get(name.normalize("NFC"));
    return path === undefined ? [] : [{ path, classId }];
  });
  const missing = named.filter(({ name }) => !paths.has(name.normalize("NFC"))).map(({ name }) => name);
  if (files.length === 0) {
    throw new AbsentError(
      `${folder}: none of the ${named.length} videos of ${list} is there, e.g. ${missing[0]}; ` +
        "put the videos below this folder",
    );
  }
  const filled = new Set(files.map(({ classId }) => classId));
  const empty = classNames.filter((_, classId) => !filled.has(classId));
  const warnings = [
    ...walk.warnings(),
    missing.length > 0 &&
      `${folder}: ${missing.length} of the ${named.length} videos of ${list} are not there: ${few(missing)}`,
    empty.length > 0 && `${folder}: classes without a video here: ${few(empty)}`,
  ].filter((warning) => warning !== false);
  return { classNames, files, warnings };
}
