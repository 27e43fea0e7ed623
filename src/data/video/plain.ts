/**
 * A plain folder of clips. Two layouts, as for stills: one sub-folder per class (sorted names are the classes,
 * everything below a class folder counts), or clips directly in the folder (no classes). A clip is a video file, an
 * animation, or a folder that holds PNG or JPEG frames and nothing else of the kind.
 */
import { join } from "node:path";
import { requireInput } from "../../core/errors.ts";
import { few, list } from "../image/image-folder.ts";
import { isFrame } from "./frame-folder.ts";
import type { Listing } from "./listing.ts";
import { clipExtensions, isClip } from "./read-video.ts";

/** @throws InputError when there is no clip, a class folder without one, or a mixture of class folders and clips */
export async function listPlain(folder: string): Promise<Listing> {
  const entries = await list(folder);
  const names = entries.filter((entry) => !entry.isDirectory).map(({ name }) => name);
  const folders = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory)
      .map(async ({ name }) => ({ name, ...(await clipsBelow(join(folder, name), name)) })),
  );
  const isFrameFolder = ({ name, clips }: { name: string; clips: string[] }) => clips[0] === name;
  const loose = [...names.filter(isClip), ...folders.filter(isFrameFolder).map(({ name }) => name)].sort(
    (a, b) => (a < b ? -1 : 1),
  );
  const classes = folders.filter((found) => !isFrameFolder(found));
  const filled = classes.filter(({ clips }) => clips.length > 0);

  const kinds = `videos (${clipExtensions.join(", ")}) or folders of PNG or JPEG frames`;
  const frames = names.filter(isFrame).length;
  requireInput(
    loose.length > 0 || filled.length > 0,
    `${folder}: required ${kinds}, in one folder per class or directly in it, found ` +
      (frames > 0 ? `${frames} pictures; put the frames of each clip into a folder of their own` : "none"),
  );
  requireInput(
    loose.length === 0 || filled.length === 0,
    `${folder}: required either class folders or loose clips, found both ` +
      `(${filled[0]?.name}/ and ${loose[0]}); move the loose clips into a class folder`,
  );

  const warnings: string[] = [];
  const skip = (where: string, others: readonly string[]) => {
    if (others.length > 0) warnings.push(`${where}: left out ${others.length} not videos: ${few(others)}`);
  };
  skip(
    folder,
    names.filter((name) => !isClip(name)),
  );
  for (const { name, others } of folders) skip(join(folder, name), others);

  const empty = classes.filter(({ clips }) => clips.length === 0).map(({ name }) => name);
  if (loose.length > 0) {
    if (empty.length > 0) warnings.push(`${folder}: left out folders without videos: ${few(empty)}`);
    return { classNames: [], files: loose.map((path) => ({ path, label: 0 })), warnings };
  }
  requireInput(
    empty.length === 0,
    `${folder}: every class folder must hold a video, ${empty.length} hold none: ${few(empty)}; ` +
      "fill them or remove them",
  );
  return {
    classNames: classes.map(({ name }) => name),
    files: classes.flatMap(({ clips }, label) => clips.map((path) => ({ path, label }))),
    warnings,
  };
}

/** Every clip below `folder`, and every other file, as paths that start with `prefix`, in sorted order. */
async function clipsBelow(folder: string, prefix: string): Promise<{ clips: string[]; others: string[] }> {
  const entries = await list(folder);
  const names = entries.map(({ name }) => name);
  if (names.some(isFrame) && entries.every(({ name, isDirectory }) => !isDirectory && !isClip(name))) {
    return {
      clips: [prefix],
      others: names.filter((name) => !isFrame(name)).map((name) => join(prefix, name)),
    };
  }
  const clips: string[] = [];
  const others: string[] = [];
  for (const { name, isDirectory } of entries) {
    const path = join(prefix, name);
    if (isDirectory) {
      const below = await clipsBelow(join(folder, name), path);
      clips.push(...below.clips);
      others.push(...below.others);
    } else {
      (isClip(name) ? clips : others).push(path);
    }
  }
  return { clips, others };
}
