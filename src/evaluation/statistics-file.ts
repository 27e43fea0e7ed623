/**
 * Statistics of a set in a file, as the tools of the field keep and publish them: a NumPy archive (`.npz`) with `mu`
 * [F] and `sigma` [F, F], the unbiased covariance, float64. `count`, the number of vectors, is written beside them,
 * where the others ignore it; their own files lack it.
 */
import { readFile } from "node:fs/promises";
import { type Unzipped, unzipSync, zipSync } from "fflate";
import { writeFileAtomic } from "../core/atomic-file.ts";
import { InputError, requireInput } from "../core/errors.ts";
import { fileError } from "../core/file-error.ts";
import { tensor } from "../core/tensor.ts";
import { decodeNpy, encodeNpy } from "../weights/npy.ts";
import { type FeatureStatistics, type Moments, momentsOf } from "./frechet.ts";

/** The date that NumPy gives the parts: a file then depends on its numbers alone. */
const partDate = new Date(1980, 0, 1);

/**
 * Writes the statistics of a set, whole or not at all.
 *
 * @throws InputError when the system refuses
 */
export async function writeStatistics(path: string, statistics: FeatureStatistics | Moments): Promise<void> {
  const moments = "scatter" in statistics ? momentsOf(statistics) : statistics;
  const { width, count, mean, covariance } = moments;
  const parts = {
    "mu.npy": encodeNpy(tensor("float64", [width], mean)),
    "sigma.npy": encodeNpy(tensor("float64", [width, width], covariance)),
    ...(count !== null && { "count.npy": encodeNpy(tensor("int64", [], BigInt64Array.of(BigInt(count)))) }),
  };
  await writeFileAtomic(path, zipSync(parts, { level: 0, mtime: partDate }));
}

/** How far a covariance may be from symmetric, as a share of its largest entry: what float32 leaves. */
const slack = 1e-5;

/**
 * Reads the statistics of a set, from here or from NumPy (`np.savez`, `np.savez_compressed`).
 *
 * @param width  F of the feature network; left out: any
 * @throws InputError naming the file, what it must hold and what came
 */
export async function readStatistics(path: string, width?: number): Promise<Moments> {
  const parts = await readParts(path);
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

const partNames = ["mu.npy", "sigma.npy", "count.npy"];

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
