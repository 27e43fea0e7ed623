import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../../src/core/errors.ts";
import { type HostTensor, tensor } from "../../../src/core/tensor.ts";
import { readStatistics, writeStatistics } from "../../../src/evaluation/features/statistics-file.ts";
import { momentsOf } from "../../../src/evaluation/metrics/frechet.ts";
import { encodeNpy, type NpyDType } from "../../../src/weights/node/npy.ts";
import { plainStatistics } from "../metrics/plain-frechet.ts";

const path = (name: string) => new URL(`../../golden/${name}`, import.meta.url).pathname;
const golden = JSON.parse(await readFile(path("frechet.json"), "utf8")) as {
  width: number;
  a: number[];
  meanA: number[];
  covarianceA: number[];
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "statistics-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("statistics files", () => {
  it("are read as np.savez writes them, to the last bit", async () => {
    const moments = await readStatistics(path("statistics.npz"), 6);
    expect(moments.count).toBeNull();
    expect(Array.from(moments.mean)).toEqual(golden.meanA);
    expect(Array.from(moments.covariance)).toEqual(golden.covarianceA);
  });

  it("are read as np.savez_compressed writes them, in float32, by columns, beside other arrays", async () => {
    const moments = await readStatistics(path("statistics_compressed.npz"));
    golden.meanA.forEach((value, i) => {
      expect(moments.mean[i]).toBe(Math.fround(value));
    });
    golden.covarianceA.forEach((value, i) => {
      expect(moments.covariance[i]).toBeCloseTo(value, 5);
    });
  });

  it("keep every bit, and are the same bytes every time", async () => {
    const statistics = plainStatistics(golden.a, 6);
    const [first, second] = [join(folder, "a.npz"), join(folder, "deep/b.npz")];
    await writeStatistics(first, statistics);
    await writeStatistics(second, momentsOf(statistics));
    expect(await readStatistics(first, 6)).toEqual(momentsOf(statistics));
    expect(await readFile(first)).toEqual(await readFile(second));
    const uncounted = { ...momentsOf(statistics), count: null };
    await writeStatistics(first, uncounted);
    expect(await readStatistics(first)).toEqual(uncounted);
  });

  it("tell whose features they are, where that is known", async () => {
    const statistics = plainStatistics(golden.a, 6);
    const file = join(folder, "named.npz");
    await writeStatistics(file, statistics, { name: "Inception-v3, pool3", digest: "12ab" });
    expect(await readStatistics(file, 6, { name: "Inception-v3, pool3" })).toEqual(momentsOf(statistics));
    expect(await readStatistics(file)).toEqual(momentsOf(statistics));
    await expect(readStatistics(file, 6, { name: "I3D" })).rejects.toThrow(
      'of "Inception-v3, pool3", the feature network is "I3D"',
    );
    const other = { name: "Inception-v3, pool3", digest: "34cd" };
    await expect(readStatistics(file, 6, other)).rejects.toThrow(
      /another "Inception-v3, pool3": its file or its description/,
    );
    await writeStatistics(file, statistics);
    expect(await readStatistics(file, 6, { name: "I3D" })).toEqual(momentsOf(statistics)); // as the field's files
  });

  const hasNumpy = spawnSync("python3", ["-c", "import numpy"]).status === 0;
  it.skipIf(!hasNumpy)("are what NumPy reads", async () => {
    const file = join(folder, "ours.npz");
    const statistics = plainStatistics(golden.a, 6);
    await writeStatistics(file, statistics, { name: "I3D" });
    const { stdout } = spawnSync("python3", [path("make_statistics.py"), "--read", file], {
      encoding: "utf8",
    });
    const { mean, covariance } = momentsOf(statistics);
    expect(JSON.parse(stdout)).toEqual({
      mu: { dtype: "float64", shape: [6], values: Array.from(mean) },
      sigma: { dtype: "float64", shape: [6, 6], values: Array.from(covariance) },
      count: { dtype: "int64", shape: [], values: [40] },
      network: { dtype: "uint8", shape: [3], values: [73, 51, 68] },
    });
  });
});

const f64 = (dims: number[], ...values: number[]) => tensor("float64", dims, Float64Array.from(values));
const good = { mu: f64([2], 1, 2), sigma: f64([2, 2], 2, 1, 1, 3) };

describe("what is no statistics file", () => {
  it.each<[string, Record<string, HostTensor<NpyDType>>, string]>([
    ["no sigma", { mu: good.mu }, 'has no array "sigma"; statistics need mu [F] and sigma [F, F]'],
    ["no mu", { sigma: good.sigma }, 'has no array "mu"'],
    [
      "a matrix of means",
      { ...good, mu: f64([1, 2], 1, 2) },
      "mu must be one row of numbers [F], got [1, 2]",
    ],
    ["no features", { mu: f64([0]), sigma: f64([0, 0]) }, "mu must be one row of numbers [F], got [0]"],
    ["variances", { ...good, sigma: f64([2], 1, 2) }, "sigma must be [2, 2] beside 2 numbers of mu, got [2]"],
    ["a hole", { ...good, mu: f64([2], 1, Number.NaN) }, "mu holds something that is not a finite number"],
    [
      "another matrix",
      { ...good, sigma: f64([2, 2], 2, 1, 0, 3) },
      "which is symmetric; got 1 in row 0, column 1, and 0 across",
    ],
    [
      "a negative variance",
      { ...good, sigma: f64([2, 2], 2, 0, 0, -3) },
      "with variances of 0 or more on its diagonal; got -3 in row 1",
    ],
    [
      "a count of one",
      { ...good, count: f64([], 1) },
      "count must be a number of vectors, at least 2, got 1",
    ],
  ])("%s is refused by name", async (_, arrays, message) => {
    const file = join(folder, "bad.npz");
    const parts = Object.entries(arrays).map(([name, array]) => [`${name}.npy`, encodeNpy(array)]);
    await writeFile(file, zipSync(Object.fromEntries(parts)));
    const refusal = await readStatistics(file).catch((error) => error);
    expect(refusal).toBeInstanceOf(InputError);
    expect(refusal.message).toContain(`${file}: `);
    expect(refusal.message).toContain(message);
  });

  it("nor another network's, another kind of file, or none", async () => {
    await expect(readStatistics(path("statistics.npz"), 2048)).rejects.toThrow(
      "holds statistics of 6 features, the feature network gives 2048",
    );
    await expect(readStatistics(path("frechet.json"))).rejects.toThrow(
      "must be a NumPy archive (.npz) with mu and sigma; it cannot be opened",
    );
    await expect(readStatistics(join(folder, "none.npz"))).rejects.toThrow("it does not exist");
    const file = join(folder, "odd.npz");
    await writeFile(
      file,
      zipSync({ "mu.npy": Buffer.from("hello world"), "sigma.npy": encodeNpy(good.sigma) }),
    );
    await expect(readStatistics(file)).rejects.toThrow("odd.npz: mu: not a NPY file that can be read");
  });
});
