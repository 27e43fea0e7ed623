/**
 * A plain folder of videos. Two layouts, as for stills: one sub-folder per class (sorted names are the classes,
 * everything below a class folder counts), or videos directly in the folder (no classes). A video is a video file, an
 * animation, or a folder that holds PNG or JPEG frames and nothing else of the kind.
 */
import { join } from "node:path";
import { requireInput } from "../../core/errors.ts";
import { countOf, few } from "../../core/nouns.ts";
import { FolderWalk, partsWarning, type WalkOptions } from "../folder-walk.ts";
import { isFrame } from "./frame-folder.ts";
import type { Listing } from "./listing.ts";
import { isVideoPath, videoExtensions } from "./read-video.ts";

/** @throws InputError when there is no video, or a mixture of class folders and videos; the signal's reason */
export async function listPlain(folder: string, { signal }: WalkOptions = {}): Promise<Listing> {
  const walk = new FolderWalk(folder, { signal });
  const entries = await walk.enter(folder);
  const names = entries.filter((entry) => !entry.isDirectory).map(({ name }) => name);
  const folders = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory)
      .map(async ({ name }) => ({ name, ...(await videosBelow(walk.branch(), join(folder, name), name)) })),
  );
  const isFrameFolder = ({ name, videos }: { name: string; videos: string[] }) => videos[0] === name;
  const loose = [...names.filter(isVideoPath), ...folders.filter(isFrameFolder).map(({ name }) => name)].sort(
    (a, b) => (a < b ? -1 : 1),
  );
  const classes = folders.filter((found) => !isFrameFolder(found));
  const filled = classes.filter(({ videos }) => videos.length > 0);

  const kinds = `videos (${videoExtensions.join(", ")}) or folders of PNG or JPEG frames`;
  const frames = names.filter(isFrame).length;
  requireInput(
    loose.length > 0 || filled.length > 0,
    `${folder}: required ${kinds}, in one folder per class or directly in it, found ` +
      (frames > 0 ? `${frames} images; put the frames of each video into a folder of their own` : "none"),
  );
  requireInput(
    loose.length === 0 || filled.length === 0,
    `${folder}: must hold either class folders or loose videos, found both: ` +
      `${countOf(filled.length, "folder")} with videos (${few(filled.map(({ name }) => name))}) and ` +
      `${countOf(loose.length, "loose video")} (${few(loose)}); move the loose ones into a class folder, or away`,
  );

  const warnings = walk.warnings();
  const skip = (where: string, others: readonly string[]) => {
    if (others.length > 0) warnings.push(`${where}: left out ${others.length} not videos: ${few(others)}`);
  };
  skip(
    folder,
    names.filter((name) => !isVideoPath(name)),
  );
  for (const { name, others } of folders) skip(join(folder, name), others);

  const empty = classes.filter(({ videos }) => videos.length === 0).map(({ name }) => name);
  if (empty.length > 0) warnings.push(`${folder}: left out folders without videos: ${few(empty)}`);
  warnings.push(
    ...partsWarning(
      folder,
      filled.map(({ name }) => name),
    ),
  );
  return {
    classNames: filled.map(({ name }) => name.normalize("NFC")),
    files:
      loose.length > 0
        ? loose.map((path) => ({ path, classId: null }))
        : filled.flatMap(({ videos }, classId) => videos.map((path) => ({ path, classId }))),
    warnings,
  };
}

/** Every video below `folder`, and every other file, as paths that start with `prefix`, in sorted order. */
async function videosBelow(
  walk: FolderWalk,
  folder: string,
  prefix: string,
): Promise<{ videos: string[]; others: string[] }> {
  const entries = await walk.enter(folder);
  const names = entries.map(({ name }) => name);
  if (names.some(isFrame) && entries.every(({ name, isDirectory }) => !isDirectory && !isVideoPath(name))) {
    return {
      videos: [prefix],
      others: names.filter((name) => !isFrame(name)).map((name) => join(prefix, name)),
    };
  }
  const videos: string[] = [];
  const others: string[] = [];
  for (const { name, isDirectory } of entries) {
    const path = join(prefix, name);
    if (isDirectory) {
      const below = await videosBelow(walk, join(folder, name), path);
      videos.push(...below.videos);
      others.push(...below.others);
    } else {
      (isVideoPath(name) ? videos : others).push(path);
    }
  }
  return { videos, others };
}
