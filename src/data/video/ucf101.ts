/**
 * UCF-101 (Soomro, Zamir and Shah 2012): one folder of videos per class, and a folder `ucfTrainTestlist` with
 *
 *     classInd.txt      1 ApplyEyeMakeup
 *     trainlist01.txt   ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1
 *     testlist01.txt    ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi
 *
 * of three official ways (folds) to split the videos. The class folders may lie anywhere below the folder.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { requireInput } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import { type Fold, folds, type Split } from "../choices.ts";
import type { WalkOptions } from "../folder-walk.ts";
import { type Listing, locate, type Named } from "./listing.ts";

/** The folder that tells this dataset. */
export const ucf101Lists = "ucfTrainTestlist";

/** @throws InputError when a list is malformed, AbsentError when one is missing or names no video that is there */
export async function listUcf101(
  folder: string,
  { split = "train", fold = 1, signal }: WalkOptions & { readonly split?: Split; readonly fold?: Fold },
): Promise<Listing> {
  requireInput(
    split !== "validation",
    `${folder}: UCF-101 has no validation split; choose "train" or "test"`,
  );
  requireInput(folds.includes(fold), `${folder}: fold must be 1, 2 or 3, got ${fold}`);

  const classFile = join(folder, ucf101Lists, "classInd.txt");
  const classNames = (await linesOf(classFile)).map((line, i) => {
    const [, number, name] = /^(\d+)\s+(.+)$/.exec(line) ?? [];
    requireInput(
      Number(number) === i + 1,
      `${classFile}: line ${i + 1} must be "${i + 1} <class>", got "${line}"; download the split files again`,
    );
    return name!;
  });

  const listFile = join(folder, ucf101Lists, `${split}list0${fold}.txt`);
  const named = (await linesOf(listFile)).map((line, i): Named => {
    const [, className, video, number] = /^([^/]+)\/(.+?)\.\w+(?:\s+(\d+))?$/.exec(line) ?? [];
    const classId = classNames.indexOf(className!);
    requireInput(
      classId >= 0 && (number === undefined || Number(number) === classId + 1),
      `${listFile}: line ${i + 1} must be "<class>/<video>.avi <number>" with a class and its number from ` +
        `classInd.txt, got "${line}"; download the split files again`,
    );
    return { name: `${className}/${video}`, classId };
  });
  return locate(folder, `${split}list0${fold}.txt`, classNames, named, { signal });
}

/** The lines of a text file that hold something. */
async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw fileError("cannot read split file", path, error);
  });
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
