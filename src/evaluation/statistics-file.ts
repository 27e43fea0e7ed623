/**
 * Statistics of a set in a file, as the tools of the field keep and publish them: a NumPy archive (`.npz`) with `mu`
 * [F] and `sigma` [F, F], the unbiased covariance, float64. `count`, the number of vectors, and the network's name are
 * written beside them, where the others ignore them; their own files lack both.
 */
import { readFile } from "node:fs/promises";
import { strFromU8, strToU8, type Unzipped, unzipSync, zipSync } from "fflate";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { InputError, requireInput } from "../core/errors.ts";
import { fileError } from "../core/file-error.ts";
import { tensor } from "../core/tensor.ts";
import { decodeNpy, encodeNpy } from "../weights/npy.ts";
import { type FeatureStatistics, type Moments, momentsOf } from "./frechet.ts";

/** The date that NumPy gives the parts: a file then depends on its numbers alone. */
const partDate = new Date(1980, 0, 1);

/** The part that holds the network's name: the bytes of its UTF-8, so that NumPy reads it as it does the others. */
const networkPart = "network.npy";

/**
 * Writes the statistics of a set, whole or not at all.
 *
 * @param network  the name of the network whose features they are; left out: it is not told
 * @throws InputError when the system refuses
 */
export async function writeStatistics(
  path: string,
  statistics: FeatureStatistics | Moments,
  network?: string,
): Promise<void> {
  const moments = "scatter" in statistics ? momentsOf(statistics) : statistics;
  const { width, count, mean, covariance } = moments;
  const parts = {
    "mu.npy": encodeNpy(tensor("float64", [width], mean)),
    "sigma.npy": encodeNpy(tensor("float64", [width, width], covariance)),
    ...(count !== null && { "count.npy": encodeNpy(tensor("int64", [], BigInt64Array.of(BigInt(count)))) }),
    ...(network !== undefined && { [networkPart]: encodeNpy(bytesOf(network)) }),
  };
  await writeFileAtomic(path, zipSync(parts, { level: 0, mtime: partDate }));
}

const bytesOf = (text: string) => {
  const bytes = strToU8(text);
  return tensor("uint8", [bytes.length], bytes);
};

const nameOf = (part: Uint8Array, path: string): string =>
  strFromU8(Uint8Array.from(decodeNpy(part, `${path}: network`).data as ArrayLike<number>));

/** How far a covariance may be from symmetric, as a share of its largest entry: what float32 leaves. */
const slack = 1e-5;

/**
 * Reads the statistics of a set, from here or from NumPy (`np.savez`, `np.savez_compressed`).
 *
 * @param width    F of the feature network; left out: any
 * @param network  its name; left out: any. A file that does not tell its network is taken at its word
 * @throws InputError naming the file, what it must hold and what came
 */
export async function readStatistics(path: string, width?: number, network?: string): Promise<Moments> {
  const parts = await readParts(path);
  const owner = parts[networkPart] && nameOf(parts[networkPart], path);
  requireInput(
    owner === undefined || network === undefined || owner === network,
    `${path}: holds statistics in the features of "${owner}", the feature network is "${network}"; ` +
      "take the statistics that were made with this network",
  );
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

const partNames = ["mu.npy", "sigma.npy", "count.npy", networkPart];

async function readParts(path: string): Promise<Unzipped> {
  const bytes = await readFile(path).catch((error) => {
    throw fileError("cannot read", path, error);
  });
  try {
    // Such archives may hold the pictures too, by the gigabyte.
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
  const largest = covariance.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const uneven = covariance.findIndex((value, at) => Math.abs(value - mirrored(at)) > slack * largest);
  requireInput(
    uneven === -1,
    `${path}: sigma must be a covariance, which is symmetric; got ${covariance[uneven]} in row ` +
      `${Math.floor(uneven / width)}, column ${uneven % width}, and ${mirrored(uneven)} across`,
  );
  return covariance.map((value, at) => (value + mirrored(at)) / 2);
}
