/**
 * Statistics of a set in a file, as the tools of the field keep and publish them: a NumPy archive (`.npz`) with `mu`
 * [F] and `sigma` [F, F], the unbiased covariance, float64. `count`, the number of vectors, and whose features they are
 * is written beside them, where the others ignore it; their own files lack both.
 */
import { readFile } from "node:fs/promises";
import { strFromU8, strToU8, type Unzipped, unzipSync, zipSync } from "fflate";
import { InputError, requireInput } from "../../core/errors.ts";
import { writeFileAtomic } from "../../core/node/atomic-file.ts";
import { fileError } from "../../core/node/file-error.ts";
import { tensor } from "../../core/tensor.ts";
import { decodeNpy, encodeNpy } from "../../weights/node/npy.ts";
import { type FeatureStatistics, type Moments, momentsOf } from "../metrics/frechet.ts";

/** The date that NumPy gives the parts: a file then depends on its numbers alone. */
const partDate = new Date(1980, 0, 1);

/** Whose features statistics are of. */
export interface StatisticsOwner {
  /** The network's name. */
  readonly name: string;
  /** Tells the network's file, and how images come to it, from others; left out: the file does not say. */
  readonly digest?: string;
}

/** The parts that tell the owner: the bytes of UTF-8, so that NumPy reads them as it does the others. */
const ownerParts = { name: "network.npy", digest: "network_digest.npy" } as const;

/**
 * Writes the statistics of a set, whole or not at all.
 *
 * @param owner  the network whose features they are; left out: the file does not say
 * @throws InputError when the system refuses
 */
export async function writeStatistics(
  path: string,
  statistics: FeatureStatistics | Moments,
  owner?: StatisticsOwner,
): Promise<void> {
  const moments = "scatter" in statistics ? momentsOf(statistics) : statistics;
  const { width, count, mean, covariance } = moments;
  const parts = {
    "mu.npy": encodeNpy(tensor("float64", [width], mean)),
    "sigma.npy": encodeNpy(tensor("float64", [width, width], covariance)),
    ...(count !== null && { "count.npy": encodeNpy(tensor("int64", [], BigInt64Array.of(BigInt(count)))) }),
    ...(owner && { [ownerParts.name]: encodeNpy(bytesOf(owner.name)) }),
    ...(owner?.digest !== undefined && { [ownerParts.digest]: encodeNpy(bytesOf(owner.digest)) }),
  };
  await writeFileAtomic(path, zipSync(parts, { level: 0, mtime: partDate }));
}

const bytesOf = (text: string) => {
  const bytes = strToU8(text);
  return tensor("uint8", [bytes.length], bytes);
};

const textOf = (part: Uint8Array | undefined, path: string): string | undefined =>
  part && strFromU8(Uint8Array.from(decodeNpy(part, `${path}: network`).data as ArrayLike<number>));

/** How far a covariance may be from symmetric, as a share of its largest entry: what float32 leaves. */
const slack = 1e-5;

/**
 * Reads the statistics of a set, from here or from NumPy (`np.savez`, `np.savez_compressed`).
 *
 * @param width  F of the feature network; left out: any
 * @param owner  the network; left out: any. A file that does not tell its network is taken at its word
 * @throws InputError naming the file, what it must hold and what came
 */
export async function readStatistics(
  path: string,
  width?: number,
  owner?: StatisticsOwner,
): Promise<Moments> {
  const parts = await readParts(path);
  requireSameOwner(path, parts, owner);
  const mean = numbersOf(parts, "mu", path);
  const covariance = numbersOf(parts, "sigma", path);
  const [found = 0] = mean.dims;
  requireInput(
    mean.dims.length === 1 && found >= 1,
    `${path}: mu must be one row of numbers [F], got [${mean.dims.join(", ")}]`,
  );
  requireInput(
    covariance.dims.join() === `${found},${found}`,
    `${path}: sigma must be [${found}, ${found}] beside ${found} numbers of mu, got [${covariance.dims.join(", ")}]`,
  );
  requireInput(
    width === undefined || width === found,
    `${path}: holds statistics of ${found} features, the feature network gives ${width}; ` +
      "take the statistics that were made with this network",
  );
  const count = "count.npy" in parts ? numbersOf(parts, "count", path).data[0] : null;
  requireInput(
    count === null || (Number.isInteger(count) && count! >= 2),
    `${path}: count must be a number of vectors, at least 2, got ${count}`,
  );
  return {
    width: found,
    count: count!,
    mean: mean.data,
    covariance: symmetric(covariance.data, found, path),
  };
}

function requireSameOwner(path: string, parts: Unzipped, owner: StatisticsOwner | undefined): void {
  const [name, digest] = [ownerParts.name, ownerParts.digest].map((part) => textOf(parts[part], path));
  requireInput(
    name === undefined || owner === undefined || name === owner.name,
    `${path}: holds statistics in the features of "${name}", the feature network is "${owner?.name}"; ` +
      "take the statistics that were made with this network",
  );
  requireInput(
    digest === undefined || owner?.digest === undefined || digest === owner.digest,
    `${path}: holds statistics of another "${name}": its file or its description (size, resampling, range) was not ` +
      "the one given now; make the statistics again with this one",
  );
}

const partNames = ["mu.npy", "sigma.npy", "count.npy", ...Object.values(ownerParts)];

async function readParts(path: string): Promise<Unzipped> {
  const bytes = await readFile(path).catch((error) => {
    const isTooLarge = (error as NodeJS.ErrnoException).code === "ERR_FS_FILE_TOO_LARGE";
    if (!isTooLarge) throw fileError("cannot read", path, error);
    throw new InputError(
      `${path}: is larger than the 2 GiB that can be read; keep its statistics alone, in Python ` +
        "a = np.load(path); np.savez(smaller, mu=a['mu'], sigma=a['sigma'])",
    );
  });
  try {
    // Such archives may hold the images too.
    return unzipSync(bytes, { filter: ({ name }) => partNames.includes(name) });
  } catch (error) {
    const { message } = error as Error;
    throw new InputError(
      `${path}: must be a NumPy archive (.npz) with mu and sigma; it cannot be opened (${message})`,
      { cause: error },
    );
  }
}

/** An array of the archive in float64. */
function numbersOf(
  parts: Unzipped,
  name: string,
  path: string,
): { dims: readonly number[]; data: Float64Array } {
  const bytes = parts[`${name}.npy`];
  requireInput(bytes, `${path}: has no array "${name}"; statistics need mu [F] and sigma [F, F]`);
  const { dims, data } = decodeNpy(bytes, `${path}: ${name}`);
  const values = Float64Array.from(data as ArrayLike<number | bigint>, Number);
  requireInput(values.every(Number.isFinite), `${path}: ${name} holds something that is not a finite number`);
  return { dims, data: values };
}

/** The covariance, symmetric to the last bit. */
function symmetric(covariance: Float64Array, width: number, path: string): Float64Array {
  const mirrored = (at: number) => covariance[(at % width) * width + Math.floor(at / width)]!;
  const below = covariance.findIndex((value, at) => at % (width + 1) === 0 && value < 0);
  requireInput(
    below === -1,
    `${path}: sigma must be a covariance, with variances of 0 or more on its diagonal; got ${covariance[below]} in row ` +
      `${Math.floor(below / width)}`,
  );
  const largest = covariance.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const uneven = covariance.findIndex((value, at) => Math.abs(value - mirrored(at)) > slack * largest);
  requireInput(
    uneven === -1,
    `${path}: sigma must be a covariance, which is symmetric; got ${covariance[uneven]} in row ` +
      `${Math.floor(uneven / width)}, column ${uneven % width}, and ${mirrored(uneven)} across`,
  );
  return covariance.map((value, at) => (value + mirrored(at)) / 2);
}
