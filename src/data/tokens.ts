/**
 * A dataset after the tokenizer: the token ids of every image, computed once so that training never touches pixels.
 *
 * C images, N tokens per image (the product of `grid`), V codebook size. Stored as three tensors and a few strings,
 * which is what a safetensors file holds; reading and writing that file is the weights room's.
 */
import { InputError, requireInput } from "../core/errors.ts";
import { type HostTensor, sizeOf, tensor } from "../core/tensor.ts";

export interface TokenDataset {
  /** Tokens along each axis of an image, e.g. [8, 8]. */
  readonly grid: readonly number[];
  /** V: every id is below it; at most 65536. */
  readonly codebookSize: number;
  /** Empty = unconditional. */
  readonly classNames: readonly string[];
  readonly count: number;
  /** [C, ...grid], row-major. */
  readonly ids: Uint16Array;
  /** [C], indices into `classNames`; all 0 where there are none. */
  readonly classIds: Int32Array;
  /** [C], the number of the image that each row shows, where several rows show one, mirrored say; left out: one each. */
  readonly images?: Int32Array;
  /** By task, what is known of every image when that task begins: [C, ...grid], V where nothing is. Empty: no tasks. */
  readonly conditions?: Readonly<Record<string, Uint16Array>>;
  /** What the images were, in words. */
  readonly source: string;
  /** Digest of the tokenizer that made the ids: ids of another tokenizer mean other images. */
  readonly tokenizer: string;
}

/** What a safetensors file stores: named tensors, and strings in its header. */
export interface TokenTensors {
  readonly tensors: Readonly<Record<string, HostTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const format = "magnets.tokens.1";
const conditionPrefix = "condition.";

/**
 * The dataset as tensors "ids" uint16 [C, ...grid], "classIds" int32 [C], "images" like it where given, a "condition.<task>" like "ids" for each task,
 * and metadata; nothing is copied.
 */
export function toTensors(dataset: TokenDataset): TokenTensors {
  check(dataset, "token dataset", (message) => new Error(message));
  return {
    tensors: {
      ids: tensor("uint16", [dataset.count, ...dataset.grid], dataset.ids),
      classIds: tensor("int32", [dataset.count], dataset.classIds),
      ...(dataset.images && { images: tensor("int32", [dataset.count], dataset.images) }),
      ...Object.fromEntries(
        Object.entries(dataset.conditions ?? {}).map(([task, ids]) => [
          conditionPrefix + task,
          tensor("uint16", [dataset.count, ...dataset.grid], ids),
        ]),
      ),
    },
    metadata: {
      format,
      codebook_size: String(dataset.codebookSize),
      class_names: JSON.stringify(dataset.classNames),
      source: dataset.source,
      tokenizer: dataset.tokenizer,
    },
  };
}

/**
 * The dataset of a file's contents; the inverse of {@link toTensors}.
 *
 * @param file  the file's name, for messages
 * @param tokenizer  where given, the digest that the dataset must have been made with
 * @throws InputError when something is missing or contradicts the rest
 */
export function fromTensors(
  { tensors, metadata }: TokenTensors,
  file: string,
  tokenizer?: string,
): TokenDataset {
  requireInput(
    metadata.format === format,
    `${file}: required a token file (format "${format}"), got format "${metadata.format ?? "none"}"; ` +
      "tokenise the dataset again",
  );
  const { ids, classIds, images } = tensors;
  requireInput(
    ids?.dtype === "uint16" && ids.dims.length >= 2,
    `${file}: required a tensor "ids" of uint16 [count, ...grid], got ${describe(ids)}`,
  );
  requireInput(
    classIds?.dtype === "int32" && classIds.dims.length === 1,
    `${file}: required a tensor "classIds" of int32 [count], got ${describe(classIds)}`,
  );
  requireInput(
    !images || (images.dtype === "int32" && images.dims.join() === classIds.dims.join()),
    `${file}: required "images" to be like "classIds", ${describe(classIds)}, got ${describe(images)}`,
  );
  const conditions = Object.entries(tensors).filter(([name]) => name.startsWith(conditionPrefix));
  for (const [name, found] of conditions) {
    requireInput(
      found.dtype === "uint16" && found.dims.join() === ids.dims.join(),
      `${file}: required "${name}" to be like "ids", ${describe(ids)}, got ${describe(found)}`,
    );
  }
  const [count, ...grid] = ids.dims;
  const dataset: TokenDataset = {
    grid,
    codebookSize: Number(metadata.codebook_size),
    classNames: names(metadata.class_names, file),
    count: count!,
    ids: ids.data as Uint16Array,
    classIds: classIds.data as Int32Array,
    ...(images && { images: images.data as Int32Array }),
    conditions: Object.fromEntries(
      conditions.map(([name, { data }]) => [name.slice(conditionPrefix.length), data as Uint16Array]),
    ),
    source: metadata.source ?? "",
    tokenizer: metadata.tokenizer ?? "",
  };
  check(dataset, file, (message) => new InputError(message));
  requireInput(
    tokenizer === undefined || tokenizer === dataset.tokenizer,
    `${file}: made with tokenizer ${dataset.tokenizer}, required ${tokenizer}; tokenise the dataset again`,
  );
  return dataset;
}

/** Datasets of one tokenizer and source, one behind the other. */
export function joinTokens(parts: readonly TokenDataset[]): TokenDataset {
  const first = parts[0];
  if (!first) throw new Error("joinTokens: needs at least one dataset, got none");
  const joined = <T extends Uint16Array | Int32Array>(all: T, of: (part: TokenDataset) => T): T => {
    let at = 0;
    for (const part of parts) {
      all.set(of(part), at);
      at += of(part).length;
    }
    return all;
  };
  const count = parts.reduce((total, part) => total + part.count, 0);
  const ids = () => new Uint16Array(count * sizeOf(first.grid));
  return {
    ...first,
    count,
    ids: joined(ids(), (part) => part.ids),
    classIds: joined(new Int32Array(count), (part) => part.classIds),
    ...(first.images && { images: joined(new Int32Array(count), (part) => part.images!) }),
    conditions: Object.fromEntries(
      Object.keys(first.conditions ?? {}).map((task) => [
        task,
        joined(ids(), (part) => part.conditions![task]!),
      ]),
    ),
  };
}

/** The rows of a dataset that are wanted, in that order, as one of their own. */
export function takeTokens(dataset: TokenDataset, rows: ArrayLike<number>): TokenDataset {
  const n = sizeOf(dataset.grid);
  const take = (ids: Uint16Array): Uint16Array => {
    const taken = new Uint16Array(rows.length * n);
    for (let i = 0; i < rows.length; i++) taken.set(ids.subarray(rows[i]! * n, (rows[i]! + 1) * n), i * n);
    return taken;
  };
  const pick = (all: Int32Array): Int32Array => Int32Array.from(rows, (row) => all[row]!);
  return {
    ...dataset,
    count: rows.length,
    ids: take(dataset.ids),
    classIds: pick(dataset.classIds),
    ...(dataset.images && { images: pick(dataset.images) }),
    conditions: Object.fromEntries(
      Object.entries(dataset.conditions ?? {}).map(([task, ids]) => [task, take(ids)]),
    ),
  };
}

/** The ids [N] of image `index`, as a view; with a task, what is known of it then. */
export function tokensOf(dataset: TokenDataset, index: number, task?: string): Uint16Array {
  const n = sizeOf(dataset.grid);
  const ids = task === undefined ? dataset.ids : dataset.conditions?.[task];
  if (!ids) throw new Error(`tokensOf: the dataset was not prepared for the task "${task}"`);
  return ids.subarray(index * n, (index + 1) * n);
}

function check(dataset: TokenDataset, where: string, error: (message: string) => Error): void {
  const { grid, codebookSize, classNames, count, ids, classIds } = dataset;
  const require = (holds: boolean, message: string) => {
    if (!holds) throw error(`${where}: ${message}; tokenise the dataset again`);
  };
  require(count > 0, `required at least one image, got ${count}`);
  require(Number.isInteger(codebookSize) &&
    codebookSize > 0 &&
    codebookSize <= 65536, `codebook size must be a whole number in 1..65536, got ${codebookSize}`);
  const n = sizeOf(grid);
  require(ids.length ===
    count * n, `${count} images of ${grid.join("x")} tokens need ${count * n} ids, got ${ids.length}`);
  require(classIds.length === count, `${count} images need as many classIds, got ${classIds.length}`);
  const { images } = dataset;
  require(!images ||
    images.length === count, `${count} rows need as many numbers of images, got ${images?.length}`);
  const badId = ids.findIndex((id) => id >= codebookSize);
  require(badId < 0, `every id must be below the codebook size ${codebookSize}, got ${ids[badId]}`);
  for (const [task, known] of Object.entries(dataset.conditions ?? {})) {
    const bad = known.findIndex((id) => id > codebookSize);
    require(codebookSize < 65536 &&
      known.length === ids.length &&
      bad <
        0, `what is known for "${task}" must be ${ids.length} ids of at most ${codebookSize}, got ${known[bad] ?? `${known.length} ids`}`);
  }
  const classes = Math.max(1, classNames.length);
  const badClassId = classIds.findIndex((classId) => classId < 0 || classId >= classes);
  require(badClassId < 0, `every class id must be in 0..${classes - 1}, got ${classIds[badClassId]}`);
}

function names(json: string | undefined, file: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(json ?? "");
  } catch {
    value = undefined;
  }
  if (Array.isArray(value) && value.every((name) => typeof name === "string")) return value;
  throw new InputError(
    `${file}: metadata "class_names" must be a JSON list of names, got ${json ?? "nothing"}`,
  );
}

const describe = (found: HostTensor | undefined): string =>
  found ? `${found.dtype} [${found.dims}]` : "nothing";
