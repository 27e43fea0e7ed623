/**
 * Kinetics-600 (Carreira et al. 2018), and its siblings of 400 and 700 classes: videos anywhere below the folder,
 * named `<youtube_id>_<start>_<end>.mp4` with six digits for each second, and CSV files with the columns
 * label,youtube_id,time_start,time_end,split in the folder or in `annotations/`; without the last column the file's name
 * tells the split, as in train.csv. The classes are all labels of all the CSV files, sorted, whether or not a video is
 * there: so they are the same for each split.
 */
import { open, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parse } from "csv-parse/sync";
import { AbsentError, InputError, requireInput } from "../../core/errors.ts";
import { fileError } from "../../core/node/file-error.ts";
import type { Split } from "../choices.ts";
import { list, type WalkOptions } from "../folder-walk.ts";
import { type Listing, locate } from "./listing.ts";

const columns = ["label", "youtube_id", "time_start", "time_end"] as const;
type Row = Record<(typeof columns)[number] | "split", string>;

/** The annotation files of a folder: every CSV whose first line names the columns. */
export async function kineticsTables(folder: string): Promise<string[]> {
  const tables: string[] = [];
  for (const { name, isDirectory } of await list(folder)) {
    const inside = isDirectory && name === "annotations" ? await list(join(folder, name)) : [];
    const files = isDirectory ? inside.map((file) => join(folder, name, file.name)) : [join(folder, name)];
    for (const file of files) {
      if (/\.csv$/i.test(file) && (await hasColumns(file))) tables.push(file);
    }
  }
  return tables;
}

/** @throws InputError when there is no table or one is malformed, AbsentError when the split names no video that is there */
export async function listKinetics(
  folder: string,
  { split = "train", signal }: WalkOptions & { readonly split?: Split },
): Promise<Listing> {
  const tables = await kineticsTables(folder);
  requireInput(
    tables.length > 0,
    `${folder}: Kinetics needs a CSV file with the columns ${columns.join()} in the folder or in annotations/, ` +
      "found none; put it there",
  );
  const rows = (await Promise.all(tables.map(rowsOf))).flat();
  const classNames = [...new Set(rows.map(({ label }) => label))].sort();
  const classIds = new Map(classNames.map((name, classId) => [name, classId]));
  const chosen = rows.filter((row) => splitOf(row) === split);
  if (chosen.length === 0) {
    throw new AbsentError(
      `${folder}: no row of its CSV files is of the split "${split}"; ` +
        `there are: ${[...new Set(rows.map(splitOf))].sort().join(", ")}`,
    );
  }
  const named = chosen.map((row) => ({ name: nameOf(row), classId: classIds.get(row.label)! }));
  return locate(folder, `the ${split} split`, classNames, named, { signal });
}

const nameOf = ({ youtube_id, time_start, time_end }: Row): string =>
  [youtube_id, ...[time_start, time_end].map((second) => second.padStart(6, "0"))].join("_");

/** Some files say "val" or "validate". */
const splitOf = ({ split }: Row): string => (/^val/.test(split) ? "validation" : split);

async function hasColumns(path: string): Promise<boolean> {
  const file = await open(path).catch((error: unknown) => {
    throw fileError("cannot read", path, error);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(1024), 0, 1024, 0);
    const head = buffer.toString("utf8", 0, bytesRead).split(/\r?\n/)[0]!;
    return columns.every((column) => head.includes(column));
  } finally {
    await file.close();
  }
}

async function rowsOf(path: string): Promise<Row[]> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw fileError("cannot read", path, error);
  });
  let rows: Row[];
  try {
    rows = parse(bytes, { columns: true, bom: true, trim: true, skip_empty_lines: true });
  } catch (error) {
    throw new InputError(`cannot read ${path}: ${(error as Error).message}; download it again`, {
      cause: error,
    });
  }
  const ofFile = splitNamed(path);
  const isSplit = rows.some((row) => row.split !== undefined);
  requireInput(
    isSplit || ofFile,
    `${path}: has no column "split", and its name does not tell one (train, validate, test); rename or remove it`,
  );
  for (const row of rows) {
    if (!isSplit) row.split = ofFile!;
    requireInput(
      [...columns, "split" as const].every((column) => row[column]) &&
        /^\d+$/.test(row.time_start) &&
        /^\d+$/.test(row.time_end),
      `${path}: every row must have a label, a video, whole seconds and a split, got ${Object.values(row).join()}`,
    );
  }
  return rows;
}

/** The split that a file's name tells, as in train.csv or kinetics_validate.csv. */
const splitNamed = (path: string): string | undefined =>
  /(?:^|[^a-z])(train|val|test)/i.exec(basename(path))?.[1]?.toLowerCase();
