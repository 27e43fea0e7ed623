import { init, random as jaxRandom, numpy as np } from "@jax-js/jax";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import {
  bitsAt,
  foldIn,
  gumbelAt,
  integerAt,
  type Key,
  keyFromSeed,
  normalAt,
  normals,
  permutation,
  threefry2x32,
  uniformAt,
  uniforms,
} from "../../src/core/random.ts";

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const anyKey = fc.tuple(uint32, uint32) as fc.Arbitrary<Key>;

describe("threefry2x32", () => {
  it("reproduces the published known answers of Random123 for 20 rounds", () => {
    expect(threefry2x32([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    const ones = [0xffffffff, 0xffffffff] as const;
    expect(threefry2x32(ones, ones)).toEqual([0x1cb996fc, 0xbb002be7]);
    // Counter and key are the hexadecimal digits of pi.
    expect(threefry2x32([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([
      0xc4923a9c, 0x483df7a0,
    ]);
  });
});

describe("against jax-js", () => {
  beforeAll(async () => {
    await init("cpu");
  });

  it("draws the same bits and the same uniforms", async () => {
    for (const seed of [0, 7, 0xdeadbeef]) {
      const key = keyFromSeed(seed);
      const bits = await jaxRandom.bits(jaxRandom.key(seed), [33]).data();
      expect(Array.from(bits)).toEqual(Array.from({ length: 33 }, (_, i) => bitsAt(key, i)));
      const floats = await jaxRandom.uniform(jaxRandom.key(seed), [33]).data();
      expect(uniforms(key, 33)).toEqual(floats);
    }
  });

  it("folds in as it splits: child i is the block of counter [0, i]", async () => {
    const children = await jaxRandom.split(jaxRandom.key(42), 9).data();
    const ours = Array.from({ length: 9 }, (_, i) => foldIn(keyFromSeed(42), i)).flat();
    expect(ours).toEqual(Array.from(children));
    // A grandchild's numbers, from a key whose high word is not zero.
    const child = foldIn(keyFromSeed(42), 3);
    const jaxChild = np.array(Uint32Array.from(child), { dtype: np.uint32 });
    expect(uniforms(child, 16)).toEqual(await jaxRandom.uniform(jaxChild, [16]).data());
  });
});

describe("keyFromSeed", () => {
  it("is the high word, then the low word", () => {
    expect(keyFromSeed(5)).toEqual([0, 5]);
    expect(keyFromSeed(2 ** 32 + 1)).toEqual([1, 1]);
    expect(keyFromSeed(2 ** 53)).toEqual([2 ** 21, 0]);
    expect(keyFromSeed(2n ** 64n - 1n)).toEqual([0xffffffff, 0xffffffff]);
    expect(keyFromSeed("9007199254740993")).toEqual([2 ** 21, 1]);
  });

  it("does not care how the seed is written", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (seed) => {
        expect(keyFromSeed(BigInt(seed))).toEqual(keyFromSeed(seed));
        expect(keyFromSeed(String(seed))).toEqual(keyFromSeed(seed));
      }),
    );
  });

  it("refuses what is not a seed, and says what to do about a rounded one", () => {
    for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -1n, 2n ** 64n, "", "0x10", "-3"]) {
      expect(() => keyFromSeed(bad)).toThrow(InputError);
    }
    expect(() => keyFromSeed("18446744073709551616")).toThrow(/18446744073709551615/);
    expect(() => keyFromSeed(2 ** 53 + 2)).toThrow(/not exact.*bigint or as a decimal string/);
  });
});

describe("draws", () => {
  it("in bulk equal draws one by one, from any start", () => {
    fc.assert(
      fc.property(anyKey, fc.nat(40), fc.nat(2 ** 31 - 1), (key, count, start) => {
        const at = (draw: (key: Key, i: number) => number) =>
          Float32Array.from({ length: count }, (_, i) => draw(key, start + i));
        expect(uniforms(key, count, start)).toEqual(at(uniformAt));
        expect(normals(key, count, start)).toEqual(at(normalAt));
      }),
    );
  });

  it("uniforms lie in [0, 1) and survive float32", () => {
    fc.assert(
      fc.property(anyKey, fc.maxSafeNat(), (key, counter) => {
        const u = uniformAt(key, counter);
        expect(u >= 0 && u < 1 && Math.fround(u) === u).toBe(true);
        expect(Number.isFinite(gumbelAt(key, counter))).toBe(true);
        expect(Math.abs(normalAt(key, counter))).toBeLessThan(6.8);
      }),
    );
  });

  it("counters beyond 32 bits do not wrap around", () => {
    const key = keyFromSeed(1);
    expect(bitsAt(key, 2 ** 32 + 5)).not.toBe(bitsAt(key, 5));
    const [high, low] = threefry2x32(key, [1, 5]);
    expect(bitsAt(key, 2 ** 32 + 5)).toBe((high ^ low) >>> 0);
    // The last exact counter, with a key whose low word would push a plain sum past 2^53.
    const [last, least] = threefry2x32([0, 0xffffffff], [2 ** 21 - 1, 0xffffffff]);
    expect(bitsAt([0, 0xffffffff], 2 ** 53 - 1)).toBe((last ^ least) >>> 0);
  });

  it("uniforms fill 64 bins evenly, alone and in neighbouring pairs", () => {
    // Chi-square with 63 degrees of freedom: mean 63, standard deviation sqrt(126) = 11.2; 120 is five of them.
    const u = uniforms(keyFromSeed(2024), 64_000);
    const chiSquare = (bins: number[]) => bins.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    const single = new Array(64).fill(0);
    for (const x of u) single[Math.floor(x * 64)]++;
    expect(chiSquare(single)).toBeLessThan(120);
    const paired = new Array(64).fill(0);
    for (let i = 0; i < u.length; i++) {
      paired[Math.floor(u[i] * 8) * 8 + Math.floor(u[(i + 1) % u.length] * 8)]++;
    }
    expect(chiSquare(paired)).toBeLessThan(120);
  });

  it("normals and Gumbels have their moments and tails", () => {
    // Five standard errors over n = 100000 draws: mean 5 / sqrt(n) = 0.016, variance 5 sqrt(2 / n) = 0.022.
    const n = 100_000;
    const moments = (x: Float32Array) => {
      const mean = x.reduce((a, b) => a + b, 0) / n;
      return [mean, x.reduce((a, b) => a + (b - mean) ** 2, 0) / n];
    };
    const x = normals(keyFromSeed(3), n);
    const [mean, variance] = moments(x);
    expect(Math.abs(mean)).toBeLessThan(0.016);
    expect(Math.abs(variance - 1)).toBeLessThan(0.022);
    expect(x.filter((v) => Math.abs(v) < 1).length / n).toBeCloseTo(0.6827, 1);
    // Gumbel: mean is Euler's constant, variance pi^2 / 6; P(x < 0) = 1 / e.
    const gumbelKey = keyFromSeed(4);
    const g = Float32Array.from({ length: n }, (_, i) => gumbelAt(gumbelKey, i));
    const [gumbelMean, gumbelVariance] = moments(g);
    expect(Math.abs(gumbelMean - 0.5772)).toBeLessThan(0.021);
    expect(Math.abs(gumbelVariance - Math.PI ** 2 / 6)).toBeLessThan(0.06);
    expect(Math.abs(g.filter((v) => v < 0).length / n - 1 / Math.E)).toBeLessThan(0.008);
  });

  it("Gumbel-max samples a categorical distribution", () => {
    const p = [0.1, 0.2, 0.7];
    const n = 30_000;
    const counts = [0, 0, 0];
    const key = keyFromSeed(5);
    for (let i = 0; i < n; i++) {
      const scores = p.map((q, j) => Math.log(q) + gumbelAt(key, 3 * i + j));
      counts[scores.indexOf(Math.max(...scores))]++;
    }
    // Five standard errors: 5 sqrt(0.21 / n) = 0.013.
    for (let j = 0; j < 3; j++) expect(Math.abs(counts[j] / n - p[j])).toBeLessThan(0.014);
  });
});

describe("integerAt", () => {
  it("stays below its bound, for bounds up to 2^32", () => {
    fc.assert(
      fc.property(anyKey, uint32, fc.integer({ min: 1, max: 2 ** 32 }), (key, counter, bound) => {
        const i = integerAt(key, counter, bound);
        expect(Number.isInteger(i) && i >= 0 && i < bound).toBe(true);
      }),
    );
  });

  it("is even over a bound that does not divide 2^32", () => {
    const counts = new Array(10).fill(0);
    for (let i = 0; i < 20_000; i++) counts[integerAt(keyFromSeed(6), i, 10)]++;
    // Chi-square with 9 degrees of freedom: 9 + 5 sqrt(18) = 30.
    expect(counts.reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0)).toBeLessThan(30);
  });

  it("refuses a bound that is no bound", () => {
    for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1]) {
      expect(() => integerAt([0, 0], 0, bad)).toThrow(RangeError);
    }
  });
});

describe("foldIn", () => {
  it("gives distinct keys for distinct data, and refuses what is not a uint32", () => {
    const key = keyFromSeed(0);
    expect(new Set(Array.from({ length: 5000 }, (_, i) => foldIn(key, i).join())).size).toBe(5000);
    for (const bad of [-1, 0.5, 2 ** 32, Number.NaN]) expect(() => foldIn(key, bad)).toThrow(RangeError);
  });
});

describe("permutation", () => {
  it("holds each index once", () => {
    fc.assert(
      fc.property(anyKey, fc.nat(200), (key, n) => {
        expect(Array.from(permutation(key, n)).sort((a, b) => a - b)).toEqual(
          Array.from({ length: n }, (_, i) => i),
        );
      }),
    );
  });

  it("takes each of the 24 orders of four equally often", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = permutation(foldIn(keyFromSeed(7), i), 4).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // Chi-square with 23 degrees of freedom: 23 + 5 sqrt(46) = 57.
    expect([...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(57);
  });
});
