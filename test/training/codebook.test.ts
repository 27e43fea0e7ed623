/** How a codebook begins and how it is kept alive. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { foldIn, integerAt, type Key, normals } from "../../src/core/random.ts";
import { type HostTensor, tensor } from "../../src/core/tensor.ts";
import { codebookName } from "../../src/models/tokenizer/quantizer.ts";
import { createNodeRunner } from "../../src/runtime/node/runner.ts";
import type { Runner } from "../../src/runtime/runner.ts";
import { fitCodebook } from "../../src/training/codebook-fit.ts";
import { countUse, emptyUse, restartDeadCodes, usedShare } from "../../src/training/codebook-restart.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await createNodeRunner({ inProcess: true, threads: 1 });
});
afterAll(() => runner.close());

const key: Key = [3, 1];
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((total, x, i) => total + (x - b[i]!) ** 2, 0);
const nearestOf = (codes: Float32Array[], row: Float32Array): number => {
  const distances = codes.map((code) => distance(code, row));
  return distances.indexOf(Math.min(...distances));
};
const rowsOf = ({ dims, data }: { dims: readonly number[]; data: Float32Array }): Float32Array[] =>
  Array.from({ length: dims[0]! }, (_, r) => data.subarray(r * dims[1]!, (r + 1) * dims[1]!));

describe("fitCodebook", () => {
  // Clusters of radius about 0.2 around the corners of a cube of side 8.
  const centres = Array.from({ length: 8 }, (_, c) => [c & 1, (c >> 1) & 1, c >> 2].map((bit) => 8 * bit));
  const rows = 400;
  const deviation = normals(key, rows * 3);
  const latents = tensor(
    "float32",
    [rows, 3],
    Float32Array.from(
      { length: rows * 3 },
      (_, at) => centres[Math.floor(at / 3) % 8]![at % 3]! + 0.1 * deviation[at]!,
    ),
  );

  it("recovers planted clusters", async () => {
    const codes = rowsOf(await fitCodebook(runner, latents, 40, key, { iterations: 20 }));
    const found = codes.map((code) =>
      nearestOf(
        centres.map((centre) => Float32Array.from(centre)),
        code,
      ),
    );
    expect(new Set(found).size).toBe(8);
    codes.forEach((code, i) => {
      expect(distance(code, centres[found[i]!]!)).toBeLessThan(0.5 ** 2);
    });
  });

  it("finds rare places beside one that nearly all latents share", async () => {
    const places = 30;
    const data = Float32Array.from({ length: rows * 3 }, (_, at) => {
      const r = Math.floor(at / 3);
      return r < places ? 20 * (1 + r) * (at % 3) : 0.01 * deviation[at]!;
    });
    const codes = rowsOf(await fitCodebook(runner, tensor("float32", [rows, 3], data), 40, key));
    for (let r = 1; r < places; r++) {
      expect(Math.min(...codes.map((code) => distance(code, data.subarray(3 * r, 3 * r + 3))))).toBeLessThan(
        1,
      );
    }
  });

  it("ends where every code is the mean of the latents that are nearest to it", async () => {
    const codes = rowsOf(await fitCodebook(runner, latents, 12, key, { iterations: 60 }));
    const sums = codes.map(() => ({ total: [0, 0, 0], count: 0 }));
    for (const row of rowsOf(latents)) {
      const own = sums[nearestOf(codes, row)]!;
      own.count++;
      own.total = own.total.map((x, i) => x + row[i]!);
    }
    sums.forEach(({ total, count }, i) => {
      expect(count).toBeGreaterThan(0);
      total.forEach((x, j) => {
        expect(codes[i]![j]).toBeCloseTo(x / count, 4);
      });
    });
  });

  it("keeps every latent where there are as many codes, and stays finite where latents repeat", async () => {
    const few = tensor("float32", [10, 3], latents.data.slice(0, 30));
    const stopped = AbortSignal.abort(new Error("stopped"));
    await expect(fitCodebook(runner, few, 10, key, { signal: stopped })).rejects.toThrow("stopped");
    const own = rowsOf(await fitCodebook(runner, few, 10, key)).map(String);
    expect(own.sort()).toEqual(rowsOf(few).map(String).sort());
    const same = tensor("float32", [10, 3], new Float32Array(30).fill(0.5));
    expect([...(await fitCodebook(runner, same, 4, key)).data]).toEqual(new Array(12).fill(0.5));
    expect(await runner.stats()).toMatchObject({ programs: 0 });
  });
});

describe("codebook use", () => {
  it("counts choices and the share of codes chosen", () => {
    const use = emptyUse(5);
    countUse(use, [1, 3, 3]);
    countUse(use, Int32Array.of(1, 0));
    expect([...use.counts]).toEqual([1, 2, 0, 2, 0]);
    expect(usedShare(use)).toBe(0.6);
  });
});

describe("restartDeadCodes", () => {
  const [V, d] = [6, 2];
  const kinds = ["weight", "first", "second", "average"];
  const before = Object.fromEntries(
    kinds.map((kind, i) => [
      `${kind}/${codebookName}`,
      tensor("float32", [V, d], normals(foldIn(key, i), V * d)),
    ]),
  );
  const latents = tensor("float32", [4, d], normals(key, 4 * d, 50));

  it("moves exactly the unused codes onto latents of the batch and forgets their moments", async () => {
    await runner.put(before);
    const use = emptyUse(V);
    countUse(use, [0, 2, 2, 5]);
    expect(await restartDeadCodes(runner, use, latents, key)).toBe(3);
    expect([...use.counts]).toEqual(new Array(V).fill(0));
    const after = await runner.get(Object.keys(before));
    const row = (state: Readonly<Record<string, HostTensor>>, kind: string, code: number): number[] =>
      Array.from(state[`${kind}/${codebookName}`]!.data.slice(code * d, (code + 1) * d) as Float32Array);
    for (let code = 0; code < V; code++) {
      if ([0, 2, 5].includes(code)) {
        for (const kind of kinds) expect(row(after, kind, code)).toEqual(row(before, kind, code));
        continue;
      }
      const dead = [1, 3, 4].indexOf(code);
      const from = integerAt(key, dead, 4);
      expect(row(after, "weight", code)).toEqual([...latents.data.slice(from * d, (from + 1) * d)]);
      expect(row(after, "average", code)).toEqual(row(after, "weight", code));
      expect([...row(after, "first", code), ...row(after, "second", code)]).toEqual([0, 0, 0, 0]);
    }
  });

  it("leaves a codebook in full use alone", async () => {
    await runner.put(before);
    const use = emptyUse(V);
    countUse(use, [0, 1, 2, 3, 4, 5]);
    expect(await restartDeadCodes(runner, use, latents, key)).toBe(0);
    expect(await runner.get(Object.keys(before))).toEqual(before);
    await runner.drop(Object.keys(before));
  });
});
